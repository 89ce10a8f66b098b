package api

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/httpbody"
	"github.com/etch-audit/etch/server"
)

const longPayload = 9 << 20

// TestHookLongPayload shows that a payload longer than the body of any other request is
// judged and recorded like one that is short, though its event is longer than others
// may be.
func TestHookLongPayload(t *testing.T) {
	b := newBench(t, server.Limits{}, judging(etch.RiskHigh, true))
	long := strings.Repeat("x", longPayload)
	got := b.deliver("/hook/claude-code/PreToolUse", strings.Replace(preTool, "npm test", "rm -rf / # "+long, 1))
	if got.status != 200 || denied(t, got.body) == "" {
		t.Errorf("a call: %d %s", got.status, got.body)
	}
	post := strings.NewReplacer("PreToolUse", "PostToolUse", "toolu_1", "toolu_2").Replace(preTool)
	got = b.deliver("/hook/claude-code/PostToolUse", post[:len(post)-1]+`,"tool_response":{"stdout":"`+long+`"}}`)
	if got.status != 200 || denied(t, got.body) != "" {
		t.Errorf("its end: %d %s", got.status, got.body)
	}
	b.handler.Wait()
	call := b.records("call = toolu_1")
	if len(call) != 2 || call[1].Event.Result.Type != etch.Blocked || !strings.HasPrefix(call[0].Event.Action.Command, "rm -rf / # xxx") {
		t.Errorf("on record of the call: %d records", len(call))
	}
	end := b.records("call = toolu_2")
	if len(end) != 1 {
		t.Fatalf("on record of the end: %d records", len(end))
	}
	if n, _ := end[0].Event.Result.OutputBytes.Get(); n < longPayload {
		t.Errorf("its output had %d bytes", n)
	}
	if held := b.handler.bodies.Held(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}

// unreads returns the records of deliveries that were not looked at.
func (b *bench) unreads() []etch.Record {
	b.t.Helper()
	b.handler.Wait()
	return b.records("tool = hook")
}

// An unread is a request of a hook whose payload is not looked at.
type unread struct {
	body    string
	headers []string
	bodies  int // the budget; 0: as it is
	status  int // where nothing is refused
	why     string
	whole   bool
}

func unreadRequests(t *testing.T) map[string]unread {
	long := preTool[:len(preTool)-1] + `,"x":"` + strings.Repeat("x", hook.MaxPayload) + `"}`
	return map[string]unread{
		"too long":          {long, nil, 0, 200, fmt.Sprintf("its payload of %d bytes is longer than the %d that are looked at", len(long), hook.MaxPayload), true},
		"too long inside":   {squeezed(t, []byte(long)), []string{"Content-Encoding", "gzip"}, 0, 200, "is longer than", true},
		"no room":           {preTool, nil, 100, 503, "too many bytes", true},
		"unknown encoding":  {preTool, []string{"Content-Encoding", "br"}, 0, 415, "unknown Content-Encoding", false},
		"second encoding":   {preTool, []string{"Content-Encoding", "identity", "Content-Encoding", "br"}, 0, 415, "unknown Content-Encoding", false},
		"broken encoding":   {squeezed(t, []byte(preTool))[:60], []string{"Content-Encoding", "gzip"}, 0, 400, "cannot be read", false},
		"no body":           {"", nil, 0, 400, "no body", true},
		"a bomb, no policy": {squeezed(t, make([]byte, 40<<20)), []string{"Content-Encoding", "gzip"}, 0, 200, "is longer than", true},
	}
}

// TestHookUnread shows that a payload which is not looked at, for whatever reason, is on
// record as that, and that a policy refuses the call that it may be about.
func TestHookUnread(t *testing.T) {
	const path = "/hook/claude-code/PreToolUse"
	for name, c := range unreadRequests(t) {
		for policy, set := range map[string]func(*Options){
			"none": nil, "deny_risk": judging(etch.RiskHigh, false), "block": judging("", true),
		} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				b := newBench(t, server.Limits{}, set)
				if c.bodies > 0 {
					b.handler.bodies = httpbody.NewBudget(c.bodies)
				}
				got := b.do("POST", path, b.send, c.body, append(c.headers, "Content-Type", "application/json")...)
				found := b.unreads()
				if len(found) != 1 {
					t.Fatalf("%d records, want 1", len(found))
				}
				ev := found[0].Event
				if set == nil {
					if got.status != c.status || strings.Contains(got.body, "deny") || ev.Result.Type != etch.Error || !strings.Contains(ev.Result.Message, c.why) {
						t.Errorf("%d %s; on record: %+v", got.status, got.body, ev.Result)
					}
				} else if got.status != 200 || !strings.Contains(denied(t, got.body), c.why) || ev.Result.Type != etch.Blocked || !strings.Contains(ev.Result.Reason, c.why) {
					t.Errorf("%d %s; on record: %+v", got.status, got.body, ev.Result)
				}
				arguments := string(ev.Action.Arguments)
				if !strings.Contains(arguments, `"event":"PreToolUse"`) || !strings.Contains(arguments, fmt.Sprint(`"whole":`, c.whole)) || ev.Labels[server.LabelSenderToken] != "sender" {
					t.Errorf("on record: %s, labels %v", arguments, ev.Labels)
				}
				if sum := sha256.Sum256([]byte(c.body)); c.headers == nil && !strings.Contains(arguments, hex.EncodeToString(sum[:])) {
					t.Errorf("on record: %s, want the hash of the payload", arguments)
				}
				if held := b.handler.bodies.Held(); held != 0 {
					t.Errorf("%d bytes are held", held)
				}
			})
		}
	}
}

