package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/logtest"
)

func archived(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := archive.Write(&b, bytes.NewReader(plain), int64(len(plain))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// asArchives returns the files with all rotated segments archived.
func asArchives(t testing.TB, files map[string][]byte) map[string][]byte {
	t.Helper()
	out := maps.Clone(files)
	for name, b := range files {
		if strings.HasPrefix(name, "audit.0") {
			delete(out, name)
			out[name+".zst"] = archived(t, b)
		}
	}
	return out
}

func unzstd(opts Options) Options {
	opts.Decompress = archive.Decompress
	return opts
}

// An archived log is judged as the plain one is, good or damaged.
func TestArchivesAreJudgedAlike(t *testing.T) {
	base := small(logtest.Options{}).Files()
	for name, files := range map[string]map[string][]byte{
		"clean":           base,
		"large":           made(logtest.Options{SealEvery: 100}, events(1700), (*logtest.Log).Rotate, events(3), (*logtest.Log).Seal),
		"edited":          with(base, "audit.000002.log", bytes.Replace(base["audit.000002.log"], []byte("echo"), []byte("Echo"), 1)),
		"line missing":    with(base, "audit.000001.log", cutLine(base["audit.000001.log"], 3)),
		"cut":             with(base, "audit.000001.log", base["audit.000001.log"][:900]),
		"void":            made(logtest.Options{}, events(3), func(l *logtest.Log) { l.Void([]byte("{\"seq\":4,\"time")) }, events(2)),
		"segment missing": without(base, "audit.000002.log"),
		"exchanged":       exchanged(base),
	} {
		t.Run(name, func(t *testing.T) {
			for _, opts := range []Options{atHome(smallEpoch), outside()} {
				plain := judged(t, logtest.FS(files), unzstd(opts))
				packed := judged(t, logtest.FS(asArchives(t, files)), unzstd(opts))
				if got, want := said(packed), said(plain); got != want {
					t.Errorf("archived:\n%s\nplain:\n%s", got, want)
				}
			}
		})
	}
}

// said is a report without what must differ between the forms.
func said(r *Report) string {
	sum := r.Summary
	return strings.ReplaceAll(fmt.Sprint(r.Verdict, brief(r), sum.Records, sum.Seals, sum.MissingRecords, sum.VoidBytes, sum.Bytes), ".log.zst", ".log")
}

func cutLine(b []byte, n int) []byte {
	lines := bytes.SplitAfter(b, []byte{'\n'})
	return bytes.Join(slices.Delete(lines, n, n+1), nil)
}

// Whatever byte of an archive changes, the log is damaged or the same.
func TestArchiveEveryByteFlipped(t *testing.T) {
	files := asArchives(t, small(logtest.Options{}).Files())
	const name = "audit.000002.log.zst"
	opts := unzstd(atHome(smallEpoch))
	silent := 0
	for i := 0; i < len(files[name]); i += 3 {
		bad := bytes.Clone(files[name])
		bad[i] ^= 0x41
		r := judged(t, logtest.FS(with(files, name, bad)), opts)
		if r.Verdict == Undecided {
			t.Errorf("byte %d: undecided: %v", i, r.Undecided)
		}
		if r.Verdict == Intact {
			silent++
		} else if !slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Segment == name }) {
			t.Errorf("byte %d: no fault is in the archive: %s", i, brief(r))
		}
	}
	if silent > len(files[name])/60 {
		t.Errorf("%d flips were not noticed", silent)
	}
	for n := range 40 {
		r := judged(t, logtest.FS(with(files, name, files[name][:n*len(files[name])/40])), opts)
		if r.Verdict != Damaged {
			t.Errorf("cut to %d/40: %s", n, r.Verdict)
		}
	}
}

// A damaged frame takes its own lines with it, and no others.
func TestArchiveDamageIsNamed(t *testing.T) {
	files := asArchives(t, made(logtest.Options{SealEvery: 100}, events(3000), (*logtest.Log).Rotate, events(3), (*logtest.Log).Seal))
	const name = "audit.000001.log.zst"
	bad := bytes.Clone(files[name])
	bad[len(bad)/2] ^= 0xff
	r := judged(t, logtest.FS(with(files, name, bad)), unzstd(outside()))
	if r.Verdict != Damaged {
		t.Fatalf("verdict is %s: %v", r.Verdict, r.Undecided)
	}
	var lost uint64
	named := false
	for _, f := range r.Faults {
		if f.Segment != name {
			t.Errorf("a fault is in %q: %s", f.Segment, f.Detail)
		}
		named = named || strings.Contains(f.Detail, "archive is damaged: at byte")
		if f.Seq != nil {
			lost++
		} else if f.FromSeq != nil {
			lost += *f.ToSeq - *f.FromSeq
		}
	}
	if lost != 512 || !named || r.Summary.MissingRecords != 511 {
		t.Errorf("%d lines are told of, %d missing, the archive named: %v; want the 512 of one frame: %s", lost, r.Summary.MissingRecords, named, brief(r))
	}
}

