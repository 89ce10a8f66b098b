package server_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// busy is an event of a mean length: a stored line of about 700 bytes.
func busy() *etch.Event {
	return &etch.Event{
		Type:      etch.CommandExecution,
		Timestamp: time.Date(2026, 2, 16, 12, 34, 56, 0, time.UTC),
		SessionID: "s-z7wn83rm",
		Actor:     &etch.Actor{Channel: "cli", Username: "alice", Agent: "codex", Host: "dev1"},
		Action: &etch.Action{
			Tool: "shell", Command: `cd services/gateway && go test ./internal/store -run 'TestQueue' -count=1 2>&1 | tail -n 40`,
			Cwd: "/srv/services/gateway", Risk: etch.RiskLow, Approved: true, Allowed: true,
		},
		Result: &etch.Result{Type: etch.Success, ExitCode: etch.Some(int64(0)), Duration: 317 * time.Millisecond},
	}
}

// BenchmarkDaemon1 is one client that sends one event a request and waits for each.
func BenchmarkDaemon1(b *testing.B) { benchmarkDaemon(b, 1) }

// BenchmarkDaemon64 is 64 clients, each with a connection of its own, in the same
// process as the daemon.
func BenchmarkDaemon64(b *testing.B) { benchmarkDaemon(b, 64) }

func benchmarkDaemon(b *testing.B, clients int) {
	d := startDaemon(b, nil)
	var left atomic.Int64
	left.Store(int64(b.N))
	times := make([][]time.Duration, clients)
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range clients {
		c := d.client(b)
		wg.Go(func() {
			ev := busy()
			for left.Add(-1) >= 0 {
				began := time.Now()
				if r, err := c.Append(context.Background(), ev); err != nil || !r.Durable {
					b.Errorf("got %+v, %v", r, err)
					return
				}
				times[i] = append(times[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}
