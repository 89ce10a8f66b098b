package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
)

// A file is one segment's file, and what its first two lines say. Nobody has
// proved them yet.
type file struct {
	segment.File
	name     string
	number   uint32 // its place in the log
	index    int    // its place among the files
	claimed  uint32 // its number by its first line, 0 where that cannot be read
	first    uint64 // seq of the first line, likewise
	archived bool
	size     int64 // as it was found: a segment may grow while it is read
	handle   fs.File
	spoiled  *spoiled // of an archive, once it was read
	readable bool     // the first line is a log_opened
	version  int      // of the format, by the first line
	signed   bool
	identity string
	lacks    *commit.Entry         // lines that it lacks and the commit file has, or nil
	mends    *control.RecoveredLog // second line that explains how the segment before ended

	before   proof  // what good seals had proved when its turn came
	judged   bool   // its lines were read, all that are to be judged
	from, to uint64 // from ≤ seq < to, of those lines
}

// attempts is how often the segments are looked for, because a writer may give
// one its number, or archive it, between listing and opening.
const attempts = 3

// find opens the active segment, and only then looks for the others: a segment
// that gets its number meanwhile is then there twice, never not at all.
func (v *verifier) find() error {
	for i := range attempts {
		moved, err := v.look(i == attempts-1)
		if err != nil || !moved {
			return err
		}
		v.closeActive()
	}
	return nil
}

// look lists the segments, and reports whether a writer has moved one of them
// meanwhile. The last time it takes them as they are.
func (v *verifier) look(last bool) (moved bool, err error) {
	v.segments = nil
	active, activeErr := v.openActive()
	if activeErr != nil && !errors.Is(activeErr, errNoFile) {
		return false, activeErr
	}
	v.active = active
	entries, err := fs.ReadDir(v.fsys, ".")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	found, twins := v.layout.Select(names)
	if !last && v.overlooked(found) {
		return true, nil
	}
	var strange []segment.File
	for _, s := range found {
		f, err := active, activeErr
		if s.Number != 0 {
			f, err = v.openFile(s)
		}
		if errors.Is(err, errNoFile) {
			strange = append(strange, s)
			continue
		}
		if err == nil && f == nil {
			err = fs.ErrNotExist // became active after it was looked for
		}
		if errors.Is(err, fs.ErrNotExist) && !last {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", s.Name, err)
		}
		v.segments = append(v.segments, f)
	}
	if active != nil && !slices.Contains(v.segments, active) {
		v.segments = append(v.segments, active)
	}
	if v.order() && !last {
		return true, nil
	}
	for _, s := range strange {
		v.strange(s)
	}
	v.misplaced()
	v.compareTwins(twins)
	return false, nil
}

// strange reports what stands under the name of a segment and is no regular file.
// Under that of the active one it stands behind all segments.
func (v *verifier) strange(s segment.File) {
	f := notAFile(s)
	if s.Number == 0 {
		v.besides(f)
		return
	}
	v.fileFault(f)
}

func notAFile(s segment.File) Fault {
	return Fault{Kind: Inserted, Segment: s.Name, SegmentNumber: s.Number, Detail: "what stands under the name of a segment is no regular file"}
}

