package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/export/jsonl"
	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/internal/nearest"
	"github.com/etch-audit/etch/internal/question"
	"github.com/etch-audit/etch/server"
)

const (
	// maxQuestions bounds how many questions are answered at the same time: what
	// reads the whole log shall not keep the processors from those who write it.
	maxQuestions = 4
	// showEvery is how long a record waits at most, while others come, before it is
	// sent.
	showEvery = 100 * time.Millisecond
)

// The trailers of an answer, which are known only at its end.
const (
	trailerDamages = "Etch-Damages" // lines of the log that could not be read
	trailerCursor  = "Etch-Cursor"  // what "after" is for the next page
)

// A parameter is one of a question. What it does is that of the flag of its name.
type parameter struct {
	flag bool // it takes true or false, and alone is true
	many bool // it may be given more than once
	set  func(a *asked, value string) error
}

// An asked is a question and how it is to be answered.
type asked struct {
	question.Question
	count bool
}

func text(field func(*asked) *string) parameter {
	return parameter{set: func(a *asked, value string) error {
		*field(a) = value
		return nil
	}}
}

func flag(field func(*asked) *bool) parameter {
	return parameter{flag: true, set: func(a *asked, value string) error {
		*field(a) = value == "true"
		return nil
	}}
}

// list is a parameter with several values, separated by commas or given one each.
func list(field func(*asked) *[]string) parameter {
	return parameter{many: true, set: func(a *asked, value string) error {
		*field(a) = append(*field(a), question.Names(value)...)
		return nil
	}}
}

// each is a parameter that is given once for each of its values.
func each(field func(*asked) *[]string) parameter {
	return parameter{many: true, set: func(a *asked, value string) error {
		*field(a) = append(*field(a), value)
		return nil
	}}
}

// parameters are those of GET /v1/audit, by the names of the flags of "etch audit".
var parameters = later.Value[map[string]parameter]{Make: func() map[string]parameter {
	return map[string]parameter{
		"user":            text(func(a *asked) *string { return &a.User }),
		"channel":         text(func(a *asked) *string { return &a.Channel }),
		"agent":           text(func(a *asked) *string { return &a.Agent }),
		"session":         text(func(a *asked) *string { return &a.Session }),
		"tool":            text(func(a *asked) *string { return &a.Tool }),
		"risk":            text(func(a *asked) *string { return &a.Risk }),
		"type":            list(func(a *asked) *[]string { return &a.Types }),
		"since":           text(func(a *asked) *string { return &a.Since }),
		"until":           text(func(a *asked) *string { return &a.Until }),
		"where":           each(func(a *asked) *[]string { return &a.Where }),
		"grep":            each(func(a *asked) *[]string { return &a.Grep }),
		"after":           text(func(a *asked) *string { return &a.After }),
		"fields":          list(func(a *asked) *[]string { return &a.Fields }),
		"count-by":        list(func(a *asked) *[]string { return &a.CountBy }),
		"count":           flag(func(a *asked) *bool { return &a.count }),
		"violations-only": flag(func(a *asked) *bool { return &a.Violations }),
		"failed":          flag(func(a *asked) *bool { return &a.Failed }),
		"denied":          flag(func(a *asked) *bool { return &a.Denied }),
		"phase":           flag(func(a *asked) *bool { return &a.AllPhases }),
		"control":         flag(func(a *asked) *bool { return &a.Control }),
		"fixed-strings":   flag(func(a *asked) *bool { return &a.Fixed }),
		"ignore-case":     flag(func(a *asked) *bool { return &a.IgnoreCase }),
		"reverse":         flag(func(a *asked) *bool { return &a.Reverse }),
		"no-index":        flag(func(a *asked) *bool { return &a.NoIndex }),
		"n":               {set: setLimit},
		"limit":           {set: setLimit},
	}
}}

func setLimit(a *asked, value string) error {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n == 0 {
		return errors.New("is not a number above 0")
	}
	a.Limit = int(n)
	return nil
}

// ask reads the parameters of a question.
func ask(query string, now time.Time) (*asked, etch.Query, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, etch.Query{}, invalid("the parameters cannot be read: %v", err)
	}
	a := new(asked)
	for name, given := range values {
		if err := a.set(name, given); err != nil {
			return nil, etch.Query{}, err
		}
	}
	if a.count && (a.CountBy != nil || a.Limit > 0) || (a.count || a.CountBy != nil) && a.Fields != nil {
		return nil, etch.Query{}, invalid("count prints one number and count-by numbers: what else is asked for says nothing to it")
	}
	q, err := a.Query(now)
	if err != nil {
		return nil, q, questionProblem(err)
	}
	q.LinesOnly = a.Fields == nil
	return a, q, nil
}

// set sets one parameter.
func (a *asked) set(name string, values []string) error {
	p, ok := parameters.Get()[name]
	if !ok {
		return unknownParameter(name)
	}
	if len(values) > 1 && !p.many {
		return invalid("%s is given %d times", name, len(values))
	}
	for _, value := range values {
		switch {
		case p.flag && value == "":
			value = "true"
		case p.flag && value != "true" && value != "false":
			return invalid("%s takes true or false, not %q", name, value)
		case !p.flag && value == "":
			return invalid("%s is empty", name)
		}
		if err := p.set(a, value); err != nil {
			return invalid("%s: %q %v", name, value, err)
		}
	}
	return nil
}

func unknownParameter(name string) *problem {
	p := invalid("unknown parameter %q", name)
	var known []string
	for name := range parameters.Get() {
		known = append(known, name)
	}
	slices.Sort(known)
	p.hint = "known are " + strings.Join(known, ", ")
	if near, ok := nearest.Word(name, known); ok {
		p.hint = fmt.Sprintf("did you mean %q?", near)
	}
	return p
}

