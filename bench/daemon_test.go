package bench

import (
	"runtime"
	"testing"
	"time"
)

// TestDaemon measures every point, very briefly.
func TestDaemon(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets have no senders here")
	}
	opt := tiny(t)
	opt.Rounds, opt.Span = 1, 10*time.Millisecond
	curve, err := Daemon(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(curve.Daemon) != len(curveClients) {
		t.Fatalf("%d points, want %d", len(curve.Daemon), len(curveClients))
	}
	for i, p := range curve.Daemon {
		if p.Clients != curveClients[i] || p.Rate <= 0 || p.P50 <= 0 || p.P99 < p.P50 {
			t.Errorf("point %d is %+v", i, p)
		}
	}
}
