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
	return eachFile(path, func(f *os.File) error {
		if err := evict(f); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, f)
		return err
	})
}

// cool has nothing of a file, or of all files of a directory, in memory, where the system
// can be told so.
func cool(path string) error { return eachFile(path, evict) }

// eachFile calls do for a file, or for all files of a directory.
func eachFile(path string, do func(*os.File) error) error {
	return filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(do(f), f.Close())
	})
}
