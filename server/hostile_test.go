package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// code returns the code of an answer; "" where it is no error.
func code(t *testing.T, answer string) string {
	t.Helper()
	var a struct{ Code string }
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	return a.Code
}

const someEvent = `{"event_type":"tool_call","action":{"tool":"x"}}` + "\n"

// TestLinesThatAreNoEvents: each is told so with its number, and the connection goes on.
func TestLinesThatAreNoEvents(t *testing.T) {
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxEvent: 1000}})
	c := d.dial(t)
	huge := `{"event_type":"tool_call","session_id":"` + strings.Repeat("x", 300_000) + `"}` + "\n"
	for i, tc := range []struct{ text, code string }{
		{"{\"event_type\":\"nothing\"}\n", "invalid"},
		{"\x00\xff\xfegarbage\n", "invalid"},
		{"{\"event_type\":\"log_sealed\"}\n", "invalid"},
		{huge, "too_large"},
		{"{}\n", "invalid"},
		{someEvent, ""},
		{"[" + strings.Repeat("[", 900) + "\n", "invalid"},
		{"{\"event_type\":\"tool_call\",\"seq\":1}\n", "invalid"},
		{" \t{\"event_type\":\"tool_call\"} \r\n", ""},
	} {
		go c.send(tc.text)
		answer := c.answer()
		if got := code(t, answer); got != tc.code {
			t.Errorf("%.60q: got %s, want code %q", tc.text, answer, tc.code)
		}
		if want := fmt.Sprintf(`{"line":%d,`, i+1); !strings.HasPrefix(answer, want) {
			t.Errorf("%.60q: got %s, want line %d", tc.text, answer, i+1)
		}
	}
	if got := d.Stats(); got.Invalid != 6 || got.TooLarge != 1 || got.Events != 2 {
		t.Errorf("got %+v", got)
	}
}

// TestClientsThatSaySilent: who says nothing, who does not end its line and who does
// not read its answers are let go, and hold nobody up.
func TestClientsThatAreSlow(t *testing.T) {
	d := startDaemon(t, &server.Options{Limits: server.Limits{Idle: 60 * time.Millisecond, LineWait: 60 * time.Millisecond}})
	half := d.greeted(t, someEvent+`{"event_type":"tool_c`)
	silent, deaf := d.dial(t), d.dial(t)
	// Who never reads: its answers fill the socket, and then nothing more is read.
	ended := make(chan error, 1)
	go func() {
		many := strings.Repeat(someEvent, 200)
		for {
			if _, err := io.WriteString(deaf, many); err != nil {
				ended <- err
				return
			}
		}
	}()
	for range 20 {
		d.greeted(t, strings.Replace(someEvent, `"x"`, `"other"`, 1))
	}
	if got := half.answer(); code(t, got) != "idle" {
		t.Errorf("half a line: got %s, want that nothing came for too long", got)
	}
	if err := <-ended; err == nil {
		t.Error("a client that does not read: got no error")
	}
	for name, l := range map[string]*line{"silent": silent, "half a line": half} {
		if text, err := l.in.ReadString('\n'); err == nil {
			t.Errorf("%s: got %q, want the end", name, text)
		}
	}
	for _, rec := range d.records(t) {
		if rec.Event.Type != etch.AuthSuccess && rec.Event.Action.Tool != "x" && rec.Event.Action.Tool != "other" {
			t.Errorf("a half line was recorded: %s", rec.Raw)
		}
	}
}

// TestTheLastLineHasNoEnd: a client that was killed has not sent it.
func TestTheLastLineHasNoEnd(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.dial(t)
	c.send(someEvent + strings.TrimSpace(someEvent))
	if err := c.Conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := c.answer(); code(t, got) != "" {
		t.Errorf("the first line: got %s", got)
	}
	if got := c.answer(); code(t, got) != "invalid" || !strings.HasPrefix(got, `{"line":2,`) {
		t.Errorf("the last line: got %s", got)
	}
	if got := d.Stats().Events; got != 1 {
		t.Errorf("got %d events, want 1", got)
	}
}

