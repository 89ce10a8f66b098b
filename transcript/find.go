package transcript

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An Environment is what the places of transcripts depend on.
type Environment struct {
	Getenv func(name string) (string, bool)
	Home   string
}

// Dir returns the directory that a variable names, or where it is not set or
// empty, that directory below the home directory.
func (e Environment) Dir(variable string, below ...string) string {
	if dir, _ := e.Getenv(variable); dir != "" {
		return dir
	}
	if e.Home == "" {
		return ""
	}
	return filepath.Join(append([]string{e.Home}, below...)...)
}

// A Selection says which transcripts are asked for. The zero Selection asks for
// all of them in their usual places.
type Selection struct {
	Session string    // of this session only, its sub-agents included
	Since   time.Time // changed at or after this time; zero for any
	Project string    // of sessions that worked in this directory
	// Paths are files, or directories whose files are read however they are
	// named, in place of the usual ones.
	Paths []string
}

// A File is one transcript.
type File struct {
	Name
	Path    string
	Size    int64
	ModTime time.Time

	root string // the directory that it was found below, and must not lead out of
	rel  string
}

// A Session is the transcripts of one session.
type Session struct {
	ID      string
	Cwd     string // "" where it is not told
	Files   []File // that of the main thread first
	ModTime time.Time
	Size    int64
}