// What cannot be looked at is not damage.
func TestArchiveUndecided(t *testing.T) {
	plain := small(logtest.Options{}).Files()
	files := asArchives(t, plain)
	const name = "audit.000001.log.zst"
	for what, c := range map[string]struct {
		fsys fs.FS
		opts Options
	}{
		"no decompressor": {logtest.FS(files), atHome(smallEpoch)},
		"a bad sector":    {sectorFS{logtest.FS(files), name}, unzstd(atHome(smallEpoch))},
		"a bad sector, of a twin": {
			sectorFS{logtest.FS(with(plain, name, files[name])), name}, unzstd(atHome(smallEpoch)),
		},
		"another kind": {logtest.FS(with(files, name, []byte("\x28\xb5\x2f\xfd\x01\x58\x07\x01\x00\x00"))), unzstd(atHome(smallEpoch))},
	} {
		r := judged(t, c.fsys, c.opts)
		if r.Verdict != Undecided || len(r.Faults) > 0 {
			t.Errorf("%s: %s, want undecided: %s", what, r.Verdict, brief(r))
		}
	}
}

// A sectorFS has a file that can be opened and not read.
type sectorFS struct {
	fs.FS
	name string
}

var errSector = errors.New("bad sector")

func (s sectorFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if name == s.name && err == nil {
		return sectorFile{f}, nil
	}
	return f, err
}

type sectorFile struct{ fs.File }

func (sectorFile) Read([]byte) (int, error) { return 0, errSector }

func TestTwins(t *testing.T) {
	plain := small(logtest.Options{}).Files()
	archives := asArchives(t, plain)
	const name = "audit.000001.log"
	both := with(plain, name+".zst", archives[name+".zst"])
	if r := judged(t, logtest.FS(both), unzstd(atHome(smallEpoch))); r.Verdict != Intact {
		t.Errorf("twins that are equal: %s: %s", r.Verdict, brief(r))
	}
	for what, b := range map[string][]byte{
		"other":   archives["audit.000002.log.zst"],
		"longer":  archived(t, append(bytes.Clone(plain[name]), '\n')),
		"shorter": archived(t, plain[name][:len(plain[name])-1]),
		"damaged": archives[name+".zst"][:100],
		"empty":   nil,
	} {
		r := judged(t, logtest.FS(with(plain, name+".zst", b)), unzstd(atHome(smallEpoch)))
		if got := kindsOf(r); !slices.Equal(got, []Kind{TwinsDiffer}) {
			t.Errorf("%s: got %v, want %v: %s", what, got, TwinsDiffer, brief(r))
		}
	}
}

// A segment may be archived at any moment of a verification.
func TestArchivedMeanwhile(t *testing.T) {
	plain := small(logtest.Options{}).Files()
	after := asArchives(t, plain)
	for step := range 60 {
		m := &meanwhile{left: step, now: logtest.FS(plain), then: logtest.FS(after)}
		r, err := Log(t.Context(), m, unzstd(atHome(smallEpoch)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Intact {
			t.Errorf("archived at step %d: %s %v: %s", step, r.Verdict, r.Undecided, brief(r))
		}
	}
}

// A listing may lack a segment that is archived while it is made.
func TestArchivedWhileListed(t *testing.T) {
	files := asArchives(t, small(logtest.Options{}).Files())
	m := &meanwhile{left: 1 << 30, now: logtest.FS(files), hidden: "audit.000001.log.zst"}
	if r, err := Log(t.Context(), m, unzstd(atHome(smallEpoch))); err != nil || r.Verdict != Intact {
		t.Errorf("verdict is %s, %v: %s", r.Verdict, err, brief(r))
	}
}

// A meanwhile becomes another file system after some operations. The first
// listing of it lacks a file.
type meanwhile struct {
	mu        sync.Mutex
	left      int
	now, then fstest.MapFS
	hidden    string
}

func (m *meanwhile) step() fstest.MapFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left--; m.left < 0 {
		return m.then
	}
	return m.now
}

func (m *meanwhile) Open(name string) (fs.File, error)     { return m.step().Open(name) }
func (m *meanwhile) Stat(name string) (fs.FileInfo, error) { return m.step().Stat(name) }

func (m *meanwhile) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := m.step().ReadDir(name)
	hidden := m.hidden
	m.hidden = ""
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == hidden }), err
}
