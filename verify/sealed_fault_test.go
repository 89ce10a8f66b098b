package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/etch-audit/etch/internal/logtest"
)

// A change is what is done to the files of a log.
type change func(fstest.MapFS)

// pipe puts what is no regular file under a name.
func pipe(name string) change {
	return func(f fstest.MapFS) { f[name] = &fstest.MapFile{Mode: fs.ModeNamedPipe | 0o600} }
}

func remove(names ...string) change {
	return func(f fstest.MapFS) {
		for _, name := range names {
			delete(f, name)
		}
	}
}

// rename gives a file another name, and double a second one.
func rename(from, to string) change {
	return func(f fstest.MapFS) {
		double(from, to)(f)
		delete(f, from)
	}
}

func double(from, to string) change { return func(f fstest.MapFS) { f[to] = f[from] } }

func put(name string, data []byte) change {
	return func(f fstest.MapFS) { f[name] = &fstest.MapFile{Data: data, Mode: 0o600} }
}

// insert puts a line before the one of a number, counted in the segment.
func insert(name string, at int, line []byte) change {
	return func(f fstest.MapFS) {
		lines := bytes.SplitAfter(f[name].Data, []byte("\n"))
		put(name, bytes.Join(slices.Insert(lines, at, append(line[:len(line):len(line)], '\n')), nil))(f)
	}
}

func both(changes ...change) change {
	return func(f fstest.MapFS) {
		for _, c := range changes {
			c(f)
		}
	}
}

// sealBefore returns the number of the last seal among the first n lines, and where
// it stands.
func sealBefore(lines [][]byte, in []uint32, n uint64) (seq uint64, at place) {
	var end place
	for i, line := range lines[:n] {
		if in[i] != end.segment {
			end = place{segment: in[i]}
		}
		if bytes.Contains(line, []byte(`"event_type":"log_sealed"`)) {
			seq, at = uint64(i), end
		}
		end.offset += int64(len(line)) + 1
	}
	return seq, at
}

// What stays proved of each kind of fault: all up to the last good seal before it,
// as far as it has a place, all of a fault of what lies beside the segments, and
// nothing where it may concern any line.
func TestSealedByFault(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys, SealEvery: 100})
	l.Events(700)
	l.Rotate()
	second := l.Size() - 1 // its first line
	l.Events(300)
	l.Rotate()
	third := l.Size() - 1
	l.Events(500)
	l.Rotate()
	last := l.Size() - 1
	vouch(l, 1, doctored)
	l.Events(20)
	l.Seal()
	all := l.Size()
	lines, in := allLines(t, opens(l.Files(), l.Segment()))
	other := logtest.New(logtest.Options{Keys: logtest.NewKeys("another log")})
	other.Events(3)
	forked := logtest.New(logtest.Options{Keys: keys})
	forked.Events(600)
	headOf := func(l *logtest.Log) func(Options) Options {
		return func(o Options) Options {
			o.Head = l.Head()
			return o
		}
	}
	gzip := func(o Options) Options {
		o.Decompress = gunzip
		return o
	}
	const a1, a2, a3, active, state = "audit.000001.log", "audit.000002.log", "audit.000003.log", "audit.log", "audit.state"
	none := both()
	for name, c := range map[string]struct {
		do   change
		opts func(Options) Options
		kind Kind
		want uint64 // the lines before that have nothing to do with it
	}{
		"first segment missing":        {remove(a1), nil, SegmentMissing, 0},
		"segment missing":              {remove(a2), nil, SegmentMissing, second},
		"later segment missing":        {remove(a3), nil, SegmentMissing, third},
		"active segment missing":       {remove(active), nil, SegmentMissing, last},
		"all missing but the state":    {remove(a1, a2, a3, active), nil, SegmentMissing, 0},
		"state missing":                {remove(state), nil, StateMissing, all},
		"state not whole":              {put(state, []byte("x")), nil, StateMissing, all},
		"pipe behind all":              {pipe("audit.000009.log"), nil, Inserted, all},
		"pipe for a segment":           {pipe(a3), nil, Inserted, third},
		"pipe for the active":          {pipe(active), nil, Inserted, last},
		"pipe for the state":           {pipe(state), nil, StateMissing, all},
		"segment under a later name":   {rename(a2, "audit.000007.log"), nil, Reordered, second},
		"segment as the active":        {both(rename(a2, active), remove(state)), nil, Reordered, second},
		"segment for the active":       {both(rename(active, a2), double(a3, active)), nil, SegmentMissing, second},
		"segment twice":                {double(a2, "audit.000005.log"), nil, Duplicate, second},
		"segment instead of another":   {double(a2, a3), nil, Duplicate, second},
		"archive differs":              {put(a2+".gz", nil), gzip, "", all}, // of no segment
		"pipe for an archive":          {pipe(a2 + ".zst"), gzip, Inserted, all},
		"archive beside it differs":    {put(a2+".zst", []byte("no archive")), gzip, TwinsDiffer, second},
		"line copied":                  {insert(a3, 250, lines[30]), nil, Inserted, third + 250},
		"line copied, indexes":         {insert(a3, 250, lines[30]), toys, Inserted, third + 250},
		"no line":                      {insert(a3, 250, []byte("no line")), nil, Inserted, third + 250},
		"no line behind the last":      {insert(a2, int(third-second), []byte("no line")), nil, Inserted, third},
		"line missing":                 {put(a2, bytes.Replace(l.Files()[a2], append(lines[second+150], '\n'), nil, 1)), nil, Missing, second + 150},
		"index differs":                {none, toys, IndexDiffers, all},
		"index differs, state missing": {remove(state), toys, IndexDiffers, all},
		"head of another log":          {none, headOf(other), HeadMismatch, 0},
		"head of another past":         {none, headOf(forked), HeadMismatch, 0},
		"two of them":                  {both(remove(a3, state), insert(a2, 120, lines[3])), nil, SegmentMissing, second + 120},
	} {
		fsys := logtest.FS(l.Files())
		put(state, l.State())(fsys)
		put(idx(1), doctored)(fsys)
		c.do(fsys)
		want, end := sealBefore(lines, in, c.want)
		for _, careful := range []bool{false, true} {
			opts := atHome(0)
			if c.opts != nil {
				opts = c.opts(opts)
			}
			sealed, report := sealedBy(t, fsys, opts, careful)
			if c.kind != "" && !slices.Contains(kindsOf(report), c.kind) {
				t.Fatalf("%s: got %v, want %s among them", name, kindsOf(report), c.kind)
			}
			segment, offset := sealed.End()
			if got := (place{segment, offset}); sealed.Size() != want || got != end {
				t.Errorf("%s: proved are %d lines, to %v; want %d, to %v: %s", name, sealed.Size(), got, want, end, brief(report))
			}
			for _, f := range report.Faults {
				if f.LastGoodSeal != nil && *f.LastGoodSeal < want {
					t.Errorf("%s: %s is told behind %d, and %d are proved", name, f.Kind, *f.LastGoodSeal, want)
				}
			}
			proves(t, name, sealed, fsys, lines, in)
		}
	}
}

