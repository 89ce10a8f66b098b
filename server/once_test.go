package server_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// withID is an event as one that is spooled must be.
func withID(name string, at time.Time) *etch.Event {
	ev := tool(name)
	ev.ID, ev.Timestamp = etch.NewEventID(at), at
	return ev
}

// count returns how often each tool is on record.
func (d *daemon) count(t *testing.T) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, rec := range d.records(t) {
		if rec.Event.Type == etch.ToolCall {
			n[rec.Event.Action.Tool]++
		}
	}
	return n
}

// TestASpoolIsSentOnce: what was recorded although nobody was told is not recorded
// again, neither when it is sent again nor when the first message comes late.
func TestASpoolIsSentOnce(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.client(t)
	now := time.Now()
	there, waits, late := withID("there", now), withID("waits", now.Add(-time.Hour)), withID("late", now)
	if _, err := c.Append(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	spool, err := etch.OpenSpool(filepath.Join(t.TempDir(), "own.log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time as after a crash before the file was removed
		if err := spool.Put(etch.ErrUnknown, there, waits, late); err != nil {
			t.Fatal(err)
		}
		if _, err := spool.Send(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := c.Append(t.Context(), late); err != nil || r.Durable {
		t.Errorf("the late message: got %+v, %v, want that it is known, without a receipt of its own", r, err)
	}
	if got, want := fmt.Sprint(d.count(t)), "map[late:1 there:1 waits:1]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if done, err := spool.Send(t.Context(), c); err != nil || done != (etch.Drained{}) {
		t.Errorf("an empty spool: got %+v, %v", done, err)
	}
}

// TestASpooledEventSaysWhatWasCut: the daemon cannot know it.
func TestASpooledEventSaysWhatWasCut(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.client(t)
	ev := withID("big", time.Now())
	ev.Action.Command = strings.Repeat("x", 100_000)
	spool, err := etch.OpenSpool(filepath.Join(t.TempDir(), "own.log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := spool.Put(etch.ErrNotRecorded, ev); err != nil {
		t.Fatal(err)
	}
	if done, err := spool.Send(t.Context(), c); err != nil || done.Recorded != 1 {
		t.Fatalf("got %+v, %v", done, err)
	}
	all := d.records(t)
	labels := all[len(all)-1].Event.Labels
	if got := labels["cut_action.command"]; !strings.HasPrefix(got, "100000 bytes, sha256 ") {
		t.Errorf("labels: got %q", labels)
	}
	if labels[etch.LabelSpooled] == "" || labels["sender_uid"] == "" {
		t.Errorf("labels: got %q, want that it was spooled, and who brought it", labels)
	}
}

func TestOnceWantsAnIDAndATime(t *testing.T) {
	d := startDaemon(t, nil)
	l := d.dial(t)
	l.send(`{"once":{"event_type":"tool_call"}}` + "\n" + `{"once":3}` + "\n")
	for range 2 {
		if got := l.answer(); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("got %s, want an error", got)
		}
	}
}

// TestASpoolGoesOnBehindWhatIsNeverTaken: an event that the daemon does not take however
// often it is sent keeps nothing back, is on record as lost, and its file is kept.
func TestASpoolGoesOnBehindWhatIsNeverTaken(t *testing.T) {
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxEvent: 4 << 10}})
	c := d.client(t)
	path := filepath.Join(t.TempDir(), "own.log")
	spool, err := etch.OpenSpool(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var events []*etch.Event
	for i, name := range []string{"before", "long", "beside", "alone", "behind"} {
		ev := withID(name, now.Add(time.Duration(i)*time.Second))
		if name == "long" || name == "alone" {
			ev.Action.Command = strings.Repeat("x", 5000)
		}
		events = append(events, ev)
	}
	for _, file := range [][]*etch.Event{events[:3], events[3:4], events[4:]} {
		if err := spool.Put(etch.ErrNotRecorded, file...); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := spool.Send(t.Context(), c); err != nil || done != (etch.Drained{Recorded: 3, Lost: 2}) {
		t.Errorf("got %+v, %v", done, err)
	}
	if got, want := fmt.Sprint(d.count(t)), "map[before:1 behind:1 beside:1]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	gaps := d.gaps(t)
	if len(gaps) != 2 || gaps[0].Lost != 1 || gaps[1].Lost != 1 || !strings.Contains(gaps[1].Cause, "too long") {
		t.Errorf("on record as lost: %+v", gaps)
	}
	if bad, err := filepath.Glob(filepath.Join(filepath.Dir(path), "own.spool", "*.bad")); err != nil || len(bad) != 2 {
		t.Errorf("kept for people: %q, %v", bad, err)
	}
	if done, err := spool.Send(t.Context(), c); err != nil || done != (etch.Drained{}) {
		t.Errorf("again: got %+v, %v", done, err)
	}
}
