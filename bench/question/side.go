package question

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A side is something that can be measured: mostly a program that is asked a
// question.
type side struct {
	unit string
	// rounds is how many rounds it is measured in; 0: in all.
	rounds int
	// prepare makes what it uses, where that is not there; nil: nothing.
	prepare func(ctx context.Context, e *env) error
	// command is what is run; its time is measured, unless there is a measure.
	command func(e *env) command
	measure func(ctx context.Context, e *env) (float64, error)
	// asks is the question whose answer the command must give; "": none.
	asks      string
	read      reading
	unordered bool
	// of is the file or the directory that is asked, which is in memory as after it was
	// read in, each time anew, or not at all where cold is set; nil: none.
	of   func(e *env) string
	cold bool
	// times is what the time is multiplied by, where only a part of the data
	// is asked; 0: by 1.
	times float64
}

// once measures a side once.
func (s *side) once(ctx context.Context, e *env) (float64, error) {
	if err := s.ready(ctx, e); err != nil {
		return 0, err
	}
	if err := s.hold(e); err != nil {
		return 0, err
	}
	if s.measure != nil {
		return s.measure(ctx, e)
	}
	c := s.inHome(e)
	if err := c.installed(); err != nil {
		return 0, err
	}
	printed, took, err := c.runInto(ctx, &e.answer)
	if err == nil && s.of != nil && !s.cold && s.times == 0 {
		// What was just read in is slower the first time: its memory is new to the processor,
		// and to the host of a virtual one.
		printed, took, err = c.runInto(ctx, &e.answer)
	}
	if err != nil {
		return 0, err
	}
	if err := s.check(e, printed); err != nil {
		return 0, err
	}
	return took.Seconds() * float64(time.Second/time.Millisecond) * max(s.times, 1), nil
}

func (s *side) ready(ctx context.Context, e *env) error {
	if s.prepare == nil {
		return nil
	}
	return s.prepare(ctx, e)
}

// hold has what is asked in memory, or not. A system that needs no memory for anything else
// may forget files all the same, a part at a time: no side shall meet that.
func (s *side) hold(e *env) error {
	switch {
	case s.of == nil:
		return nil
	case s.cold:
		return cool(s.of(e))
	}
	return warm(s.of(e))
}

// inHome returns the side's command, with a home where nobody keeps settings.
func (s *side) inHome(e *env) command {
	c := s.command(e)
	c.Dir = e.path("home")
	return c
}

// check compares what was printed with the right answer.
func (s *side) check(e *env, printed []byte) error {
	if s.asks == "" {
		return nil
	}
	want, ok := e.corpus.Answers[s.asks]
	if !ok {
		return fmt.Errorf("nobody knows the answer to %s", s.asks)
	}
	rows, err := s.read(printed)
	if err != nil {
		return errors.Join(errWrong, err)
	}
	return want.check(rows, s.unordered)
}

// peak is the memory of the named side's command, which gives the right answer
// where it was asked for one.
func peak(name string) side {
	return side{unit: "MiB", rounds: 1, measure: func(ctx context.Context, e *env) (float64, error) {
		s := e.sides[name]
		if s.asks == "" {
			if err := s.ready(ctx, e); err != nil {
				return 0, err
			}
		} else if _, err := s.once(ctx, e); err != nil {
			return 0, err
		}
		return s.inHome(e).peak(ctx)
	}}
}

// afresh returns the side whose command finds nothing in memory of what it asks, as
// after a restart of the machine.
func (s side) afresh() side {
	s.rounds, s.cold = slowRounds, true
	return s
}

// over returns the side, which asks a file or a directory.
func (s side) over(asked func(e *env) string) side {
	s.of = asked
	return s
}

// anyOrder returns the side, whose rows may come in any order.
func (s side) anyOrder() side {
	s.unordered = true
	return s
}