// proves checks that a line is proved exactly where it is one of the first.
func proves(t *testing.T, name string, sealed *Sealed, fsys fstest.MapFS, lines [][]byte, in []uint32) {
	t.Helper()
	files := map[string][]byte{}
	for name, f := range fsys {
		files[name] = f.Data
	}
	check := sealed.Check(opens(files, in[len(in)-1]))
	for i, line := range lines {
		seq := uint64(i)
		err := check.Line(in[i], seq, line)
		if want := seq < sealed.Size(); want != (err == nil) {
			t.Fatalf("%s: line %d of %d: %v", name, seq, sealed.Size(), err)
		}
		if err := check.Line(in[i]+1, seq, line); err == nil {
			t.Fatalf("%s: line %d is proved in another segment", name, seq)
		}
	}
	if err := check.Close(); err != nil {
		t.Error(err)
	}
}

// A line of one segment that stands in another explains why the index of that one
// differs, and only of that one.
func TestIndexOfForeignLine(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys, SealEvery: 100})
	for range 3 {
		l.Events(120)
		l.Rotate()
	}
	vouch(l, 1, doctored)
	for n := 2; n <= 3; n++ {
		vouch(l, n, toyIndex(segmentOf(l, n)))
	}
	l.Seal()
	lines, _ := allLines(t, opens(l.Files(), l.Segment()))
	for what, from := range map[string]int{"earlier": 30, "later": 300, "own": 150} {
		for _, n := range []int{1, 3} { // lines next to each other are told as one fault
			fsys := logtest.FS(l.Files())
			put("audit.state", l.State())(fsys)
			put(idx(1), doctored)(fsys)
			for i := 2; i <= 3; i++ {
				put(idx(i), toyIndex(segmentOf(l, i)))(fsys)
			}
			for i := range n {
				insert("audit.000002.log", 60+i, lines[from+i])(fsys)
			}
			_, report := sealedBy(t, fsys, toys(atHome(0)), false)
			differ := []string{}
			for _, f := range report.Faults {
				if f.Kind == IndexDiffers {
					differ = append(differ, f.Segment)
				}
			}
			if want := []string{"audit.000001.log"}; !slices.Equal(differ, want) {
				t.Errorf("%d %s lines: indexes of %v differ, want %v: %s", n, what, differ, want, brief(report))
			}
		}
	}
}

// What is changed since is told with the lines and segments that it may be in, and of
// a line that is another alone with no other.
func TestSealedRegion(t *testing.T) {
	l := long(false)
	files := l.Files()
	sealed, _ := sealedOf(t, logtest.FS(files), false)
	lines, in := allLines(t, opens(files, l.Segment()))
	changed := maps.Clone(files)
	for _, i := range []int{700, 1300} {
		name := fmt.Sprintf("audit.%06d.log", in[i])
		if in[i] == l.Segment() {
			name = "audit.log"
		}
		changed[name] = bytes.Replace(changed[name], lines[i], bytes.ToUpper(lines[i]), 1)
	}
	check := sealed.Check(opens(changed, l.Segment()))
	for _, i := range []uint64{512, 700, 767, 1299} {
		err := check.Line(in[i], i, lines[i])
		region, ok := errors.AsType[*RegionError](err)
		from := i >> blockLevel << blockLevel
		to := min(from+blockLines, sealed.Size())
		if !ok || !errors.Is(err, ErrChanged) || region.From != from || region.To != to || region.First != in[from] || region.Last != in[to-1] {
			t.Errorf("line %d: %v, want that one of %d to %d, in segments %d to %d, is changed", i, err, from, to-1, in[from], in[to-1])
		}
	}
	if err := check.Line(in[20], 20, lines[21]); !errors.Is(err, ErrChanged) {
		t.Errorf("another line: %v, want %v", err, ErrChanged)
	} else if _, region := errors.AsType[*RegionError](err); region {
		t.Errorf("another line: %v, want nothing of the lines around it", err)
	}
}
