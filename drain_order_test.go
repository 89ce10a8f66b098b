package etch

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestDrainKeepsOrderAndMarks(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	a, b, c := w.event(), w.event(), w.event()
	w.spool(errLockedOut, c)
	w.spool(errLockedOut, a, b)
	d, err := w.drain(w.mem)
	if err != nil || d != (Drained{Recorded: 3}) {
		t.Fatalf("Drain = %+v, %v", d, err)
	}
	got, lost := w.recorded()
	if want := []string{a.ID, b.ID, c.ID}; !slices.Equal(idsOf(got), want) || lost != 0 {
		t.Errorf("recorded %q, %d lost, want %q", idsOf(got), lost, want)
	}
	for i, ev := range []*Event{a, b, c} {
		r := got[i].Event
		if !r.Timestamp.Equal(ev.Timestamp) || r.Labels[LabelSpooled] == "" || r.Labels["own"] != "1" || r.Labels[LabelSpoolMAC] != "" {
			t.Errorf("%s: timestamp %v, labels %v", r.ID, r.Timestamp, r.Labels)
		}
	}
	if files := w.waiting(); files != nil {
		t.Errorf("still there: %q", files)
	}
	if !slices.ContainsFunc(w.told, func(n Notice) bool { return n.Type == LabelSpooled }) {
		t.Errorf("nobody was told: %v", w.told)
	}
}

// TestDrainAttemptFirst spools a completion, which has the time of its attempt, in
// a file of its own: it comes behind the attempt whatever the files are called.
func TestDrainAttemptFirst(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	var want []string
	for range 16 {
		attempt, completion := w.event(), w.event()
		completion.Timestamp = attempt.Timestamp
		w.spool(errLockedOut, completion)
		w.spool(errLockedOut, attempt)
		want = append(want, attempt.ID, completion.ID)
	}
	if _, err := w.drain(w.mem); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.recorded(); !slices.Equal(idsOf(got), want) {
		t.Errorf("recorded %q, want %q", idsOf(got), want)
	}
}

// TestDrainKeepsFileOrder spools, in one file, an attempt and its end, which have one time,
// and ids that say the contrary; and, in another, what came between them by its id.
func TestDrainKeepsFileOrder(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	var want []string
	for range 8 {
		completion, other, attempt := w.event(), w.event(), w.event()
		other.Timestamp, completion.Timestamp = attempt.Timestamp, attempt.Timestamp
		w.spool(errLockedOut, attempt, completion)
		w.spool(errLockedOut, other)
		want = append(want, other.ID, attempt.ID, completion.ID)
	}
	if _, err := w.drain(w.mem); err != nil {
		t.Fatal(err)
	}
	if got, _ := w.recorded(); !slices.Equal(idsOf(got), want) {
		t.Errorf("recorded %q, want %q", idsOf(got), want)
	}
}

// TestDrainWaitsForAttempts: a completion that could be recorded waits for its attempt
// that cannot yet be, whatever the names of their files.
func TestDrainWaitsForAttempts(t *testing.T) {
	for range 8 { // a name has something random in it
		w := newSpoolWorld(t)
		w.create()
		attempt, completion := w.event(), w.event()
		completion.Timestamp = attempt.Timestamp
		w.spool(fmt.Errorf("late: %w", ErrUnknown), attempt)
		w.spool(errLockedOut, completion)
		if d, err := w.drain(w.mem); err != nil || d != (Drained{Left: true}) {
			t.Errorf("Drain = %+v, %v, want all left", d, err)
		}
		w.now = w.now.Add(unsureAge)
		if d, err := w.drain(w.mem); err != nil || d.Recorded != 2 {
			t.Errorf("Drain = %+v, %v, want 2 recorded", d, err)
		}
		if got, _ := w.recorded(); !slices.Equal(idsOf(got), []string{attempt.ID, completion.ID}) {
			t.Errorf("recorded %q", idsOf(got))
		}
	}
}

// TestPrecedes: what waits precedes a completion of its time, and nothing else.
func TestPrecedes(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	attempt, other := w.event(), w.event()
	w.spool(errLockedOut, attempt)
	s, err := openSpool(w.mem, spoolWorldLog, w.options())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		phase Phase
		at    time.Time
		want  bool
	}{
		{Completion, attempt.Timestamp, true},
		{Completion, attempt.Timestamp.Add(time.Nanosecond), true}, // a log has microseconds
		{Completion, other.Timestamp, false},
		{Attempt, attempt.Timestamp, false},
	} {
		other.Phase, other.Timestamp = test.phase, test.at
		if got, err := s.Precedes(other); got != test.want || err != nil {
			t.Errorf("%s at %v: %v, %v, want %v", test.phase, test.at, got, err, test.want)
		}
	}
}

// TestSpoolWithoutATime: an event that has no time waits since it was put there, and
// any of what waits may be the attempt of a completion without one.
func TestSpoolWithoutATime(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	ev := w.event()
	ev.Timestamp = time.Time{}
	before := w.now
	w.spool(errLockedOut, ev)
	info, err := spoolInfo(w.mem, segmentLayout(t))
	if err != nil || info.Oldest.Before(before.Truncate(time.Microsecond)) || info.Oldest.After(w.now) {
		t.Fatalf("spool %+v, %v, want one that waits since %v", info, err, before)
	}
	s, err := openSpool(w.mem, spoolWorldLog, w.options())
	if err != nil {
		t.Fatal(err)
	}
	for phase, want := range map[Phase]bool{Attempt: false, Completion: true} {
		if got, err := s.Precedes(&Event{Type: ToolCall, Phase: phase}); got != want || err != nil {
			t.Errorf("something precedes the %s: %v, %v, want %v", phase, got, err, want)
		}
	}
	if err := s.Lose(errLockedOut, &Event{Type: ToolCall, ID: "evt_x"}); err != nil {
		t.Fatal(err)
	}
	if d, err := w.drain(w.mem); err != nil || d.Recorded != 1 || d.Lost != 1 {
		t.Fatalf("Drain = %+v, %v", d, err)
	}
	records, _ := w.recorded()
	if got := records[0].Event.Timestamp; !got.Equal(info.Oldest) {
		t.Errorf("it is on record with the time %v, and waited since %v", got, info.Oldest)
	}
}
