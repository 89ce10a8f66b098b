package source

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A Report is what a source itself can show of its integrity. Never one word for
// all of it: chain, signatures, gaps, what nothing covers and what nothing can
// show stand apart.
type Report struct {
	Source  string        `json:"source"`
	Verdict Verdict       `json:"verdict"` // the worst of the files'
	Files   []*FileReport `json:"files"`
	Notes   []string      `json:"notes,omitempty"` // what is true of the source as a whole
}

// A FileReport is a Report's part on one file.
type FileReport struct {
	Name       string  `json:"name"`
	Generation string  `json:"generation,omitempty"` // of the source's format
	Verdict    Verdict `json:"verdict"`
	Bytes      int64   `json:"bytes"`
	Lines      int     `json:"lines"`
	Records    int     `json:"records"`

	FirstSequence *uint64 `json:"first_sequence,omitempty"` // the lowest
	LastSequence  *uint64 `json:"last_sequence,omitempty"`  // the highest

	Chained     int `json:"chained"`      // records with a hash of their own
	NoIntegrity int `json:"no_integrity"` // records without
	Signed      int `json:"signed"`
	Verified    int `json:"verified"` // signatures of the key given
	Unsigned    int `json:"unsigned"`

	Uncovered map[string]int `json:"uncovered,omitempty"` // members that no hash covers, and in how many records
	Skipped   map[string]int `json:"skipped,omitempty"`   // lines that are no audit records and were left out, by what they are
	Fragments int            `json:"fragments"`           // pieces that are no record

	Faults        []Fault `json:"faults"`
	FaultsLeftOut int     `json:"faults_left_out,omitempty"` // beyond MaxFaults
	// Blind are the defects of the source's program by which the file could have
	// been changed, or be incomplete, with nothing in it to show.
	Blind []string `json:"blind,omitempty"`
}

// MaxFaults is how many faults are kept of one file. Others are counted.
const MaxFaults = 1000

// A Fault is one thing that is wrong at one place.
type Fault struct {
	Name     string   `json:"fault"`
	Line     int      `json:"line,omitempty"` // 0: of the whole file
	Sequence *uint64  `json:"sequence,omitempty"`
	Defects  []string `json:"defects,omitempty"` // of the source's program, that lead to it
	Text     string   `json:"text"`
}

// The names of faults.
const (
	FaultEdited         = "edited"
	FaultMissing        = "missing"
	FaultReordered      = "reordered"
	FaultDuplicate      = "duplicate"
	FaultForked         = "forked"
	FaultUnlinked       = "unlinked"
	FaultChainRestart   = "chain-restart"
	FaultSegmentMissing = "segment-missing"
	FaultTorn           = "torn"
	FaultUnreadable     = "unreadable"
	FaultBadSignature   = "bad-signature"
	FaultUnknownKey     = "unknown-key"
	FaultStripped       = "signature-stripped"
	FaultTruncated      = "truncated" // an outside witness remembers more
	FaultColumns        = "columns"   // a database's columns say something else than the record
)

// The names of what is no fault of a place, but bears on what a file can show.
const (
	NameUnsigned    = "unsigned"
	NameUncovered   = "uncovered-member"
	NameNoIntegrity = "no-integrity"
	NameEmpty       = "empty"
)

// Add adds a fault.
func (f *FileReport) Add(fault Fault) {
	if len(f.Faults) >= MaxFaults {
		f.FaultsLeftOut++
		return
	}
	f.Faults = append(f.Faults, fault)
}

// Has reports whether a fault of that name was found.
func (f *FileReport) Has(name string) bool {
	return slices.ContainsFunc(f.Faults, func(x Fault) bool { return x.Name == name })
}

