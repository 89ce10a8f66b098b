package zeroclaw_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/capture/zeroclaw"
)

// readDatabase reads the sample with anchors, "" for none.
func readDatabase(t *testing.T, data []byte, anchors string) (*source.FileReport, []*source.Entry) {
	t.Helper()
	key, _ := expectations(t)
	p := zeroclaw.NewParser(&zeroclaw.Options{Key: key, DaemonClaw: true})
	if anchors != "" {
		if err := p.Anchors("anchors.jsonl", bytes.NewReader(sample(t, anchors))); err != nil {
			t.Fatal(err)
		}
	}
	p.Begin("audit.db")
	var entries []*source.Entry
	main := zeroclaw.Contents{ReaderAt: bytes.NewReader(data), Size: int64(len(data))}
	last, err := zeroclaw.ReadDatabase(main, nil, p, 0, func(e *source.Entry) error {
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != int64(len(entries)) {
		t.Errorf("last row %d, want %d", last, len(entries))
	}
	p.End()
	return p.Report().Files[0], entries
}

func TestDatabase(t *testing.T) {
	got, entries := readDatabase(t, sample(t, "daemonclaw/audit.db"), "daemonclaw/anchors.jsonl")
	if got.Records != 4 || got.Verified != 4 || got.Verdict != source.Signed || len(got.Faults) > 0 {
		t.Errorf("%d records, %d verified, %s, faults %v; want 4, 4, signed, none", got.Records, got.Verified, got.Verdict, got.Faults)
	}
	lines := bytes.Split(bytes.TrimSpace(sample(t, "daemonclaw/event_json.jsonl")), []byte("\n"))
	_, fromLines := importTexts(t, &zeroclaw.Options{DaemonClaw: true}, text{"event_json.jsonl", sample(t, "daemonclaw/event_json.jsonl")})
	for i := range lines {
		if entries[i].SHA256 != fromLines[i].SHA256 {
			t.Errorf("row %d has other bytes than line %d", entries[i].Line, i+1)
		}
	}
}

// TestAnchors holds that all anchors count (D1): upstream, which looks at the last
// alone, passes both.
func TestAnchors(t *testing.T) {
	whole := sample(t, "daemonclaw/audit.db")
	got, _ := readDatabase(t, whole, "daemonclaw/anchors-after-truncation.jsonl")
	if !got.Has(source.FaultTruncated) || !slices.Contains(got.Defects(), "D1") {
		t.Errorf("an anchor that goes back went unreported: %v", got.Faults)
	}

	// The same table without its last row: it has one cell fewer.
	cut := bytes.Clone(whole)
	page := cut[4096:]
	if page[0] != 13 || page[4] != 4 {
		t.Fatalf("page 2 is of type %d with %d cells", page[0], page[4])
	}
	page[4] = 3
	for _, anchors := range []string{"daemonclaw/anchors.jsonl", "daemonclaw/anchors-after-truncation.jsonl"} {
		got, entries := readDatabase(t, cut, anchors)
		if len(entries) != 3 || !got.Has(source.FaultTruncated) {
			t.Errorf("%s: %d records, a removed row went unreported: %v", anchors, len(entries), got.Faults)
		}
	}
	if got, _ := readDatabase(t, cut, ""); len(got.Faults) > 0 || !slices.Contains(got.Blind, "Z9") {
		t.Errorf("without anchors a cut end cannot show, and is named: %v, blind to %v", got.Faults, got.Blind)
	}
}

// TestColumns holds that the copies beside event_json are compared with it.
func TestColumns(t *testing.T) {
	data := bytes.Replace(sample(t, "daemonclaw/audit.db"), []byte("command_execution2026-06-02T10:00:01"), []byte("command_executioN2026-06-02T10:00:01"), 1)
	got, _ := readDatabase(t, data, "")
	if !got.Has(source.FaultColumns) {
		t.Errorf("a changed column went unreported: %v", got.Faults)
	}
}

// TestLive reads a database with its write-ahead log from a directory that cannot
// be written to, as DaemonClaw leaves both while it runs. Of four rows two are in
// the log alone, and nothing in the directory is another afterwards.
func TestLive(t *testing.T) {
	dir := t.TempDir()
	before := map[string][]byte{"audit.db": sample(t, "daemonclaw/live/audit.db"), "audit.db-wal": sample(t, "daemonclaw/live/audit.db-wal")}
	for name, data := range before {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	key, _ := expectations(t)
	p := zeroclaw.NewParser(&zeroclaw.Options{Key: key, DaemonClaw: true})
	p.Begin("audit.db")
	read := func(log *zeroclaw.Contents, after int64) int64 {
		last, err := zeroclaw.ReadDatabase(*contentsOf(t, dir, "audit.db"), log, p, after, func(*source.Entry) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return last
	}
	if last := read(nil, 0); last != 2 {
		t.Errorf("without the log the last row is %d, want 2", last)
	}
	if last := read(contentsOf(t, dir, "audit.db-wal"), 2); last != 4 {
		t.Errorf("with the log the last row is %d, want 4", last)
	}
	p.End()
	if f := p.Report().Files[0]; f.Verdict != source.Signed || f.Verified != 4 {
		t.Errorf("%s, %d verified, want signed and 4: %v", f.Verdict, f.Verified, f.Faults)
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, before[f.Name()]) {
			t.Errorf("%s is another than before", f.Name())
		}
	}
	if len(found) != len(before) {
		t.Errorf("%d files, want %d", len(found), len(before))
	}
}

// contentsOf opens a file for reading only, until the test ends.
func contentsOf(t *testing.T, dir, name string) *zeroclaw.Contents {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return &zeroclaw.Contents{ReaderAt: f, Size: info.Size()}
}
