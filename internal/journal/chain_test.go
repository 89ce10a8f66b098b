package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/etch-audit/etch/internal/commit"
	"github.com/etch-audit/etch/internal/errorfs"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/internal/vfs"
)

const commitName = "audit.commit"

// chained returns a world whose newest events are durable in the commit file
// only, and the world after a loss of power.
func chained(t *testing.T, signed bool) (w, after *world) {
	t.Helper()
	w = newWorld()
	w.opt.Signed = signed
	must(t, w.create())
	must(t, w.append(t, 200, 300, 400, 2000, 100))
	after = w.after(w.mem.Crash(memfs.None()))
	if had, has := len(w.content(t, "audit.log")), len(after.content(t, "audit.log")); has >= had-2500 {
		t.Fatalf("after the loss of power the segment has %d of %d bytes: the test shows nothing", has, had)
	}
	return w, after
}

// TestCommitFile loses what is not durable in the segment: it is in the commit
// file, the verifier finds it there, and the next writer puts it back.
func TestCommitFile(t *testing.T) {
	for _, signed := range []bool{true, false} {
		w, after := chained(t, signed)
		must(t, after.open())
		if got, want := after.content(t, "audit.log"), w.content(t, "audit.log"); !bytes.HasPrefix(got, want) {
			t.Errorf("signed %v: the segment has %d bytes, want the %d that it had first", signed, len(got), len(want))
		}
		must(t, after.close())
		f := after.recheck(t)
		if after.hist.count(recorded) != 5 || slices.ContainsFunc(f.kinds(), func(kind string) bool { return !harmless(kind) }) {
			t.Errorf("signed %v: %d events are recorded, log tells of %v", signed, after.hist.count(recorded), f.kinds())
		}
		w.abandon()
	}
}

// Forgeries are what somebody puts in the place of the commit file, nil for
// nothing.
var forgeries = []struct {
	name string
	do   func(t *testing.T, w *world, chain commit.Entry) []byte
}{
	{"removed", func(*testing.T, *world, commit.Entry) []byte { return nil }},
	{"zeros", func(*testing.T, *world, commit.Entry) []byte { return make([]byte, 8<<10) }},
	{"cut", func(t *testing.T, w *world, _ commit.Entry) []byte { return w.content(t, commitName)[:300] }},
	{"torn", func(t *testing.T, w *world, _ commit.Entry) []byte {
		b := w.content(t, commitName)
		clear(b[1500:2500])
		return b
	}},
	{"another text", func(_ *testing.T, _ *world, chain commit.Entry) []byte {
		chain.Lines = bytes.ReplaceAll(chain.Lines, []byte("xx"), []byte("yy"))
		return commit.AppendEntry(nil, &chain)
	}},
	{"another number", func(_ *testing.T, _ *world, chain commit.Entry) []byte {
		chain.Lines = bytes.ReplaceAll(chain.Lines, []byte(`{"seq":3`), []byte(`{"seq":4`))
		return commit.AppendEntry(nil, &chain)
	}},
	{"another place", func(_ *testing.T, _ *world, chain commit.Entry) []byte {
		chain.Offset += 7
		return commit.AppendEntry(nil, &chain)
	}},
	{"another segment", func(_ *testing.T, _ *world, chain commit.Entry) []byte {
		chain.Segment++
		return commit.AppendEntry(nil, &chain)
	}},
	{"more behind", func(_ *testing.T, _ *world, chain commit.Entry) []byte {
		chain.Lines = append(slices.Clone(chain.Lines), `{"seq":9,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_forged"}`+"\n"...)
		return commit.AppendEntry(nil, &chain)
	}},
	{"text", func(*testing.T, *world, commit.Entry) []byte { return bytes.Repeat([]byte("etchcmt\x00"), 1000) }},
	{"another log's", func(t *testing.T, _ *world, _ commit.Entry) []byte {
		other := newWorld()
		must(t, other.create())
		must(t, other.append(t, 200, 300, 400, 2000, 100))
		defer other.abandon()
		return other.content(t, commitName)
	}},
}

