package zeroclaw

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/internal/zeroclaw"
)

// An anchor is a line of DaemonClaw's witness file: what the end of the chain was
// when it was written.
type anchor struct {
	Sequence  uint64 `json:"sequence"`
	EntryHash string `json:"entry_hash"`
	ChainID   string `json:"chain_id"`
	line      int
}

// maxAnchors is how many anchors are kept until their records come: one a minute
// for two years.
const maxAnchors = 1 << 20

// Anchors reads DaemonClaw's witness file, before the records: each record that
// an anchor names is then compared with it, and what anchors name and no record
// has is a fault at the end of the last file. All anchors count. Upstream looks at
// the last alone, so that a table that was cut passes as soon as another anchor was
// written (D1); here an anchor whose sequence is not greater than that of the one
// before is a fault of its own.
func (p *Parser) Anchors(name string, r io.Reader) error {
	w := &witness{name: name, anchors: make(map[uint64]anchor)}
	lines := source.NewLines(r, source.Position{})
	for {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			p.witness = w
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if len(l.Text()) == 0 {
			continue
		}
		if err := w.add(&l); err != nil {
			return err
		}
	}
}

// A witness is what the anchors say.
type witness struct {
	name    string
	anchors map[uint64]anchor // by their sequence, as far as no record was compared
	faults  []source.Fault
	chainID string
	last    uint64
	count   int
}

func (w *witness) add(l *source.Line) error {
	a := anchor{line: l.Number}
	if err := json.Unmarshal(l.Bytes, &a); err != nil || !zeroclaw.IsHash(a.EntryHash) {
		if l.Torn {
			return nil // it is not synced when it is written: a crash tears it
		}
		w.fault(&a, source.FaultUnreadable, "the line is no anchor")
		return nil
	}
	if w.count++; w.count > 1 && a.Sequence <= w.last {
		w.fault(&a, source.FaultTruncated, fmt.Sprintf("an anchor for sequence %d stands behind one for %d: the table was shorter by then", a.Sequence, w.last), "D1")
	}
	w.last = a.Sequence
	if w.chainID == "" {
		w.chainID = a.ChainID
	}
	if a.ChainID != w.chainID {
		w.fault(&a, source.FaultForked, "the anchor is of another chain than those before", "D2")
	}
	if before, ok := w.anchors[a.Sequence]; ok && before.EntryHash != a.EntryHash {
		w.fault(&a, source.FaultEdited, fmt.Sprintf("another hash than in line %d for the same sequence", before.line), "D1")
	}
	if len(w.anchors) >= maxAnchors {
		return fmt.Errorf("%s has more than %d anchors", w.name, maxAnchors)
	}
	if _, ok := w.anchors[a.Sequence]; !ok {
		w.anchors[a.Sequence] = a
	}
	return nil
}

func (w *witness) fault(a *anchor, name, text string, defects ...string) {
	w.faults = append(w.faults, source.Fault{
		Name: name, Sequence: new(a.Sequence), Defects: defects,
		Text: fmt.Sprintf("%s, line %d: %s", w.name, a.line, text),
	})
}

// saw compares a record with its anchor.
func (w *witness) saw(r *zeroclaw.Record) {
	a, ok := w.anchors[r.Sequence]
	if ok && a.EntryHash == r.EntryHash {
		delete(w.anchors, r.Sequence)
	}
	if r.Sequence == 0 && w.chainID != "" && w.chainID != zeroclaw.Digest(r.EntryHash) {
		w.fault(&anchor{}, source.FaultForked, "the anchors are of a chain with another first record", "D2")
		w.chainID = ""
	}
}

// end adds what the anchors found to the last file's report.
func (w *witness) end(f *source.FileReport) {
	for _, fault := range w.faults {
		f.Add(fault)
	}
	var highest *anchor
	for _, a := range w.anchors {
		if highest == nil || a.Sequence > highest.Sequence {
			highest = &a
		}
	}
	if highest != nil {
		f.Add(source.Fault{
			Name: source.FaultTruncated, Sequence: new(highest.Sequence), Defects: []string{"D1"},
			Text: fmt.Sprintf("%s has %d anchors whose record is not there, the highest in line %d: rows were removed or replaced",
				w.name, len(w.anchors), highest.line),
		})
	}
	f.AddBlind("D2")
}
