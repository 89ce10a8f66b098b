package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// The indexes of these tests are the hash of a segment and a text: what one is,
// verify does not know. Those of etch are tested in the root package.

const indexText = "all that the segment says"

var errToy = errors.New("it is no index")

// toyIndex returns the index of a segment.
func toyIndex(segment []byte) []byte {
	sum := sha256.Sum256(segment)
	return append(sum[:], indexText...)
}

func toyDigest(r io.ReaderAt, size int64) (digest [32]byte, err error) {
	b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	switch {
	case err != nil:
		return digest, err
	case bytes.HasPrefix(b, []byte("other")):
		return digest, fmt.Errorf("%w: it is new", errors.ErrUnsupported)
	case len(b) < 32:
		return digest, errToy
	case string(b[32:]) != indexText:
		return [32]byte(b), errToy
	}
	return [32]byte(b), nil
}

func toyMade(r io.ReaderAt, size int64) (digest [32]byte, err error) {
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.NewSectionReader(r, 0, size)); err != nil {
		return digest, err
	}
	if bytes.Contains(b.Bytes(), []byte("no index of this")) {
		return digest, errToy
	}
	return sha256.Sum256(b.Bytes()), nil
}

func toys(opts Options) Options {
	opts.Indexes = &Indexes{Made: toyMade, Digest: toyDigest}
	return opts
}

// vouch puts an index on record.
func vouch(l *logtest.Log, segment int, index []byte) {
	l.Control("log_indexed", map[string]any{"segment": segment, "lines": 1, "bytes": 1, "digest": hex.EncodeToString(index[:32])})
}

func idx(n int) string { return fmt.Sprintf("audit.index/%06d.idx", n) }

func segmentOf(l *logtest.Log, n int) []byte { return l.Files()[fmt.Sprintf("audit.%06d.log", n)] }

// doctored is an index that is whole, and not of the segment.
var doctored = toyIndex([]byte("what somebody wants to be found"))

// indexed returns a log of three segments, of which two are rotated, with what is
// put on record in the third, and the files beside it.
func indexed(record func(*logtest.Log), beside func(l *logtest.Log) map[string][]byte) map[string][]byte {
	l := logtest.New(logtest.Options{Keys: keys, SealEvery: 5})
	l.Events(8)
	l.Rotate()
	l.Events(8)
	l.Rotate()
	l.Events(2)
	record(l)
	l.Events(2)
	l.Seal()
	files := l.Files()
	maps.Copy(files, beside(l))
	return files
}

func recordsOf(numbers ...int) func(*logtest.Log) {
	return func(l *logtest.Log) {
		for _, n := range numbers {
			vouch(l, n, toyIndex(segmentOf(l, n)))
		}
	}
}

func indexesOf(numbers ...int) func(*logtest.Log) map[string][]byte {
	return func(l *logtest.Log) map[string][]byte {
		files := map[string][]byte{}
		for _, n := range numbers {
			files[idx(n)] = toyIndex(segmentOf(l, n))
		}
		return files
	}
}

// as returns one file.
func as(name string, data []byte) func(*logtest.Log) map[string][]byte {
	return func(*logtest.Log) map[string][]byte { return map[string][]byte{name: data} }
}

func cut(b []byte, n int) []byte { return slices.Clone(b[:len(b)-n]) }

