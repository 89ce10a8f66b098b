//go:build !linux

package vfs

// SyncTellsAll says that an error of writing a file back is told to each File
// that was open on it then. It is not known of this system.
const SyncTellsAll = false
