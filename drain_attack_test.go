package etch

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/spool"
)

// plant puts lines into the spool as somebody who cannot read the log's keys.
func (w *spoolWorld) plant(first time.Time, since spool.Position, bodies ...string) {
	w.t.Helper()
	b := spool.Batch{First: first, Since: since, At: w.now.Add(-time.Hour)}
	for _, body := range bodies {
		b.Bodies = append(b.Bodies, []byte(body))
	}
	if err := spool.At(w.mem, "/log/audit.spool").Put(nil, b, 1<<30); err != nil {
		w.t.Fatal(err)
	}
}

// plantRaw is plant that heeds no limit, in a version of the spool's format.
func (w *spoolWorld) plantRaw(version int, since spool.Position, body string) {
	w.t.Helper()
	base := fmt.Sprintf("%016x-0123456789abcdef-1", w.now.UnixMicro())
	var zero [record.KeySize]byte
	key, err := record.DeriveKey(zero[:], record.FilePurpose, base)
	if err != nil {
		w.t.Fatal(err)
	}
	mac := record.NewMAC(key)
	var text []byte
	for i, body := range []string{
		fmt.Sprintf(`"spool":{"version":%d,"at":"2026-02-16T11:00:00.000000Z","since":{"segment":%d,"offset":%d}}`, version, since.Segment, since.Offset), body,
	} {
		start := len(text)
		text = append(record.AppendOpen(text, uint64(i)), body...)
		text = append(mac.AppendClose(text, start), '\n')
	}
	if err := w.mem.Mkdir("/log/audit.spool", 0o700); err != nil {
		w.t.Fatal(err)
	}
	f, err := w.mem.OpenFile("/log/audit.spool/"+base+".spool", os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteAt(text, 0)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		w.t.Fatal(err)
	}
}

func plantedBody(at time.Time, id, more string) string {
	return fmt.Sprintf(`"timestamp":%q,"event_id":%q,"event_type":"tool_call","action":{"tool":"forged","approved":false,"allowed":true}%s,"labels":{"spool_mac":"none","spooled":"2026-02-16T12:00:00.000000Z"}`,
		at.UTC().Format("2006-01-02T15:04:05.000000Z"), id, more)
}

// TestPlantedTwin plants an event with the id of one that waits: it must not
// take its place.
func TestPlantedTwin(t *testing.T) {
	for _, before := range []bool{false, true} {
		w := newSpoolWorld(t)
		w.create()
		ev := w.event()
		if before { // it is drained before the other comes back
			w.spool(errLockedOut, ev)
			name := "/log/audit.spool/" + w.waiting()[0]
			if err := w.mem.Rename(name, "/log/away"); err != nil {
				t.Fatal(err)
			}
			w.plant(w.now, spool.Position{}, plantedBody(w.now, ev.ID, ""))
			if _, err := w.drain(w.mem); err != nil {
				t.Fatal(err)
			}
			if err := w.mem.Rename("/log/away", name); err != nil {
				t.Fatal(err)
			}
		} else {
			w.spool(errLockedOut, ev)
			w.plant(w.now, spool.Position{}, plantedBody(w.now, ev.ID, ""))
		}
		if _, err := w.drain(w.mem); err != nil {
			t.Fatal(err)
		}
		got, lost := w.recorded()
		if !slices.ContainsFunc(got, func(r Record) bool { return r.Event.Action.Tool == "t" }) {
			t.Errorf("before %v: recorded %q, %d lost: the event that waited is gone without a word", before, idsOf(got), lost)
		}
	}
}

// TestPlantedPoison plants what cannot be recorded: the rest must not wait behind
// it for ever.
func TestPlantedPoison(t *testing.T) {
	w0 := newSpoolWorld(t)
	long := func(n int) string {
		body := plantedBody(w0.now, "evt_long", `,"result":{"type":"error","success":false,"message":""}`)
		return strings.Replace(body, `"message":""`, `"message":"`+strings.Repeat("x", n-len(body))+`"`, 1)
	}
	for name, c := range map[string]struct {
		since spool.Position
		body  string
		lost  bool
	}{
		"since beyond": {spool.Position{Segment: 1<<32 - 1, Offset: 1 << 62}, plantedBody(w0.now, "evt_x", ""), false},
		"since below":  {spool.Position{Segment: 0, Offset: -5}, plantedBody(w0.now, "evt_x", ""), false},
		"since inside": {spool.Position{Segment: 1, Offset: 77}, plantedBody(w0.now, "evt_x", ""), false},
		"since far":    {spool.Position{Segment: 1, Offset: 1 << 62}, plantedBody(w0.now, "evt_x", ""), false},
		"too long":     {spool.Position{}, long(record.MaxBody + 5), true},
		"other order":  {spool.Position{}, `"event_type":"tool_call","event_id":"evt_y","timestamp":"2026-02-16T12:00:00.000000Z","labels":{"spool_mac":"none"}`, true},
		"null bytes":   {spool.Position{}, plantedBody(w0.now, "evt_\\u0000", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSpoolWorld(t)
			w.create()
			w.plantRaw(0, c.since, c.body)
			ev := w.event()
			w.spool(errLockedOut, ev)
			if d, err := w.drain(w.mem); err != nil || d.Recorded+d.Lost != 2 || d.Known > 0 || (d.Lost == 1) != c.lost {
				t.Errorf("Drain = %+v, %v, want the event and the other or its loss", d, err)
			}
			got, lost := w.recorded()
			if !slices.Contains(idsOf(got), ev.ID) || len(got)+int(lost) != 2 {
				t.Errorf("recorded %q, %d lost", idsOf(got), lost)
			}
			if d, err := w.drain(w.mem); err != nil || d != (Drained{}) {
				t.Errorf("again: %+v, %v, want nothing", d, err)
			}
		})
	}
}
