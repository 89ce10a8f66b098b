package etch

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/verify"
)

// A liar is a log of three rotated segments with their indexes, for somebody who
// has its keys.
type liar struct {
	*Log
	dir string
}

func newLiar(t *testing.T) liar {
	t.Helper()
	dir := t.TempDir()
	l, err := Create(filepath.Join(dir, "audit.log"), &Options{NoIndex: true, NoArchive: true, Rotate: BySize}) // what is damaged stays so, however long and late it is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for s := range 3 {
		var events []*Event
		for i := range 300 {
			ev := &Event{Type: CommandExecution, Result: &Result{Type: Success}}
			ev.Actor = &Actor{Username: "@alice"}
			if i == 170 {
				ev.Actor.Username = "@mallory"
			}
			ev.Action = &Action{Command: fmt.Sprintf("make target%d VERSION=%x%x", i, i*s, i*i*7919)}
			events = append(events, ev)
		}
		if _, err := l.AppendBatch(t.Context(), events); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := l.Index(t.Context(), nil); err != nil || made != 3 {
		t.Fatalf("%d indexes made, %v", made, err)
	}
	return liar{l, dir}
}

func (l liar) path(format string, args ...any) string {
	return filepath.Join(l.dir, filepath.FromSlash(fmt.Sprintf(format, args...)))
}

