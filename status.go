package etch

import (
	"context"
	"fmt"
	"time"

	"github.com/etch-audit/etch/internal/segment"
)

// A Status is where a log stands, as far as its files tell without a key.
type Status struct {
	Origin   string
	Version  int    // of the format, by the active segment's first line
	Signed   bool   // lines of the active segment carry a MAC
	Size     uint64 // records, control records included; 0 where there is no state
	Segments []SegmentInfo
	// State reports whether there is a state that can be read. Without it, the
	// fields below are zero.
	State      bool
	Synced     int64  // bytes of the active segment known to be on disk
	Unsealed   uint64 // records after the last seal
	Sealed     Checkpoint
	SealMade   time.Time
	Epoch      uint64
	EpochBegun time.Time
}

// A SegmentInfo is one segment's file.
type SegmentInfo struct {
	Name   string
	Number int
	Bytes  int64
	Active bool
}

// Status returns where the log stands.
func (r *Reader) Status() (Status, error) {
	v, err := r.view(context.Background())
	if err != nil {
		return Status{}, err
	}
	st := Status{Origin: v.head.Origin, Version: v.head.Version, Signed: v.head.SignEvents}
	for _, p := range v.parts {
		info, err := r.info(p)
		if err != nil {
			_ = v.close() // it was only read; the error is the one below
			return Status{}, err
		}
		st.Segments = append(st.Segments, info)
	}
	if s := v.state; s != nil {
		st.State, st.Origin, st.Signed = true, s.Origin, s.Signed
		st.Size, st.Synced, st.Unsealed = s.Size(), s.Offset, s.Unsealed()
		st.Sealed = Checkpoint{s.Origin, s.Sealed, s.SealedRoot}
		st.SealMade, st.Epoch, st.EpochBegun = s.SealMade, s.Epoch, s.EpochBegun
	}
	return st, v.close()
}

func (r *Reader) info(p part) (SegmentInfo, error) {
	size, err := r.size(p)
	if err != nil {
		return SegmentInfo{}, fmt.Errorf("segment: %w", err)
	}
	active := p.File == segment.File{Name: r.layout.Active(), Number: p.Number}
	return SegmentInfo{p.Name, int(p.Number), size, active}, nil
}

// size asks the open file, where there is one: its name may be another's, or
// nobody's, in the middle of a rotation.
func (r *Reader) size(p part) (int64, error) {
	if p.file != nil {
		return p.file.Size()
	}
	info, err := r.fs.Stat(r.layout.Path(p.Name))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
