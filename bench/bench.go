// Package bench compares the log with its peers, side by side in one run.
//
// A row of the table is a ratio: what the log does to what a peer does. Both
// sides of every row are measured in each of several rounds, one after another
// in an order that changes from round to round, so that whatever else the
// machine does meets all of them. A round gives one ratio; the row shows the
// median, the smallest and the greatest of them. The figures behind the ratios
// are medians too, and say little about any other machine.
//
// The program is cmd/compare. docs/performance.md holds what it printed.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/etch-audit/etch/bench/table"
)

// Options say what is compared and how long.
type Options struct {
	// Dir is where logs are written: it should be on a real disk. Everything
	// in it that Run makes is removed.
	Dir string
	// Rows are the names of the rows; none means all.
	Rows []string
	// Rounds is how often both sides of a row are measured.
	Rounds int
	// Span is how long one measurement appends.
	Span time.Duration
	// Records is how many records the large log has.
	Records int
	// Progress, where it is not nil, is told what is measured.
	Progress func(format string, args ...any)
}

// Full returns the options of the whole table: about five minutes.
func Full() Options {
	return Options{Rounds: 7, Span: 600 * time.Millisecond, Records: 5_000_000}
}

// Quick returns the options of a run that shows that everything works, and
// little more.
func Quick() Options {
	return Options{Rounds: 2, Span: 100 * time.Millisecond, Records: 50_000}
}

// Run measures the rows and returns what came out, in the order of the table.
func Run(ctx context.Context, opt Options) (outcomes []table.Outcome, err error) {
	chosen, err := table.Choose(rows, opt.Rows)
	if err != nil {
		return nil, err
	}
	e, err := newEnv(opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, e.close()) }()
	figures, err := e.rounds(ctx, table.Sides(chosen))
	if err != nil {
		return nil, err
	}
	for _, r := range chosen {
		outcomes = append(outcomes, r.Judge(figures))
	}
	return outcomes, nil
}

// String returns the options as the table shows them.
func (o Options) String() string {
	return fmt.Sprintf("%d rounds, %v a measurement, large log of %d records", o.Rounds, o.Span, o.Records)
}

// An env is what measurements share.
type env struct {
	Options
	made  int
	large string // directory of the large log, once it is written
	small string // and of one with a fiftieth of its records
}

func newEnv(opt Options) (*env, error) {
	if opt.Rounds < 1 || opt.Span <= 0 || opt.Records < 50 {
		return nil, fmt.Errorf("%d rounds of %v with %d records are too few", opt.Rounds, opt.Span, opt.Records)
	}
	if opt.Progress == nil {
		opt.Progress = func(string, ...any) {}
	}
	dir, err := os.MkdirTemp(opt.Dir, "etch-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a place for the logs: %w", err)
	}
	// Children get the path, and may have another working directory.
	if opt.Dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	return &env{Options: opt}, nil
}

func (e *env) close() error { return os.RemoveAll(e.Dir) }

// scratch calls f with a directory that exists only meanwhile.
func (e *env) scratch(f func(dir string) (float64, error)) (float64, error) {
	e.made++
	dir := filepath.Join(e.Dir, fmt.Sprintf("run-%d", e.made))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	figure, err := f(dir)
	return figure, cmp.Or(err, os.RemoveAll(dir))
}

// rounds measures every side in every round. A side that measures something
// that does not vary is measured once.
func (e *env) rounds(ctx context.Context, names []string) (table.Figures, error) {
	figures := table.Figures{}
	for round := range e.Rounds {
		order := slices.Clone(names)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, name := range order {
			s := contestants[name]
			if s.rounds > 0 && round >= s.rounds {
				continue
			}
			e.Progress("round %d of %d: %s", round+1, e.Rounds, name)
			figure, err := s.measure(ctx, e)
			if err != nil {
				return nil, fmt.Errorf("measure %s: %w", name, err)
			}
			figures[name] = table.Measured{Unit: s.unit, Values: append(figures[name].Values, figure)}
		}
	}
	return figures, nil
}
