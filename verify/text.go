package verify

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/etch-audit/etch/internal/broken"
)

// WriteText writes the report for people. The verdict is its last line.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.writeSummary(&b)
	for i := range r.Faults {
		r.Faults[i].write(&b)
	}
	if more := r.FaultCount - len(r.Faults); more > 0 {
		fmt.Fprintf(&b, "\nand %d faults more\n", more)
	}
	list(&b, "On record", len(r.Notes), func(i int) string {
		n := r.Notes[i]
		return fmt.Sprintf("%s at seq %d of %s: %s", n.Type, n.Seq, n.Segment, n.Detail)
	})
	list(&b, "Could not be looked at", len(r.Undecided), func(i int) string { return r.Undecided[i] })
	list(&b, "Not covered by the verdict", len(r.NotChecked), func(i int) string { return r.NotChecked[i] })
	fmt.Fprintf(&b, "\n%s\n", r.verdict())
	_, err := io.WriteString(w, b.String())
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// plain makes characters harmless that end a line, move a cursor or turn the
// direction of text: parts of a report were read from a log that somebody may
// have made to deceive a terminal, or whoever looks for the verdict.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '�'
		}
		return r
	}, text)
}

func (r *Report) writeSummary(b *strings.Builder) {
	s := &r.Summary
	row := func(name, format string, args ...any) {
		fmt.Fprintf(b, "%-16s %s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	if s.Origin == "" {
		return
	}
	row("log", "%s", s.Origin)
	row("public key", "%s: %s", s.PublicKeySource, s.PublicKey)
	row("records", "%d (%s, %d of the log's own) in %s, %s", s.Records, count(s.Events, "event"), s.ControlRecords,
		count(s.Segments, "segment"), count(s.Bytes, "byte"))
	row("seals", "%d, all roots compared, signatures of %d checked", s.Seals, s.SealSignatures.Checked)
	if s.Seals > 0 {
		row("sealed by", "%s", s.sealedBy())
	}
	row("line MACs", "%d of %d checked", s.LineMACs.Checked, s.LineMACs.Of)
	switch {
	case s.Indexes.Checked > 0:
		row("indexes", "%d of %d compared with their segments", s.Indexes.Checked, s.Indexes.Of)
	case s.Indexes.Of > 0:
		row("indexes", "not checked, there are %d", s.Indexes.Of)
	}
	row("epochs", "%d, %d of them broken", s.Epochs, s.EpochsBroken)
	row("unsealed tail", "%s", count(s.UnsealedTail, "record"))
	if s.UnanchoredTail != nil {
		row("unanchored tail", "%s", count(*s.UnanchoredTail, "record"))
	}
	for _, n := range []struct {
		name  string
		count uint64
		what  string
	}{
		{"uncommitted", uint64(s.NotYetCommitted), "bytes at the end, not judged"},
		{"void", uint64(s.VoidBytes), "bytes that were never acknowledged"},
		{"missing", s.MissingRecords, "records"},
		{"lost", s.LostEvents, "events that the log says it could not take"},
		{"claimed", s.LostAsClaimed, "more that senders say were lost before they came to the log, which nothing proves"},
	} {
		if n.count > 0 {
			row(n.name, "%d %s", n.count, n.what)
		}
	}
	row("tier", "%s: %s", s.Tier, s.Tier.meaning())
	if s.KeysReadableHere && !broken.Is("keys-unsaid") {
		row("keys", "readable by whoever ran this, and so by every program of that user: only what closed epochs sealed is out of their reach")
	} else {
		row("keys", "the private keys were not readable here")
	}
}

// count writes how many there are of something.
func count[N int | int64 | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// meaning says what a tier proves.
func (t Tier) meaning() string {
	switch t {
	case TierForwardSecure:
		return "what closed epochs sealed cannot have been changed, even with all keys of today"
	case TierAnchored:
		return "everything up to the head held outside is there, unchanged"
	default:
		return "the files agree with each other and with the key"
	}
}

// write writes a fault: what, where, why.
func (f *Fault) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s", strings.ToUpper(string(f.Kind)))
	if f.Segment != "" {
		fmt.Fprintf(b, "  %s", plain(f.Segment))
	}
	if f.Offset != nil {
		fmt.Fprintf(b, ", offset %d", *f.Offset)
	}
	switch from := f.from(); {
	case f.Seq != nil:
		fmt.Fprintf(b, ", seq %d", *f.Seq)
	case from != nil && *f.to() == *from+1:
		fmt.Fprintf(b, ", seq %d", *from)
	case from != nil && *f.to() > *from:
		fmt.Fprintf(b, ", seq %d to %d", *from, *f.to()-1)
	}
	fmt.Fprintf(b, "\n  %s\n", plain(f.Detail))
	if f.LastGoodSeal != nil {
		fmt.Fprintf(b, "  the last good seal before it is seq %d\n", *f.LastGoodSeal)
	}
	if f.Hint != "" {
		fmt.Fprintf(b, "  hint: %s\n", f.Hint)
	}
}

func list(b *strings.Builder, title string, n int, item func(int) string) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for i := range n {
		fmt.Fprintf(b, "  - %s\n", plain(item(i)))
	}
}

// verdict is the report in a line.
func (r *Report) verdict() string {
	switch {
	case r.Verdict == Damaged && r.FaultCount == 1:
		return "DAMAGED: 1 fault"
	case r.Verdict == Damaged:
		return fmt.Sprintf("DAMAGED: %d faults", r.FaultCount)
	case r.Verdict == Undecided:
		return "UNDECIDED: no fault was found in what could be looked at"
	}
	return fmt.Sprintf("INTACT: %d records", r.Summary.Records)
}
