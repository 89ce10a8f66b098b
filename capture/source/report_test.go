package source_test

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch/capture/source"
)

// TestReportText shows that files of one name are told apart, and that signatures which
// nobody checked are not said to be another key's.
func TestReportText(t *testing.T) {
	r := source.Report{Source: "x", Files: []*source.FileReport{
		{Name: "audit.log", Records: 3, Chained: 3, Signed: 3},
		{Name: "other.log", Records: 3, Chained: 3, Signed: 3, Faults: []source.Fault{{Name: source.FaultUnknownKey, Text: "another's"}}},
		{Name: "audit.log", Records: 3, Chained: 3, Signed: 2, Verified: 2, Unsigned: 1},
		{Name: "unsigned.log", Records: 1, Chained: 1, Unsigned: 1, Blind: []string{"Z9", "Z10"}},
	}}
	for _, f := range r.Files {
		f.Settle()
	}
	r.Settle()
	const want = `x: damaged, 10 records in 4 files

audit.log (1 of 2 of that name): intact
  records     3
  chain       whole, 3 of 3 records are part of it
  signatures  3 of 3 signed, none of them checked as no key was given, 0 unsigned

other.log: damaged
  records     3
  chain       whole, 3 of 3 records are part of it
  signatures  3 of 3 signed, 0 verified with the key given, 0 unsigned
  fault       unknown-key: another's

audit.log (2 of 2 of that name): intact
  records     3
  chain       whole, 3 of 3 records are part of it
  signatures  2 of 3 signed, 2 verified with the key given, 1 unsigned

unsigned.log: intact
  records     1
  chain       whole, 1 of 1 records are part of it
  signatures  0 of 1 signed, 0 verified with the key given, 1 unsigned
  blind to    Z9 Z10 (docs/import.md)
`
	var b strings.Builder
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
