//go:build !linux

package vfs

import "os"

// A handle is an open file of the system.
type handle = os.File