// Names returns the names of all that is to be told of the file: its faults' and
// those of what no fault is, sorted, each once.
func (f *FileReport) Names() []string {
	var names []string
	for i := range f.Faults {
		names = append(names, f.Faults[i].Name)
	}
	if f.Unsigned > 0 {
		names = append(names, NameUnsigned)
	}
	if len(f.Uncovered) > 0 {
		names = append(names, NameUncovered)
	}
	if f.NoIntegrity > 0 {
		names = append(names, NameNoIntegrity)
	}
	if f.Records == 0 && f.Fragments == 0 && len(f.Skipped) == 0 {
		names = append(names, NameEmpty)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Defects returns the defects of the source's program that bear on the file, of
// its faults and those that it is blind to; sorted, each once.
func (f *FileReport) Defects() []string {
	all := slices.Clone(f.Blind)
	for i := range f.Faults {
		all = append(all, f.Faults[i].Defects...)
	}
	return sortDefects(all)
}

// AddBlind adds defects to Blind.
func (f *FileReport) AddBlind(defects ...string) {
	f.Blind = sortDefects(append(f.Blind, defects...))
}

// sortDefects sorts by letter, then by number: Z9 stands before Z10. None stands
// twice.
func sortDefects(defects []string) []string {
	slices.SortFunc(defects, func(a, b string) int {
		if len(a) != len(b) && a[:1] == b[:1] {
			return cmp.Compare(len(a), len(b))
		}
		return cmp.Compare(a, b)
	})
	return slices.Compact(defects)
}

// Settle sets Verdict from what was counted: of a file with faults Damaged, else
// the least that is true of all its records.
func (f *FileReport) Settle() {
	switch {
	case len(f.Faults) > 0:
		f.Verdict = Damaged
	case f.Records == 0:
		f.Verdict = Empty
	case f.NoIntegrity > 0:
		f.Verdict = NoIntegrity
	case f.Verified == f.Records:
		f.Verdict = Signed
	default:
		f.Verdict = Intact
	}
}

// order is from the worst verdict of a file to the best.
var order = []Verdict{Damaged, Empty, NoIntegrity, Intact, Signed}

// Settle sets Verdict to the worst of the files'; Empty where there are none.
func (r *Report) Settle() {
	r.Verdict = Empty
	worst := len(order)
	for _, f := range r.Files {
		if i := slices.Index(order, f.Verdict); i >= 0 && i < worst {
			worst = i
			r.Verdict = f.Verdict
		}
	}
}

// Records returns how many records all files have.
func (r *Report) Records() int {
	n := 0
	for _, f := range r.Files {
		n += f.Records
	}
	return n
}

// WriteTo writes the report for people. Texts of the source are quoted.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s in %s\n", r.Source, r.Verdict, count(r.Records(), "record"), count(len(r.Files), "file"))
	for i, f := range r.Files {
		f.write(&b, r.rank(i))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// rank tells a file from others of its name, of other directories or of before a
// rotation; "" where there are none.
func (r *Report) rank(i int) string {
	at, all := 0, 0
	for k, f := range r.Files {
		if f.Name == r.Files[i].Name {
			if all++; k <= i {
				at++
			}
		}
	}
	if all == 1 {
		return ""
	}
	return fmt.Sprintf(" (%d of %d of that name)", at, all)
}

func (f *FileReport) write(b *strings.Builder, rank string) {
	fmt.Fprintf(b, "\n%s%s: %s\n", quoteName(f.Name), rank, f.Verdict)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(b, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("records", "%s", f.recordsText())
	row("chain", "%s", f.chainText())
	if f.Chained > 0 {
		row("signatures", "%d of %d signed, %s, %d unsigned", f.Signed, f.Chained, f.verifiedText(), f.Unsigned)
	}
	if len(f.Uncovered) > 0 {
		row("uncovered", "%s", counts(f.Uncovered))
	}
	if len(f.Skipped) > 0 {
		row("left out", "%s", counts(f.Skipped))
	}
	for i := range f.Faults {
		row("fault", "%s", f.Faults[i].String())
	}
	if f.FaultsLeftOut > 0 {
		row("fault", "and %d more", f.FaultsLeftOut)
	}
	if len(f.Blind) > 0 {
		row("blind to", "%s (docs/import.md)", strings.Join(f.Blind, " "))
	}
}

func (f *FileReport) recordsText() string {
	text := fmt.Sprintf("%d", f.Records)
	if f.Generation != "" {
		text += " of " + f.Generation
	}
	if f.FirstSequence != nil && f.LastSequence != nil {
		text += fmt.Sprintf(", sequence %d to %d", *f.FirstSequence, *f.LastSequence)
	}
	if f.Fragments > 0 {
		text += ", " + count(f.Fragments, "piece") + " of none"
	}
	return text
}

// verifiedText says how many signatures are the key's: each that is not is a fault, so
// where there is neither no key was given.
func (f *FileReport) verifiedText() string {
	if f.Signed > 0 && f.Verified == 0 && !f.Has(FaultBadSignature) && !f.Has(FaultUnknownKey) && f.FaultsLeftOut == 0 {
		return "none of them checked as no key was given"
	}
	return fmt.Sprintf("%d verified with the key given", f.Verified)
}

func (f *FileReport) chainText() string {
	switch {
	case f.Chained == 0:
		return "none"
	case f.Has(FaultForked) || f.Has(FaultUnlinked) || f.Has(FaultMissing) || f.Has(FaultReordered) ||
		f.Has(FaultEdited) || f.Has(FaultDuplicate) || f.Has(FaultChainRestart) || f.Has(FaultSegmentMissing):
		return fmt.Sprintf("broken, %d of %d records are part of one", f.Chained, f.Records)
	}
	return fmt.Sprintf("whole, %d of %d records are part of it", f.Chained, f.Records)
}

// String returns the fault in a line.
func (x *Fault) String() string {
	var b strings.Builder
	b.WriteString(x.Name)
	if x.Line > 0 {
		fmt.Fprintf(&b, ", line %d", x.Line)
	}
	if x.Sequence != nil {
		fmt.Fprintf(&b, ", sequence %d", *x.Sequence)
	}
	b.WriteString(": " + x.Text)
	if len(x.Defects) > 0 {
		b.WriteString(" (" + strings.Join(x.Defects, ", ") + ")")
	}
	return b.String()
}

func counts(m map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d×", quoteName(name), m[name]))
	}
	return strings.Join(parts, ", ")
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// quoteName returns a name as it is where it is harmless, else in quotation marks.
func quoteName(s string) string {
	for _, r := range s {
		if r <= ' ' || r == '"' || r > '~' {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}