func TestIndexes(t *testing.T) {
	lie := func(l *logtest.Log) { vouch(l, 1, doctored) }
	for name, c := range map[string]struct {
		record  func(*logtest.Log)
		beside  func(*logtest.Log) map[string][]byte
		kinds   []Kind
		checked uint64
		of      uint64
		told    string
	}{
		"none":                         {record: recordsOf(), beside: indexesOf()},
		"missing":                      {record: recordsOf(1, 2), beside: indexesOf(2), checked: 1, of: 1},
		"as they are on record":        {record: recordsOf(1, 2), beside: indexesOf(1, 2), checked: 2, of: 2},
		"not on record":                {record: recordsOf(1), beside: indexesOf(1, 2), checked: 1, of: 2, told: "not on record in the log: " + idx(2)},
		"doctored, not on record":      {record: recordsOf(1), beside: as(idx(1), doctored), of: 1, told: "not on record in the log: " + idx(1)},
		"doctored, on record":          {record: lie, beside: as(idx(1), doctored), kinds: []Kind{IndexDiffers}, checked: 1, of: 1},
		"doctored, damaged, on record": {record: lie, beside: as(idx(1), cut(doctored, 1)), kinds: []Kind{IndexDiffers}, checked: 1, of: 1},
		"doctored, and gone":           {record: lie, beside: indexesOf()},
		"doctored, then made again":    {record: func(l *logtest.Log) { lie(l); recordsOf(1)(l) }, beside: indexesOf(1), checked: 1, of: 1},
		"the doctored one put back":    {record: func(l *logtest.Log) { lie(l); recordsOf(1)(l) }, beside: as(idx(1), doctored), kinds: []Kind{IndexDiffers}, checked: 1, of: 1},
		"on record of another segment": {record: func(l *logtest.Log) { vouch(l, 2, doctored) }, beside: as(idx(1), doctored), of: 1, told: "not on record"},
		"of another segment":           {record: recordsOf(1, 2), beside: func(l *logtest.Log) map[string][]byte { return as(idx(2), toyIndex(segmentOf(l, 1)))(l) }, of: 1, told: "not on record in the log: " + idx(2)},
		"damaged":                      {record: recordsOf(1), beside: as(idx(1), doctored[:31]), of: 1, told: "damaged: " + idx(1) + " (it is no index)"},
		"empty":                        {record: recordsOf(1), beside: as(idx(1), nil), of: 1, told: "damaged: " + idx(1)},
		"damaged in part":              {record: recordsOf(1), beside: func(l *logtest.Log) map[string][]byte { return as(idx(1), cut(toyIndex(segmentOf(l, 1)), 1))(l) }, of: 1, told: "damaged: " + idx(1)},
		"of another version":           {record: recordsOf(1), beside: as(idx(1), []byte("other")), of: 1, told: "another version of etch: " + idx(1)},
		"of the active segment":        {record: recordsOf(1), beside: as(idx(3), doctored), of: 1, told: "no rotated segment that is here: " + idx(3)},
		"of no segment":                {record: recordsOf(1), beside: as(idx(70000), doctored), of: 1, told: "no rotated segment that is here: " + idx(70000)},
		"other files": {record: recordsOf(1), beside: func(*logtest.Log) map[string][]byte {
			return map[string][]byte{"audit.index/1.idx": doctored, "audit.index/000001.at": doctored, "audit.index/000001.idx.new-7": doctored, "audit.index/0000001.idx": doctored, "audit.index/000000.idx": doctored, "audit.index/README": nil}
		}},
		"a directory in its place":      {record: recordsOf(1), beside: as(idx(1)+"/x", doctored), of: 1, told: "damaged: " + idx(1)},
		"a file instead of a directory": {record: recordsOf(1), beside: as("audit.index", doctored), told: "cannot be listed"},
	} {
		t.Run(name, func(t *testing.T) {
			files := indexed(c.record, c.beside)
			for what, fsys := range map[string]fs.FS{"plain": logtest.FS(files), "streams": streams{logtest.FS(files)}, "archived": logtest.FS(asArchives(t, files))} {
				r := judged(t, fsys, toys(unzstd(atHome(0))))
				if got := kindsOf(r); !slices.Equal(got, c.kinds) {
					t.Fatalf("%s: got %v, want %v: %s", what, got, c.kinds, text(t, r))
				}
				for _, f := range r.Faults {
					if !strings.HasPrefix(f.Segment, "audit.000001.log") || f.SegmentNumber != 1 || !strings.Contains(f.Detail, idx(1)) || f.Hint == "" {
						t.Errorf("%s: the fault has not its place: %+v", what, f)
					}
				}
				if got := r.Summary.Indexes; got.Checked != c.checked || got.Of != c.of || (got.Why != "") != (c.checked < c.of) {
					t.Errorf("%s: got %+v, want %d checked of %d", what, got, c.checked, c.of)
				}
				if c.told != "" != told(r, "ndexes") || !told(r, c.told) {
					t.Errorf("%s: got %q, want to be told %q", what, r.NotChecked, c.told)
				}
			}
		})
	}
}

