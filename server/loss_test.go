package server_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
)

// gaps returns the losses that are on record.
func (d *daemon) gaps(t *testing.T) []control.GapLog {
	t.Helper()
	r, err := etch.OpenReader(d.path)
	if err != nil {
		t.Fatal(err)
	}
	var all []control.GapLog
	for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true, Control: true, Types: []etch.EventType{"log_gap"}}) {
		if err != nil {
			t.Fatal(err)
		}
		var gap control.GapLog
		if err := json.Unmarshal(rec.Control.Log, &gap); err != nil {
			t.Fatal(err)
		}
		all = append(all, gap)
	}
	return all
}

// TestLossesOfASpool shows that what a spool for the daemon has lost, because it was
// full or a file of it was spoiled, is on record once, with who says so.
func TestLossesOfASpool(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.client(t)
	path := filepath.Join(t.TempDir(), "own.log")
	spool, err := etch.OpenSpool(path, &etch.Options{SpoolMax: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		ev := withID(fmt.Sprint("e", i), time.Now())
		if err := spool.Put(etch.ErrNotRecorded, ev); (err != nil) != (i == 2) {
			t.Fatalf("event %d: %v", i, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "own.spool", "*.spool"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%q, %v", files, err)
	}
	slices.Sort(files)
	spoiled, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], spoiled[:len(spoiled)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		done, err := spool.Send(t.Context(), c)
		if want := (etch.Drained{Recorded: 1, Lost: 2}); i == 0 && done != want || i == 1 && done != (etch.Drained{}) || err != nil {
			t.Errorf("sending %d: got %+v, %v", i, done, err)
		}
	}
	got := d.gaps(t)
	if len(got) != 2 || got[0].Lost != 1 || got[1].Lost != 1 {
		t.Fatalf("on record as lost: %+v", got)
	}
	for _, gap := range got {
		if gap.ClaimedBy != fmt.Sprint("uid ", os.Getuid()) || !strings.HasPrefix(gap.ID, gap.ClaimedBy+" ") || !strings.Contains(gap.Cause, "claims: ") {
			t.Errorf("it is not said who says so: %+v", gap)
		}
	}
	if info, err := etch.ReadSpoolInfo(path); err != nil || info != (etch.SpoolInfo{}) {
		t.Errorf("left: %+v, %v", info, err)
	}
	if bad, err := filepath.Glob(filepath.Join(filepath.Dir(path), "own.spool", "*.bad")); err != nil || len(bad) != 1 {
		t.Errorf("kept for people: %q, %v", bad, err)
	}
}

// TestLossIsRecordedOnce shows that a loss that is told again, as after a crash, has one
// record, and that nothing is taken for one that is none.
func TestLossIsRecordedOnce(t *testing.T) {
	d := startDaemon(t, nil)
	l := d.dial(t)
	const loss = `{"lost":{"id":"gap_1","count":3,"from":"2026-02-16T12:34:56Z","to":"2026-02-16T12:34:57.5Z","cause":"full"}}`
	l.send(strings.Repeat(loss+"\n", 2) + strings.Replace(loss, "gap_1", "gap_2", 1) + "\n")
	for range 3 {
		if got := l.answer(); !strings.Contains(got, `"known":true`) {
			t.Errorf("got %s", got)
		}
	}
	got := d.gaps(t)
	if len(got) != 2 || got[0].Lost != 3 || got[0].From != "2026-02-16T12:34:56.000000Z" || got[0].To != "2026-02-16T12:34:57.500000Z" {
		t.Errorf("on record: %+v", got)
	}
	for _, bad := range []string{
		`{"lost":3}`, `{"lost":{}}`, `{"lost":{"id":"x","count":0}}`, `{"lost":{"id":"x","count":-1}}`, `{"lost":{"id":"x","count":99999999999}}`,
		`{"lost":{"id":"x","count":1,"more":1}}`, `{"lost":{"id":"x","count":1}`, `{"lost":{"id":"x","count":1}}}`,
		`{"lost":{"id":"` + strings.Repeat("x", 300) + `","count":1}}`, `{"lost":{"id":"x","count":1,"from":"10000-01-01T00:00:00Z"}}`,
		`{"lost":{"id":"x","count":1,"from":"9999-12-31T23:59:59-23:59"}}`, `{"lost":{"id":"x","count":1,"to":"0000-01-01T00:00:00+00:01"}}`,
		`{"lost":{"id":"x","count":1,"from":"2026-02-16T12:34:56Z","to":"2026-02-16T12:34:55.999999Z"}}`,
	} {
		l.send(bad + "\n")
		if got := l.answer(); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("%s: got %s", bad, got)
		}
	}
	if n := len(d.gaps(t)); n != 2 {
		t.Errorf("%d losses are on record, want 2", n)
	}
}
