package etch

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/vfs"
)

// A SpoolFault is something of a spool that a writer of the log cannot take, or could not, or
// that others may take away from it.
type SpoolFault struct {
	Kind SpoolFaultKind
	Path string      // of the file; of SpoolShared also of the directory
	Lost int         // how many events the next writer will put on record as lost
	Mode fs.FileMode // of SpoolShared
	Why  string
}

// A SpoolFaultKind says what is wrong.
type SpoolFaultKind int

// The kinds of faults of a spool.
const (
	SpoolDamaged SpoolFaultKind = iota // lines are torn, gone or changed: nobody vouches for them
	SpoolClosed                        // this user may not read the file
	SpoolAside                         // a writer has set the file aside, and its losses are on record
	SpoolShared                        // others than the owner may read it or change it
)

// CheckSpool reads what waits in the spool of the log at path, changes nothing, and
// returns what of it the next writer could not take, and what earlier ones could not.
// Without the log's keys a file is read, and what its lines prove is not asked. The
// error is one of the path, the options or the directory.
func CheckSpool(path string, opts *Options) ([]SpoolFault, error) {
	return checkSpool(fileSystem(), path, opts)
}

func checkSpool(fsys vfs.FS, path string, opts *Options) ([]SpoolFault, error) {
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return nil, err
	}
	s, err := openSpool(fsys, path, opts)
	if err != nil {
		return nil, err
	}
	faults, err := s.shared()
	if err != nil {
		return nil, err
	}
	files, err := s.dir.Files()
	if err != nil {
		return nil, err
	}
	d := drain{log: s.maker, dir: s.dir, layout: layout}
	for _, f := range files {
		fault, err := s.check(&d, f)
		if err != nil {
			return nil, err
		}
		faults = append(faults, fault...)
	}
	aside, err := s.dir.Aside()
	for _, f := range aside {
		faults = append(faults, SpoolFault{
			Kind: SpoolAside, Path: s.dir.Path(f), Why: "what of it nobody vouches for, or could not be read, is on record as lost",
		})
	}
	return faults, err
}

// shared returns what others than the owner have access to: they could take away what
// waits. Where modes say nothing it is nothing.
func (s *Spool) shared() (faults []SpoolFault, err error) {
	const others = 0o077
	mode, err := s.dir.Mode()
	if errors.Is(err, fs.ErrNotExist) || runtime.GOOS == "windows" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("check spool: %w", err)
	}
	if mode&others == 0 {
		return nil, nil // nobody else comes at what is in it
	}
	return append(faults, SpoolFault{
		Kind: SpoolShared, Path: s.dir.Path(spool.File{}), Mode: mode.Perm(), Why: "others than its owner have access to it",
	}), nil
}

// check looks at one file as a drain would, and returns its fault, if any.
func (s *Spool) check(d *drain, f spool.File) ([]SpoolFault, error) {
	if f.Unfinished && s.maker.opt.Now().Sub(f.Changed).Abs() < unfinishedAge {
		return nil, nil // somebody is at it
	}
	s.open()
	c, err := s.dir.Read(f, s.key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil // drained meanwhile
	case err != nil:
		return nil, fmt.Errorf("check spool: %w", err)
	case c.Closed:
		return []SpoolFault{{Kind: SpoolClosed, Path: s.dir.Path(f), Lost: c.Lost, Why: c.Cause}}, nil
	case s.key == nil && c.At.IsZero():
		return nil, nil // it may carry the MAC of a key that is not to be had here
	}
	if d.good(c, f); c.Lost == 0 {
		return nil, nil
	}
	return []SpoolFault{{Kind: SpoolDamaged, Path: s.dir.Path(f), Lost: c.Lost, Why: c.Cause}}, nil
}
