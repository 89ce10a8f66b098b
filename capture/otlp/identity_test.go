package otlp_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/otlp"
)

// idsOf returns the ids of the events of a request.
func idsOf(t *testing.T, name, body string) []string {
	t.Helper()
	b, _, err := read(name, []byte(body), nil)
	if err != nil || b.Rejected > 0 {
		t.Fatalf("%d rejected (%s), %v", b.Rejected, b.Reason, err)
	}
	ids := make([]string, len(b.Events))
	for i, ev := range b.Events {
		ids[i] = ev.ID
	}
	return ids
}

// TestIdentity shows that the same item makes the same id, in whatever company it
// comes, and that any other item makes another.
func TestIdentity(t *testing.T) {
	const one = `{"attributes":[{"key":"event.name","value":{"stringValue":"session.start"}}],"timeUnixNano":"1544712660000000000"}`
	other := strings.Replace(one, "1544712660000000000", "1544712660000000001", 1)
	request := func(service string, records ...string) string {
		return `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"` + service +
			`"}}]},"scopeLogs":[{"scope":{"name":"s"},"logRecords":[` + strings.Join(records, ",") + `]}]}]}`
	}
	const logs = "x-logs.json"
	got := idsOf(t, logs, request("bot", one, other, one))
	if len(got) != 3 || got[0] == got[1] || got[0] == got[2] || got[1] == got[2] {
		t.Fatalf("three items make the ids %q", got)
	}
	if again := idsOf(t, logs, request("bot", one, other, one)); !slices.Equal(again, got) {
		t.Errorf("sent again they make %q, want %q", again, got)
	}
	if again := idsOf(t, logs, request("bot", other, one, one)); !slices.Equal(again, []string{got[1], got[0], got[2]}) {
		t.Errorf("in another order they make %q of %q", again, got)
	}
	for name, body := range map[string]string{
		"another resource": request("box", one),
		"another scope":    strings.Replace(request("bot", one), `"name":"s"`, `"name":"t"`, 1),
		"another record":   request("bot", strings.Replace(one, "start", "end", 1)),
	} {
		for _, id := range idsOf(t, logs, body) {
			if slices.Contains(got, id) {
				t.Errorf("%s: makes the same id", name)
			}
		}
	}
}

// TestIdentityOfSpan shows that nobody who knows a span's ids can send another span
// that is taken for it.
func TestIdentityOfSpan(t *testing.T) {
	const traces = "x-traces.json"
	got := idsOf(t, traces, toolSpan)
	if forged := idsOf(t, traces, strings.Replace(toolSpan, "make test", "true", 1)); len(forged) != 1 || forged[0] == got[0] {
		t.Errorf("a span with another command makes %q, as the real one", forged)
	}
	ev := etch.Event{ID: got[0], Type: etch.ToolCall}
	if err := ev.Validate(); err != nil {
		t.Errorf("the id cannot be recorded: %v", err)
	}
}

// TestIdentityOfProtobuf shows the same for protocol buffers.
func TestIdentityOfProtobuf(t *testing.T) {
	for _, name := range requests(t) {
		var seen []string
		for range 2 {
			b := mustRead(t, name)
			var ids []string
			for _, ev := range b.Events {
				ids = append(ids, ev.ID)
			}
			if sorted := slices.Sorted(slices.Values(ids)); len(slices.Compact(sorted)) != len(ids) {
				t.Errorf("%s: two items have one id: %q", name, ids)
			}
			if seen != nil && !slices.Equal(ids, seen) {
				t.Errorf("%s: sent again: %q, want %q", name, ids, seen)
			}
			seen = ids
		}
	}
}

func mustRead(t *testing.T, name string) otlp.Batch {
	t.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := read(name, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
