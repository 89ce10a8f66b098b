package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Epoch reads the current epoch's key.
func (d *Dir) Epoch() (Pair, error) { return d.pair(EpochFile) }

// Next reads the key of an epoch about to begin. The error is [fs.ErrNotExist]
// where none is.
func (d *Dir) Next() (Pair, error) { return d.pair(NextFile) }

// EpochKeys returns the public halves of epoch.key and epoch.next, as far as
// they are there. It is for those who judge a log, and so unlike [Dir.Epoch]
// also takes a key that is open to others, as in a careless copy. A file that
// holds no key is left out.
func (d *Dir) EpochKeys() ([]string, error) {
	var public []string
	for _, file := range []string{EpochFile, NextFile} {
		text, err := d.read(d.Path(file))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if p, err := parsePair(text); err == nil {
			public = append(public, p.VKey)
		}
	}
	return public, nil
}

// PrepareNext makes the next epoch's key, durable in epoch.next, replacing one
// that a crash has left. Nothing depends on it yet.
func (d *Dir) PrepareNext(origin string) (Pair, error) {
	next, err := newPair(origin)
	if err != nil {
		return Pair{}, err
	}
	if err := d.replace(NextFile, next.secret, 0o600); err != nil {
		return Pair{}, err
	}
	return next, d.syncDir()
}

// AdoptNext destroys the old epoch's private key and puts epoch.next in its
// place. It must be called only when the log durably holds the sealed
// log_epoch record of that key. A crash inside it is finished by calling it
// again.
//
// Order: overwrite the old key, sync; rename; sync the directory. On media that
// write elsewhere than they are told, copy-on-write file systems and flash
// among them, the overwritten bytes may survive.
func (d *Dir) AdoptNext() error {
	if err := d.shred(d.Path(EpochFile)); err != nil {
		return err
	}
	if err := d.fs.Rename(d.Path(NextFile), d.Path(EpochFile)); err != nil {
		return fmt.Errorf("adopt epoch key: %w", err)
	}
	return d.syncDir()
}

// shred overwrites a file with zeros and syncs it. A file that is gone is done with.
func (d *Dir) shred(path string) error {
	f, err := d.fs.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("destroy key: %w", err)
	}
	size, err := f.Size()
	if err == nil {
		_, err = f.WriteAt(make([]byte, size), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("destroy key %s: %w", path, err)
	}
	return nil
}
