package server

import (
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/vfs"
)

// TestLose shows that what senders lose is on record, of each with its number, at no
// rate that they choose, and when the server ends.
func TestLose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "audit.log")
		log, err := etch.Create(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(log, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]uint64{}
		check := func(when string) {
			t.Helper()
			synctest.Wait()
			if got := lostOf(t, log); !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s: got %v, want %v", when, got, want)
			}
		}
		a, b, cause := Sender{UID: 7, PID: 1, User: "ann"}, Sender{UID: -1, Token: "x"}, errors.New("too fast")
		const ofA, ofB = "user ann", `token "x"`
		for range 10 {
			s.Lose(a, 2, cause)
			s.Lose(b, 1, cause)
		}
		want[ofA], want[ofB] = []uint64{2}, []uint64{1}
		check("at once")
		time.Sleep(lossEvery + time.Millisecond)
		want[ofA], want[ofB] = []uint64{2, 18}, []uint64{1, 9}
		check("after a while")
		time.Sleep(2 * lossEvery)
		s.Lose(a, 5, cause)
		want[ofA] = append(want[ofA], 5)
		check("after a pause")
		s.Lose(a, 6, cause)
		s.Lose(b, 3, cause)
		s.Lose(b, 4, cause)
		if err := s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		s.Lose(a, 1, cause)
		want[ofA], want[ofB] = append(want[ofA], 6, 1), append(want[ofB], 3, 4)
		check("at the end")
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLoseLater shows that what cannot be recorded is told, and recorded when it can.
func TestLoseLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{LockWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 100)
	s, err := New(log, &Options{Notify: func(err error) { told <- err }})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := vfs.OS().OpenLock(strings.TrimSuffix(path, ".log") + ".lock")
	if err == nil {
		err = lock.Acquire(time.Second)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Lose(Sender{UID: 7}, 5, errors.New("too fast"))
	if len(told) == 0 || len(lostOf(t, log)) > 0 {
		t.Errorf("nobody was told, or %v is on record", lostOf(t, log))
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for len(lostOf(t, log)) == 0 {
		<-tick.C
	}
	if got := lostOf(t, log)["uid 7"]; !slices.Equal(got, []uint64{5}) {
		t.Errorf("on record: %v", got)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// lostOf returns the losses of each sender that are on record.
func lostOf(t *testing.T, log *etch.Log) map[string][]uint64 {
	t.Helper()
	of := map[string][]uint64{}
	for r, err := range log.Records(t.Context(), etch.Query{AllPhases: true, Control: true, Types: []etch.EventType{"log_gap"}}) {
		var gap control.GapLog
		if err == nil {
			err = json.Unmarshal(r.Control.Log, &gap)
		}
		if err != nil {
			t.Fatal(err)
		}
		who, why, _ := strings.Cut(gap.Cause, " has ")
		of[who] = append(of[who], gap.Lost)
		if !strings.Contains(why, "too fast") || gap.ClaimedBy != "" || gap.ID != "" {
			t.Errorf("on record: %+v", gap)
		}
	}
	return of
}
