package server_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// A daemon is a server on a socket, with its log.
type daemon struct {
	*server.Server
	log    *etch.Log
	path   string // of the log
	socket string
}

// startDaemon makes a log and serves it. It is drained with the test. Nothing is sealed but
// by the test, however long that takes.
func startDaemon(t testing.TB, opts *server.Options) *daemon {
	t.Helper()
	return startDaemonIn(t, shortDir(t), opts)
}

// shortDir is a directory for a log and its socket, whose path must be short. Where the
// kernel does not say who connects nobody may send, and there is nothing to test.
func shortDir(t testing.TB) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("sockets have no senders here")
	}
	dir, err := os.MkdirTemp("", "etch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func startDaemonIn(t testing.TB, dir string, opts *server.Options) *daemon {
	t.Helper()
	d := &daemon{path: filepath.Join(dir, "audit.log"), socket: filepath.Join(dir, "audit.sock")}
	var err error
	if d.log, err = etch.Create(d.path, &etch.Options{SealEvery: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if d.Server, err = server.New(d.log, opts); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.ServeSocket(context.Background(), l) }()
	t.Cleanup(func() {
		if err := d.Drain(context.Background()); err != nil {
			t.Errorf("drain: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := d.log.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// records returns the records of the log.
func (d *daemon) records(t testing.TB) []etch.Record {
	t.Helper()
	r, err := etch.OpenReader(d.path)
	if err != nil {
		t.Fatal(err)
	}
	var all []etch.Record
	for rec, err := range r.Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

// leafOf is the leaf hash of a line: RFC 6962.
func leafOf(line []byte) [32]byte {
	return sha256.Sum256(append([]byte{0}, line...))
}

// A line is a connection that lines are sent over.
type line struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func (d *daemon) dial(t testing.TB) *line {
	t.Helper()
	c, err := net.Dial("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // the test may have closed it
	return &line{t, c, bufio.NewReader(c)}
}

// greeted dials a daemon that waits for nobody long, and says something of which the first
// line is an event. Where the machine was so busy that the daemon has ended the connection
// by then it tries again: it returns once that event is recorded.
func (d *daemon) greeted(t testing.TB, text string) *line {
	t.Helper()
	var why error
	for began := time.Now(); time.Since(began) < patiently; {
		l := d.dial(t)
		_, err := l.Write([]byte(text))
		answer, reading := l.in.ReadString('\n')
		if strings.Contains(answer, `"durable":true`) {
			return l
		}
		why = errors.Join(err, reading, l.Close())
	}
	t.Fatalf("no answer to %.60q: %v", text, why)
	return nil
}

func (l *line) send(text string) {
	l.t.Helper()
	if _, err := l.Write([]byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) answer() string {
	l.t.Helper()
	text, err := l.in.ReadString('\n')
	if err != nil {
		l.t.Fatalf("answer: %v, got %q", err, text)
	}
	return text
}

func TestEventsAreAnsweredInOrder(t *testing.T) {
	d := startDaemon(t, nil)
	c := d.dial(t)
	for i := range 5 {
		c.send(fmt.Sprintf(`{"event_type":"tool_call","action":{"tool":"t%d"}}`+"\n", i))
	}
	var answers []string
	for range 5 {
		answers = append(answers, c.answer())
	}
	got := d.records(t)
	if len(got) != 6 || got[0].Event.Type != etch.AuthSuccess {
		t.Fatalf("got %d records, want the sender's auth_success and 5 events", len(got))
	}
	for i, rec := range got[1:] {
		want := fmt.Sprintf(`{"line":%d,"seq":%d,"event_id":%q,"leaf":"`, i+1, rec.Seq, rec.Event.ID)
		if !strings.HasPrefix(answers[i], want) {
			t.Errorf("answer %d: got %s, want it to begin with %s", i, answers[i], want)
		}
		if want := "t" + strconv.Itoa(i); rec.Event.Action.Tool != want {
			t.Errorf("record %d: got tool %q, want %q", i, rec.Event.Action.Tool, want)
		}
		if got, want := rec.Event.Labels[server.LabelSenderPID], strconv.Itoa(os.Getpid()); got != want {
			t.Errorf("record %d: got pid %q, want %q", i, got, want)
		}
	}
}

func TestRecordLabelsAndLimits(t *testing.T) {
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxEvent: 1000, Rate: 1, Burst: 2}})
	sender := server.Sender{Transport: server.TransportHTTP, UID: -1, GID: -1, PID: -1, Token: "ci"}
	if err := d.Admit(t.Context(), sender); err != nil {
		t.Fatal(err)
	}
	ev := &etch.Event{Type: etch.ToolCall, Labels: map[string]string{
		"sender_uid": "0", "claimed_sender_uid": "1", "k": "v", "sender_token_name": "root",
	}}
	if _, err := d.Record(t.Context(), sender, []*etch.Event{ev}); err != nil {
		t.Fatal(err)
	}
	all := d.records(t)
	got := all[len(all)-1].Event.Labels
	want := map[string]string{
		"claimed_sender_uid": "0", "claimed_claimed_sender_uid": "1", "k": "v",
		"claimed_sender_token_name": "root", "sender_token_name": "ci",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("labels: got %v, want %v", got, want)
	}
}
