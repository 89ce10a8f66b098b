package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/spf13/cobra"
)

type showOptions struct {
	place *place
	what  string
	utc   bool
	json  bool
}

func newShow(at *place, std stdio) *cobra.Command {
	opts := showOptions{place: at}
	cmd := &cobra.Command{
		Use:   "show SEQ|EVENT_ID",
		Short: "Show one record in full, its pair and its seal",
		Example: `  etch show 17
  etch show evt_01jm7q2v0s5k8n3d --json`,
		Long: `Prints every member of a record as it is stored, the other record of the same
call, the first seal that covers it, and where it lies. Nothing is verified: that
is what "etch verify" does.

Exit codes: 0 shown, 1 no such record, or failed, 2 wrong use.`,
		Args: exactArgs("SEQ|EVENT_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseEmpty(cmd.Flags(), forConfigured); err != nil {
				return err
			}
			opts.what = args[0]
			return runShow(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().BoolVar(&opts.utc, "utc", false, "times in UTC")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print a JSON object")
	return cmd
}

// A showAnswer is one record and what belongs to it. Its members are a
// contract: docs/cli-json.md.
type showAnswer struct {
	Record  json.RawMessage   `json:"record"`
	Outcome string            `json:"outcome,omitempty"`
	Pair    []json.RawMessage `json:"pair"`
	Seal    *showSeal         `json:"seal"`
	Segment showSegment       `json:"segment"`
	Offset  int64             `json:"offset"`
	Bytes   int               `json:"bytes"`
	Leaf    string            `json:"leaf"`
	Signed  bool              `json:"signed"`

	record *etch.Record
	pairs  []etch.Record
}

type showSegment struct {
	Number int    `json:"number"`
	Name   string `json:"name"`
}

// A showSeal is the first seal that covers the record, as the log tells it.
type showSeal struct {
	Seq       uint64 `json:"seq"`
	Timestamp string `json:"timestamp"`
	Epoch     uint64 `json:"epoch"`
	Origin    string `json:"origin"`
	Size      uint64 `json:"size"`
	Root      string `json:"root"`
}

func runShow(ctx context.Context, opts showOptions, std stdio) error {
	resolved, err := opts.place.loadForReading(std)
	if err != nil {
		return err
	}
	reader, err := openReader(resolved)
	if err != nil {
		return err
	}
	s := search{ctx: ctx, reader: reader}
	bar := newProgress(std, "searching")
	answer, err := s.answer(opts.what)
	bar.stop()
	if _, told := errors.AsType[*etch.CorruptionError](err); s.damaged > 0 && !told {
		std.warn("%s cannot be read", places(s.damaged))
		std.hint("\"etch verify\" says more")
	}
	if err != nil {
		return err
	}
	if opts.json {
		return printJSON(std, answer)
	}
	std.tellZone(opts.utc)
	zone := std.now().Location()
	if opts.utc {
		zone = std.now().UTC().Location()
	}
	_, err = fmt.Fprint(std.out, answer.text(zone, std.colour(std.out)))
	return err
}

// A search looks for records, and counts the places that cannot be read.
type search struct {
	ctx     context.Context
	reader  *etch.Reader
	known   []*etch.CorruptionError // places that were told of, and do not count
	damaged int                     // the most others that were met at once
	first   error                   // the first of the newest search
}

// all returns the records that q asks for.
func (s *search) all(q etch.Query) ([]etch.Record, error) {
	var found []etch.Record
	damaged := 0
	defer func() { s.damaged = max(s.damaged, damaged) }()
	for r, err := range s.reader.Records(s.ctx, q) {
		if damage, ok := errors.AsType[*etch.CorruptionError](err); ok {
			if slices.ContainsFunc(s.known, func(k *etch.CorruptionError) bool { return k.Name == damage.Name && k.Offset == damage.Offset }) {
				continue
			}
			if damaged++; damaged == 1 {
				s.first = damage
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

func (s *search) answer(what string) (*showAnswer, error) {
	status, err := s.reader.Status()
	if err != nil {
		return nil, err
	}
	r, err := s.find(what, status)
	if err != nil {
		return nil, err
	}
	leaf := sha256.New()
	leaf.Write([]byte{0}) // RFC 6962, section 2.1
	leaf.Write(r.Raw)
	answer := &showAnswer{
		Record: r.Raw, Pair: []json.RawMessage{}, record: r,
		Segment: showSegment{r.Segment, segmentName(status, r.Segment)}, Offset: r.Offset, Bytes: len(r.Raw),
		Leaf: base64.StdEncoding.EncodeToString(leaf.Sum(nil)), Signed: r.Signature != "",
	}
	if answer.pairs, err = s.pair(r); err != nil {
		return nil, err
	}
	for i := range answer.pairs {
		answer.Pair = append(answer.Pair, answer.pairs[i].Raw)
	}
	answer.Outcome = showOutcome(r, answer.pairs)
	answer.Seal, err = s.seal(r.Seq)
	return answer, err
}

// find returns the record that what names.
func (s *search) find(what string, status etch.Status) (*etch.Record, error) {
	q := etch.Query{AllPhases: true, Limit: 1, EventID: what}
	name := fmt.Sprintf("the event id %q", what)
	known, missing := false, fmt.Errorf("no record has %s", name)
	if seq, err := strconv.ParseUint(what, 10, 64); err == nil {
		q = etch.Query{AllPhases: true, Limit: 1, Control: true, Match: func(r *etch.Record) bool { return r.Seq == seq }}
		name = fmt.Sprintf("the number %d", seq)
		known, missing = noNumber(seq, status)
	} else if what == "" {
		return nil, usagef("the first column of \"etch audit\" is the number", "%q is neither a number nor an event id", what)
	}
	found, err := s.all(q)
	if err != nil {
		return nil, err
	}
	switch {
	case len(found) > 0:
		return &found[0], nil
	case s.damaged == 0 || known:
		return nil, missing
	}
	return nil, fail(exitFailed, "\"etch verify\" says more", fmt.Errorf("no record that can be read has %s: %w", name, unreadable(s.damaged, s.first)))
}

// noNumber says that no record has a number, and whether that is known whatever can
// be read: the log has not come so far.
func noNumber(seq uint64, status etch.Status) (known bool, err error) {
	switch {
	case status.Size == 0:
		return false, fmt.Errorf("no record has the number %d", seq)
	case seq < status.Size:
		return false, fail(exitFailed, "\"etch verify\" says more", fmt.Errorf("record %d is missing: there are to be %d, from 0 on", seq, status.Size))
	}
	return true, fmt.Errorf("no record has the number %d: there are %d, from 0 on", seq, status.Size)
}

// mostPairs is how many records of a call id are shown on either side of one: an
// agent may give any number of them the same.
const mostPairs = 8

// pair returns the nearest other records of the same session and call id, in their
// order. Whether they are of the same call is for people to see: one that does not
// repeat what was attempted is worth a look.
func (s *search) pair(r *etch.Record) ([]etch.Record, error) {
	if r.Event.CallID == "" {
		return nil, nil
	}
	q := etch.Query{AllPhases: true, CallID: r.Event.CallID, Limit: mostPairs}
	q.Match = func(o *etch.Record) bool { return o.Seq < r.Seq && o.Event.SessionID == r.Event.SessionID }
	q.Reverse = true
	before, err := s.all(q)
	if err != nil {
		return nil, err
	}
	q.Match = func(o *etch.Record) bool { return o.Event.SessionID == r.Event.SessionID }
	q.Reverse, q.After = false, etch.Some(r.Seq)
	behind, err := s.all(q)
	slices.Reverse(before)
	return append(before, behind...), err
}

// seal returns the first seal that covers a number; nil where there is none.
func (s *search) seal(seq uint64) (*showSeal, error) {
	found, err := s.all(etch.Query{AllPhases: true, Control: true, Limit: 1, Match: func(r *etch.Record) bool {
		return r.Seq > seq && r.IsControl() && r.Control.Type == control.Sealed
	}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	r := found[0]
	var sealed control.SealedLog
	if err := json.Unmarshal(r.Control.Log, &sealed); err != nil {
		return nil, fmt.Errorf("seal at record %d: %w", r.Seq, err)
	}
	head, err := merkle.PeekNote(sealed.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("seal at record %d: %w", r.Seq, err)
	}
	return &showSeal{
		Seq: r.Seq, Timestamp: r.Event.Timestamp.UTC().Format(control.TimeFormat), Epoch: sealed.Epoch,
		Origin: head.Origin, Size: head.Size, Root: base64.StdEncoding.EncodeToString(head.Root[:]),
	}, nil
}

func segmentName(status etch.Status, number int) string {
	for _, s := range status.Segments {
		if s.Number == number {
			return s.Name
		}
	}
	return ""
}

// showOutcome says how it ended. An attempt that no completion follows is open.
func showOutcome(r *etch.Record, pairs []etch.Record) string {
	if r.IsControl() {
		return ""
	}
	next := slices.IndexFunc(pairs, func(o etch.Record) bool { return o.Seq > r.Seq && r.SameCall(&o) })
	if r.Event.Phase == etch.Attempt && (next < 0 || pairs[next].Event.Phase == etch.Attempt) {
		return "open"
	}
	return cmp.Or(outcomeOf(&r.Event), strings.TrimSuffix(string(r.Event.Phase), "completion"))
}
