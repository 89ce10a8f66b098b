package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/bench/events"
	"github.com/etch-audit/etch/bench/peer"
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
	if len(outcomes) != len(table) {
		t.Fatalf("%d outcomes, want %d", len(outcomes), len(table))
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
	report := Report{Machine: ThisMachine(), Options: opt.String(), Outcomes: outcomes}
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

func TestJudge(t *testing.T) {
	figures := map[string][]float64{
		"etch/64":       {100, 400, 200},
		"seed/64":       {10, 10, 10},
		"seed-mutex/64": {5, 20, 40},
		"open/large":    {3, 4, 5},
		"open/empty":    {2, 2, 2},
		"allocs":        {0},
	}
	row := func(name string) *row {
		return &table[slices.IndexFunc(table, func(r row) bool { return r.name == name })]
	}
	for _, test := range []struct {
		row             string
		value, min, max float64
		holds           bool
	}{
		{"append-64", 10, 5, 20, false}, // 100/10, 400/20, 200/40; at least 15
		{"open", 2, 1.5, 2.5, false},    // at most 1.5
		{"allocs", 0, 0, 0, true},
	} {
		o := row(test.row).judge(figures)
		if o.Value != test.value || o.Min != test.min || o.Max != test.max || o.Holds() != test.holds {
			t.Errorf("%s: %g in %g..%g, holds: %t; want %+v", test.row, o.Value, o.Min, o.Max, o.Holds(), test)
		}
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("median of three: %g, want 3", got)
	}
	if got := median([]float64{5, 1, 3, 9}); got != 4 {
		t.Errorf("median of four: %g, want 4", got)
	}
}

func TestSidesAreContestants(t *testing.T) {
	for _, side := range sides(table) {
		if _, ok := contestants[side]; !ok {
			t.Errorf("the table names %q, which nobody can measure", side)
		}
	}
}

func TestCurve(t *testing.T) {
	if testing.Short() {
		t.Skip("a race run need not draw curves")
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
