package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// A Refusal says what a daemon did not take when it was asked last: it does not know,
// being of another version, what it is to record. The files stay and are tried again
// later. Who can write the spool's directory can forge it; it is no more than a reason
// to wait, and a word for people.
type Refusal struct {
	At    time.Time `json:"at"`
	Cause string    `json:"cause"`
	Files []string  `json:"files"` // names; at most maxRefused
	All   bool      `json:"all,omitempty"`
}

const (
	// maxRefused bounds the names of a refusal: files beyond it are tried again sooner.
	maxRefused = 1000
	// maxRefusal bounds what is read of the file that has it.
	maxRefusal = 256 << 10
)

// Refused returns what a daemon did not take for now; the zero Refusal where there is
// nothing, or nothing that can be read.
func (d *Dir) Refused() (Refusal, error) {
	var r Refusal
	data, err := d.read(refusedName)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if len(data) > maxRefusal || json.Unmarshal(data, &r) != nil {
		return Refusal{}, nil // it was torn, or is nobody's: to try once more costs little
	}
	return r, nil
}

// Refuse keeps what a daemon did not take for now in the place of what was kept before.
// Where there are no files it is forgotten. The caller must hold the lock.
func (d *Dir) Refuse(r Refusal) error {
	if len(r.Files) == 0 {
		return d.discard(d.at(refusedName))
	}
	r.Files = r.Files[:min(len(r.Files), maxRefused)]
	r.Cause = short(r.Cause)
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	aside := d.at(refusedName + newExt)
	if err := errors.Join(d.discard(aside), d.write(aside, append(text, '\n'), nil)); err != nil {
		return errors.Join(fmt.Errorf("spool: %w", err), d.discard(aside))
	}
	if err := d.fs.Rename(aside, d.at(refusedName)); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return d.sync()
}