// openActive opens the active segment, whose handle stays open: its name may
// soon be another's. It returns nil where there is none.
func (v *verifier) openActive() (*file, error) {
	f, err := v.openFile(segment.File{Name: v.layout.Active()})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// openFile opens a segment and reads its first two lines.
func (v *verifier) openFile(s segment.File) (*file, error) {
	h, err := v.openRegular(s.Name)
	if err != nil {
		return nil, err
	}
	f := &file{File: s, name: s.Name, number: s.Number, archived: s.Archived, handle: h}
	info, err := h.Stat()
	if err == nil {
		f.size = info.Size()
		err = f.peek(v.opts.Decompress)
	}
	if _, again := h.(io.ReaderAt); s.Number == 0 && again && err == nil {
		return f, nil
	}
	f.handle = nil
	return f, errors.Join(err, h.Close())
}

// peek reads the first two lines from the handle.
func (f *file) peek(decompress func(io.Reader) (io.ReadCloser, error)) error {
	const most = 2 * (record.MaxLine + 1)
	if !f.archived {
		b, err := io.ReadAll(io.LimitReader(f.handle, min(f.size, most)))
		f.identify(b)
		return err
	}
	if decompress == nil {
		return nil
	}
	r, err := decompress(f.handle)
	if err != nil {
		return nil // reading it in earnest says so
	}
	b, err := io.ReadAll(io.LimitReader(r, most))
	if errors.Join(err, r.Close()) == nil { // likewise
		f.identify(b)
	}
	return nil
}

// identify takes from a segment's beginning what it says of itself.
func (f *file) identify(b []byte) {
	first, rest, ok := bytes.Cut(b, []byte{'\n'})
	if !ok {
		return
	}
	// A later version may have changed everything else, the type of a member or
	// what begins a line.
	f.version = control.VersionOf(first)
	var head control.OpenedLog
	if record.Control(first) != control.Opened || parse(first, &head) != nil || head.Segment == 0 {
		return
	}
	f.claimed, f.first, f.readable, f.signed, f.identity = head.Segment, head.Size, true, head.SignEvents, clip(head.IdentityKey)
	second, _, ok := bytes.Cut(rest, []byte{'\n'})
	var found control.RecoveredLog
	if ok && record.Control(second) == control.Recovered && parse(second, &found) == nil && mends(&found) {
		// One of these is kept for each segment, of which there may be many.
		found.Detail, found.Saved, found.SHA256 = clip(found.Detail), "", ""
		f.mends = &found
	}
}

// mends reports whether a recovery is of the kind that explains why the
// segment before has no final seal.
func mends(r *control.RecoveredLog) bool {
	return r.Found == control.FoundVoid || r.Found == control.FoundDamage || r.Found == control.FoundStateLost
}

// order puts the segments in the order of their sequence numbers: names are for
// people. It reports whether a segment is there twice, as one is for a moment
// when it gets its number.
func (v *verifier) order() (twice bool) {
	slices.SortStableFunc(v.segments, func(a, b *file) int { return cmp.Compare(a.Number-1, b.Number-1) }) // the active one last
	if !slices.IsSortedFunc(v.segments, bySeq) {
		slices.SortStableFunc(v.segments, bySeq)
		for _, f := range v.segments {
			f.number = cmp.Or(f.claimed, f.Number)
		}
	}
	v.total = 0
	for i, f := range v.segments {
		v.total += f.size
		if i == 0 {
			f.number = cmp.Or(f.number, f.claimed, 1)
			continue
		}
		before := v.segments[i-1]
		if f.number == 0 { // the active segment
			f.number = max(f.claimed, before.number+1)
		}
		twice = twice || f.again(before)
	}
	return twice
}

// bySeq compares segments by their first lines, as far as both can be read.
func bySeq(a, b *file) int {
	if !a.readable || !b.readable {
		return 0
	}
	return cmp.Compare(a.first, b.first)
}

// again reports whether both files say that they are the same segment.
func (f *file) again(g *file) bool {
	return f.readable && g.readable && f.claimed == g.claimed && f.first == g.first
}

// misplaced reports files that stand under a wrong name, that of the active segment
// before others among them, or for a segment that another file is, and leaves the
// latter out.
func (v *verifier) misplaced() {
	var kept []*file
	for i, f := range v.segments {
		if n := len(kept); n > 0 && f.again(kept[n-1]) {
			v.fileFault(Fault{
				Kind: Duplicate, Segment: f.name, SegmentNumber: f.claimed,
				Detail: fmt.Sprintf("the file says it is segment %d, which %s is", f.claimed, kept[n-1].name),
			})
			continue
		}
		earlier := f.Number == 0 && slices.ContainsFunc(v.segments[i+1:], func(g *file) bool { return g.number > f.number })
		if f.Number != 0 && f.Number != f.number || earlier {
			v.fileFault(renumbered(f))
		}
		f.index = len(kept)
		kept = append(kept, f)
	}
	v.segments = kept
}

// renumbered is the fault of a file whose name says that it is another segment.
func renumbered(f *file) Fault {
	return Fault{
		Kind: Reordered, Segment: f.name, SegmentNumber: f.number,
		Detail: fmt.Sprintf("the file is segment %d under another's name", f.number),
	}
}

// compareTwins compares the archives that stand beside plain segments with them.
func (v *verifier) compareTwins(twins []segment.File) {
	for _, twin := range twins {
		if v.opts.Decompress == nil {
			v.report.notChecked("%s was not compared with the plain segment beside it: no decompressor was given.", twin.Name)
			continue
		}
		same, err := v.sameAsPlain(twin)
		if errors.Is(err, fs.ErrNotExist) { // archiving came to its end meanwhile
			continue
		}
		if errors.Is(err, errNoFile) { // readers take the plain segment
			v.besides(notAFile(twin))
			continue
		}
		if err != nil {
			v.undecided("%s cannot be compared with the plain segment beside it: %v", twin.Name, err)
			continue
		}
		if !same {
			v.fileFault(Fault{
				Kind: TwinsDiffer, Segment: twin.Name, SegmentNumber: twin.Number,
				Detail: "the archive does not hold what the plain segment of its number holds",
			})
		}
	}
}

func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// closeActive closes the active segment, where its handle was kept.
func (v *verifier) closeActive() {
	if v.active != nil && v.active.handle != nil {
		// It was only read, so that nothing can be lost by an error.
		_ = v.active.handle.Close()
	}
	v.active = nil
}
