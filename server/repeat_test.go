package server

import (
	"strconv"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// TestRepeatsAreASendersOwn: who sends ids again without end comes to a bound of its
// own. Nobody else is refused, and after an hour there is room again.
func TestRepeatsAreASendersOwn(t *testing.T) {
	now := time.Unix(1e9, 0)
	of := func(uid, id string) *etch.Event {
		return &etch.Event{ID: id, Labels: map[string]string{LabelSenderUID: uid}}
	}
	var all repeats
	sent := func(uid, id string) bool {
		ev := of(uid, id)
		return all.of(ev).remember([]*etch.Event{ev}, []sending{again}, now)
	}
	for i := range maxRepeats {
		if !sent("1", strconv.Itoa(i)) {
			t.Fatalf("refused after %d ids", i)
		}
		now = now.Add(time.Microsecond)
	}
	if sent("1", "more") {
		t.Error("there is no bound")
	}
	if !sent("1", "0") {
		t.Error("an id that is known was refused")
	}
	if !sent("2", "more") {
		t.Error("another sender was refused")
	}
	if first := of("1", "0"); !all.of(first).ids.has(first) {
		t.Error("an id was forgotten")
	}
	if other := of("2", "0"); all.of(other).ids.has(other) {
		t.Error("an id is another sender's too")
	}
	now = now.Add(repeatAge)
	if !sent("1", "more") {
		t.Error("refused after an hour")
	}
	if first := of("1", "0"); all.of(first).ids.has(first) {
		t.Error("an id was not forgotten")
	}
}
