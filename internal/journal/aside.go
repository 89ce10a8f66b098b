package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/vfs"
)

// setAside copies bytes of a segment to a file of their own, durably, and
// returns its path relative to the log's directory, and the SHA-256 of the
// bytes. A file that has them already, from a recovery that then failed, is
// taken: else each try on a failing disk would fill it further.
func (j *Journal) setAside(f vfs.File, number uint32, from, to int64) (name, sum string, err error) {
	if sum, err = sumOf(io.NewSectionReader(f, from, to-from)); err != nil {
		return "", "", fmt.Errorf("set torn tail aside: %w", err)
	}
	path, there, err := j.asideName(fmt.Sprintf("%06d-%d", number, from), to-from, sum)
	if err != nil {
		return "", "", err
	}
	if !there {
		if sum, err = j.copyAside(path, io.NewSectionReader(f, from, to-from)); err != nil {
			return "", "", fmt.Errorf("set torn tail aside: %w", err)
		}
	}
	if err := j.opt.FS.SyncDir(filepath.Dir(path)); err != nil {
		return "", "", fmt.Errorf("sync directory of torn tails: %w", err)
	}
	name, err = filepath.Rel(j.layout.Dir, path)
	return name, sum, err
}

// copyAside writes a new file, durably, and returns the SHA-256 of its bytes.
// Where it fails it leaves nothing.
func (j *Journal) copyAside(path string, r io.Reader) (sum string, err error) {
	out, err := j.opt.FS.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(io.NewOffsetWriter(out, 0), hash), r)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return "", errors.Join(err, j.opt.FS.Remove(path))
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// asideName returns a path in the directory of torn tails, making the
// directory: that of a file which holds exactly the given bytes, or one that
// nothing has yet. The name tells the bytes, so that others are hardly ever met.
func (j *Journal) asideName(base string, size int64, sum string) (path string, there bool, err error) {
	dir := j.path(j.layout.Torn())
	if err := j.opt.FS.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", false, fmt.Errorf("make directory of torn tails: %w", err)
	}
	// Also where it is there: whoever made it may have been killed before this.
	if err := j.syncDir(); err != nil {
		return "", false, err
	}
	base = filepath.Join(dir, base)
	if sum != "" {
		base += "-" + sum[:16]
	}
	for n := 0; ; n++ {
		path := base
		if n > 0 {
			path = fmt.Sprintf("%s.%d", base, n)
		}
		info, err := j.opt.FS.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, false, nil
		}
		if err != nil {
			return "", false, fmt.Errorf("set aside: %w", err)
		}
		if there, err := j.holds(path, info, size, sum); there || err != nil {
			return path, there, err
		}
	}
}

// holds reports whether a file holds exactly the given bytes, durably. One that
// cannot be read is another.
func (j *Journal) holds(path string, info fs.FileInfo, size int64, sum string) (bool, error) {
	if !info.Mode().IsRegular() || info.Size() != size {
		return false, nil
	}
	f, err := j.opt.FS.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false, nil
	}
	got, err := sumOf(io.NewSectionReader(f, 0, size))
	if err != nil || got != sum {
		return false, f.Close()
	}
	// Whoever wrote it may have been killed before this.
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return false, fmt.Errorf("set aside: %w", err)
	}
	return true, nil
}

// sumOf returns the SHA-256 of all that r has, hexadecimal.
func sumOf(r io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// sumOfFile returns the size of a file beside the log, and its SHA-256.
func (j *Journal) sumOfFile(name string) (size int64, sum string, err error) {
	f, err := j.opt.FS.OpenFile(j.path(name), os.O_RDONLY, 0)
	if err != nil {
		return 0, "", err
	}
	size, err = f.Size()
	if err == nil {
		sum, err = sumOf(io.NewSectionReader(f, 0, size))
	}
	return size, sum, errors.Join(err, f.Close())
}

// foreign returns what is to be recorded of a file that stands under the name
// which the active segment is about to get, or nil. Saved is where it is to be
// moved to. A file that cannot be read is told without its hash.
func (j *Journal) foreign(number uint32) (*control.RecoveredLog, error) {
	name := j.layout.Numbered(number)
	for _, name := range [...]string{j.layout.Active(), name} {
		if there, err := j.exists(name); err != nil || !there {
			return nil, err
		}
	}
	found := &control.RecoveredLog{
		Found: control.FoundForeign, Segment: number,
		Detail: "a file that is not the log's stood under the name of the segment: it was moved away",
	}
	if size, sum, err := j.sumOfFile(name); err == nil {
		found.Bytes, found.SHA256 = size, sum
	}
	path, _, err := j.asideName(fmt.Sprintf("%06d-foreign", number), found.Bytes, found.SHA256)
	if err != nil {
		return nil, err
	}
	if found.Saved, err = filepath.Rel(j.layout.Dir, path); err != nil {
		return nil, err
	}
	found.Saved = filepath.ToSlash(found.Saved)
	return found, nil
}

// moveForeign moves away what stands under the name of a segment, as
// [Journal.foreign] has found it. Nothing of somebody else's is overwritten.
func (j *Journal) moveForeign(found *control.RecoveredLog) error {
	saved := j.path(filepath.FromSlash(found.Saved))
	if err := j.opt.FS.Rename(j.path(j.layout.Numbered(found.Segment)), saved); err != nil {
		return err
	}
	j.note(control.Recovered, "a file that is not the log's stood in the place of segment %d: it is now %s", found.Segment, saved)
	return j.opt.FS.SyncDir(filepath.Dir(saved))
}
