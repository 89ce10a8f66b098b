package events_test

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
	"github.com/etch-audit/etch/redact"
)

const count = 40_000

func TestSameSeedSameEvents(t *testing.T) {
	a, b := events.New(events.Options{Seed: 7}).Take(1000), events.New(events.Options{Seed: 7}).Take(1000)
	if !reflect.DeepEqual(a, b) {
		t.Error("two sources of one seed differ")
	}
	if c := events.New(events.Options{Seed: 8}).Take(1000); reflect.DeepEqual(a, c) {
		t.Error("sources of two seeds give the same events")
	}
}

func TestMix(t *testing.T) {
	var violations, quoted int
	risks := map[etch.Risk]int{}
	byUser := map[string]int{}
	var last time.Time
	for _, ev := range events.New(events.Options{Count: count}).Take(count) {
		if ev.Timestamp.Before(last) {
			t.Fatalf("event of %v comes after one of %v", ev.Timestamp, last)
		}
		last = ev.Timestamp
		risks[ev.Action.Risk]++
		byUser[ev.Actor.Username]++
		if ev.Security != nil && ev.Security.PolicyViolation {
			violations++
		}
		if strings.Contains(ev.Action.Command, `"username":"@alice"`) {
			quoted++
		}
	}
	share := func(name string, got int, want, tolerance float64) {
		if p := float64(got) / count; p < want-tolerance || p > want+tolerance {
			t.Errorf("%s: %.4f of the events, want %.4f ± %.4f", name, p, want, tolerance)
		}
	}
	share("low", risks[etch.RiskLow], 0.80, 0.01)
	share("medium", risks[etch.RiskMedium], 0.15, 0.01)
	share("high", risks[etch.RiskHigh], 0.045, 0.005)
	share("critical", risks[etch.RiskCritical], 0.005, 0.002)
	share("violations", violations, 0.01, 0.003)
	share("look-alikes of a user", quoted, 0.0008, 0.0006)
	if alice, bob := byUser["@alice"], byUser["@bob"]; alice < bob || alice < count/20 {
		t.Errorf("the busiest user has %d events and the next %d: not like a Zipf distribution", alice, bob)
	}
	if days := last.Sub(time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC)).Hours() / 24; days < 29 || days > 31 {
		t.Errorf("the events span %.1f days, want 30", days)
	}
}

func TestNothingToMask(t *testing.T) {
	for _, ev := range events.New(events.Options{Seed: 1}).Take(count) {
		texts := []string{ev.Action.Command, ev.Action.Resource, ev.Action.Cwd, ev.Result.Message, string(ev.Action.Arguments)}
		for _, text := range texts {
			if masked, n := redact.Text(text); n > 0 {
				t.Fatalf("%q has something to mask: %q", text, masked)
			}
		}
	}
}

// TestLength stores events and looks at the lines.
func TestLength(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := events.Write(t.Context(), path, events.Options{Seed: 3, Count: count}); err != nil {
		t.Fatal(err)
	}
	r, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	var total, n, escaped int
	for rec, err := range r.Records(t.Context(), etch.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		total += len(rec.Raw) + 1
		n++
		if bytes.Contains(rec.Raw, []byte(`\"username\":\"@alice\"`)) {
			escaped++
		}
	}
	if n != count {
		t.Fatalf("%d events in the log, want %d", n, count)
	}
	if mean := float64(total) / float64(n); mean < 430 || mean > 540 {
		t.Errorf("a stored line has %.1f bytes in the mean, want 430 to 540", mean)
	}
	if escaped == 0 {
		t.Error("no line has an escaped look-alike")
	}
}

// TestAliceRank shows that the user who is looked for can be one of few events.
func TestAliceRank(t *testing.T) {
	byUser := map[string]int{}
	for _, ev := range events.New(events.Options{Count: count, AliceRank: 51}).Take(count) {
		byUser[ev.Actor.Username]++
	}
	if got := byUser[events.Alice]; got == 0 || got > count/100 {
		t.Errorf("the user of rank 51 has %d of %d events", got, count)
	}
	if byUser[busy52] < count/20 {
		t.Errorf("%s changed places with the busiest, and has %d of %d events", busy52, byUser[busy52], count)
	}
}

// busy52 is the 52nd user.
const busy52 = "@niaj2"
