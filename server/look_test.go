package server

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch"
	"pgregory.net/rapid"
)

// TestWindows shows that what lies between times far from each other is not looked at.
func TestWindows(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	old, late := time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		at   []time.Time
		want []window
	}{
		"none":  {nil, nil},
		"one":   {[]time.Time{day(1)}, []window{{day(1), day(1)}}},
		"ends":  {[]time.Time{late, old}, []window{{old, old}, {late, late}}},
		"close": {[]time.Time{day(1).Add(farApart), day(1)}, []window{{day(1), day(1).Add(farApart)}}},
		"many":  {[]time.Time{day(1), day(2), day(4), day(5), day(9), day(20), late}, []window{{day(1), day(5)}, {day(9), day(9)}, {day(20), day(20)}, {late, late}}},
	} {
		if got := windowsOf(c.at); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestWindowsHaveAll shows that every time is in one of few windows.
func TestWindowsHaveAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var at []time.Time
		for _, minutes := range rapid.SliceOf(rapid.IntRange(0, 1000)).Draw(t, "minutes") {
			at = append(at, time.Unix(int64(60*minutes), 0))
		}
		windows := windowsOf(at)
		if len(windows) > maxWindows {
			t.Errorf("%d windows", len(windows))
		}
		for _, one := range at {
			if !slices.ContainsFunc(windows, func(w window) bool { return !one.Before(w.first) && !one.After(w.last) }) {
				t.Errorf("%v is in none of %v", one, windows)
			}
		}
	})
}

// TestLookingIsBounded shows that a sender for whom the log was read for long waits
// before it is read again, and nobody else does; and that what is far apart is found all
// the same.
func TestLookingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, err := etch.Create(filepath.Join(t.TempDir(), "audit.log"), nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(log, nil)
		if err != nil {
			t.Fatal(err)
		}
		send := func(uid, want int, atMost time.Duration) (took time.Duration) {
			t.Helper()
			var events []*etch.Event
			for _, year := range []int{1971, 1999, 2026, 2099} {
				events = append(events, &etch.Event{
					ID: fmt.Sprint("import_", year), Type: etch.ToolCall, Timestamp: time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC),
				})
			}
			how := []sending{imported, imported, imported, imported}
			began := time.Now()
			_, known, err := s.append(t.Context(), Sign(events, Sender{UID: uid}), how, nil)
			took = time.Since(began)
			n := 0
			for _, k := range known {
				if k {
					n++
				}
			}
			if err != nil || n != want || took > atMost {
				t.Errorf("user %d: %d known after %v, %v; want %d within %v", uid, n, took, err, want, atMost)
			}
			return took
		}
		send(1, 0, 0)
		send(1, 4, 0)
		own := s.repeats.of(Sign([]*etch.Event{{}}, Sender{UID: 1})[0])
		own.looked(7 * time.Second) // of which 5 are free, and 500 ms a second
		if took := send(1, 4, 5*time.Second); took < 3*time.Second {
			t.Errorf("the same user waits %v, want 4 s", took)
		}
		send(2, 0, 0)
		own.looked(time.Hour)
		time.AfterFunc(time.Second, s.beginDrain)
		if _, _, err := s.append(t.Context(), Sign([]*etch.Event{{ID: "x", Timestamp: time.Now()}}, Sender{UID: 1}), []sending{imported}, nil); !errors.Is(err, ErrShuttingDown) {
			t.Errorf("while the server ends: %v", err)
		}
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}
