package api

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/token"
)

// spoil makes a line of the log unreadable.
func spoil(t *testing.T, path, text string) {
	t.Helper()
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(stored), text)
	if at < 0 {
		t.Fatalf("%s is not stored", text)
	}
	stored[at+1] = 1
	if err := os.WriteFile(path, stored, 0o600); err != nil {
		t.Fatal(err)
	}
}

const preTool = `{"session_id":"s1","cwd":"/p","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"npm test"},"tool_use_id":"toolu_1"}`

func (b *bench) deliver(path, payload string) answer {
	b.t.Helper()
	return b.do("POST", path, b.send, payload, "Content-Type", "application/json")
}

// TestHook shows that the two deliveries of a call are the two records of it, with
// the labels of who sent them, and that an agent is answered "go on".
func TestHook(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	post := strings.Replace(preTool, "PreToolUse", "PostToolUse", 1)
	post = post[:len(post)-1] + `,"tool_response":{"stdout":"ok"}}`
	for _, payload := range []string{preTool, preTool, post} {
		if got := b.deliver("/hook/claude-code", payload); got.status != 200 || strings.Contains(got.body, "deny") || !json.Valid([]byte(got.body)) {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if got := b.deliver("/hook/claude-code/SessionEnd", `{"session_id":"s1","reason":"exit"}`); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	b.handler.Wait()
	found := b.records("call = toolu_1")
	if len(found) != 2 {
		t.Fatalf("%d records of the call, want 2", len(found))
	}
	for _, r := range found {
		ev := r.Event
		if ev.Labels[server.LabelSenderToken] != "sender" || ev.Actor.Host != "box" || ev.Actor.Agent != "claude-code" || ev.Actor.Username != "" {
			t.Errorf("labels %v, actor %+v", ev.Labels, ev.Actor)
		}
	}
	if n := len(b.records("type = session_end")); n != 1 {
		t.Errorf("%d ends of the session, want 1", n)
	}
}

// TestHookOfManySenders shows that a delivery is recorded though another sender has
// sent the same before.
func TestHookOfManySenders(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	other := b.token(b.handler.opt.Tokens, "another", token.Send)
	for _, secret := range []string{other, b.send, b.send} {
		if got := b.do("POST", "/hook/claude-code", secret, preTool, "Content-Type", "application/json"); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	b.handler.Wait()
	var senders []string
	for _, r := range b.records("call = toolu_1") {
		senders = append(senders, r.Event.Labels[server.LabelSenderToken])
	}
	if !slices.Equal(senders, []string{"another", "sender"}) {
		t.Errorf("recorded of %v, want one of each", senders)
	}
}

// TestHookSpools shows that an agent goes on while the log cannot be written, soon,
// and that its events wait in the spool with the labels of their sender.
func TestHookSpools(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	release := b.locked()
	got := b.deliver("/hook/claude-code", preTool)
	b.handler.Wait()
	release()
	if got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if len(b.spooled) != 1 || b.spooled[0].CallID != "toolu_1" || b.spooled[0].Labels[server.LabelSenderToken] != "sender" {
		t.Errorf("spooled %v", b.spooled)
	}
	if n := len(b.records("call = toolu_1")); n != 0 {
		t.Errorf("%d records", n)
	}
}

// losses returns the losses that are on record.
func (b *bench) losses() (lost []control.GapLog) {
	b.t.Helper()
	for r, err := range b.log.Records(b.t.Context(), etch.Query{AllPhases: true, Control: true, Types: []etch.EventType{"log_gap"}}) {
		var gap control.GapLog
		if err == nil {
			err = json.Unmarshal(r.Control.Log, &gap)
		}
		if err != nil {
			b.t.Fatal(err)
		}
		lost = append(lost, gap)
	}
	return lost
}

// TestHookLimited shows that the spool is no way around a limit, and that what a limit
// keeps out of the log is on record as lost, with its sender.
func TestHookLimited(t *testing.T) {
	b := newBench(t, server.Limits{Rate: 0.01, Burst: 1}, nil)
	if got := b.deliver("/hook/claude-code", preTool); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	began := time.Now()
	for i := range 3 {
		if got := b.deliver("/hook/claude-code", strings.ReplaceAll(preTool, "toolu_1", fmt.Sprint("toolu_more_", i))); got.status != 429 || got.code() != "rate_limited" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	if len(b.spooled) != 0 {
		t.Errorf("spooled %v", b.spooled)
	}
	b.handler.Wait()
	if err := b.server.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	sum, records := uint64(0), b.losses()
	for _, gap := range records {
		sum += gap.Lost
		if gap.ClaimedBy != "" || !strings.Contains(gap.Cause, `token "sender"`) || !strings.Contains(gap.Cause, "rate limit") {
			t.Errorf("on record: %+v", gap)
		}
	}
	// One is on record at once, then one each second, and what is left with the server's end.
	if most := 2 + int(time.Since(began)/time.Second); sum != 3 || len(records) > most {
		t.Errorf("%d lost in %d records, want 3 in %d at most", sum, len(records), most)
	}
}

// TestHookHeldUp shows that a sender that is a little too fast is held up, and loses
// nothing.
func TestHookHeldUp(t *testing.T) {
	b := newBench(t, server.Limits{Rate: 200, Burst: 1}, nil)
	for i := range 8 {
		if got := b.deliver("/hook/claude-code", strings.ReplaceAll(preTool, "toolu_1", fmt.Sprint("toolu_", i))); got.status != 200 {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	b.handler.Wait()
	if n := len(b.records("phase = attempt")); n != 8 || len(b.losses()) > 0 {
		t.Errorf("%d attempts on record, lost: %v", n, b.losses())
	}
}

// TestHookReadsNoFile shows that a file which a payload names is not looked at:
// the daemon may read what its sender may not.
func TestHookReadsNoFile(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	settings := b.path + ".settings.json"
	if err := os.WriteFile(settings, []byte(`{"disableAllHooks":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	payload := `{"session_id":"s1","hook_event_name":"ConfigChange","source":"user_settings","file_path":` + string(name) + `}`
	if got := b.deliver("/hook/claude-code", payload); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if n := len(b.records("type = configuration_change")); n != 1 {
		t.Errorf("%d changes are recorded, want 1", n)
	}
	if n := len(b.records("type = security_event")); n != 0 {
		t.Error("the daemon has looked into the file that the payload names")
	}
}

// TestTelemetry shows that OTLP of both encodings comes in and is answered in its
// own language; the decoding is shown by package otlp.
func TestTelemetry(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	span := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"bot"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"execute_tool get_weather","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}},{"key":"gen_ai.tool.name","value":{"stringValue":"get_weather"}}]}]}]}]}`
	got := b.do("POST", "/v1/traces", b.send, squeezed(t, []byte(span)), "Content-Type", "application/json", "Content-Encoding", "gzip")
	if got.status != 200 || got.header.Get("Content-Type") != "application/json" || !json.Valid([]byte(got.body)) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if found := b.records("tool = get_weather"); len(found) != 1 || found[0].Event.Labels[server.LabelSenderToken] != "sender" {
		t.Errorf("records %v", found)
	}
	for name, c := range map[string]struct {
		path, kind, body string
		status           int
	}{
		"no logs":      {"/v1/logs", "application/json", `{"resourceLogs":[]}`, 200},
		"an empty one": {"/v1/traces", "application/x-protobuf", "", 200},
		"none in JSON": {"/v1/logs", "application/json", "", 400},
		"measurements": {"/v1/metrics", "application/json", `{"resourceMetrics":[]}`, 200},
		"more of them": {"/v1/metrics", "application/x-protobuf", "\x0a\x00", 200},
		"no JSON":      {"/v1/logs", "application/json", "x", 400},
		"no protobuf":  {"/v1/traces", "application/x-protobuf", "\xff", 400},
		"another type": {"/v1/logs", "text/plain", "x", 415},
		"too long":     {"/v1/logs", "application/x-protobuf", strings.Repeat("x", maxBody+1), 413},
	} {
		got := b.do("POST", c.path, b.send, c.body, "Content-Type", c.kind)
		if got.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, c.status)
		}
		if c.status != 415 && got.header.Get("Content-Type") != c.kind {
			t.Errorf("%s: answered as %s", name, got.header.Get("Content-Type"))
		}
	}
	release := b.locked()
	defer release()
	another := strings.Replace(span, "eee19b7ec3c1b174", "eee19b7ec3c1b175", 1)
	got = b.do("POST", "/v1/traces", b.send, another, "Content-Type", "application/json")
	if got.status != 503 || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, `"message"`) {
		t.Errorf("while nothing can be written: %d %s", got.status, got.body)
	}
}

// TestTelemetrySentAgain shows that a request which its sender has no answer to adds
// nothing when it is sent again, and that another sender's does.
func TestTelemetrySentAgain(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	other := b.token(b.handler.opt.Tokens, "another", token.Send)
	body := strings.ReplaceAll(sharedResource("bot", 3), `{"attributes":[{"key":"event.name"`, fmt.Sprintf(`{"timeUnixNano":"%d","attributes":[{"key":"event.name"`, time.Now().UnixNano()))
	for _, secret := range []string{b.send, b.send, other} {
		if got := b.do("POST", "/v1/logs", secret, body, "Content-Type", "application/json"); got.status != 200 || got.body != "{}" {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	senders := map[string]int{}
	for _, r := range b.records("type = session_start") {
		senders[r.Event.Labels[server.LabelSenderToken]]++
	}
	if senders["sender"] != 3 || senders["another"] != 3 {
		t.Errorf("recorded of %v, want 3 of each", senders)
	}
	got := b.do("GET", "/metrics", b.read, "")
	if want := `etch_http_events_total{endpoint="/v1/logs",outcome="known"} 3`; !strings.Contains(got.body, want) {
		t.Errorf("the counts have no %s", want)
	}
}

// TestTelemetryUndated shows that log records which say nothing by which one could be
// told from another, as OTLP allows, are as many events as come, and that one of the
// call of which it is named is not.
func TestTelemetryUndated(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	for _, body := range []string{sharedResource("bot", 2), strings.Replace(sharedResource("box", 1), `{"attributes":[{"key":"event.name"`, `{"spanId":"eee19b7ec3c1b174","traceId":"5b8efff798038103d269b633813fc60c","attributes":[{"key":"event.name"`, 1)} {
		for range 3 {
			if got := b.do("POST", "/v1/logs", b.send, body, "Content-Type", "application/json"); got.status != 200 || got.body != "{}" {
				t.Errorf("%d %s", got.status, got.body)
			}
		}
	}
	services := map[string]int{}
	for _, r := range b.records("type = session_start") {
		services[r.Event.Actor.Agent]++
	}
	if services["bot"] != 6 || services["box"] != 1 {
		t.Errorf("recorded of %v, want 6 of bot, which says nothing, and 1 of box", services)
	}
}

// sharedResource returns a request of log records of one resource, each of them an
// event with the name of the service.
func sharedResource(service string, records int) string {
	record := `{"attributes":[{"key":"event.name","value":{"stringValue":"session.start"}}]}`
	return `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"` + service + `"}}]},"scopeLogs":[{"logRecords":[` +
		strings.Repeat(record+",", records-1) + record + `]}]}]}`
}

// TestTelemetryIsBounded shows that a short request whose events share a long text
// is not made into more than the daemon holds, and that its sender is told so.
func TestTelemetryIsBounded(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	const sent = 3000
	service := strings.Repeat("s", 60_000)
	got := b.do("POST", "/v1/logs", b.send, squeezed(t, []byte(sharedResource(service, sent))), "Content-Type", "application/json", "Content-Encoding", "gzip")
	var answer struct {
		PartialSuccess struct {
			Rejected int    `json:"rejectedLogRecords,string"`
			Message  string `json:"errorMessage"`
		} `json:"partialSuccess"`
	}
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 200 {
		t.Fatalf("%d %s: %v", got.status, got.body, err)
	}
	found := len(b.records("type = session_start"))
	if found == 0 || found*len(service) > 2*maxBody || found+answer.PartialSuccess.Rejected != sent {
		t.Errorf("%d of %d events recorded, %d rejected; want %d bytes at most", found, sent, answer.PartialSuccess.Rejected, 2*maxBody)
	}
	if !strings.Contains(answer.PartialSuccess.Message, "too large") {
		t.Errorf("the sender is told %q", answer.PartialSuccess.Message)
	}
	if info, err := os.Stat(b.path); err != nil || info.Size() > 48<<20 {
		t.Errorf("the log has %d bytes (%v)", info.Size(), err)
	}
}

// TestTelemetryTooLarge shows that one event that is too large keeps the others of
// its request out of nothing.
func TestTelemetryTooLarge(t *testing.T) {
	b := newBench(t, server.Limits{MaxEvent: 4096}, nil)
	large := strings.TrimSuffix(sharedResource(strings.Repeat("x", 5000), 1), "]}")
	small := strings.TrimPrefix(sharedResource("bot", 2), `{"resourceLogs":[`)
	got := b.do("POST", "/v1/logs", b.send, large+","+small, "Content-Type", "application/json")
	if got.status != 200 || !strings.Contains(got.body, `"rejectedLogRecords":"1"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if n := len(b.records("type = session_start")); n != 2 {
		t.Errorf("%d events recorded, want the 2 that are not too large", n)
	}
}

// TestTelemetryTakesTurns shows that one request more than are made into events at the
// same time waits until one of them is done.
func TestTelemetryTakesTurns(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	for range maxDecoding {
		b.handler.decoding <- struct{}{}
	}
	answered := make(chan answer, 1)
	go func() {
		answered <- b.do("POST", "/v1/logs", b.send, sharedResource("bot", 1), "Content-Type", "application/json")
	}()
	select {
	case got := <-answered:
		t.Errorf("answered before its turn: %d %s", got.status, got.body)
	case <-time.After(100 * time.Millisecond):
	}
	<-b.handler.decoding
	if got := <-answered; got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestTelemetryOfOneSender shows that the requests of one sender hold no places of
// decoding while they wait for each other.
func TestTelemetryOfOneSender(t *testing.T) {
	b := newBench(t, server.Limits{}, nil)
	other := b.token(b.handler.opt.Tokens, "other", token.Send)
	sender := unknownSender
	sender.Token = "sender"
	first := b.server.Turn(sender)
	first <- struct{}{}
	var waiting sync.WaitGroup
	for range maxDecoding {
		waiting.Go(func() {
			if got := b.do("POST", "/v1/logs", b.send, sharedResource("bot", 1), "Content-Type", "application/json"); got.status != 200 {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for b.handler.bodies.Held() < maxDecoding*64<<10 { // the bodies of both
		<-tick.C
	}
	if got := b.do("POST", "/v1/logs", other, sharedResource("bot", 1), "Content-Type", "application/json"); got.status != 200 {
		t.Errorf("another sender: got %d %s", got.status, got.body)
	}
	<-first
	waiting.Wait()
}
