package etch

import "testing"

// Readers take a line as docs/spec/log-format.md says that it is written, and no
// other form of the same JSON; behind the timestamp order and blanks do not matter.
func TestFormOfALine(t *testing.T) {
	for line, good := range map[string]bool{
		`{"seq":21,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_a","event_type":"tool_call","actor":{"username":"alice"}}`:          true,
		`{"seq":21,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_a", "actor" : { "username" : "alice" } ,"event_type":	"tool_call"}`: true,
		`{"seq":21,"timestamp":"2026-02-16T12:34:56.123456Z","actor":{"username":"alice"},"event_type":"tool_call","event_id":"evt_a"}`:          true,
		`{ "seq":21,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_a","event_type":"tool_call","actor":{"username":"alice"}}`:         false,
		`{"seq": 21,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_a","event_type":"tool_call","actor":{"username":"alice"}}`:         false,
		`{"seq":021,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_a","event_type":"tool_call","actor":{"username":"alice"}}`:         false,
		`{"timestamp":"2026-02-16T12:34:56.123456Z","seq":21,"event_id":"evt_a","event_type":"tool_call","actor":{"username":"alice"}}`:          false,
		`{"seq":21,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_a","event_type":"tool_call","actor":{"username":"alice"}} `:         false,
		`{"seq":21,"timestamp":"2026-02-16T12:34:56.123456+02:00","event_id":"evt_a","event_type":"tool_call","actor":{"username":"alice"}}`:     false,
		`garbage "alice"`: false,
	} {
		var r Record
		err := decodeLine([]byte(line), &r)
		if (err == nil) != good {
			t.Errorf("%s: got %v, want it to be a record: %t", line, err, good)
		}
		if good && (r.Seq != 21 || r.Event.Actor.Username != "alice") {
			t.Errorf("%s: it is read as %+v", line, r.Event)
		}
		var o outline
		if o.read([]byte(line)) && !good {
			t.Errorf("%s: it has an outline", line)
		}
	}
}