// TestForgedCommitFile puts something else in the commit file's place, while the
// log is whole, and when it needs it. Nothing of it gets into a signed log that the
// log has not written, and nothing that is there is changed by it. That events are
// gone which were in the commit file alone is told of only as far as the state knew
// of them: with the power its newer slot may be lost (docs/threat-model.md).
func TestForgedCommitFile(t *testing.T) {
	for _, signed := range []bool{true, false} {
		for _, forgery := range forgeries {
			for _, lost := range []bool{false, true} {
				w, after := chained(t, signed)
				if !lost {
					after = w.after(w.mem.Clone())
				}
				chain, err := commit.Read(bytes.NewReader(w.content(t, commitName)))
				must(t, err)
				w.abandon()
				name := fmt.Sprintf("%s, signed %v, power lost %v", forgery.name, signed, lost)
				forged := forgery.do(t, after, chain)
				if forged == nil {
					must(t, after.mem.Remove(logDir+"/"+commitName))
				} else {
					after.put(t, commitName, forged)
				}
				after.withForged(t, name, signed, lost)
			}
		}
	}
}

// withForged opens a log whose commit file is not its own, and goes on.
func (w *world) withForged(t *testing.T, name string, signed, lost bool) {
	t.Helper()
	had := w.content(t, "audit.log")
	if err := w.open(); err != nil {
		t.Errorf("%s: open: %v", name, err)
		return
	}
	must(t, w.append(t, 50, 60))
	must(t, w.close())
	f, err := checkLog(w.mem.Sub(logDir))
	if err != nil {
		if signed || !strings.Contains(name, "another text") {
			t.Errorf("%s: %v\n%s", name, err, w.dump())
		}
		return // in an unsigned log the tree alone tells, at the next seal
	}
	for id := range f.events {
		if signed && strings.Contains(id, "forged") {
			t.Errorf("%s: the forged event is in the log", name)
		}
	}
	all := append(w.contentOf("audit.000001.log"), w.contentOf("audit.log")...)
	if !bytes.HasPrefix(all, had) {
		t.Errorf("%s: what the segment had is changed\n%s", name, w.dump())
	}
	if !lost && (f.missing > 0 || slices.Contains(f.kinds(), "damage")) {
		t.Errorf("%s: nothing was lost, but the log tells of %v and %d missing records", name, f.kinds(), f.missing)
	}
	judge(t, w.mem.Sub(logDir), f)
}

// contentOf returns a file of the log, nothing where there is none.
func (w *world) contentOf(name string) []byte {
	var b bytes.Buffer
	f, err := w.mem.Sub(logDir).Open(name)
	if err != nil {
		return nil
	}
	_, err = b.ReadFrom(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil
	}
	return b.Bytes()
}

// TestStaleCommitFile puts back a commit file of an earlier time: after the log
// has gone on, and after it has lost, with its state, what came since.
func TestStaleCommitFile(t *testing.T) {
	w, after := chained(t, true)
	old := w.content(t, commitName)
	w.abandon()
	must(t, after.open())
	must(t, after.append(t, 200, 300, 400, 3000, 100, 100))
	after.put(t, commitName, old)
	lost := after.after(after.mem.Crash(memfs.None()))
	killed := after.after(after.mem.Clone())
	after.abandon()
	must(t, killed.open())
	must(t, killed.append(t, 100))
	must(t, killed.close())
	if f := killed.recheck(t); len(f.told) > 0 || killed.hist.count(recorded) != 12 {
		t.Errorf("%d events are recorded, the log tells of %v", killed.hist.count(recorded), f.told)
	}
	must(t, lost.open())
	must(t, lost.close())
	f, err := checkLog(lost.mem.Sub(logDir))
	must(t, err)
	judge(t, lost.mem.Sub(logDir), f)
}

