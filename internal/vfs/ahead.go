package vfs

// An Ahead is a [File] that can be told what is going to be read of it. It is optional:
// [OS] has it on Linux.
type Ahead interface {
	// Missing reports whether the byte at an offset is not in memory, so that to
	// read it would have to wait for the disk. Where the system cannot tell, it is not
	// missing.
	Missing(offset int64) bool
	// ReadIn has the system begin to read bytes into memory, and does not wait for them.
	// It is advice: what comes of it, the next read tells.
	ReadIn(offset int64, length int)
}
