package archivist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/archive"
	"github.com/etch-audit/etch/internal/archivist"
	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

const dir = "/log"

// A world is a log directory with three rotated segments and an active one.
type world struct {
	mem    *memfs.FS
	layout segment.Layout
	plain  map[uint32][]byte
}

func newWorld(t testing.TB) *world {
	t.Helper()
	layout, err := segment.LayoutOf(dir + "/audit.log")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{mem: memfs.New(), layout: layout, plain: map[uint32][]byte{}}
	if err := w.mem.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range uint32(3) {
		var b []byte
		for seq := range 600 * (n + 1) {
			b = fmt.Appendf(b, `{"seq":%d,"timestamp":"2026-02-16T12:34:56.%06dZ","signature":"%x"}`+"\n", seq, seq, rng.Uint64())
		}
		w.plain[n+1] = b
		w.write(t, layout.Numbered(n+1), b, 0o640)
	}
	w.write(t, layout.Active(), []byte("active\n"), 0o600)
	w.sync(t)
	return w
}

func (w *world) write(t testing.TB, name string, b []byte, perm fs.FileMode) {
	t.Helper()
	f, err := w.mem.OpenFile(w.layout.Path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, perm)
	if err == nil {
		_, err = f.WriteAt(b, 0)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) sync(t testing.TB) {
	t.Helper()
	if err := errors.Join(w.mem.SyncDir(dir), w.mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
}

// on is the same log on another file system.
func (w *world) on(mem *memfs.FS) *world { return &world{mem, w.layout, w.plain} }

func (w *world) options(fsys vfs.FS) archivist.Options {
	return archivist.Options{FS: fsys, Layout: w.layout, Before: time.Now().Add(time.Hour)}
}

func (w *world) names(t testing.TB) []string {
	t.Helper()
	entries, err := w.mem.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.Contains(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	return names
}

// read returns a file's bytes, nil where it is not there.
func (w *world) read(name string) ([]byte, error) {
	f, err := w.mem.OpenFile(w.layout.Path(name), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	b := make([]byte, size)
	if err == nil && size > 0 {
		_, err = f.ReadAt(b, 0)
	}
	return b, errors.Join(err, f.Close())
}

// check fails unless every segment is there in one form or in both, each of
// them whole.
func (w *world) check(t testing.TB, what string) {
	t.Helper()
	for n, want := range w.plain {
		plain, err := w.read(w.layout.Numbered(n))
		if err != nil {
			t.Fatal(err)
		}
		packed, err := w.read(w.layout.Rotated(n, true).Name)
		if err != nil {
			t.Fatal(err)
		}
		if plain == nil && packed == nil {
			t.Errorf("%s: segment %d is gone", what, n)
		}
		if plain != nil && !bytes.Equal(plain, want) {
			t.Errorf("%s: segment %d has %d bytes that are others, want %d", what, n, len(plain), len(want))
		}
		if packed == nil {
			continue
		}
		r, err := archive.Decompress(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the archive of segment %d holds %d bytes, %v; want %d", what, n, len(got), err, len(want))
		}
	}
}

// archived is what the directory holds when all is done.
var archived = []string{"audit.000001.log.zst", "audit.000002.log.zst", "audit.000003.log", "audit.log"}

// finish runs once more, without faults, and fails unless all is done then.
func (w *world) finish(t testing.TB, what string) {
	t.Helper()
	if _, err := archivist.Run(t.Context(), w.options(w.mem)); err != nil {
		t.Errorf("%s: the next run: %v", what, err)
	}
	w.check(t, what)
	if diff := cmp.Diff(w.names(t), archived); diff != "" {
		t.Errorf("%s: after the next run (-got +want):\n%s", what, diff)
	}
}

func TestRun(t *testing.T) {
	w := newWorld(t)
	var last, total int64
	opt := w.options(w.mem)
	opt.Progress = func(done, all int64) { last, total = done, all }
	done, err := archivist.Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	w.check(t, "once")
	if diff := cmp.Diff(w.names(t), archived); diff != "" {
		t.Errorf("files (-got +want):\n%s", diff)
	}
	for i, d := range done {
		b, err := w.read(w.layout.Rotated(d.Number, true).Name)
		if err != nil || d.Number != uint32(i+1) || d.Plain != int64(len(w.plain[d.Number])) || d.Packed != int64(len(b)) {
			t.Errorf("done is %+v, %v; the archive has %d bytes", d, err, len(b))
		}
	}
	if len(done) != 2 || last != total || total == 0 {
		t.Errorf("%d segments archived, told of %d of %d bytes; want 2, and all", len(done), last, total)
	}
	info, err := w.mem.Stat(w.layout.Path(archived[0]))
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode is %v, %v; want that of the segment", info.Mode(), err)
	}
	if done, err := archivist.Run(t.Context(), w.options(w.mem)); len(done) != 0 || err != nil {
		t.Errorf("a second run: %v, %v; want nothing to do", done, err)
	}
}

func TestRecentSegmentsStayPlain(t *testing.T) {
	w := newWorld(t)
	opt := w.options(w.mem)
	opt.Before = time.Now().Add(-time.Hour)
	if done, err := archivist.Run(t.Context(), opt); len(done) != 0 || err != nil {
		t.Errorf("archived %v, %v; want none of those that are too young", done, err)
	}
	if _, err := w.mem.Stat(w.layout.Path(w.layout.ArchiveLock())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("who has nothing to do has made a lock file: %v", err)
	}
}

func TestWorkers(t *testing.T) {
	w := newWorld(t)
	opt := w.options(w.mem)
	opt.Workers = 4
	if done, err := archivist.Run(t.Context(), opt); len(done) != 2 || err != nil {
		t.Errorf("archived %v, %v; want 2", done, err)
	}
	w.finish(t, "with workers")
}

// What differs is evidence: nothing of it is touched, and it keeps nobody from
// the rest.
func TestTwinsThatDiffer(t *testing.T) {
	for name, change := range map[string]func(b []byte) []byte{
		"other bytes":  func([]byte) []byte { return packed(t, []byte("something else\n")) },
		"a byte more":  func([]byte) []byte { return packed(t, append(newWorld(t).plain[1], '\n')) },
		"a byte less":  func([]byte) []byte { return packed(t, newWorld(t).plain[1][1:]) },
		"damaged":      func(b []byte) []byte { b[len(b)/2]++; return b },
		"cut":          func(b []byte) []byte { return b[:len(b)/2] },
		"empty":        func([]byte) []byte { return nil },
		"no archive":   func([]byte) []byte { return []byte("{}\n") },
		"a dictionary": func([]byte) []byte { return []byte("\x28\xb5\x2f\xfd\x01\x58\x07\x01\x00\x00") },
	} {
		w := newWorld(t)
		other := change(packed(t, w.plain[1]))
		w.write(t, "audit.000001.log.zst", other, 0o600)
		done, err := archivist.Run(t.Context(), w.options(w.mem))
		if !errors.Is(err, archivist.ErrTwins) || !strings.Contains(err.Error(), "segment 1") {
			t.Errorf("%s: error is %v, want %v of segment 1", name, err, archivist.ErrTwins)
		}
		if len(done) != 1 || done[0].Number != 2 {
			t.Errorf("%s: archived %v, want segment 2", name, done)
		}
		plain, err := w.read("audit.000001.log")
		if err != nil || !bytes.Equal(plain, w.plain[1]) {
			t.Errorf("%s: the segment was touched: %d bytes, %v", name, len(plain), err)
		}
		if b, err := w.read("audit.000001.log.zst"); err != nil || !bytes.Equal(b, other) {
			t.Errorf("%s: the archive was touched: %d bytes, %v", name, len(b), err)
		}
	}
}

func packed(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := archive.Write(&out, bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Twins that are equal are what a crash leaves, or an administrator's zstd.
func TestTwinsThatAreEqual(t *testing.T) {
	w := newWorld(t)
	w.write(t, "audit.000001.log.zst", packed(t, w.plain[1]), 0o600)
	w.finish(t, "twins")
}

func TestLeftoversAreRemoved(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"audit.000001.log.zst.new", "audit.000009.log.zst.new"} {
		w.write(t, name, make([]byte, 1<<20), 0o600)
	}
	w.write(t, "other.zst.new", nil, 0o600)
	if _, err := archivist.Run(t.Context(), w.options(w.mem)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.names(t), append(slices.Clone(archived), "other.zst.new")); diff != "" {
		t.Errorf("files (-got +want):\n%s", diff)
	}
}

// What is stopped leaves nothing.
func TestStopped(t *testing.T) {
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	opt := w.options(w.mem)
	opt.Progress = func(int64, int64) { stop() }
	if _, err := archivist.Run(ctx, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
	if diff := cmp.Diff(w.names(t), []string{"audit.000001.log", "audit.000002.log", "audit.000003.log", "audit.log"}); diff != "" {
		t.Errorf("files (-got +want):\n%s", diff)
	}
	w.finish(t, "stopped")
}

// A segment that changes while it is archived is not removed.
func TestChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	grow := errorfs.When(func(op errorfs.Op) bool {
		if op.Kind == errorfs.Rename && strings.Contains(op.Path, "000001") {
			w.write(t, "audit.000001.log", append(slices.Clone(w.plain[1]), "more\n"...), 0o640)
		}
		return false
	}, errorfs.Fail(nil))
	_, err := archivist.Run(t.Context(), w.options(errorfs.Wrap(w.mem, grow)))
	if err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("error is %v, want that the segment was changed", err)
	}
	if b, err := w.read("audit.000001.log"); err != nil || !bytes.HasSuffix(b, []byte("more\n")) {
		t.Errorf("the segment is not as it was: %d bytes, %v", len(b), err)
	}
}

func TestFullDisk(t *testing.T) {
	w := newWorld(t)
	for room := int64(0); room < 40_000; room += 3_000 {
		full := w.on(w.mem.Clone())
		used := int64(len("active\n"))
		for _, b := range w.plain {
			used += int64(len(b))
		}
		full.mem.SetCapacity(used + room)
		_, err := archivist.Run(t.Context(), full.options(full.mem))
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
		if err == nil && room < 1000 {
			t.Errorf("room for %d bytes is enough", room)
		}
		full.check(t, "full disk")
		if slices.ContainsFunc(full.names(t), func(name string) bool { return strings.HasSuffix(name, ".new") }) {
			t.Errorf("with room for %d bytes it leaves %v", room, full.names(t))
		}
		full.mem.SetCapacity(-1)
		full.finish(t, "a disk that was full")
	}
}

// Two processes at once, and one that reads all the time.
func TestTwoAtOnceAndReaders(t *testing.T) {
	for range 10 {
		w := newWorld(t)
		var group sync.WaitGroup
		stop := make(chan struct{})
		for range 3 {
			group.Go(func() {
				_, err := archivist.Run(t.Context(), w.options(w.mem))
				if err != nil && !errors.Is(err, vfs.ErrLocked) {
					t.Error(err)
				}
			})
		}
		var reading sync.WaitGroup
		reading.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					w.readEither(t, 1)
				}
			}
		})
		group.Wait()
		close(stop)
		reading.Wait()
		w.finish(t, "two at once")
	}
}

