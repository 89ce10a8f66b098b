package transcript

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// maxBehind is how many entries behind a link are looked at for a transcript. Where there
// are more, there may be one.
const maxBehind = 10_000

// link takes a symbolic link below root. It is not followed, as it could lead anywhere and
// round in circles; where transcripts that are asked for lie behind it, and are not read by
// another way, that is told.
func (d *finder) link(ctx context.Context, root, rel string, name func(rel string) (Name, bool)) {
	full := filepath.Join(root, filepath.FromSlash(rel))
	target, err := filepath.EvalSymlinks(full)
	if err != nil {
		return // it leads nowhere, or round
	}
	if real, err := filepath.EvalSymlinks(root); err == nil {
		if below, err := filepath.Rel(real, target); err == nil && filepath.IsLocal(below) {
			return // it is met there
		}
	}
	if d.behind(ctx, target, rel, name) {
		d.errs = append(d.errs, fmt.Errorf("%s: a link to %s is not followed, and transcripts lie behind it: name it to read them", full, target))
	}
}

// errBehind ends the search behind a link.
var errBehind = errors.New("there may be a transcript")

// behind reports whether there may be a transcript behind a link, whose own name is rel.
func (d *finder) behind(ctx context.Context, target, rel string, name func(rel string) (Name, bool)) bool {
	info, err := os.Stat(target)
	if err != nil {
		return true // nobody can tell
	}
	if known, ok := name(rel); !info.IsDir() {
		return ok && info.Mode().IsRegular() && d.wanted(&known) && !info.ModTime().Before(d.sel.Since)
	}
	seen := 0
	err = fs.WalkDir(os.DirFS(target), ".", func(below string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if seen++; err != nil || seen > maxBehind {
			return errBehind
		}
		if known, ok := name(path.Join(rel, below)); !ok || !entry.Type().IsRegular() || !d.wanted(&known) {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.ModTime().Before(d.sel.Since) {
			return nil
		}
		return errBehind
	})
	return err != nil
}

// wanted reports whether a file may be of the session that is asked for.
func (d *finder) wanted(name *Name) bool {
	return d.sel.Session == "" || name.Session == "" || name.Session == d.sel.Session
}
