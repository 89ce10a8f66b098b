//go:build linux && (amd64 || arm64)

package vfs

import "golang.org/x/sys/unix"

var _ Ahead = (*osFile)(nil)

// Missing asks for the byte without waiting. Behind the end nothing is missing.
func (f *osFile) Missing(offset int64) bool {
	var one [1]byte
	if f.cached(one[:], offset) == 1 || unwaited.Load() {
		return false
	}
	size, err := f.Size()
	return err == nil && offset < size
}

func (f *osFile) ReadIn(offset int64, length int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.open {
		_ = unix.Fadvise(int(f.fd), offset, int64(length), unix.FADV_WILLNEED) // advice: nothing depends on it
	}
}