// TestHookUnreadEnd shows that no policy refuses what no call is asked by, whether its
// path names it or its payload.
func TestHookUnreadEnd(t *testing.T) {
	b := newBench(t, server.Limits{}, judging(etch.RiskLow, true))
	b.handler.bodies = httpbody.NewBudget(100)
	for path, payload := range map[string]string{
		"/hook/claude-code/PostToolUse": `{"session_id":"s1"}`,
		"/hook/claude-code":             `{"session_id":"s1","hook_event_name":"Stop"}`,
		"/hook/claude-code/Stop":        preTool, // which would keep the agent from ending
	} {
		if got := b.deliver(path, payload); got.status != 503 || strings.Contains(got.body, "deny") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for _, r := range b.unreads() {
		if r.Event.SessionID != "s1" || r.Event.Result.Type != etch.Error {
			t.Errorf("on record: session %q, %+v", r.Event.SessionID, r.Event.Result)
		}
	}
}

// TestHookUnreadSlow shows the same of a payload of which only a part comes in time: its
// event is known by its beginning.
func TestHookUnreadSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newQuiet(t, server.Limits{}, judging(etch.RiskHigh, false))
		b.handler.leftover = httpbody.Leftover // the clock is the test's own
		l := pipeListener{make(chan net.Conn)}
		web := &http.Server{Handler: b.handler, ReadHeaderTimeout: time.Second}
		go func() { _ = web.Serve(l) }()
		ours, theirs := net.Pipe()
		l.conns <- theirs
		go func() {
			_, _ = io.WriteString(ours, "POST /hook/claude-code HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+b.send+"\r\nContent-Length: 1000\r\n\r\n"+preTool[:100])
		}()
		resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || !strings.Contains(denied(t, string(text)), "did not come within") {
			t.Errorf("%s %s: %v", resp.Status, text, err)
		}
		if found := b.unreads(); len(found) != 1 || !strings.Contains(string(found[0].Event.Action.Arguments), `"bytes":100`) {
			t.Errorf("on record: %v", found)
		}
		close(l.conns) // else its server does not end
		for _, c := range []io.Closer{resp.Body, ours, web} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(2 * time.Second)
	})
}

// TestHookJudgedLate shows that a call whose judgement takes longer than an agent waits
// for its record does not go on for that, and that what asks nothing does.
func TestHookJudgedLate(t *testing.T) {
	b := newBench(t, server.Limits{}, judging(etch.RiskHigh, false))
	b.handler.patience = time.Millisecond
	judge := b.handler.opt.Classify
	release := make(chan struct{})
	b.handler.opt.Classify = func(ev *etch.Event) (etch.Risk, []string) {
		<-release
		return judge(ev)
	}
	time.AfterFunc(50*time.Millisecond, func() { release <- struct{}{}; close(release) })
	if got := b.deliver("/hook/claude-code", preTool); !strings.Contains(denied(t, got.body), "it is a command") {
		t.Errorf("judged after %v: %d %s", b.handler.patience, got.status, got.body)
	}
	b.handler.judging = time.Millisecond
	release = make(chan struct{})
	for event, asks := range map[string]bool{"PreToolUse": true, "PostToolUse": false} {
		payload := strings.NewReplacer("PreToolUse", event, "toolu_1", "toolu_"+event).Replace(preTool)
		got := b.deliver("/hook/claude-code", payload)
		if asked := got.status == 200 && strings.Contains(denied(t, got.body), "has not judged within"); asked != asks {
			t.Errorf("%s, never judged: %d %s", event, got.status, got.body)
		}
	}
	close(release)
	b.handler.Wait()
}
