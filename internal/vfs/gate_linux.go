//go:build linux && (amd64 || arm64)

package vfs

import (
	"encoding/binary"
	"math"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Who is inside has the lock of flock(2) of the open file, which nobody waits
// for. Who waits does so at bytes of the file, mapped into memory, by futex(2): it
// wakes all at once, and takes a time limit.

// Operations of futex(2) between processes.
const (
	futexWait = 0
	futexWake = 1
)

// A gate is what an open file needs to be a [Gate].
type gate struct {
	mu     sync.Mutex
	shared []byte // the beginning of the file, mapped for reading; guarded by mu
}

// at returns where four bytes of the file stand in memory, which only the kernel
// reads there. It returns nil where they cannot be mapped.
func (g *gate) at(fd uintptr, offset int64) unsafe.Pointer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if end := int(offset) + 4; end > len(g.shared) {
		shared, err := unix.Mmap(int(fd), 0, end, unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return nil
		}
		if g.unmap() != nil {
			return nil
		}
		g.shared = shared
	}
	return unsafe.Pointer(&g.shared[offset])
}

// unmap gives the memory back. The caller must hold mu, or be the only one.
func (g *gate) unmap() error {
	if g.shared == nil {
		return nil
	}
	shared := g.shared
	g.shared = nil
	return unix.Munmap(shared)
}

func (g *gate) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.unmap()
}

// Enter implements [Gate].
func (f *osFile) Enter() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.open && flock(f.fd, unix.LOCK_EX|unix.LOCK_NB) == nil
}

// Leave implements [Gate].
func (f *osFile) Leave(offsets ...int64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return
	}
	_ = flock(f.fd, unix.LOCK_UN) // fails only where nothing was locked; closing the file leaves too
	for _, offset := range offsets {
		if word := f.gate.at(f.fd, offset); word != nil {
			_, _, _ = unix.Syscall(unix.SYS_FUTEX, uintptr(word), futexWake, math.MaxInt32) // whoever it does not wake has a time limit
		}
	}
}

// Await implements [Gate].
func (f *osFile) Await(offset int64, was [4]byte, limit time.Duration) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return false
	}
	word := f.gate.at(f.fd, offset)
	if word == nil {
		return false
	}
	until := unix.NsecToTimespec(int64(limit))
	value := uintptr(binary.NativeEndian.Uint32(was[:]))
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(word), futexWait, value, uintptr(unsafe.Pointer(&until)), 0, 0)
	return errno == 0 || errno == unix.EAGAIN || errno == unix.EINTR
}
