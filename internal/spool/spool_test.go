package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/spool"
	"github.com/etch-audit/etch/internal/vfs"
)

const (
	logDir = "/log"
	path   = logDir + "/audit.spool"
	room   = 1 << 20
)

var (
	began = time.Date(2026, 2, 16, 12, 0, 0, 123456000, time.UTC)
	key   = &spool.Key{1, 2, 3}
)

func newDisk(t *testing.T) *memfs.FS {
	t.Helper()
	mem := memfs.New()
	if err := errors.Join(mem.Mkdir(logDir, 0o700), mem.SyncDir("/")); err != nil {
		t.Fatal(err)
	}
	return mem
}

// batch returns a batch of bodies, that of its n-th second.
func batch(n int, bodies ...string) spool.Batch {
	b := spool.Batch{First: began.Add(time.Duration(n) * time.Second), At: began.Add(time.Hour), Since: spool.Position{Segment: 3, Offset: 17}}
	for _, body := range bodies {
		b.Bodies = append(b.Bodies, []byte(body))
	}
	return b
}

func put(t *testing.T, fsys vfs.FS, key *spool.Key, b spool.Batch) {
	t.Helper()
	if err := spool.At(fsys, path).Put(key, b, room); err != nil {
		t.Fatal(err)
	}
}

// bodies returns what waits, in order.
func bodies(t *testing.T, fsys vfs.FS, key *spool.Key) (all []string, lost int) {
	t.Helper()
	d := spool.At(fsys, path)
	files, err := d.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		c, err := d.Read(f, key)
		if err != nil {
			t.Fatal(err)
		}
		lost += c.Lost
		for _, b := range c.Bodies {
			all = append(all, string(b))
		}
	}
	return all, lost
}

func TestPutAndRead(t *testing.T) {
	mem := newDisk(t)
	put(t, mem, key, batch(2, `"c":1`))
	put(t, mem, key, batch(1, `"a":1`, `"b":1`))
	got, lost := bodies(t, mem, key)
	if diff := cmp.Diff(got, []string{`"a":1`, `"b":1`, `"c":1`}); diff != "" || lost != 0 {
		t.Errorf("lost %d, bodies (-got +want):\n%s", lost, diff)
	}
	d := spool.At(mem, path)
	files, err := d.Files()
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Read(files[0], key)
	if err != nil {
		t.Fatal(err)
	}
	want := &spool.Content{At: began.Add(time.Hour), Since: spool.Position{Segment: 3, Offset: 17}, Proven: true, Bodies: c.Bodies}
	if diff := cmp.Diff(c, want); diff != "" {
		t.Errorf("content (-got +want):\n%s", diff)
	}
	if f := files[0]; !f.First.Equal(began.Add(time.Second)) || f.Events != 2 || f.Unfinished {
		t.Errorf("file %+v", f)
	}
	if err := d.Remove(files...); err != nil {
		t.Fatal(err)
	}
	if got, _ := bodies(t, mem.Crash(memfs.None()), key); got != nil {
		t.Errorf("removed, and after a power loss still there: %q", got)
	}
}

// TestManyBodies puts more than a file holds.
func TestManyBodies(t *testing.T) {
	mem := newDisk(t)
	var all []string
	for i := range 250 {
		all = append(all, fmt.Sprintf(`"n":%d`, i))
	}
	put(t, mem, key, batch(0, all...))
	got, lost := bodies(t, mem, key)
	slices.Sort(got)
	slices.Sort(all)
	if diff := cmp.Diff(got, all); diff != "" || lost != 0 {
		t.Errorf("lost %d, bodies (-got +want):\n%s", lost, diff)
	}
}

