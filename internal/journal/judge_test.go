package journal_test

import (
	"encoding/hex"
	"io/fs"
	"strings"

	"github.com/etch-audit/etch/verify"
)

// judge lets the verifier say what it thinks of a log in its own place, and
// compares that with what the tests found. Only what a recovery has put on
// record for ever may be a fault: missing numbers, a broken epoch, a lost state.
func judge(t tb, fsys fs.FS, f found) {
	t.Helper()
	vkey, err := fs.ReadFile(fsys, "audit.keys/log.vkey")
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	text, err := fs.ReadFile(fsys, "audit.keys/mac.key")
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	report, err := verify.Log(ctx, fsys, verify.Options{
		PublicKey: strings.TrimSpace(string(vkey)), MACSecret: secret, Workers: 1,
	})
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	for _, fault := range report.Faults {
		if !f.excuses(fault.Kind) {
			t.Errorf("verify: %+v", fault)
		}
	}
	if report.Verdict == verify.Undecided {
		t.Errorf("verify: undecided: %v", report.Undecided)
	}
	if report.Verdict == verify.Intact && (f.missing > 0 || f.broken > 0) {
		t.Errorf("verify: intact, although %d numbers are missing and %d epochs broken", f.missing, f.broken)
	}
	if f.missing > 0 {
		return // how many records are left is a matter of taste
	}
	if s := report.Summary; s.Records != f.size-f.missing || s.MissingRecords != f.missing || s.LostEvents != f.lost {
		t.Errorf("verify: %d records, %d missing, %d lost, want %d, %d, %d", s.Records, s.MissingRecords, s.LostEvents, f.size-f.missing, f.missing, f.lost)
	}
}

// excuses reports whether what was found on record explains a fault of a kind.
func (f found) excuses(kind verify.Kind) bool {
	kinds := strings.Join(f.kinds(), " ")
	switch kind {
	case verify.SegmentMissing, verify.Edited, verify.Inserted, verify.WrongEpoch: // where what is missing told of an epoch, or more stands in its place
		return f.missing > 0
	case verify.Missing, verify.Truncated:
		return f.missing > 0 || strings.Contains(kinds, "damage")
	case verify.EpochBroken:
		return f.broken > 0
	case verify.StateMissing:
		return strings.Contains(kinds, "state-lost")
	case verify.Torn:
		return strings.Contains(kinds, "damage") || strings.Contains(kinds, "state-lost") || strings.Contains(kinds, "void")
	}
	return false
}
