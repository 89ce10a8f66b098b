//go:build linux && (amd64 || arm64)

package vfs

import (
	"io/fs"
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

// linked reports whether the path still names the file.
//
// It asks statx(2) for no times. Since Linux 6.13 a write that comes after
// somebody has seen a file's times gives the file another one, where it would
// else do so every few milliseconds only; and a file whose times have changed is
// written with the next sync of any other (fast commits of ext4).
//
// The wrapper in package unix copies the path on each call; a log asks before
// every batch whether its files were replaced, and an append must not allocate.
// The pointers are only used by the kernel and only during the call, which is
// the conversion that package unsafe allows.
func (p *place) linked() (bool, error) {
	var st unix.Statx_t
	dir := unix.AT_FDCWD // a variable: a negative constant is no uintptr
	for {
		_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&p.zero[0])),
			unix.AT_STATX_SYNC_AS_STAT, unix.STATX_INO, uintptr(unsafe.Pointer(&st)), 0)
		switch errno {
		case 0:
			return fileID{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino} == p.id, nil
		case unix.EINTR:
		case unix.ENOENT, unix.ENOTDIR:
			return false, nil
		default:
			return false, &fs.PathError{Op: "stat", Path: p.path, Err: errno}
		}
	}
}
