package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// batch is how many rows are recorded together: one sync, mostly.
const batch = 128

// A filling is what is going to be recorded together.
type filling struct {
	rows   []*Row
	events [][]*etch.Event // of each row
}

// add records the events of a row soon, and then reports the row.
func (v *visit) add(ctx context.Context, row *Call, c *transcript.Call, events ...*etch.Event) error {
	for _, ev := range events {
		ev.ID = eventID(ev.Timestamp, v.Agent.Name, ev.SessionID, ev.CallID, string(ev.Phase)+ev.Labels[labelCorrects], ev.Labels[labelInput])
		if ev.Labels == nil {
			ev.Labels = map[string]string{}
		}
		ev.Labels[labelCapture] = hook.SourceTranscript
		if c.Typed {
			ev.Labels[labelTyped] = "person"
		}
	}
	return v.enqueue(ctx, &Row{Call: row}, events)
}

// correction returns the end of a call as the transcript tells it, in place of the one
// that was inferred. It is of the same call, and counts as the one behind it: see
// [etch.LabelInferred].
func (v *visit) correction(c *transcript.Call, e *entry) *etch.Event {
	ev := v.completion(c, e.guess)
	ev.Labels[labelCorrects] = e.guess.Event.ID
	return ev
}

// completion returns the end of a call as the transcript tells it, of what is on record: it
// repeats that, so that the two are one call.
func (v *visit) completion(c *transcript.Call, of *etch.Record) *etch.Event {
	told := v.Agent.Completion(&c.Call, v.Recording)
	ev := of.Event
	ev.Phase, ev.Result, ev.Labels = etch.Completion, told.Result, maps.Clone(ev.Labels)
	for _, name := range []string{etch.LabelInferred, etch.LabelSpooled, etch.LabelSpoolMAC} {
		delete(ev.Labels, name)
	}
	for _, name := range []string{labelEnd, labelDeniedBy, labelOutput} {
		if delete(ev.Labels, name); told.Labels[name] != "" {
			ev.Labels[name] = told.Labels[name]
		}
	}
	action, changed := corrected(of, told, c.Clipped)
	if ev.Action = action; changed {
		ev.Labels[labelInput] = told.Labels[labelInput]
	}
	return &ev
}

// corrected returns what a call did: as it is on record, or where the transcript has
// another input as that has it, with what was asked for beside it. It reports which.
func corrected(of *etch.Record, told *etch.Event, clipped bool) (action *etch.Action, changed bool) {
	was, is := of.Event.Action, *told.Action
	allowed, approved := is.Allowed, is.Approved
	is.Tool, is.MCPServerID, is.ClaimSource, is.Cwd = was.Tool, was.MCPServerID, was.ClaimSource, was.Cwd
	is.Risk, is.RiskReasons = was.Risk, was.RiskReasons
	before := of.Event.Labels[labelInput]
	changed = !clipped && before != "" && told.Labels[labelInput] != "" && before != told.Labels[labelInput]
	switch {
	case changed:
		arguments, err := etch.AppendAsked(is.Arguments, was)
		if changed = err == nil; changed {
			is.Arguments = arguments
			break
		}
		is = *was
	case len(of.Cuts) == 0 || clipped:
		is = *was // else all of it is cut alike
	}
	is.Allowed, is.Approved = allowed, approved
	return &is, changed
}

func (v *visit) enqueue(ctx context.Context, row *Row, events []*etch.Event) error {
	v.fill.rows = append(v.fill.rows, row)
	v.fill.events = append(v.fill.events, events)
	if len(v.fill.rows) >= batch {
		return v.flush(ctx)
	}
	return nil
}

// flush records what is waiting, and reports it.
func (v *visit) flush(ctx context.Context) error {
	if len(v.fill.rows) == 0 {
		return nil
	}
	var all []*etch.Event
	for _, events := range v.fill.events {
		all = append(all, events...)
	}
	receipts, err := v.Fill.AppendBatch(ctx, all)
	if err != nil && !errors.Is(err, etch.ErrSkipped) {
		return fmt.Errorf("record what is missing: %w", err)
	}
	if err := v.tellHooks(ctx, receipts); err != nil {
		return err
	}
	next := 0
	for i, row := range v.fill.rows {
		n := len(v.fill.events[i])
		recorded := len(receipts) >= next+n && recordedAll(receipts[next:next+n])
		next += n
		v.settle(row, recorded)
		if err := v.report(row); err != nil {
			return err
		}
	}
	v.fill = filling{}
	return nil
}

