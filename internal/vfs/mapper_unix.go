//go:build unix

package vfs

import (
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

var _ Mapper = (*osFile)(nil)

func (f *osFile) Map(offset int64, length int) (*Mapping, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.open {
		return nil, f.failed("map", fs.ErrClosed)
	}
	before := int(offset % int64(os.Getpagesize())) // a mapping begins with a page
	pages, err := unix.Mmap(int(f.fd), offset-int64(before), before+length, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, f.failed("map", err)
	}
	return &Mapping{pages, offset, before, unix.Munmap, release}, nil
}

// release gives back the pages that lie wholly between two places, and the one
// that the first is in: whoever reads forward is through with it.
func release(pages []byte, from, to int) {
	page := os.Getpagesize()
	from, to = from/page*page, to/page*page
	if from < to {
		_ = unix.Madvise(pages[from:to], unix.MADV_DONTNEED) // advice: nothing depends on it
	}
}