// TestALyingClient claims to be somebody else.
func TestALyingClient(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.dial(t)
	c.send(`{"event_type":"tool_call","actor":{"username":"root","user_id":"0"},"labels":{"sender_uid":"4711","sender_pid":"1","sender_user":"root","sender_more":"x","claimed_sender_uid":"5","import_verdict":"signed","claimed_import_x":"y"}}` + "\n")
	if got := c.answer(); code(t, got) != "" {
		t.Fatal(got)
	}
	all := d.records(t)
	labels := all[len(all)-1].Event.Labels
	for name, want := range map[string]string{
		"sender_uid": fmt.Sprint(os.Getuid()), "sender_pid": fmt.Sprint(os.Getpid()),
		"claimed_sender_uid": "4711", "claimed_sender_pid": "1", "claimed_sender_user": "root",
		"claimed_sender_more": "x", "claimed_claimed_sender_uid": "5", "sender_more": "",
		"claimed_import_verdict": "signed", "claimed_claimed_import_x": "y", "import_verdict": "",
	} {
		if labels[name] != want {
			t.Errorf("label %s: got %q, want %q", name, labels[name], want)
		}
	}
}

// TestNobodyPushesTheSenderOut: a line has no room for all that a message may have,
// and labels are cut in the order of their names.
func TestNobodyPushesTheSenderOut(t *testing.T) {
	d := startDaemon(t, nil)
	ev := tool("x")
	ev.Action.Command = strings.Repeat("x", 200_000)
	ev.Labels = map[string]string{"a": strings.Repeat("y", 900)}
	for i := range 2000 {
		ev.Labels[fmt.Sprintf("b_token%d", i)] = strings.Repeat("z", 40)
	}
	if _, err := d.client(t).Append(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
	all := d.records(t)
	labels := all[len(all)-1].Event.Labels
	if labels["sender_uid"] != fmt.Sprint(os.Getuid()) || labels["sender_pid"] != fmt.Sprint(os.Getpid()) || labels["a"] == "" {
		t.Errorf("got labels %.200q, want the sender's, and others as far as there is room", fmt.Sprint(labels))
	}
}

// TestALineByteByByte: who sends a byte now and then holds its connection no longer than
// who sends nothing more.
func TestALineByteByByte(t *testing.T) {
	const wait = 100 * time.Millisecond
	d := startDaemon(t, &server.Options{Limits: server.Limits{LineWait: wait}})
	c := d.dial(t)
	began := time.Now()
	pace := time.NewTicker(wait / 10)
	defer pace.Stop()
	for at := range pace.C {
		if _, err := io.WriteString(c, " "); err != nil {
			return // it was closed
		}
		if at.Sub(began) > patiently {
			break
		}
	}
	t.Errorf("the connection is open after %v", time.Since(began))
}

// TestAFlood: connections beyond the limits are closed at once, it is on record once
// a second at most, and who was there is served on.
func TestAFlood(t *testing.T) {
	began := time.Now()
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxPerSender: 8}})
	c := d.client(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 10 {
				raw, err := net.Dial("unix", d.socket)
				if err != nil {
					continue // the backlog is full
				}
				defer func() { _ = raw.Close() }() // most are closed already
			}
		})
	}
	wg.Wait()
	for range 10 {
		if _, err := c.Append(t.Context(), tool("x")); err != nil {
			t.Fatalf("who was there before: %v", err)
		}
	}
	if got := d.Stats(); got.Rejected == 0 || got.Connections > 8 {
		t.Errorf("got %+v", got)
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	failures, counted := 0, uint64(0)
	for _, rec := range d.records(t) {
		if rec.Event.Type == etch.AuthFailure {
			failures++
			var besides uint64
			if text := rec.Event.Labels["refused_besides"]; text != "" {
				if _, err := fmt.Sscan(text, &besides); err != nil {
					t.Error(err)
				}
			}
			counted += 1 + besides
		}
	}
	if most := 2 + int(time.Since(began)/time.Second); failures > most || counted != d.Stats().Rejected {
		t.Errorf("got %d records of %d refusals, want at most %d of all %d", failures, counted, most, d.Stats().Rejected)
	}
}

