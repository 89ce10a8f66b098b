package auditslog

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"strings"

	"github.com/etch-audit/etch"
)

// The labels of what every record has. Attributes of these names are under others.
const (
	messageLabel = slog.MessageKey
	levelLabel   = slog.LevelKey
	attrPrefix   = "attr."
)

// A draft is an event in the making.
type draft struct {
	event    etch.Event // its objects are those below, once it is finished
	actor    etch.Actor
	action   etch.Action
	result   etch.Result
	security etch.Security
	egress   etch.Egress
	has      object // which of them there are
	labels   map[string]string

	named    bool  // the event's type was given, be it an unknown one
	success  bool  // success was given, and true
	judged   bool  // whether it was allowed was given
	failure  error // of an attribute err
	failedBy string
}

// An object is a set of objects of the event.
type object uint

const (
	inActor object = 1 << iota
	inAction
	inResult
	inSecurity
	inEgress
)

// clone returns a draft that may be added to.
func (d *draft) clone() draft {
	own := *d
	own.labels = maps.Clone(d.labels)
	return own
}

// add takes an attribute in groups.
func (d *draft) add(prefix string, a slog.Attr) {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	key := prefix + a.Key
	if a.Value.Kind() != slog.KindGroup {
		if !d.assign(key, a.Value) {
			d.label(key, textOf(a.Value))
		}
		return
	}
	group := a.Value.Group()
	switch {
	case len(group) == 0 || a.Key != "" && d.assign(key, a.Value):
		return
	case a.Key != "":
		prefix = key + "."
	}
	for _, a := range group {
		d.add(prefix, a)
	}
}

// assign gives a member its value, and reports whether there is one that holds it.
func (d *draft) assign(key string, v slog.Value) bool {
	if key == typeMember {
		d.named = true
	}
	if m, ok := members[key]; ok && m.set(d, v) {
		d.has |= m.in
		return true
	}
	if key == "err" || key == "error" {
		return d.fail(key, v)
	}
	return false
}

// fail takes how the action ended. A nil error is none.
func (d *draft) fail(key string, v slog.Value) bool {
	if v.Kind() != slog.KindAny {
		return false
	}
	err, ok := v.Any().(error)
	if ok {
		d.failure, d.failedBy = err, key
	}
	return ok || v.Any() == nil
}

// label keeps what no member holds. The group "labels" is the labels themselves.
func (d *draft) label(key, value string) {
	key = strings.TrimPrefix(key, "labels.")
	if key == messageLabel || key == levelLabel {
		key = attrPrefix + key
	}
	d.setLabel(key, value)
}

func (d *draft) setLabel(key, value string) {
	if d.labels == nil {
		d.labels = make(map[string]string, 4)
	}
	d.labels[key] = value
}

// finish returns the event of a record. It is part of the draft.
func (d *draft) finish(ctx context.Context, r slog.Record, standard etch.EventType) *etch.Event {
	d.settle()
	e := &d.event
	e.Type = cmp.Or(e.Type, standard, etch.SecurityEvent)
	if e.Timestamp.IsZero() {
		e.Timestamp = r.Time
	}
	if d.has&inAction != 0 && !d.judged {
		d.action.Allowed = d.result.Type != etch.Blocked && !d.security.PolicyViolation && e.Type != etch.PolicyViolation
	}
	if r.Message != "" {
		d.setLabel(messageLabel, r.Message)
	}
	d.setLabel(levelLabel, r.Level.String())
	d.join()
	etch.ScopeOf(ctx).Fill(e)
	return e
}

// settle makes one result of what was said of it. What the format has no place for
// in a result of its type becomes a label.
func (d *draft) settle() {
	r := &d.result
	_, restored := r.Restored.Get()
	_, deleted := r.Deleted.Get()
	if r.Type == "" {
		switch {
		case d.failure != nil:
			of := resultOf(d.failure)
			r.Type, r.ErrorCategory = of.Type, cmp.Or(r.ErrorCategory, of.ErrorCategory)
		case d.success:
			r.Type = etch.Success
		case r.Reason != "":
			r.Type = etch.Blocked
		case r.Message != "":
			r.Type = etch.Error
		case restored || deleted:
			r.Type = etch.Rollback
		}
	}
	if d.failure != nil {
		d.has |= inResult
		d.settleFailure()
	}
	d.misplaced("result.reason", &r.Reason, r.Type == etch.Blocked)
	d.misplaced("result.message", &r.Message, r.Type == etch.Error)
	d.misplacedNumber("result.restored", &r.Restored, r.Type == etch.Rollback)
	d.misplacedNumber("result.deleted", &r.Deleted, r.Type == etch.Rollback)
}

// resultOf is [etch.ResultOf], for errors whose methods may panic, as those of a nil
// pointer do that is logged as an error: a program that logs does not end of it.
func resultOf(err error) (r *etch.Result) {
	defer func() {
		if recover() != nil {
			r = &etch.Result{Type: etch.Error} // what it panics with is in its text
		}
	}()
	return etch.ResultOf(err)
}

// settleFailure puts an error's text where the result has a place for it.
func (d *draft) settleFailure() {
	text := textOf(slog.AnyValue(d.failure))
	if d.result.Type == etch.Error && d.result.Message == "" {
		d.result.Message = text
		return
	}
	d.label(d.failedBy, text)
}

func (d *draft) misplaced(path string, text *string, fits bool) {
	if *text != "" && !fits {
		d.label(path, *text)
		*text = ""
	}
}

func (d *draft) misplacedNumber(path string, n *etch.Optional[uint64], fits bool) {
	if v, ok := n.Get(); ok && !fits {
		d.label(path, textOf(slog.Uint64Value(v)))
		*n = etch.Optional[uint64]{}
	}
}

// join gives the event those objects that it has.
func (d *draft) join() {
	e := &d.event
	e.Labels = d.labels
	if d.has&inActor != 0 {
		e.Actor = &d.actor
	}
	if d.has&inAction != 0 {
		e.Action = &d.action
	}
	if d.has&inResult != 0 {
		e.Result = &d.result
	}
	if d.has&inSecurity != 0 {
		e.Security = &d.security
	}
	if d.has&inEgress != 0 {
		e.Egress = &d.egress
	}
}
