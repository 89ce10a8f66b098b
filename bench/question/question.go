// Package question compares what the log is asked with what others are asked
// about the same events: ripgrep, jq, SQLite, DuckDB.
//
// Everybody runs as a person would run it, as whole processes from start to
// exit, and what they print is read through a pipe. All sides but those named cold
// are measured warm: what they ask is in memory as a system holds files that it has
// read in, whoever wrote them, and was asked once before. They are measured in each of several rounds, one after
// another in an order that changes from round to round. First of all, and in every
// round, each must give the right answer, which the generator of the events knows: a
// wrong one makes the run fail, and its row is no ratio.
//
// The log of some million events is made once and kept, with the copies and the
// databases that the peers need. A row that cannot be measured says why.
//
// The program is cmd/ask. docs/performance.md holds what it printed.
package question

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/etch-audit/etch/bench/table"
)

// Options say what is asked, and how often.
type Options struct {
	// Dir keeps the log and what is made of it between runs: 12 GB where the
	// log has 5,000,000 events. It should be on a real disk.
	Dir string
	// Etch is the program that is measured; "" means that it is built from
	// the source tree.
	Etch string
	// Rows are the names of the rows; none means all.
	Rows []string
	// Rounds is how often each side is measured.
	Rounds int
	// Events is how many events the log has.
	Events int
	// Again makes the indexes and the archived copy again, which else are kept
	// with the log: for a program that writes them in another way.
	Again bool
	// Progress, where it is not nil, is told what is done.
	Progress func(format string, args ...any)
}

// Full returns the options of the whole table: about ten minutes, and as many
// again the first time.
func Full() Options { return Options{Rounds: 7, Events: 5_000_000} }

// Quick returns the options of a run that shows that everything works, and
// nothing more.
func Quick() Options { return Options{Rounds: 2, Events: 20_000} }

// String returns the options as the table shows them.
func (o Options) String() string {
	return fmt.Sprintf("%d rounds, warm, log of %d events", o.Rounds, o.Events)
}

// Run measures the rows and returns what came out, in the order of the table,
// and what else is to be known. Where an answer was wrong, it returns all that,
// and an error.
func Run(ctx context.Context, opt Options) ([]table.Outcome, []string, error) {
	chosen, err := table.Choose(rows, opt.Rows)
	if err != nil {
		return nil, nil, err
	}
	e, err := newEnv(ctx, opt)
	if err != nil {
		return nil, nil, err
	}
	e.versions(ctx)
	figures, err := e.rounds(ctx, table.Sides(chosen))
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	var outcomes []table.Outcome
	for _, r := range chosen {
		outcomes = append(outcomes, r.Judge(figures))
	}
	return outcomes, e.notes, err
}

// rounds measures every side once, for its answer and to warm it up, and then
// in every round. A side that fails is missing; where its answer was wrong, that
// is the error.
func (e *env) rounds(ctx context.Context, names []string) (table.Figures, error) {
	figures := table.Figures{}
	var wrong []error
	for round := range e.Rounds + 1 {
		order := slices.Clone(names)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, name := range order {
			f, err := e.measure(ctx, name, figures[name], round)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			}
			figures[name] = f
		}
	}
	return figures, errors.Join(wrong...)
}

// measure measures a side in a round and adds that to its figures; the 0th is to
// warm up. The error is a wrong answer.
func (e *env) measure(ctx context.Context, name string, f table.Measured, round int) (table.Measured, error) {
	s := e.sides[name]
	if f.Missing != "" || s.rounds > 0 && len(f.Values) >= s.rounds {
		return f, nil
	}
	if round == 0 {
		e.Progress("warming up: %s", name)
	} else {
		e.Progress("round %d of %d: %s", round, e.Rounds, name)
	}
	figure, err := s.once(ctx, e)
	if err != nil {
		e.Progress("%s: %v", name, err)
		f = table.Measured{Unit: s.unit, Missing: err.Error()}
		if errors.Is(err, errWrong) {
			return f, err
		}
		return f, nil
	}
	f.Unit = s.unit
	if round > 0 || s.rounds == 1 { // one round needs no warming
		f.Values = append(f.Values, figure)
	}
	return f, nil
}
