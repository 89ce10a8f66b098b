package server_test

import (
	"bufio"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const busyLine = `{"event_type":"command_execution","session_id":"s-z7wn83rm","actor":{"channel":"cli","username":"alice","agent":"codex","host":"dev1"},"action":{"tool":"shell","command":"cd services/gateway && go test ./internal/store -run 'TestQueue' -count=1 2>&1 | tail -n 40","cwd":"/srv/services/gateway","risk_level":"low","approved":true,"allowed":true},"result":{"success":true,"type":"success","exit_code":0,"duration_ms":317}}` + "\n"

func BenchmarkRaw64(b *testing.B) {
	d := startDaemon(b, nil)
	const clients = 64
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	b.ResetTimer()
	var r0, r1 syscall.Rusage
	_ = syscall.Getrusage(0, &r0)
	var wg sync.WaitGroup
	for range clients {
		c, err := net.Dial("unix", d.socket)
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			defer c.Close()
			in := bufio.NewReader(c)
			var took []time.Duration
			for next.Add(1) <= int64(b.N) {
				t := time.Now()
				if _, err := c.Write([]byte(busyLine)); err != nil {
					b.Error(err)
					return
				}
				if _, err := in.ReadSlice('\n'); err != nil {
					b.Error(err)
					return
				}
				took = append(took, time.Since(t))
			}
			mu.Lock()
			all = append(all, took...)
			mu.Unlock()
		})
	}
	wg.Wait()
	b.StopTimer()
	_ = syscall.Getrusage(0, &r1)
	cpu := r1.Utime.Nano() + r1.Stime.Nano() - r0.Utime.Nano() - r0.Stime.Nano()
	b.ReportMetric(float64(cpu)/1000/float64(b.N), "cpu-µs/ev")
	b.ReportMetric(float64(r1.Stime.Nano()-r0.Stime.Nano())/1000/float64(b.N), "sys-µs/ev")
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
}