// TestEditedBesideCommitFile edits a line that the commit file has too: it stays
// edited, so that it is found, and is not put right in silence.
func TestEditedBesideCommitFile(t *testing.T) {
	w, _ := chained(t, true)
	after := w.after(w.mem.Clone())
	w.abandon()
	text := after.content(t, "audit.log")
	at := bytes.LastIndex(text, []byte("xxxx"))
	must(t, after.change("audit.log", func(f vfs.File) error { _, err := f.WriteAt([]byte("yyyy"), int64(at)); return err }))
	if err := after.open(); err != nil {
		t.Fatal(err)
	}
	must(t, after.close())
	if !bytes.Contains(append(after.contentOf("audit.000001.log"), after.content(t, "audit.log")...), []byte("yyyy")) {
		t.Error("the edited line was replaced")
	}
	if _, err := checkLog(after.mem.Sub(logDir)); err == nil {
		t.Error("an edited line passes")
	}
}

// TestNoCommitFile shows that a log goes on, and says so once, where a commit
// file cannot be made, written or synced.
func TestNoCommitFile(t *testing.T) {
	matching := func(kind errorfs.OpKind, name string) func(errorfs.Op) bool {
		return errorfs.And(errorfs.KindMatch(kind), errorfs.PathMatch(name))
	}
	for name, match := range map[string]func(errorfs.Op) bool{
		"create":    matching(errorfs.Create, commitName+".new"),
		"fill":      matching(errorfs.Write, commitName+".new"),
		"make":      matching(errorfs.Sync, commitName+".new"),
		"rename":    matching(errorfs.Rename, commitName+".new"),
		"write":     matching(errorfs.Write, commitName),
		"sync":      matching(errorfs.Sync, commitName),
		"directory": matching(errorfs.SyncDir, "log"),
	} {
		w := newWorld()
		must(t, w.create())
		must(t, w.append(t, 100))
		must(t, w.close())
		if name != "write" && name != "sync" && name != "directory" {
			must(t, w.mem.Remove(logDir+"/"+commitName))
		}
		fsys := w.faulty(errorfs.When(match, errorfs.Fail(syscall.ENOSPC)))
		must(t, w.open())
		w.notes = nil
		if err := w.append(t, 100, 200, 300); err != nil {
			t.Errorf("%s: append: %v", name, err)
		}
		if fsys.Faults() != 1 || len(w.notes) != 1 {
			t.Errorf("%s: %d faults, told of %v, want each once", name, fsys.Faults(), w.notes)
		}
		w.healed.Store(true)
		after := w.after(w.mem.Crash(memfs.None()))
		must(t, w.close())
		after.blameless(t, after.revive(t))
	}
}

// TestCommitFileIsDirectory shows that a log goes on where something else stands
// in the commit file's place.
func TestCommitFileIsDirectory(t *testing.T) {
	w := newWorld()
	must(t, w.create())
	must(t, w.close())
	must(t, w.mem.Mkdir(logDir+"/"+commitName, 0o700))
	must(t, w.open())
	must(t, w.append(t, 100, 200, 300))
	after := w.after(w.mem.Crash(memfs.None()))
	must(t, w.close())
	w.recheck(t)
	after.blameless(t, after.revive(t))
}

// TestCommitFileReplaced removes the commit file under a living process, which
// makes another, and leaves what is acknowledged durable at every moment after
// its next record.
func TestCommitFileReplaced(t *testing.T) {
	w, _ := chained(t, true)
	must(t, w.mem.Remove(logDir+"/"+commitName))
	must(t, w.append(t, 100))
	for range 3 {
		after := w.after(w.mem.Crash(memfs.None()))
		after.blameless(t, after.revive(t))
		must(t, w.append(t, 500))
	}
	must(t, w.close())
	w.recheck(t)
}

// TestLargeBatch writes a batch that the commit file has no room for.
func TestLargeBatch(t *testing.T) {
	w, _ := chained(t, true)
	must(t, w.batch(t, 4000, 4000, 4000))
	after := w.after(w.mem.Crash(memfs.None()))
	must(t, w.append(t, 100))
	must(t, w.close())
	w.recheck(t)
	after.blameless(t, after.revive(t))
}