// TestKeys reads what was written with one key, or none, with others.
func TestKeys(t *testing.T) {
	other := &spool.Key{9}
	for _, c := range []struct {
		name          string
		written, read *spool.Key
		good, proven  bool
	}{
		{"own", key, key, true, true},
		{"another log's", other, key, false, false},
		{"none", nil, key, true, false},
		{"none, read without", nil, nil, true, false},
		{"own, read without", key, nil, false, false},
	} {
		mem := newDisk(t)
		put(t, mem, c.written, batch(0, `"a":1`, `"b":1`))
		d := spool.At(mem, path)
		files, err := d.Files()
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Read(files[0], c.read)
		if err != nil {
			t.Fatal(err)
		}
		if (got.Lost == 0) != c.good || got.Proven != c.proven || len(got.Bodies)+got.Lost != 2 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestCap(t *testing.T) {
	mem := newDisk(t)
	d := spool.At(mem, path)
	for i := range 4 {
		if err := d.Put(key, batch(i, `"a":1`), 16<<10); err != nil {
			t.Fatalf("file %d of 4 blocks of 4096: %v", i, err)
		}
	}
	if err := d.Put(key, batch(5, `"a":1`), 16<<10); !errors.Is(err, spool.ErrFull) {
		t.Errorf("fifth file: %v, want %v", err, spool.ErrFull)
	}
	if got, lost := bodies(t, mem, key); len(got) != 4 || lost != 0 {
		t.Errorf("%d bodies, %d lost", len(got), lost)
	}
}

// TestTampered changes, cuts and splices a file in every place: no body comes out
// that was not put in, and each that is missing is counted.
func TestTampered(t *testing.T) {
	mem := newDisk(t)
	put(t, mem, key, batch(0, `"a":1`, `"b":1`, `"c":1`))
	put(t, mem, key, batch(1, `"x":1`))
	d := spool.At(mem, path)
	files, err := d.Files()
	if err != nil {
		t.Fatal(err)
	}
	content := func(f spool.File) []byte {
		b, err := fs.ReadFile(mem.Sub(path), f.Name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole, other := content(files[0]), content(files[1])
	lines := bytes.SplitAfter(whole, []byte{'\n'})
	changed := map[string][]byte{
		"empty": nil, "another file's": other, "twice": append(slices.Clone(whole), whole...),
		"spliced": slices.Concat(lines[0], lines[1], bytes.SplitAfter(other, []byte{'\n'})[1], lines[3]),
		"swapped": slices.Concat(lines[0], lines[2], lines[1], lines[3]),
		"doubled": slices.Concat(lines[0], lines[1], lines[1], lines[2]),
		"gone":    slices.Concat(lines[0], lines[1], lines[3]),
		"no head": slices.Concat(lines[1], lines[2], lines[3]),
		"huge":    bytes.Repeat([]byte("x"), 9<<20),
	}
	for i := range whole {
		flipped := slices.Clone(whole)
		flipped[i] ^= 1
		changed[fmt.Sprintf("flipped at %d", i)] = flipped
		changed[fmt.Sprintf("cut at %d", i)] = whole[:i]
	}
	for name, b := range changed {
		disk := mem.Clone()
		write(t, disk, filepath.Join(path, files[0].Name), b)
		c, err := spool.At(disk, path).Read(files[0], key)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, body := range c.Bodies {
			got = append(got, string(body))
		}
		good := slices.DeleteFunc([]string{`"a":1`, `"b":1`, `"c":1`}, func(s string) bool { return !slices.Contains(got, s) })
		if !slices.Equal(got, good) {
			t.Errorf("%s: bodies %q", name, got)
		}
		if missing := 3 - len(got); c.Lost != missing || (c.Cause != "") != (missing > 0) || missing == 0 && name != "twice" {
			t.Errorf("%s: %d bodies, %d lost, cause %q: it went unreported", name, len(got), c.Lost, c.Cause)
		}
	}
}

func write(t *testing.T, fsys vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.WriteAt(b, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestForeignNames has files in the directory that are none of the spool's.
func TestForeignNames(t *testing.T) {
	mem := newDisk(t)
	put(t, mem, key, batch(0, `"a":1`))
	for _, name := range []string{
		"x", ".spool", "1-2-3.spool", "0000000000000001-0123456789abcdef-0.spool", "0000000000000001-0123456789abcdef-101.spool",
		"0000000000000001-0123456789abcdef-+1.spool", "ffffffffffffffff-0123456789abcdef-1.spool", "0000000000000001-0123456789abcdef-1.bad",
	} {
		write(t, mem, filepath.Join(path, name), []byte("x"))
	}
	if err := mem.Mkdir(path+"/0000000000000001-0123456789abcdef-1.spool", 0o700); err != nil {
		t.Fatal(err)
	}
	if got, lost := bodies(t, mem, key); len(got) != 1 || lost != 0 {
		t.Errorf("bodies %q, %d lost", got, lost)
	}
}

// crashes runs f on a disk, with a crash at each of its changes in turn, and
// gives what each may leave to check.
func crashes(t *testing.T, base *memfs.FS, f func(vfs.FS) error, check func(mem *memfs.FS, acknowledged bool)) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for k := 0; ; k++ {
		mem := base.Clone()
		var left []*memfs.FS
		faulty := errorfs.Wrap(mem, errorfs.When(
			errorfs.And(errorfs.KindMatch(errorfs.Mutating...), errorfs.OnIndex(k)),
			errorfs.Crash(func() {
				left = []*memfs.FS{mem.Clone(), mem.Crash(memfs.None()), mem.Crash(memfs.All()), mem.Crash(memfs.Subset(rng))}
			})))
		err := f(faulty)
		if !faulty.Crashed() {
			if err != nil || k < 3 {
				t.Fatalf("after %d changes: %v", k, err)
			}
			for _, after := range []*memfs.FS{mem.Clone(), mem.Crash(memfs.None()), mem.Crash(memfs.All())} {
				check(after, true)
			}
			return
		}
		for _, after := range left {
			check(after, false)
		}
	}
}

func TestPutCrash(t *testing.T) {
	base := newDisk(t)
	put := func(fsys vfs.FS) error {
		return spool.At(fsys, path).Put(key, batch(0, `"a":1`, `"b":1`), room)
	}
	crashes(t, base, put, func(mem *memfs.FS, acknowledged bool) {
		d := spool.At(mem, path)
		files, err := d.Files()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			c, err := d.Read(f, key)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(c.Bodies); n+c.Lost != 2 || n != 2 && !f.Unfinished {
				t.Errorf("%s: %d bodies, %d lost", f.Name, n, c.Lost)
			}
			if f.Unfinished {
				if f, err = d.Adopt(f); err != nil || f.Unfinished {
					t.Errorf("Adopt = %+v, %v", f, err)
				}
			}
		}
		if got, _ := bodies(t, mem, key); acknowledged && len(got) != 2 {
			t.Errorf("acknowledged, and %d bodies are there", len(got))
		}
		if err := d.Put(key, batch(1, `"c":1`), room); err != nil {
			t.Errorf("Put after the crash: %v", err)
		}
	})
}

// TestPutFails lets each operation fail, with and without effect.
func TestPutFails(t *testing.T) {
	for _, fault := range []errorfs.Fault{errorfs.Fail(syscall.ENOSPC), errorfs.FailAfter(syscall.EIO), errorfs.Short(10, syscall.ENOSPC)} {
		for k := 0; ; k++ {
			mem := newDisk(t)
			fsys := errorfs.Wrap(mem, errorfs.When(errorfs.And(errorfs.KindMatch(errorfs.Mutating...), errorfs.OnIndex(k)), fault))
			err := spool.At(fsys, path).Put(key, batch(0, `"a":1`), room)
			if fsys.Faults() == 0 {
				break
			}
			if err == nil {
				t.Errorf("operation %d failed and Put returned nil", k)
			}
			if got, _ := bodies(t, mem.Crash(memfs.All()), key); len(got) > 1 {
				t.Errorf("operation %d: %q", k, got)
			}
		}
	}
}

var lossCause = strings.Repeat("disk full ", 100)

func lose(d *spool.Dir, key *spool.Key, n uint64) error {
	return d.Lose(key, spool.Loss{Count: n, From: began, To: began.Add(time.Duration(n) * time.Second), Cause: lossCause}, time.Second)
}

// TestLose counts, takes and records losses.
func TestLose(t *testing.T) {
	mem := newDisk(t)
	d := spool.At(mem, path)
	if taken, err := d.TakeLost(key, spool.Position{}, began, time.Second); taken != nil || err != nil {
		t.Errorf("TakeLost of nothing = %+v, %v", taken, err)
	}
	if err := errors.Join(lose(d, key, 2), lose(d, key, 3)); err != nil {
		t.Fatal(err)
	}
	since := spool.Position{Segment: 2, Offset: 5}
	taken, err := d.TakeLost(key, since, began, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if taken.Count != 5 || !taken.From.Equal(began) || !taken.To.Equal(began.Add(3*time.Second)) || taken.Since != since || taken.Unproven {
		t.Errorf("TakeLost = %+v", taken)
	}
	if err := lose(d, key, 1); err != nil {
		t.Fatal(err)
	}
	again, err := d.TakeLost(key, spool.Position{}, began, time.Second)
	if err != nil || again.ID != taken.ID || again.Count != 5 || again.Since != since {
		t.Errorf("TakeLost of what another has taken = %+v, %v, want it once more", again, err)
	}
	if sum, err := d.Lost(); err != nil || sum.Count != 6 {
		t.Errorf("Lost = %+v, %v, want 6", sum, err)
	}
	if err := d.RecordedLost(key, "gap_other", time.Second); err != nil {
		t.Fatal(err)
	}
	if err := d.RecordedLost(key, taken.ID, time.Second); err != nil {
		t.Fatal(err)
	}
	if sum, err := d.Lost(); err != nil || sum.Count != 1 {
		t.Errorf("Lost = %+v, %v, want 1", sum, err)
	}
	last, err := d.TakeLost(key, since, began, time.Second)
	if err != nil || last.Count != 1 || last.ID == taken.ID {
		t.Errorf("TakeLost = %+v, %v", last, err)
	}
}

// TestLoseOnFullDisk counts although nothing can be written that is not there.
func TestLoseOnFullDisk(t *testing.T) {
	mem := newDisk(t)
	d := spool.At(mem, path)
	if err := d.Reserve(); err != nil {
		t.Fatal(err)
	}
	full := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) errorfs.Fault {
		grows := op.Kind == errorfs.Write && filepath.Base(op.Path) != "lost" || op.Kind == errorfs.Mkdir
		if op.Kind == errorfs.Create {
			_, err := mem.Stat(op.Path)
			grows = err != nil
		}
		if grows {
			return errorfs.Fail(syscall.ENOSPC)
		}
		return errorfs.Fault{}
	}))
	d = spool.At(full, path)
	if err := d.Put(key, batch(0, `"a":1`), room); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Put on a full disk = %v", err)
	}
	if err := lose(d, key, 1); err != nil {
		t.Errorf("Lose on a full disk = %v", err)
	}
	if sum, err := spool.At(mem.Crash(memfs.None()), path).Lost(); err != nil || sum.Count != 1 {
		t.Errorf("after a power loss: %+v, %v", sum, err)
	}
}

func TestLoseCrash(t *testing.T) {
	base := newDisk(t)
	if err := lose(spool.At(base, path), key, 1); err != nil {
		t.Fatal(err)
	}
	two := func(fsys vfs.FS) error {
		d := spool.At(fsys, path)
		return errors.Join(lose(d, key, 1), lose(d, key, 1))
	}
	crashes(t, base, two, func(mem *memfs.FS, acknowledged bool) {
		d := spool.At(mem, path)
		sum, err := d.Lost()
		if err != nil || sum.Count < 1 || sum.Count > 3 || acknowledged && sum.Count != 3 {
			t.Errorf("acknowledged %v: %+v, %v", acknowledged, sum, err)
		}
		if idle, err := d.Idle(); idle || err != nil {
			t.Errorf("Idle = %v, %v", idle, err)
		}
	})
}

// TestLoseUnproven shows that what somebody without the key has counted stays
// unproven, whoever counts on, takes it, and takes it again; and that what is
// counted behind it is not.
func TestLoseUnproven(t *testing.T) {
	d := spool.At(newDisk(t), path)
	if err := errors.Join(lose(d, nil, 2), lose(d, key, 3)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if taken, err := d.TakeLost(key, spool.Position{}, began, time.Second); err != nil || taken.Count != 5 || !taken.Unproven {
			t.Errorf("got %+v, %v", taken, err)
		}
	}
	taken, err := d.TakeLost(key, spool.Position{}, began, time.Second)
	if err == nil {
		err = errors.Join(d.RecordedLost(key, taken.ID, time.Second), lose(d, key, 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	taken, err = d.TakeLost(key, spool.Position{}, began, time.Second)
	if err != nil || taken.Count != 1 || taken.Unproven {
		t.Fatalf("behind it: got %+v, %v", taken, err)
	}
	if err := errors.Join(d.RecordedLost(key, taken.ID, time.Second), lose(d, nil, 4)); err != nil {
		t.Fatal(err)
	}
	if taken, err := d.TakeLost(key, spool.Position{}, began, time.Second); err != nil || taken == nil || taken.Count != 4 || !taken.Unproven {
		t.Errorf("behind what was counted with the key: got %+v, %v", taken, err)
	}
}

// TestLostTampered changes each byte of the count: it is not believed, and that
// something was there is told.
func TestLostTampered(t *testing.T) {
	mem := newDisk(t)
	if err := lose(spool.At(mem, path), key, 7); err != nil {
		t.Fatal(err)
	}
	whole, err := fs.ReadFile(mem.Sub(path), "lost")
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range whole {
		if c == ' ' && !bytes.Contains(whole[i:], []byte{'\n'}) {
			continue // filling
		}
		flipped := slices.Clone(whole)
		flipped[i] ^= 1
		disk := mem.Clone()
		write(t, disk, path+"/lost", flipped)
		taken, err := spool.At(disk, path).TakeLost(key, spool.Position{}, began, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if taken == nil || taken.Count != 1 && taken.Count != 7 {
			t.Errorf("byte %d (%q) changed: %+v: it went unreported", i, c, taken)
		}
	}
	if taken, err := spool.At(mem, path).TakeLost(&spool.Key{9}, spool.Position{}, began, time.Second); err != nil || taken.Count != 1 || taken.Unproven {
		t.Errorf("with another key: %+v, %v", taken, err)
	}
}

func TestLock(t *testing.T) {
	mem := newDisk(t)
	put(t, mem, key, batch(0, `"a":1`))
	d := spool.At(mem, path)
	release, err := d.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spool.At(mem, path).Lock(); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("second Lock = %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if release, err = d.Lock(); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

// TestRefused shows that what is kept of a refusal comes back, within bounds, that it is
// no file that waits, and that what cannot be read is nothing.
func TestRefused(t *testing.T) {
	mem := newDisk(t)
	d := spool.At(mem, path)
	want := func(want spool.Refusal) {
		t.Helper()
		got, err := d.Refused()
		if diff := cmp.Diff(got, want); diff != "" || err != nil {
			t.Errorf("%v (-got +want)\n%s", err, diff)
		}
	}
	want(spool.Refusal{})
	put(t, mem, key, batch(0, `"a":1`))
	kept := spool.Refusal{At: began, Cause: "it knows no better", Files: []string{"a", "b"}, All: true}
	for _, names := range [][]string{{"a", "b"}, {"c"}, nil} {
		if kept.Files = names; names == nil {
			kept = spool.Refusal{}
		}
		if err := d.Refuse(kept); err != nil {
			t.Fatal(err)
		}
		want(kept)
	}
	if files, err := d.Files(); err != nil || len(files) != 1 {
		t.Errorf("%d files wait, %v, want 1", len(files), err)
	}
	many := spool.Refusal{At: began, Files: slices.Repeat([]string{strings.Repeat("x", 60)}, 5000), Cause: strings.Repeat("y", 1000)}
	if err := d.Refuse(many); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Refused(); err != nil || len(got.Files) != 1000 || len(got.Cause) > 310 {
		t.Errorf("%d names, a cause of %d bytes, %v", len(got.Files), len(got.Cause), err)
	}
	write(t, mem, filepath.Join(path, "refused"), []byte(`{"at":`))
	want(spool.Refusal{})
}