// TestIndexesNotChecked leaves out what would know them.
func TestIndexesNotChecked(t *testing.T) {
	files := indexed(func(l *logtest.Log) { vouch(l, 1, doctored) }, as(idx(1), doctored))
	r := judged(t, logtest.FS(files), atHome(0))
	if r.Verdict != Intact || !told(r, "Indexes: not checked") || r.Summary.Indexes.Of != 1 || r.Summary.Indexes.Checked != 0 {
		t.Errorf("got %s", text(t, r))
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil || !strings.Contains(b.String(), "not checked, there are 1") {
		t.Errorf("%v: %s", err, b.String())
	}
	files = indexed(recordsOf(1), indexesOf())
	if r := judged(t, logtest.FS(files), atHome(0)); told(r, "ndex") {
		t.Errorf("a log without indexes: %q", r.NotChecked)
	}
}

// TestIndexedRecords puts records on record that no writer makes.
func TestIndexedRecords(t *testing.T) {
	good := hex.EncodeToString(doctored[:32])
	for name, payload := range map[string]any{
		"of the segment itself":  map[string]any{"segment": 3, "lines": 1, "bytes": 1, "digest": good},
		"of a later segment":     map[string]any{"segment": 4, "lines": 1, "bytes": 1, "digest": good},
		"of no segment":          map[string]any{"lines": 1, "bytes": 1, "digest": good},
		"a number too high":      map[string]any{"segment": 1 << 32, "lines": 1, "bytes": 1, "digest": good},
		"fewer bytes than none":  map[string]any{"segment": 1, "lines": 1, "bytes": -1, "digest": good},
		"no digest":              map[string]any{"segment": 1, "lines": 1, "bytes": 1},
		"a short digest":         map[string]any{"segment": 1, "lines": 1, "bytes": 1, "digest": good[:62]},
		"a long digest":          map[string]any{"segment": 1, "lines": 1, "bytes": 1, "digest": good + "00"},
		"a digest in upper case": map[string]any{"segment": 1, "lines": 1, "bytes": 1, "digest": strings.ToUpper(good)},
		"no digits":              map[string]any{"segment": 1, "lines": 1, "bytes": 1, "digest": strings.Repeat("xy", 32)},
		"a digest of bytes":      map[string]any{"segment": 1, "lines": 1, "bytes": 1, "digest": 7},
		"no object":              "segment 1",
	} {
		var at uint64
		files := indexed(func(l *logtest.Log) {
			at = l.Size()
			l.Control("log_indexed", payload)
		}, as(idx(1), doctored))
		r := judged(t, logtest.FS(files), toys(atHome(0)))
		if got := kindsOf(r); !slices.Equal(got, []Kind{Edited}) || r.Faults[0].Seq == nil || *r.Faults[0].Seq != at {
			t.Errorf("%s: got %s, want %s at %d", name, brief(r), Edited, at)
		}
	}
	r := judged(t, logtest.FS(indexed(recordsOf(1, 2), indexesOf())), toys(atHome(0)))
	if want := judged(t, logtest.FS(indexed(recordsOf(), indexesOf())), atHome(0)).Summary.ControlRecords + 2; r.Verdict != Intact || r.Summary.ControlRecords != want {
		t.Errorf("got %d control records, want %d: %s", r.Summary.ControlRecords, want, brief(r))
	}
}

// TestIndexOfDamagedSegment makes one fault of a segment that was changed, not
// another of the index that is still as it was.
func TestIndexOfDamagedSegment(t *testing.T) {
	files := indexed(recordsOf(1, 2), indexesOf(1, 2))
	const name = "audit.000002.log"
	changed := bytes.Replace(files[name], []byte("echo"), []byte("Echo"), 1)
	for what, data := range map[string][]byte{"edited": changed, "cut": files[name][:len(files[name])/2], "line missing": cutLine(files[name], 4)} {
		for who, opts := range map[string]Options{"home": atHome(0), "outside": outside()} {
			r := judged(t, logtest.FS(with(files, name, data)), toys(opts))
			if got := kindsOf(r); r.Verdict != Damaged || slices.Contains(got, IndexDiffers) {
				t.Errorf("%s, %s: got %v: %s", what, who, got, brief(r))
			}
			if got := r.Summary.Indexes; got.Checked != 1 || got.Of != 2 || !told(r, "damaged themselves: "+idx(2)) {
				t.Errorf("%s, %s: got %+v, %q", what, who, got, r.NotChecked)
			}
		}
	}
	// One that is damaged elsewhere does not hide a lie here.
	files = indexed(func(l *logtest.Log) { vouch(l, 1, doctored) }, as(idx(1), doctored))
	changed = bytes.Replace(files["audit.log"], []byte("echo"), []byte("Echo"), 1)
	r := judged(t, logtest.FS(with(files, "audit.log", changed)), toys(atHome(0)))
	if got := kindsOf(r); !slices.Equal(got, []Kind{Edited, IndexDiffers}) {
		t.Errorf("got %v: %s", got, brief(r))
	}
}

// TestIndexOfVoidedSegment judges an index of the bytes that count.
func TestIndexOfVoidedSegment(t *testing.T) {
	make := func(index func(counts []byte) []byte) map[string][]byte {
		l := logtest.New(logtest.Options{Keys: keys})
		l.Events(3)
		counts := bytes.Clone(l.Files()["audit.log"])
		l.Void([]byte("{\"seq\":4,\"time"))
		vouch(l, 1, index(counts))
		l.Events(2)
		return with(l.Files(), idx(1), index(counts))
	}
	for what, c := range map[string]struct {
		index func([]byte) []byte
		kinds []Kind
	}{
		"its own":  {toyIndex, []Kind{Torn}},
		"doctored": {func([]byte) []byte { return doctored }, []Kind{Torn, IndexDiffers}},
	} {
		files := make(c.index)
		for form, files := range map[string]map[string][]byte{"plain": files, "archived": asArchives(t, files)} {
			r := judged(t, logtest.FS(files), toys(unzstd(atHome(0))))
			if got := kindsOf(r); !slices.Equal(got, c.kinds) || r.Summary.Indexes.Checked != 1 {
				t.Errorf("%s, %s: got %v, want %v: %s", what, form, got, c.kinds, text(t, r))
			}
		}
	}
}

// TestIndexNotCommitted has the record of an index behind what is committed:
// readers do not see it yet.
func TestIndexNotCommitted(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys})
	l.Events(8)
	l.Rotate()
	l.Events(2)
	state := l.State()
	vouch(l, 1, doctored)
	files := with(with(l.Files(), "audit.state", state), idx(1), doctored)
	r := judged(t, logtest.FS(files), toys(atHome(0)))
	if r.Verdict != Intact || !told(r, "not on record") {
		t.Errorf("not committed: got %s", text(t, r))
	}
	l.Seal()
	files["audit.log"] = l.Files()["audit.log"]
	r = judged(t, logtest.FS(files), toys(atHome(0)))
	if got := kindsOf(r); !slices.Equal(got, []Kind{IndexDiffers}) {
		t.Errorf("sealed since: got %s", text(t, r))
	}
}

