package etch_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/etch-audit/etch"
)

// busy is an event of a mean length: a stored line of about 530 bytes.
func busy() *etch.Event {
	ev := command(`cd services/gateway && go test ./internal/store -run 'TestQueue' -count=1 2>&1 | tail -n 40`)
	ev.SessionID = "s-z7wn83rm"
	ev.Action.Cwd = "/home/alice/services/gateway"
	ev.Result.Duration = 317 * time.Millisecond
	return ev
}

// openLog makes a log that is closed with the benchmark.
func openLog(b *testing.B, opt *etch.Options) *etch.Log {
	b.Helper()
	l, err := etch.Create(filepath.Join(b.TempDir(), "audit.log"), opt)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

// BenchmarkAppend measures durable appends, and those of an interval. How they
// compare with others' is in bench/, and in docs/performance.md.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 64, 1024} {
		for _, durability := range []time.Duration{0, 100 * time.Millisecond} {
			name := fmt.Sprintf("callers=%d/durability=%s", callers, durability)
			b.Run(name, func(b *testing.B) {
				l := openLog(b, &etch.Options{Durability: durability})
				ev := busy()
				b.ReportAllocs()
				b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
				if callers == 1 {
					for b.Loop() {
						appendTo(b, l, ev)
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						appendTo(b, l, ev)
					}
				})
			})
		}
	}
}

func appendTo(b *testing.B, l *etch.Log, ev *etch.Event) {
	if _, err := l.Append(b.Context(), ev); err != nil {
		b.Error(err)
	}
}

func BenchmarkAppendBatch(b *testing.B) {
	for _, size := range []int{10, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			l := openLog(b, nil)
			events := make([]*etch.Event, size)
			for i := range events {
				events[i] = busy()
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.AppendBatch(b.Context(), events); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkRecords(b *testing.B) {
	const records = 10_000
	l := openLog(b, nil)
	events := make([]*etch.Event, records)
	for i := range events {
		events[i] = busy()
	}
	if _, err := l.AppendBatch(b.Context(), events); err != nil {
		b.Fatal(err)
	}
	for _, q := range []struct {
		name  string
		query etch.Query
		want  int
	}{
		{"all", etch.Query{}, records},
		{"none", etch.Query{User: "nobody"}, 0},
	} {
		b.Run("match="+q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range l.Records(b.Context(), q.query) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != q.want {
					b.Fatalf("%d records, want %d", n, q.want)
				}
			}
			b.ReportMetric(float64(b.N)*records/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkOpenClose(b *testing.B) {
	path := filepath.Join(b.TempDir(), "audit.log")
	l, err := etch.Create(path, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := etch.Open(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
