//go:build linux && (amd64 || arm64)

package vfs

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A place is a path and the file that was opened there.
type place struct {
	path string
	id   fileID
	zero []byte // the path with a NUL behind it, as the kernel reads it
}

func newPlace(abs string, id fileID) place {
	// A NUL inside the path would have made the open fail before.
	return place{path: abs, id: id, zero: append([]byte(abs), 0)}
}

// stat is fstatat(2). The wrapper in package unix copies the path on each
// call; a log asks before every batch whether its files were replaced, and
// an append must not allocate. The pointers are only used by the kernel and
// only during the call, which is the conversion that package unsafe allows.
func (p *place) stat(st *unix.Stat_t) error {
	dir := unix.AT_FDCWD // a variable: a negative constant is no uintptr
	for {
		_, _, errno := unix.Syscall6(unix.SYS_NEWFSTATAT, uintptr(dir),
			uintptr(unsafe.Pointer(&p.zero[0])), uintptr(unsafe.Pointer(st)), 0, 0, 0)
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}
