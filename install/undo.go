package install

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/vfs"
)

// takeOut removes this program's hooks from a file.
func takeOut(m Machine, t target, dry bool) (Change, error) {
	before, err := read(t.path)
	if err != nil {
		return Change{}, err
	}
	c := Change{Path: t.path, Before: before, After: before, Made: false}
	if before == nil {
		return c, nil // it and its directory stay as they are
	}
	u := undone{t: t}
	if err := u.look(before); err != nil || !u.changed(before) {
		return c, err
	}
	if err := mine(t.path); err != nil {
		return c, err
	}
	if dry {
		c.After, c.Gone = u.after, u.gone
		return c, nil
	}
	f, err := open(m, t)
	if err != nil {
		return c, err
	}
	c, err = u.apply(f)
	if err = errors.Join(err, f.close()); err == nil && c.Gone {
		err = errors.Join(removeEmpty(u.made), handOn(m, u.made))
	}
	return c, err
}

// handOn leaves directories that were made, and have another agent's hooks in them
// still, to whoever takes those out: whichever of them was installed first.
func handOn(m Machine, dirs []string) error {
	var errs []error
	for _, dir := range dirs {
		if _, err := os.Lstat(dir); err != nil {
			continue // it is gone
		}
		mark := markBelow(m, dir)
		if mark == "" {
			continue // what keeps it is nobody's but the user's
		}
		text, err := vfs.ReadRegular(mark)
		if err == nil {
			err = os.WriteFile(mark, []byte(strings.TrimSuffix(dir+"\n"+string(text), "\n")), 0o600)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// markBelow returns a mark of a file below a directory that an installation has made, ""
// where there is none.
func markBelow(m Machine, dir string) string {
	for _, a := range Agents() {
		for _, scope := range Scopes {
			for _, t := range a.places(a, m, Scope(scope)) {
				if marks := backups(t.path, madeMark); within(t.path, dir) && len(marks) > 0 {
					return marks[0]
				}
			}
		}
	}
	return ""
}

// An undone is what a file becomes without this program's hooks.
type undone struct {
	t     target
	after []byte
	gone  bool     // there shall be no file
	spent []string // backups that say nothing more than the file
	made  []string // directories that were made for it
}

func (u *undone) changed(before []byte) bool { return u.gone || !bytes.Equal(before, u.after) }

// look finds out. Where the file is as an installation left it, it becomes what
// that one found; otherwise the hooks are taken out of what it is now.
func (u *undone) look(before []byte) error {
	*u = undone{t: u.t, after: before}
	from, whole := u.restore(before)
	if whole {
		return nil
	}
	after, empty, err := u.t.form.take(from, u.was())
	if err != nil && !bytes.Contains(before, []byte(programName)) {
		return nil // whatever is wrong with it, there is nothing of this program in it
	}
	if err != nil {
		return err
	}
	u.after = after
	made := backups(u.t.path, madeMark)
	if u.t.form.holds(before) && empty && (after == nil || len(made) > 0) {
		u.after, u.gone = nil, true
		u.remember(made)
	}
	return nil
}

// restore follows the backups back to the last one without hooks of this
// program, and reports whether there is one. Where there is none it returns what they lead
// to: hooks of this program stood there before it knew of them, or the file was
// changed since, and leads nowhere.
func (u *undone) restore(now []byte) (from []byte, whole bool) {
	for range 1000 { // no chain is that long, but one could be made a ring
		path, mark := u.backupOf(now)
		if path == "" {
			return now, false
		}
		u.spent = append(u.spent, path)
		if mark == madeMark {
			u.after, u.gone = nil, true
			u.remember(backups(u.t.path, madeMark))
			return now, true
		}
		text, err := vfs.ReadRegular(path)
		if err != nil {
			u.spent = u.spent[:len(u.spent)-1]
			return now, false
		}
		if !u.t.form.holds(text) {
			u.after = text
			return now, true
		}
		now = text
	}
	return now, false
}

// was returns what the file was before this program's hooks came, by the newest backup
// that says so: empty where there was none, nil where none says.
func (u *undone) was() []byte {
	var was []byte
	newest := ""
	for _, mark := range []string{backupMark, madeMark} {
		for _, b := range backups(u.t.path, mark) {
			moment := strings.TrimPrefix(b, u.t.path+mark)
			if moment <= newest {
				break
			}
			text := []byte{}
			if mark == backupMark {
				var err error
				if text, err = vfs.ReadRegular(b); err != nil || u.t.form.holds(text) {
					continue
				}
			}
			was, newest = text, moment
		}
	}
	return was
}

// backupOf returns the newest backup of what a file's content replaced.
func (u *undone) backupOf(now []byte) (path, mark string) {
	for _, mark := range []string{backupMark, madeMark} {
		for _, b := range backups(u.t.path, mark) {
			if strings.HasSuffix(b, "-"+stamp(now)) && !slices.Contains(u.spent, b) {
				return b, mark
			}
		}
	}
	return "", ""
}

// remember reads which directories were made for the file.
func (u *undone) remember(marks []string) {
	for _, path := range marks {
		text, err := vfs.ReadRegular(path)
		if err != nil {
			continue // an empty directory stays behind, no more
		}
		u.spent = append(u.spent, path)
		for dir := range strings.SplitSeq(string(text), "\n") {
			if dir != "" && within(u.t.path, dir) {
				u.made = append(u.made, dir)
			}
		}
	}
}

// within reports whether a path is below a directory: a mark that somebody
// wrote leads nowhere else.
func within(path, dir string) bool {
	rest, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rest)
}

// apply makes it so.
func (u *undone) apply(f *file) (Change, error) {
	var c *Change
	before, err := read(f.path)
	if err != nil || before == nil {
		return Change{Path: f.path}, err
	}
	if err := u.look(before); err != nil {
		return Change{}, err
	}
	if u.gone {
		f.step("remove")
		c = &Change{Path: f.path, Before: before, Gone: true}
		place, err := destination(f.path)
		if err != nil {
			return *c, err
		}
		if err := os.Remove(place); err != nil {
			return *c, err
		}
	} else if c, err = f.putBack(u, before); err != nil {
		return Change{}, err
	}
	f.step("forget")
	for _, path := range slices.Compact(u.spent) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return *c, err
		}
	}
	return *c, nil
}

// putBack writes the file without the hooks.
func (f *file) putBack(u *undone, before []byte) (*Change, error) {
	c := &Change{Path: f.path, Before: before, After: u.after}
	written, err := f.write(before, u.after)
	if err == nil && !written {
		err = errors.New("somebody else changed it meanwhile: try again")
	}
	return c, err
}

// removeEmpty removes directories that were made, as far as nothing is in them.
func removeEmpty(dirs []string) error {
	slices.SortFunc(dirs, func(a, b string) int { return len(b) - len(a) })
	for _, dir := range slices.Compact(dirs) {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) > 0 {
			continue
		}
		if err == nil {
			err = os.Remove(dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
