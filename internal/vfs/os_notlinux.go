//go:build !linux

package vfs

// syncFile leaves the choice of the call to package os: F_FULLFSYNC on
// Darwin, where fsync does not reach the medium, and FlushFileBuffers on
// Windows.
func syncFile(f *handle, _ uintptr) error { return f.Sync() }
