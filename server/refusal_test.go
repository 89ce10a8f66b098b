package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch"
)

// refusals returns how many refusals of each sender are on record.
func refusals(t *testing.T, log *etch.Log) (of map[string]uint64, records int) {
	t.Helper()
	of = map[string]uint64{}
	for r, err := range log.Records(t.Context(), etch.Query{Types: []etch.EventType{etch.AuthFailure}}) {
		if err != nil {
			t.Fatal(err)
		}
		labels := r.Event.Labels
		n := uint64(0)
		if left := labels[labelLeftOut]; left != "" {
			if n, err = strconv.ParseUint(left, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		of[labels[LabelSenderToken]+labels[LabelSenderUID]] += n + 1
		records++
	}
	return of, records
}

func newRefusing(t *testing.T) (*Server, *etch.Log) {
	t.Helper()
	log, err := etch.Create(filepath.Join(t.TempDir(), "audit.log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(log, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// TestRefusalsOfEachSender shows that one who is refused without end hides nobody else
// who is, and that no refusal counts as another's.
func TestRefusalsOfEachSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newRefusing(t)
		refuse := func(sender Sender) {
			if err := s.Refuse(t.Context(), sender, "a cause"); !errors.Is(err, ErrRefused) {
				t.Errorf("got %v", err)
			}
		}
		token := func(name string) Sender { return Sender{UID: -1, GID: -1, PID: -1, Token: name} }
		for i := range 30 {
			refuse(token("r2"))
			if i%10 == 3 {
				refuse(token("r3"))
				refuse(Sender{UID: 7, PID: i})
			}
			time.Sleep(refusalsEvery / 10)
		}
		if err := s.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		of, _ := refusals(t, log)
		if of["r2"] != 30 || of["r3"] != 3 || of["7"] != 3 || len(of) != 3 {
			t.Errorf("on record: %v, want 30 of r2, 3 of r3, 3 of 7", of)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRefusalsOfVeryMany shows that however many user ids are refused, each refusal is on
// record once, in bounded memory, and at no rate that they choose.
func TestRefusalsOfVeryMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newRefusing(t)
		const many = 3 * maxRefusals
		for round := range 2 {
			for range 3 {
				for uid := range many {
					_ = s.Refuse(t.Context(), Sender{UID: round*many + uid}, "a cause") // as it does
				}
				if n := len(s.refusals); n > maxRefusals+1 {
					t.Fatalf("%d are remembered", n)
				}
			}
			time.Sleep(2 * refusalsEvery)
		}
		if err := s.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		of, records := refusals(t, log)
		sum := uint64(0)
		for sender, n := range of {
			if sum += n; sender != "" && n > 3 {
				t.Errorf("%d of sender %q, who was refused 3 times", n, sender)
			}
		}
		if sum != 2*3*many || of[""] == 0 || records > 5*maxRefusals {
			t.Errorf("%d refusals in %d records, %d of nobody; want %d", sum, records, of[""], 2*3*many)
		}
		if of[fmt.Sprint(many)] != 3 {
			t.Errorf("%d of the first of a second round, who has a place again", of[fmt.Sprint(many)])
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}
