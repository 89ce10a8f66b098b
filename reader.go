package etch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
	"github.com/etch-audit/etch/internal/vfs"
)

// A Reader reads a log. It needs no keys, takes no lock and never writes, so
// that it works beside writers and on a read-only copy. It is safe for
// concurrent use.
type Reader struct {
	fs     vfs.FS
	layout segment.Layout
}

// A CorruptionError says where a log could not be read. Reading goes on behind
// it.
type CorruptionError struct {
	Segment int    // number of the segment
	Name    string // its file
	Offset  int64
	Err     error
}

// Error says what is wrong and where.
func (e *CorruptionError) Error() string {
	return fmt.Sprintf("%s: offset %d: %v", e.Name, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *CorruptionError) Unwrap() error { return e.Err }

// OpenReader returns a Reader of the log at path. It returns [ErrNoLog] where
// there is no log and nothing beside it says that there was one, [ErrLogGone]
// where something does: the log's state, or keys in their default place.
func OpenReader(path string) (*Reader, error) { return openReader(fileSystem(), path) }

func openReader(fsys vfs.FS, path string) (*Reader, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("log path: %w", err)
	}
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{fsys, layout}
	if f, err := fsys.OpenFile(layout.Path(layout.Active()), os.O_RDONLY, 0); err == nil {
		return r, f.Close() // there is a log
	}
	v, err := r.view(context.Background())
	if err != nil {
		return nil, err
	}
	return r, v.close()
}

// A part is one segment of a view.
type part struct {
	segment.File
	file vfs.File // nil: to be opened when it is read
	at   int      // its place in the view
	end  int64    // where its records end; -1 for the end of the file
}

// A view is a log at one moment: everything acknowledged before is in it.
type view struct {
	parts []part
	none  []segment.File // what has a segment's name and is no file: no part of the view
	peeks []peek         // by the part's place
	state *state.State   // nil where there is none that can be read
	head  control.OpenedLog
	older bool // what has the active segment's name is an older segment, which the state is past

	records indexRecords
}

func (v *view) close() error {
	var errs []error
	for _, p := range v.parts {
		if p.file != nil {
			errs = append(errs, p.file.Close())
		}
	}
	return errors.Join(errs...)
}

// tries bounds how often a view is taken again because the log was rotated
// while it was taken.
const tries = 10