// questionProblem tells all that is wrong with a question.
func questionProblem(err error) *problem {
	p := invalid("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	if wrong, ok := errors.AsType[*question.Error](err); ok {
		p.hint = wrong.Hint
	}
	return p
}

// audit serves GET /v1/audit.
func (h *Handler) audit(c *call) error {
	a, q, err := ask(c.r.URL.RawQuery, h.opt.Now().UTC())
	if err != nil {
		return err
	}
	done, err := turn(c, "too many questions are asked", h.asking)
	if err != nil {
		return err
	}
	defer done()
	reader, err := etch.OpenReader(h.opt.Log)
	if err != nil {
		return &problem{status: http.StatusServiceUnavailable, code: "log", text: err.Error()}
	}
	if h.ending.Err() != nil {
		return server.ErrShuttingDown
	}
	s := newStream(c)
	defer s.endsWith(h)()
	if a.count || a.CountBy != nil {
		err = s.counts(reader, a, q)
	} else {
		err = s.records(reader, a, q)
	}
	if s.ctx.Err() != nil && h.ending.Err() != nil {
		return server.ErrShuttingDown
	}
	if err != nil {
		return &problem{status: http.StatusInternalServerError, code: "log", text: err.Error()}
	}
	return s.close()
}

// A stream is an answer that is sent while it is made.
type stream struct {
	c       *call
	ctx     context.Context // done when nobody waits for it, or the daemon ends
	out     *bufio.Writer
	sent    time.Time
	buf     []byte
	damages int
	last    etch.Optional[uint64]
}

func newStream(c *call) *stream {
	header := c.w.Header()
	header.Set("Content-Type", ndjsonType)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Trailer", trailerDamages+", "+trailerCursor)
	return &stream{c: c, ctx: c.r.Context(), out: bufio.NewWriterSize(c.w, 64<<10), sent: time.Now()}
}

// endsWith has the answer broken off when the daemon is to end, however long it may be
// and whoever reads it: it can be asked for again. What it returns is called at the end.
func (s *stream) endsWith(h *Handler) (done func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	s.ctx = ctx
	stop := context.AfterFunc(h.ending, func() {
		cancel()
		s.hurry()
	})
	s.patient()
	return func() {
		stop()
		cancel()
	}
}

// hurry waits no longer for who reads the answer than for the rest of a body.
func (s *stream) hurry() {
	_ = s.c.control.SetWriteDeadline(time.Now().Add(s.c.handler.leftover)) // a test's recorder has none
}

// patient lets what is sent next be waited for, unless the daemon is to end.
func (s *stream) patient() {
	s.c.patient()
	if s.c.handler.ending.Err() != nil {
		s.hurry()
	}
}

// records sends the records: their lines, or chosen fields of them.
func (s *stream) records(reader *etch.Reader, a *asked, q etch.Query) error {
	var last etch.Record
	for r, err := range question.Records(s.ctx, reader, q, nil) {
		if err := s.spare(err); err != nil {
			return err
		}
		if err != nil {
			continue
		}
		if !q.Reverse {
			last, s.last = etch.Record{Seq: r.Seq, Segment: r.Segment, Offset: r.Offset, Raw: r.Raw}, etch.Some(r.Seq)
		}
		if a.Fields == nil {
			s.buf = append(s.buf[:0], r.Raw...)
		} else if s.buf, err = jsonl.AppendFields(s.buf[:0], &r, a.Fields); err != nil {
			return err
		}
		if err := s.line(); err != nil {
			return err
		}
	}
	if _, ok := s.last.Get(); !ok {
		return nil
	}
	// Whoever goes on behind it must not be led past what is there.
	err := reader.CheckNumber(s.ctx, &last)
	if err != nil {
		s.last = etch.Optional[uint64]{}
	}
	return s.spare(err)
}

// counts sends numbers of records.
func (s *stream) counts(reader *etch.Reader, a *asked, q etch.Query) error {
	groups, err := reader.CountBy(s.ctx, q, a.CountBy...)
	if err := s.spare(err); err != nil {
		return err
	}
	if a.count && len(groups) == 0 {
		groups = []etch.Group{{}} // none is a number too
	}
	if a.Limit > 0 {
		groups = groups[:min(len(groups), a.Limit)]
	}
	if a.Reverse {
		slices.Reverse(groups)
	}
	for _, g := range groups {
		if s.buf, err = jsonl.AppendCount(s.buf[:0], a.CountBy, g); err != nil {
			return err
		}
		if err := s.line(); err != nil {
			return err
		}
	}
	return nil
}

// spare takes note of a line of the log that cannot be read, which is no reason to
// stop.
func (s *stream) spare(err error) error {
	if damages, ok := errors.AsType[*etch.DamagesError](err); ok {
		s.damages += damages.Count
		return nil
	}
	if _, ok := errors.AsType[*etch.CorruptionError](err); ok {
		s.damages++
		return nil
	}
	return err
}

// line sends what is in buf as a line, soon.
func (s *stream) line() error {
	s.buf = append(s.buf, '\n')
	if _, err := s.out.Write(s.buf); err != nil {
		return err
	}
	now := time.Now()
	if now.Sub(s.sent) < showEvery {
		return nil
	}
	s.sent = now
	s.patient() // an answer may be long, as long as it is read
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.c.control.Flush()
}

// close sends what is left, and what is known only now.
func (s *stream) close() error {
	s.patient()
	if s.c.w.status == 0 {
		s.c.w.WriteHeader(http.StatusOK)
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	header := s.c.w.Header()
	header.Set(trailerDamages, strconv.Itoa(s.damages))
	if seq, ok := s.last.Get(); ok {
		header.Set(trailerCursor, strconv.FormatUint(seq, 10))
	}
	return nil
}
