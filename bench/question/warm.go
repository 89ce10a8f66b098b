package question

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// warm has a file, or all files of a directory, in memory as they are when a system has read
// them in from the disk. How else they are held there depends on who wrote them,
// and in what pieces: nobody's answer shall take the longer for that.
func warm(path string) error {
	return filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return readIn(path)
	})
}

func readIn(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := evict(f); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return err
}
