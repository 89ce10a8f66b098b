package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/wire"
)

// A script is a connection whose other side sends pieces, one a read, and keeps what
// it is told.
type script struct {
	net.Conn
	pieces [][]byte
	told   bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) {
	for len(s.pieces) > 0 && len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error)      { return s.told.Write(p) }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// fuzzLine is the longest line of the fuzzed server.
const fuzzLine = 200

// skipping returns a server of a log that records nothing: each event is skipped.
func skipping(t testing.TB) *Server {
	t.Helper()
	log, err := etch.Open(filepath.Join(t.TempDir(), "audit.log"), &etch.Options{Disabled: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(log, &Options{Limits: Limits{MaxEvent: fuzzLine}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantAnswer returns how a line is answered: with the code of an error, or as
// skipped; nothing at all where it is blank.
func wantAnswer(line []byte) (a wire.Answer, answered bool) {
	if len(line) > fuzzLine {
		return wire.Answer{Kind: wire.Failed, Code: wire.TooLarge}, true
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return wire.Answer{}, false
	}
	if string(line) == wire.HelloLine {
		return wire.Answer{Kind: wire.Hello}, true
	}
	if _, _, err := parse(line); err != nil {
		return wire.Answer{Kind: wire.Failed, Code: wire.Invalid}, true
	}
	return wire.Answer{Kind: wire.Skipped}, true
}

// FuzzNative sends any bytes in any two pieces: the answers are those of the lines,
// in order, each with its number.
func FuzzNative(f *testing.F) {
	for _, text := range []string{
		`{"event_type":"tool_call"}` + "\n" + `{"event_type":"tool_call"}` + "\n",
		wire.HelloLine + "\n\n  \n{}\n",
		`{"once":{"event_type":"tool_call","event_id":"x","timestamp":"2026-01-01T00:00:00Z"}}` + "\n{",
		string(bytes.Repeat([]byte("x"), 500)) + "\n{\"event_type\":\"tool_call\"}\n",
		"\r\n\x00\xff\n",
	} {
		f.Add([]byte(text), 7)
	}
	s := skipping(f)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		if len(data) == 0 {
			return
		}
		at := 1 + int(uint(cut)%uint(len(data)))
		end := &script{pieces: [][]byte{data[1:at], data[at:]}}
		sender := Sender{Transport: TransportUnix, UID: 1, GID: 1, PID: 1}
		c := &conn{Conn: end, server: s, sender: sender, account: s.account(sender)}
		newNative(c, data[0]).run()
		told := bytes.SplitAfter(end.told.Bytes(), []byte{'\n'})
		told = told[:len(told)-1]
		lines := bytes.Split(data, []byte{'\n'})
		for i, line := range lines {
			want, answered := wantAnswer(line)
			if last := i == len(lines)-1; last && answered {
				want = wire.Answer{Kind: wire.Failed, Code: wire.Invalid} // it has no end
			}
			if !answered {
				continue
			}
			if len(told) == 0 {
				t.Fatalf("line %d, %q, has no answer", i+1, line)
			}
			var got wire.Answer
			if err := wire.Parse(told[0], &got); err != nil {
				t.Fatalf("line %d: %q: %v", i+1, told[0], err)
			}
			if got.Kind != want.Kind || got.Code != want.Code || got.Line != uint64(i+1) {
				t.Fatalf("line %d, %q: got %s", i+1, line, told[0])
			}
			told = told[1:]
		}
		if len(told) > 0 {
			t.Fatalf("answers that nobody asked for: %q", told)
		}
	})
}

func TestBuckets(t *testing.T) {
	l := Limits{Rate: 10, Burst: 5}
	now := time.Unix(1e9, 0)
	b := bucket{level: 5}
	for _, tc := range []struct {
		after    time.Duration
		n        int
		patience time.Duration
		wait     time.Duration
		ok       bool
	}{
		{0, 5, 0, 0, true},
		{0, 1, 0, 100 * time.Millisecond, false},
		{0, 1, time.Second, 100 * time.Millisecond, true},
		{100 * time.Millisecond, 1, 0, 100 * time.Millisecond, false},
		{time.Hour, 5, 0, 0, true},
		{-time.Hour, 1, 0, 100 * time.Millisecond, false},
		{time.Hour, 50, 0, 0, true}, // more than the burst: overdrawn
		{time.Second, 1, 0, 3600 * time.Millisecond, false},
	} {
		now = now.Add(tc.after)
		wait, ok := b.take(tc.n, &l, now, tc.patience)
		if ok != tc.ok || (wait-tc.wait).Abs() > time.Microsecond {
			t.Errorf("%+v: got %v, %v", tc, wait, ok)
		}
	}
}

// TestClaims: no two labels of a message become one, and none becomes the server's.
func TestClaims(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"sender_uid", "claimed_sender_uid", "claimed_claimed_sender_uid", "claimed_", "claimed", "sender", "x", "claimed_x"} {
		got := claim(name)
		if other, twice := seen[got]; twice {
			t.Errorf("%q and %q are both kept as %q", name, other, got)
		}
		seen[got] = name
		if bytes.HasPrefix([]byte(got), []byte(senderPrefix)) {
			t.Errorf("%q is kept as %q, which is the server's", name, got)
		}
	}
}

func TestRefuseTellsOfALogThatFails(t *testing.T) {
	log, err := etch.Create(filepath.Join(t.TempDir(), "audit.log"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var told error
	s, err := New(log, &Options{Notify: func(err error) { told = err }})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Refuse(t.Context(), Sender{UID: 3}, "a cause"); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
	if told == nil {
		t.Error("nobody was told that it is not on record")
	}
	if err := s.Admit(t.Context(), Sender{Token: "x"}); !errors.Is(err, etch.ErrNotRecorded) {
		t.Errorf("got %v, want ErrNotRecorded: who is not on record may not send", err)
	}
}