// found returns how many records of mallory a query finds, and how many there are.
func (l liar) found(t *testing.T) (found, are int) {
	t.Helper()
	r, err := OpenReader(l.Log.path)
	if err != nil {
		t.Fatal(err)
	}
	where, err := ParseFilter("user = mallory", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []Query{{Where: where}, {Where: where, NoIndex: true}} {
		n := 0
		for _, err := range r.Records(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		found, are = are, n
	}
	return found, are
}

// judge verifies the log, with all of its indexes or with none.
func (l liar) judge(t *testing.T, indexes bool) *verify.Report {
	t.Helper()
	opts := verify.Options{Decompress: Decompress}
	if indexes {
		opts.Indexes = &verify.Indexes{Made: IndexDigest, Digest: ReadIndexDigest}
	}
	report, err := verify.Log(t.Context(), os.DirFS(l.dir), opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// doctor gives segment 2 an index whose hashes are right, and by which mallory
// is not in it.
func (l liar) doctor(t *testing.T) (digest [32]byte) {
	t.Helper()
	segment, err := os.ReadFile(l.path("audit.000002.log"))
	if err != nil {
		t.Fatal(err)
	}
	clean := bytes.ReplaceAll(segment, []byte("mallory"), []byte("someone"))
	if len(clean) != len(segment) || bytes.Equal(clean, segment) {
		t.Fatal("there is no mallory to hide")
	}
	var m indexMaker
	if _, err := m.rows(bytes.NewReader(clean), int64(len(clean)), 0, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if digest, err = m.builder.Finish(&file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.path("audit.index/000002.idx"), file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return digest
}

// record puts an index of segment 2 on record.
func (l liar) record(t *testing.T, digest [32]byte) {
	t.Helper()
	r, err := OpenReader(l.Log.path)
	if err != nil {
		t.Fatal(err)
	}
	on := control.IndexedLog{Segment: 2, Lines: 1, Bytes: 1, Digest: hex.EncodeToString(digest[:])}
	if err := l.recordIndex(t.Context(), r, on); err != nil {
		t.Fatal(err)
	}
}

func expectIndexes(t *testing.T, what string, r *verify.Report, checked uint64, told string, faults ...string) {
	t.Helper()
	var got []string
	for _, f := range r.Faults {
		got = append(got, fmt.Sprint(f.Kind, " ", f.Segment))
	}
	if !slices.Equal(got, faults) {
		t.Errorf("%s: faults are %q, want %q: %+v", what, got, faults, r.Faults)
	}
	if n := r.Summary.Indexes; n.Checked != checked || n.Of != 3 {
		t.Errorf("%s: %d of %d indexes are checked, want %d of 3", what, n.Checked, n.Of, checked)
	}
	if said := strings.Join(r.NotChecked, "\n"); !strings.Contains(said, told) {
		t.Errorf("%s: it does not say %q: %s", what, told, said)
	}
}

// TestVerifyIndexes lets somebody doctor an index so that a query does not find a
// record. Without the log's keys it is not used; with them, verification tells.
func TestVerifyIndexes(t *testing.T) {
	l := newLiar(t)
	expectIndexes(t, "as made", l.judge(t, true), 3, "")
	good, err := os.ReadFile(l.path("audit.index/000002.idx"))
	if err != nil {
		t.Fatal(err)
	}
	if found, are := l.found(t); found != 3 || are != 3 {
		t.Fatalf("%d records are found of %d", found, are)
	}

	digest := l.doctor(t)
	if found, are := l.found(t); found != are {
		t.Errorf("doctored: %d records are found of %d", found, are)
	}
	expectIndexes(t, "doctored", l.judge(t, true), 2, "not on record in the log: audit.index/000002.idx")

	l.record(t, digest)
	if found, are := l.found(t); found != 2 || are != 3 {
		t.Errorf("on record: %d records are found of %d, and the test shows nothing", found, are)
	}
	expectIndexes(t, "on record", l.judge(t, true), 3, "", "index-differs audit.000002.log")
	expectIndexes(t, "not checked", l.judge(t, false), 0, "Indexes: not checked")

	if err := os.Remove(l.path("audit.index/000002.idx")); err != nil {
		t.Fatal(err)
	}
	if made, err := l.Index(t.Context(), nil); err != nil || made != 1 {
		t.Fatalf("%d indexes made, %v", made, err)
	}
	if found, are := l.found(t); found != are {
		t.Errorf("mended: %d records are found of %d", found, are)
	}
	expectIndexes(t, "mended", l.judge(t, true), 3, "")
	if again, err := os.ReadFile(l.path("audit.index/000002.idx")); err != nil || !bytes.Equal(again, good) {
		t.Errorf("the index that was made again is another one, %v", err)
	}

	l.doctor(t)
	expectIndexes(t, "put back", l.judge(t, true), 3, "", "index-differs audit.000002.log")
}

// TestVerifyIndexDamage flips bytes of an index: none of it is a fault, and one
// of another segment or version is told.
func TestVerifyIndexDamage(t *testing.T) {
	l := newLiar(t)
	name := l.path("audit.index/000002.idx")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for at := 0; at < len(good); at += 1 + len(good)/40 {
		bad := bytes.Clone(good)
		bad[at] ^= 0x10
		write(bad)
		told := "Indexes that are damaged: audit.index/000002.idx"
		if at >= 8 && at < 12 || at >= 56 && at < 88 {
			told = "Indexes that are of another version of etch: audit.index/000002.idx"
		}
		expectIndexes(t, fmt.Sprintf("byte %d", at), l.judge(t, true), 2, told)
	}
	for _, at := range []int{8, 60} {
		bad := bytes.Clone(good)
		bad[at]++
		write(bad)
		expectIndexes(t, fmt.Sprintf("byte %d", at), l.judge(t, true), 2, "of another version of etch: audit.index/000002.idx")
	}
	for _, n := range []int{0, 7, 90, 200, len(good) - 1} {
		write(good[:n])
		expectIndexes(t, fmt.Sprintf("%d bytes", n), l.judge(t, true), 2, "damaged: audit.index/000002.idx")
	}
	other, err := os.ReadFile(l.path("audit.index/000001.idx"))
	if err != nil {
		t.Fatal(err)
	}
	write(other)
	expectIndexes(t, "of another segment", l.judge(t, true), 2, "not on record in the log: audit.index/000002.idx")
}

// TestVerifyIndexArchived judges the index of a segment that is an archive.
func TestVerifyIndexArchived(t *testing.T) {
	l := newLiar(t)
	old := time.Now().Add(-10000 * time.Hour)
	for n := 1; n <= 3; n++ {
		if err := os.Chtimes(l.path("audit.%06d.log", n), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if made, err := l.Archive(t.Context(), nil); err != nil || len(made) != 2 {
		t.Fatalf("%d archives made, %v", len(made), err)
	}
	if _, err := os.Stat(l.path("audit.000002.log")); err == nil {
		t.Fatal("segment 2 is no archive")
	}
	expectIndexes(t, "archived", l.judge(t, true), 3, "")
	write := l.path("audit.index/000002.idx")
	digest, file := l.otherIndex(t)
	if err := os.WriteFile(write, file, 0o600); err != nil {
		t.Fatal(err)
	}
	l.record(t, digest)
	expectIndexes(t, "doctored", l.judge(t, true), 3, "", "index-differs audit.000002.log.zst")
}

// otherIndex returns an index of no line at all.
func (l liar) otherIndex(t *testing.T) (digest [32]byte, file []byte) {
	t.Helper()
	var b bytes.Buffer
	digest, err := index.NewBuilder(indexSpec, 2, 0).Finish(&b)
	if err != nil {
		t.Fatal(err)
	}
	return digest, b.Bytes()
}
