package etch

import (
	"encoding/json"
	"testing"
	"time"
)

// realistic is an event as an agent's shell tool gives one: a body of about
// 430 bytes.
func realistic() *Event {
	return &Event{
		Timestamp: time.Date(2026, 2, 16, 12, 34, 56, 123456789, time.UTC),
		ID:        "evt_01kkwa7m3qf8zt6xv2c9h4d5ny",
		Type:      CommandExecution,
		SessionID: "sess_7f3a91",
		Actor:     &Actor{Channel: "telegram", UserID: "123456789", Username: "@alice"},
		Action: &Action{
			Tool: "shell", Command: `git commit -m "fix: parser"`, Arguments: json.RawMessage(`{"timeout":30,"cwd":"/srv/app"}`),
			Risk: RiskLow, Allowed: true,
		},
		Result:   &Result{Type: Success, ExitCode: Some[int64](0), Duration: 15 * time.Millisecond},
		Security: &Security{RateLimitRemaining: Some[uint64](19)},
		Labels:   map[string]string{"repo": "etch", "env": "prod"},
	}
}

func BenchmarkEncode(b *testing.B) {
	ev := realistic()
	buf := appendBody(nil, ev)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = appendBody(buf[:0], ev)
	}
}

func BenchmarkEventID(b *testing.B) {
	s := newIDSource()
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		s.next(now)
	}
}
