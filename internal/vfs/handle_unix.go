//go:build unix && !linux

package vfs

import (
	"io/fs"
	"os"
)

func openHandle(name string, flag int, perm fs.FileMode) (*handle, error) {
	return os.OpenFile(name, flag, perm)
}
