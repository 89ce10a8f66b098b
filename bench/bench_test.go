package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/bench/events"
	"github.com/etch-audit/etch/bench/peer"
	"github.com/etch-audit/etch/bench/table"
)

func TestMain(m *testing.M) {
	if Child() {
		return
	}
	os.Exit(m.Run())
}

// tiny is a run of a few seconds.
func tiny(t *testing.T) Options {
	return Options{Dir: t.TempDir(), Rounds: 2, Span: 20 * time.Millisecond, Records: 3000}
}

// TestRun runs the whole table. What the ratios come to is no test's business:
// they need a quiet machine and more time.
func TestRun(t *testing.T) {
	opt := tiny(t)
	outcomes, err := Run(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != len(rows) {
		t.Fatalf("%d outcomes, want %d", len(outcomes), len(rows))
	}
	for _, o := range outcomes {
		if o.Row != "allocs" && o.Value <= 0 {
			t.Errorf("row %s came to %g", o.Row, o.Value)
		}
		if o.Min > o.Value || o.Max < o.Value {
			t.Errorf("row %s: %g is not within %g..%g", o.Row, o.Value, o.Min, o.Max)
		}
		if strings.HasPrefix(o.Row, "memory") && !o.Holds() {
			t.Errorf("row %s came to %g MiB, want at most %g", o.Row, o.Value, o.Bound)
		}
	}
	left, err := os.ReadDir(opt.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("%d things are left behind, %s first", len(left), left[0].Name())
	}
	report := table.Report{Machine: table.ThisMachine(), Options: opt.String(), Outcomes: outcomes}
	for _, name := range Rows() {
		if !strings.Contains(report.String(), name) {
			t.Errorf("the report does not show row %s:\n%s", name, report.String())
		}
	}
}

func TestRunRefuses(t *testing.T) {
	opt := tiny(t)
	opt.Rows = []string{"append-65"}
	if _, err := Run(t.Context(), opt); err == nil {
		t.Error("a row that is not there was run")
	}
	opt = tiny(t)
	opt.Rounds = 0
	if _, err := Run(t.Context(), opt); err == nil {
		t.Error("a table of no rounds was made")
	}
}

// TestChildFails shows that the failure of a child is one of the run.
func TestChildFails(t *testing.T) {
	if _, err := together(t.Context(), 2, job{Work: "sleep"}); err == nil {
		t.Error("children that have nothing to do came to something")
	}
}

func TestSidesAreContestants(t *testing.T) {
	for _, side := range table.Sides(rows) {
		if _, ok := contestants[side]; !ok {
			t.Errorf("the table names %q, which nobody can measure", side)
		}
	}
}

func TestCurve(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a race run need not draw curves")
	}
	opt := tiny(t)
	opt.Rounds, opt.Span = 1, 5*time.Millisecond
	points, err := Curve(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != len(curvePeers)*len(curveCallers) {
		t.Errorf("%d points, want %d", len(points), len(curvePeers)*len(curveCallers))
	}
	for _, p := range points {
		if p.Rate <= 0 {
			t.Errorf("%s with %d callers came to %g events a second", p.Peer, p.Callers, p.Rate)
		}
	}
}

// BenchmarkAppend is one durable or logged event of a caller among others.
func BenchmarkAppend(b *testing.B) {
	made := events.New(events.Options{}).Take(pool)
	for _, name := range peer.Names() {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("peer=%s/callers=%d", name, callers), func(b *testing.B) {
				benchmarkAppend(b, name, callers, func(ctx context.Context, p peer.Peer, i int) error {
					return p.Append(ctx, made[i%len(made)])
				})
			})
		}
	}
}

// benchmarkAppend shares b.N appends among callers.
func benchmarkAppend(b *testing.B, name string, callers int, appendTo func(context.Context, peer.Peer, int) error) {
	p, err := peer.Open(name, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	errs := make(chan error, callers)
	for c := range callers {
		go func() {
			for i := c; i < b.N; i += callers {
				if err := appendTo(b.Context(), p, i); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			b.Error(err)
		}
	}
	b.StopTimer()
	if err := p.Close(); err != nil {
		b.Fatal(err)
	}
}