// TestOneSendersRateIsItsOwn: who sends too fast is held up, then refused, and
// somebody else does not notice.
func TestOneSendersRateIsItsOwn(t *testing.T) {
	now := time.Now()
	d := startDaemon(t, &server.Options{Limits: server.Limits{Rate: 10, Burst: 20}, Now: func() time.Time { return now }})
	fast, other := server.Sender{Transport: server.TransportHTTP, UID: -1, Token: "fast"}, server.Sender{Transport: server.TransportHTTP, UID: -1, Token: "other"}
	var limited *server.RateError
	for range 100 {
		_, err := d.Record(t.Context(), fast, []*etch.Event{tool("x")})
		if err != nil && !errors.As(err, &limited) {
			t.Fatal(err)
		}
	}
	if limited == nil || limited.RetryAfter <= 0 || limited.RetryAfter > time.Second || !errors.Is(limited, server.ErrRateLimited) {
		t.Errorf("got %v, want that the rate is limited, and until when", limited)
	}
	if _, err := d.Record(t.Context(), other, []*etch.Event{tool("y")}); err != nil {
		t.Errorf("the other sender: %v", err)
	}
	// By the socket a sender is held up first: that is back-pressure, not loss.
	c := d.dial(t)
	c.send(strings.Repeat(someEvent, 19) + strings.Repeat(someEvent, 6))
	for i := range 25 {
		if got := c.answer(); code(t, got) != "" {
			t.Errorf("event %d: got %s", i, got)
		}
	}
	if got := d.Stats(); got.RateLimited == 0 || got.Events != 20+1+25 {
		t.Errorf("got %+v, want 46 events", got)
	}
}

func TestWhoMaySend(t *testing.T) {
	nobody, now := "4242", time.Now() // which stands still: of a second one refusal is on record
	d := startDaemon(t, &server.Options{AllowUsers: []string{nobody}, Now: func() time.Time { return now }})
	c := d.dial(t)
	c.send(someEvent)
	if got := c.answer(); code(t, got) != "refused" {
		t.Errorf("got %s, want a refusal", got)
	}
	if text, err := c.in.ReadString('\n'); err == nil {
		t.Errorf("after a refusal: got %q, want the end", text)
	}
	if _, err := d.client(t).Append(t.Context(), tool("x")); !errors.Is(err, etch.ErrNotRecorded) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a client: got %v", err)
	}
	types := map[etch.EventType]int{}
	for _, rec := range d.records(t) {
		types[rec.Event.Type]++
	}
	if types[etch.AuthFailure] != 1 || types[etch.ToolCall] != 0 {
		t.Errorf("got %v, want one auth_failure in a second and nothing else", types)
	}
	if _, err := server.New(d.log, &server.Options{AllowUsers: []string{"nobody has such a name"}}); err == nil {
		t.Error("a name that nobody has: got no error")
	}
}

// TestDrainAnswersWhatWasTaken: every line is either answered with a receipt and on
// record, or not there.
func TestDrainAnswersWhatWasTaken(t *testing.T) {
	d := startDaemon(t, nil)
	told := newToll()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { load(t.Context(), t, d.path, fmt.Sprint(i), i%4 == 0, told) })
	}
	for d.Stats().Events < 2000 {
		runtime.Gosched()
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	wg.Wait()
	told.mu.Lock()
	unknown := len(told.unknown)
	told.mu.Unlock()
	if unknown > 0 {
		t.Errorf("of %d events nobody knows whether they are recorded, although the daemon was drained", unknown)
	}
	told.check(t, d.path)
	if _, err := d.Record(t.Context(), server.Sender{Token: "x"}, []*etch.Event{tool("x")}); !errors.Is(err, server.ErrShuttingDown) {
		t.Errorf("after Drain: got %v, want ErrShuttingDown", err)
	}
}

// TestAFullDisk: what does not fit is said not to be recorded, and the daemon serves
// on when there is room again.
func TestAFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("wants a file system of its own, which only root can make")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "etch-test", dir).CombinedOutput(); err != nil {
		t.Skipf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 700<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemonIn(t, dir, nil)
	c := d.client(t)
	told := newToll()
	pad := strings.Repeat("x", 2000)
	refused := 0
	for n := 0; refused < 20 && n < 5000; n++ {
		name := fmt.Sprint(n)
		ev := tool(name)
		ev.Action.Command = pad
		r, err := c.Append(t.Context(), ev)
		told.note(t, name, r, err)
		if errors.Is(err, etch.ErrNotRecorded) {
			refused++
		}
	}
	if refused < 20 {
		t.Fatalf("got %d refusals, want 20: the disk is not full", refused)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		name := fmt.Sprint("again", n)
		r, err := c.Append(t.Context(), tool(name))
		if told.note(t, name, r, err); err != nil {
			t.Errorf("with room again: %v", err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	told.check(t, d.path)
}
