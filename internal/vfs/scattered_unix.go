//go:build unix && !linux

package vfs

// Scattered cannot tell.
func (f *osFile) Scattered(*Mapping) bool { return false }
