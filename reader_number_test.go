package etch_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// Of every record of several segments, plain and archived, what stands behind it has the
// next number; another number does not go unnoticed.
func TestCheckNumber(t *testing.T) {
	path, l := indexedLog(t)
	checkNumbers(t, path)
	segments, err := filepath.Glob(filepath.Join(filepath.Dir(path), "audit.0*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range segments {
		if err := os.Chtimes(name, time.Time{}, time.Now().Add(-30*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := l.Archive(t.Context(), nil); err != nil || len(done) != len(segments)-1 {
		t.Fatalf("archived %v, %v: want all of %v but the last", done, err, segments)
	}
	checkNumbers(t, path)
}

func checkNumbers(t *testing.T, path string) {
	t.Helper()
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []etch.Record
	for rec, err := range r.Records(t.Context(), etch.Query{Control: true, AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	for i, rec := range all {
		if i%40 != 0 && i+1 < len(all) && all[i+1].Segment == rec.Segment {
			continue // these are enough
		}
		if err := r.CheckNumber(t.Context(), &rec); err != nil {
			t.Errorf("record %d: %v", rec.Seq, err)
		}
		rec.Seq += 2
		damage, ok := errors.AsType[*etch.CorruptionError](r.CheckNumber(t.Context(), &rec))
		want := fmt.Sprintf("its number is %d, and that of what stands behind it is %d", rec.Seq, rec.Seq-1)
		if !ok || damage.Segment != rec.Segment || damage.Offset != rec.Offset || damage.Err.Error() != want {
			t.Errorf("record %d as %d: got %v, want %s", rec.Seq-2, rec.Seq, damage, want)
		}
	}
}