// TestIndexOfNothing is of a segment that gives no index at all.
func TestIndexOfNothing(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys})
	l.Event(`"event_id":"evt_0","event_type":"command_execution","action":{"command":"no index of this"}`)
	l.Rotate()
	vouch(l, 1, doctored)
	r := judged(t, logtest.FS(with(l.Files(), idx(1), doctored)), toys(atHome(0)))
	if got := kindsOf(r); !slices.Equal(got, []Kind{IndexDiffers}) || !strings.Contains(r.Faults[0].Detail, errToy.Error()) {
		t.Errorf("got %s", text(t, r))
	}
}

// TestIndexUnread has files that can be opened and not read, a context that ends,
// and progress.
func TestIndexUnread(t *testing.T) {
	files := logtest.FS(indexed(recordsOf(1, 2), indexesOf(1, 2)))
	r := judged(t, sectorFS{files, idx(1)}, toys(atHome(0)))
	if r.Verdict != Intact || r.Summary.Indexes.Checked != 1 || !told(r, errSector.Error()) {
		t.Errorf("an index that cannot be read: %s", text(t, r))
	}
	r = judged(t, sectorFS{files, "audit.000001.log"}, toys(atHome(0)))
	if r.Verdict == Intact || r.Summary.Indexes.Checked > 1 || slices.Contains(kindsOf(r), IndexDiffers) {
		t.Errorf("a segment that cannot be read: %s", text(t, r))
	}
	opts := toys(atHome(0))
	made := opts.Indexes.Made
	ctx, cancel := context.WithCancel(t.Context())
	opts.Indexes.Made = func(r io.ReaderAt, size int64) ([32]byte, error) {
		cancel()
		return made(r, size)
	}
	if _, err := Log(ctx, files, opts); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ends: got %v", err)
	}
	opts = toys(atHome(0))
	var last, total int64
	opts.Progress = func(done, of int64) {
		if done < last {
			t.Errorf("progress went back from %d to %d", last, done)
		}
		last, total = done, of
	}
	if _, err := Log(t.Context(), files, opts); err != nil || last != total || total == 0 {
		t.Errorf("progress ended at %d of %d, %v", last, total, err)
	}
}

// TestManyIndexes has more than are named one by one.
func TestManyIndexes(t *testing.T) {
	files := indexed(recordsOf(1, 2), indexesOf(1, 2))
	for n := range 3000 {
		files[idx(n+10)] = doctored
	}
	r := judged(t, logtest.FS(files), toys(atHome(0)))
	if r.Verdict != Intact || !told(r, idx(10)+" and 2999 more") || r.Summary.Indexes.Checked != 2 || len(r.NotChecked) > 4 {
		t.Errorf("got %s", text(t, r))
	}
}