// tellHooks tells the hooks' sessions which calls are on record with their ends. Of those whose
// end was inferred they go on to tell it.
func (v *visit) tellHooks(ctx context.Context, receipts []etch.Receipt) error {
	if v.Settled == nil {
		return nil
	}
	settled := map[string][]hook.SettledCall{}
	next := 0
	for _, events := range v.fill.events {
		for _, ev := range events {
			_, inferred := ev.Labels[etch.LabelInferred]
			if ev.Phase == etch.Completion && !inferred && len(receipts) > next && recordedAll(receipts[next:next+1]) {
				settled[ev.SessionID] = append(settled[ev.SessionID], hook.SettledCall{ID: ev.CallID, Input: ev.Labels[labelInput]})
			}
			next++
		}
	}
	for _, session := range slices.Sorted(maps.Keys(settled)) {
		if err := v.Settled(ctx, session, settled[session]...); err != nil {
			return fmt.Errorf("tell hooks what is recorded: %w", err)
		}
	}
	return nil
}

// recordedAll reports whether none of the receipts is that of a skipped event,
// which is the zero one. A log that syncs at intervals gives receipts that are
// not durable yet, with the event's id.
func recordedAll(receipts []etch.Receipt) bool {
	return !slices.Contains(receipts, (etch.Receipt{}))
}

// settle notes whether a row was recorded, or the configuration did not want it.
func (v *visit) settle(row *Row, recorded bool) {
	switch {
	case row.Finding != nil:
		row.Finding.Filled = recorded
	case row.Prompt != nil && recorded:
		row.Prompt.Filled = true
		v.row.PromptsFilled++
	case row.Prompt != nil:
		row.Prompt.Skipped = true
		v.row.Skipped++
	case recorded:
		row.Call.Filled = true
		v.row.Filled++
	default:
		row.Call.Skipped = true
		v.row.Skipped++
	}
}

// found reports a finding, and records it if it is not on record.
func (v *visit) found(ctx context.Context, f *Finding) error {
	if v.log.findings[f.Kind] {
		return nil
	}
	if v.Fill == nil {
		return v.report(&Row{Finding: f})
	}
	ev := &etch.Event{
		Timestamp: f.Since,
		ID:        eventID(f.Since, v.Agent.Name, f.Session, f.Kind, "finding"),
		Type:      etch.SecurityEvent,
		SessionID: f.Session,
		Actor:     &etch.Actor{Agent: v.Agent.Name},
		Action: &etch.Action{
			Cwd: v.row.Cwd, Allowed: true, Risk: f.Risk,
			RiskReasons: []string{fmt.Sprintf("%s: %d calls in the transcript that no hook told of; %s", f.Kind, f.Calls, f.Text)},
		},
		Labels: map[string]string{labelCapture: hook.SourceTranscript, labelFinding: f.Kind},
	}
	v.prepare(ev, v.log, v.files.Files[0].Path)
	return v.enqueue(ctx, &Row{Finding: f}, []*etch.Event{ev})
}

// prepare completes who acted: as the hooks of the session told, then; where they told
// of nothing as Prepare does. An end that is made of a record has the actor of that.
func (v *visit) prepare(ev *etch.Event, log *logged, file string) {
	if actor := log.actorAt(ev.Timestamp); actor != nil {
		ev.Actor.Channel, ev.Actor.UserID, ev.Actor.Username, ev.Actor.Host = actor.Channel, actor.UserID, actor.Username, actor.Host
		return
	}
	if v.Prepare != nil {
		v.Prepare(ev, file)
	}
}

// eventID returns an event id that the same call has always: its time, as in
// every event id, and a hash in place of the random part.
func eventID(at time.Time, parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	sum := h.Sum(nil)
	ms := uint64(min(max(at.UnixMilli(), 0), 1<<48-1))
	return base32(ms<<16|uint64(binary.BigEndian.Uint16(sum)), binary.BigEndian.Uint64(sum[2:]))
}

// base32 writes 128 bits as event ids are written: Crockford's digits, the most
// significant first.
func base32(upper, lower uint64) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	id := []byte("evt_00000000000000000000000000")
	for i := len(id) - 1; i >= 4; i-- {
		id[i] = digits[lower&31]
		lower = lower>>5 | upper<<59
		upper >>= 5
	}
	return string(id)
}