// readEither reads a segment as a reader does: in its form, or, where that is
// gone, in the other.
func (w *world) readEither(t *testing.T, n uint32) {
	plain, err := w.read(w.layout.Numbered(n))
	if err == nil && plain == nil {
		var b []byte
		if b, err = w.read(w.layout.Rotated(n, true).Name); err == nil {
			var r *archive.Reader
			if r, err = archive.NewReader(bytes.NewReader(b), int64(len(b))); err == nil {
				plain = make([]byte, r.Size())
				_, err = r.ReadAt(plain, 0)
			}
		}
	}
	if err != nil || !bytes.Equal(plain, w.plain[n]) {
		t.Errorf("a reader meets %d bytes, %v", len(plain), err)
	}
}

// A lyingFS writes something else to archives than it is told, and says nothing.
type lyingFS struct{ vfs.FS }

func (l lyingFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := l.FS.OpenFile(name, flag, perm)
	if err == nil && strings.Contains(name, ".zst") {
		return lyingFile{f}, nil
	}
	return f, err
}

type lyingFile struct{ vfs.File }

func (l lyingFile) WriteAt(p []byte, off int64) (int, error) {
	p = bytes.Clone(p)
	p[len(p)/2] ^= 1
	return l.File.WriteAt(p, off)
}

// What reads back as something else never takes the place of a segment.
func TestArchiveIsCompared(t *testing.T) {
	w := newWorld(t)
	before := w.names(t)
	if _, err := archivist.Run(t.Context(), w.options(lyingFS{w.mem})); err == nil {
		t.Error("no error on a disk that writes something else")
	}
	if diff := cmp.Diff(w.names(t), before); diff != "" {
		t.Errorf("files (-got +want):\n%s", diff)
	}
	w.check(t, "on a disk that lies")
}