// view takes a view. The active segment is opened first, then the state is
// read: what the state says of that segment was acknowledged by then.
func (r *Reader) view(ctx context.Context) (*view, error) {
	var last error
	for range tries {
		v, err := r.tryView()
		if err == nil {
			v.peeks = make([]peek, len(v.parts))
			for i := range v.parts {
				v.parts[i].at = i
			}
		}
		if err == nil || !errors.Is(err, errMoved) {
			return v, err
		}
		last = err
		select {
		case <-time.After(time.Millisecond): // a rotation takes a few of them
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("the log was rotated again and again while it was read: %w", last)
}

var errMoved = errors.New("segments moved")

func (r *Reader) tryView() (*view, error) {
	f, err := r.fs.OpenFile(r.layout.Path(r.layout.Active()), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, vfs.ErrNotFile) {
		return r.viewWithoutActive(err)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	v := &view{}
	active, err := r.active(v, f)
	switch {
	case err != nil:
	case v.older:
		err = r.addOlder(v, active)
	default:
		err = r.addBefore(v, active)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return v, nil
}

// active returns the active segment as part of a view: its number, and where
// its committed records end.
func (r *Reader) active(v *view, f vfs.File) (part, error) {
	p := part{File: segment.File{Name: r.layout.Active()}, file: f, end: -1}
	head, err := beginningOf(f)
	if errors.Is(err, segment.ErrRead) {
		return p, err
	}
	if err == nil {
		v.head, p.Number = head.opened, head.opened.Segment
	}
	v.state = r.readState()
	if v.state == nil || p.Number == 0 {
		return p, nil
	}
	if v.state.Segment > p.Number {
		// A rotation writes the state last. So it was rotated since it was opened,
		// unless it still has its name: then no rotation has put it there.
		linked, err := f.Linked()
		if err != nil || !linked {
			return p, errors.Join(errMoved, err)
		}
		v.older = true
		return p, nil
	}
	return p, r.bound(v, &p)
}

// bound ends the active segment where the state does.
func (r *Reader) bound(v *view, p *part) (err error) {
	if v.state.Segment < p.Number { // just begun, and the state does not say so yet
		p.end = 0
		return nil
	}
	if p.file, err = r.filled(p.file, v.state); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	size, err := p.file.Size() // after the state: what it speaks of is there
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	p.end = min(v.state.Offset, size)
	return nil
}

// addBefore lists the segments before the active one, and that. A segment that is
// missing is not hidden: searching reports it.
func (r *Reader) addBefore(v *view, p part) error {
	files, err := r.segments(v)
	if err != nil {
		return err
	}
	if over, err := r.overlooked(files, p.Number); over || err != nil {
		return cmp.Or(err, errMoved)
	}
	later := func(f segment.File) bool { return f.Number != 0 && p.Number != 0 && f.Number >= p.Number }
	if v.state == nil && slices.ContainsFunc(files, later) {
		// It has been given its number since it was opened, or was never the last.
		if linked, err := p.file.Linked(); linked || err != nil {
			v.older = true
			return cmp.Or(err, r.addOlder(v, p))
		}
	}
	v.none = slices.DeleteFunc(v.none, later)
	v.addNumbered(slices.DeleteFunc(files, later))
	if last := len(v.parts) - 1; p.Number > 1 && (last < 0 || v.parts[last].Number != p.Number-1) {
		if f, err := r.fs.Stat(r.layout.Path(r.layout.Numbered(p.Number - 1))); err == nil && f.Mode().IsRegular() {
			return errMoved // listed in the middle of a rotation
		}
	}
	v.parts = append(v.parts, p)
	return nil
}

// addNumbered adds the segments that have a number.
func (v *view) addNumbered(files []segment.File) {
	for _, f := range files {
		if f.Number != 0 {
			v.parts = append(v.parts, part{File: f, end: -1})
		}
	}
}

// segments lists the segments. What has the name of one and is no file, and no other
// form of it is one either, is none of them: it is put into the view as that.
func (r *Reader) segments(v *view) ([]segment.File, error) {
	entries, err := r.fs.ReadDir(r.layout.Dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var names, none []string
	for _, e := range entries {
		switch file, err := r.layout.Parse(e.Name()); {
		case err != nil:
		case file.Number == 0 || r.isFile(e):
			names = append(names, e.Name())
		default:
			none = append(none, e.Name())
		}
	}
	files, _ := r.layout.Select(names)
	v.none, _ = r.layout.Select(none)
	v.none = slices.DeleteFunc(v.none, func(no segment.File) bool {
		return slices.ContainsFunc(files, func(f segment.File) bool { return f.Number == no.Number })
	})
	return files, nil
}

// isFile reports whether an entry of the log's directory is a file, or a symbolic link
// that leads to one. Where that cannot be told, whoever opens it is told why.
func (r *Reader) isFile(e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	info, err := r.fs.Stat(r.layout.Path(e.Name()))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return info.Mode().IsRegular()
}

// viewWithoutActive is the view of a log in the middle of a rotation, or of
// one that has lost its active segment, as the error of opening that says.
func (r *Reader) viewWithoutActive(why error) (*view, error) {
	v := &view{}
	files, err := r.segments(v)
	if errors.Is(err, fs.ErrNotExist) { // the directory
		return nil, r.absent(nil)
	}
	if err != nil {
		return nil, err
	}
	if errors.Is(why, vfs.ErrNotFile) { // what has its name is none
		files = slices.DeleteFunc(files, func(f segment.File) bool { return f.Number == 0 })
	} else if slices.ContainsFunc(files, func(f segment.File) bool { return f.Number == 0 }) {
		return nil, errMoved
	}
	v.state = r.readState()
	if len(files) == 0 && errors.Is(why, vfs.ErrNotFile) {
		return nil, fmt.Errorf("open log: %w", why)
	}
	if len(files) == 0 {
		return nil, r.absent(v.state)
	}
	if over, err := r.overlooked(files, 0); over || err != nil {
		return nil, cmp.Or(err, errMoved)
	}
	v.addNumbered(files)
	return v, nil
}

// absent says whether there ever was a log.
func (r *Reader) absent(s *state.State) error {
	path := r.layout.Path(r.layout.Active())
	if s != nil {
		return fmt.Errorf("%w: the state remembers %d records, and %s is not there", ErrLogGone, s.Size(), path)
	}
	if _, err := r.fs.Stat(filepath.Join(r.layout.Path(r.layout.Keys()), keys.PublicFile)); err == nil {
		return fmt.Errorf("%w: its keys are there, and %s is not", ErrLogGone, path)
	}
	return fmt.Errorf("%w: %s", ErrNoLog, path)
}

// readState reads the state as far as it can be told whole without a key, or
// returns nil. A writer may be overwriting a slot: then it is read again.
func (r *Reader) readState() *state.State {
	f, err := r.fs.OpenFile(r.layout.Path(r.layout.State()), os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }() // it was only read
	var newest *state.State
	b := make([]byte, state.Size)
	for range tries {
		n, err := f.ReadAt(b, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil
		}
		s, clean, err := state.Parse(b[:n], nil)
		if err == nil {
			newest = &s
		}
		if err == nil && clean {
			break
		}
	}
	return newest
}

// Records returns the records that match the query, in the order of their
// sequence numbers, up to the synced position when the iteration began. They
// are read as they are asked for: memory grows only with the calls that were
// begun and never completed.
//
// A line that cannot be read yields a [*CorruptionError] with an empty record,
// and the iteration goes on behind it. So do segments that are not there, of which
// the cause is [ErrMissing] and which come before all records, and one that ends
// before the next begins. Any other error ends it.
func (r *Reader) Records(ctx context.Context, q Query) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		v, err := r.viewFor(ctx, &q)
		if err != nil {
			yield(Record{}, err)
			return
		}
		stopped := r.search(ctx, v, &q, nil, yield)
		if err := v.close(); err != nil && !stopped {
			yield(Record{}, err)
		}
	}
}