// Sessions returns the sessions that are asked for, those first that were
// changed longest ago. Directories and files that cannot be read are in the
// error, beside the sessions that could be; a place that is not there is none.
func (f *Format) Sessions(ctx context.Context, env Environment, sel Selection) ([]Session, error) {
	finder := finder{format: f, sel: sel, sessions: map[string]*Session{}}
	if len(sel.Paths) == 0 {
		for _, root := range f.Roots(env) {
			finder.usual(ctx, root)
		}
	}
	for _, path := range sel.Paths {
		finder.given(ctx, path)
	}
	found := make([]Session, 0, len(finder.sessions))
	for _, s := range finder.sessions {
		slices.SortFunc(s.Files, func(a, b File) int {
			return strings.Compare(a.Agent+"\x00"+a.Path, b.Agent+"\x00"+b.Path)
		})
		found = append(found, *s)
	}
	slices.SortFunc(found, func(a, b Session) int {
		if c := a.ModTime.Compare(b.ModTime); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return found, errors.Join(append(finder.errs, ctx.Err())...)
}

// A finder collects the files of sessions.
type finder struct {
	format   *Format
	sel      Selection
	sessions map[string]*Session
	errs     []error
}

// usual looks for files with the names that the agent gives them.
func (d *finder) usual(ctx context.Context, root string) {
	if _, err := os.Lstat(root); errors.Is(err, fs.ErrNotExist) || root == "" {
		return
	}
	d.walk(ctx, root, func(rel string) (Name, bool) { return d.format.Name(rel) })
}

// given looks at a file or a directory that was named.
func (d *finder) given(ctx context.Context, name string) {
	info, err := os.Stat(name)
	if err != nil {
		d.errs = append(d.errs, err)
		return
	}
	if info.IsDir() {
		d.walk(ctx, name, func(rel string) (Name, bool) {
			if known, ok := d.format.Name(rel); ok {
				return known, true
			}
			return Name{}, path.Ext(rel) == ".jsonl"
		})
		return
	}
	known, _ := d.format.Name(filepath.Base(name))
	d.add(ctx, File{
		Name: known, Path: name, Size: info.Size(), ModTime: info.ModTime(),
		root: filepath.Dir(name), rel: filepath.Base(name),
	})
}

// walk looks at every regular file below root. Links are not followed: see link.
func (d *finder) walk(ctx context.Context, root string, name func(rel string) (Name, bool)) {
	err := fs.WalkDir(os.DirFS(root), ".", func(rel string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			d.errs = append(d.errs, fmt.Errorf("%s: %w", root, err))
			return nil
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			d.link(ctx, root, rel, name)
			return nil
		}
		known, ok := name(rel)
		if !ok || !entry.Type().IsRegular() {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the agent has just cleaned up
		}
		if err != nil {
			d.errs = append(d.errs, fmt.Errorf("%s: %w", root, err))
			return nil
		}
		d.add(ctx, File{
			Name: known, Path: filepath.Join(root, filepath.FromSlash(rel)), Size: info.Size(), ModTime: info.ModTime(),
			root: root, rel: filepath.FromSlash(rel),
		})
		return nil
	})
	if err != nil && ctx.Err() == nil {
		d.errs = append(d.errs, fmt.Errorf("%s: %w", root, err))
	}
}

// add adds a file to its session, if it is asked for.
func (d *finder) add(ctx context.Context, file File) {
	if file.ModTime.Before(d.sel.Since) {
		return
	}
	if !d.wanted(&file.Name) {
		return
	}
	var head Meta
	if file.Session == "" || d.sel.Project != "" {
		var err error
		if head, err = d.head(ctx, &file); err != nil {
			d.errs = append(d.errs, err)
			return
		}
	}
	if file.Session == "" {
		file.Session = head.Session
	}
	if file.Agent == "" {
		file.Agent = head.Agent
	}
	if file.Session == "" || d.sel.Session != "" && file.Session != d.sel.Session {
		return // nothing in it tells of a session
	}
	if d.format.Cwd != nil {
		if cwd := d.format.Cwd(file.Path); cwd != "" {
			head.Cwd = cwd
		}
	}
	if d.sel.Project != "" && !workedIn(&head, d.sel.Project) {
		return
	}
	d.join(file, head.Cwd)
}

// join puts a file to those of its session.
func (d *finder) join(file File, cwd string) {
	s := d.sessions[file.Session]
	if s == nil {
		s = &Session{ID: file.Session}
		d.sessions[s.ID] = s
	}
	if slices.ContainsFunc(s.Files, func(f File) bool { return f.Path == file.Path }) {
		return // named twice
	}
	s.Files = append(s.Files, file)
	s.Size += file.Size
	if s.Cwd == "" {
		s.Cwd = cwd
	}
	if file.ModTime.After(s.ModTime) {
		s.ModTime = file.ModTime
	}
}

// headItems is how many items of a file are looked at to learn of its session:
// what tells it stands at the beginning.
const headItems = 64

// head returns what the beginning of a file tells of its session.
func (d *finder) head(ctx context.Context, file *File) (Meta, error) {
	var head Meta
	seen := 0
	for item, err := range d.format.Read(ctx, file, new(Tally)) {
		if errors.Is(err, fs.ErrNotExist) {
			return head, nil // the agent has just cleaned up
		}
		if err != nil {
			return head, err
		}
		if item.Meta != nil {
			head.fill(item.Meta)
		}
		if seen++; seen > headItems || head.Session != "" && (head.Cwd != "" || head.Project != "") {
			break
		}
	}
	return head, nil
}

// fill takes what is not known yet from another Meta.
func (m *Meta) fill(o *Meta) {
	for _, member := range []struct{ to, from *string }{
		{&m.Session, &o.Session},
		{&m.Parent, &o.Parent},
		{&m.Agent, &o.Agent},
		{&m.Cwd, &o.Cwd},
		{&m.Project, &o.Project},
		{&m.Version, &o.Version},
	} {
		if *member.to == "" {
			*member.to = *member.from
		}
	}
	if m.Start.IsZero() {
		m.Start = o.Start
	}
	m.Ended = m.Ended || o.Ended
}

// workedIn reports whether a session worked in a directory or below it.
func workedIn(head *Meta, project string) bool {
	if abs, err := filepath.Abs(project); err == nil {
		project = abs
	}
	candidates := []string{project}
	if real, err := filepath.EvalSymlinks(project); err == nil && real != project {
		candidates = append(candidates, real)
	}
	for _, dir := range candidates {
		sum := sha256.Sum256([]byte(dir))
		if head.Project == hex.EncodeToString(sum[:]) {
			return true
		}
		if rel, err := filepath.Rel(dir, head.Cwd); head.Cwd != "" && err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// maxNote is the longest note that is read: a path.
const maxNote = 64 << 10

// Note returns what a small file beside transcripts says, without the white
// space around it; "" where it is not there, or is none.
func Note(name string) string {
	file := File{Path: name, root: filepath.Dir(name), rel: filepath.Base(name)}
	in, err := file.open()
	if err != nil {
		return "" // older versions have none
	}
	defer func() { _ = in.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(in, maxNote))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// open opens the file for reading. It does not leave the directory that it was
// found below, and never waits for a pipe that has taken its place.
func (f *File) open() (*os.File, error) {
	dir := f.root
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open transcript: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only read
	file, err := root.OpenFile(f.rel, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, fmt.Errorf("open transcript: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", f.Path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open transcript: %w", err), file.Close())
	}
	return file, nil
}
