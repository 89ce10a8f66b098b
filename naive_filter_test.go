package etch

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A condition is an expression as somebody may write it, and what it says of a
// record.
type condition struct {
	text    string
	holds   func(*Record) bool
	control bool // it names what only control records have
}

// pick draws one of some values.
func pick[T any](t *rapid.T, what string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, what)
}

// one draws true once in n times.
func one(t *rapid.T, in int, what string) bool { return rapid.IntRange(1, in).Draw(t, what) == in }

// drawCondition draws an expression about the records of a log.
func drawCondition(t *rapid.T, log []*Record, depth int) condition {
	switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case depth == 0 || kind < 4:
		return drawTerm(t, log)
	case kind == 4:
		c := drawCondition(t, log, depth-1)
		return condition{pick(t, "not", "not ", "NOT ") + "(" + c.text + ")", func(r *Record) bool { return !c.holds(r) }, c.control}
	case kind == 5:
		a, b := drawCondition(t, log, depth-1), drawCondition(t, log, depth-1)
		return condition{"(" + a.text + pick(t, "or", ") or (", ") OR(") + b.text + ")", func(r *Record) bool { return a.holds(r) || b.holds(r) }, a.control || b.control}
	default:
		a, b := drawCondition(t, log, depth-1), drawCondition(t, log, depth-1)
		return condition{"(" + a.text + pick(t, "and", ") and (", ")And(") + b.text + ")", func(r *Record) bool { return a.holds(r) && b.holds(r) }, a.control || b.control}
	}
}

// askedFields are the fields that are asked for more often than others.
var askedFields = []string{"user", "session", "type", "risk", "command", "text", "arguments", "phase", "call", "result", "time", "seq", "tool", "risk_reason", "control"}

// drawTerm draws what is asked of one field.
func drawTerm(t *rapid.T, log []*Record) condition {
	name := pick(t, "field", askedFields...)
	if one(t, 2, "any field") {
		name = pick(t, "field", FieldNames()...)
	}
	f := naiveFields[name]
	if name == "label" {
		key := pick(t, "key", "team", "a b", `q"\`, "é", "in", "none")
		f = naiveLabel(key)
		name = "label." + quoted(t, key)
	} else if id, _ := schema.ID(name); len(fields[id].Also) > 0 && one(t, 3, "other name") {
		name = strings.ToUpper(pick(t, "name", fields[id].Also...))
	}
	r := log[rapid.IntRange(0, len(log)-1).Draw(t, "record")]
	switch {
	case f.number != nil:
		return drawNumber(t, name, f, r)
	case f.flag != nil:
		return drawFlag(t, name, f)
	case f.time != nil:
		return drawTime(t, name, f, r)
	case f.level:
		return drawLevel(t, name, f)
	}
	return drawText(t, name, f, r)
}

func drawFlag(t *rapid.T, name string, f naiveField) condition {
	is := func(want bool) func(*Record) bool {
		return func(r *Record) bool {
			set, ok := f.flag(r)
			return ok && set == want
		}
	}
	switch want := rapid.Bool().Draw(t, "flag"); rapid.IntRange(0, 2).Draw(t, "form") {
	case 0:
		return condition{name, is(true), name == "control"}
	case 1:
		return condition{fmt.Sprintf("%s = %t", name, want), is(want), name == "control"}
	default:
		return condition{fmt.Sprintf("%s != %t", name, want), func(r *Record) bool { return !is(want)(r) }, name == "control"}
	}
}

// drawOperator draws how two values are compared, by their order.
func drawOperator(t *rapid.T) (sign string, holds func(order int) bool) {
	switch sign = pick(t, "operator", "=", "!=", "<", "<=", ">", ">="); sign {
	case "<":
		return sign, func(order int) bool { return order < 0 }
	case "<=":
		return sign, func(order int) bool { return order <= 0 }
	case ">":
		return sign, func(order int) bool { return order > 0 }
	case ">=":
		return sign, func(order int) bool { return order >= 0 }
	}
	return sign, func(order int) bool { return order == 0 }
}

// maybeNot is what "!=" makes of "=": the negation, absent values included.
func maybeNot(sign string, holds func(*Record) bool) func(*Record) bool {
	if sign != "!=" && sign != "not in" && sign != "!~" {
		return holds
	}
	return func(r *Record) bool { return !holds(r) }
}

func drawNumber(t *rapid.T, name string, f naiveField, r *Record) condition {
	want, _ := f.number(r)
	if one(t, 2, "other number") {
		want = pick(t, "number", want+1, want-1, 0, -1, 1, 1<<62)
	}
	text := strconv.FormatInt(want, 10)
	if f.unit != "" && want < 1<<40 && want > -1<<40 && one(t, 2, "unit") {
		text += f.unit
	}
	if one(t, 4, "in") {
		sign := pick(t, "sign", "in", "not in")
		return condition{fmt.Sprintf("%s %s (%s, 7,-3)", name, sign, text), maybeNot(sign, func(r *Record) bool {
			n, ok := f.number(r)
			return ok && slices.Contains([]int64{want, 7, -3}, n)
		}), false}
	}
	sign, holds := drawOperator(t)
	return condition{name + sign + text, maybeNot(sign, func(r *Record) bool {
		n, ok := f.number(r)
		return ok && holds(map[bool]int{n < want: -1, n > want: 1}[true])
	}), false}
}

func drawTime(t *rapid.T, name string, f naiveField, r *Record) condition {
	at := f.time(r)
	if one(t, 3, "near") {
		at = at.Add(pick(t, "beside", time.Microsecond, -time.Microsecond, time.Hour, -time.Hour))
	}
	if y := at.UTC().Year(); y < 1 || y > 9998 {
		at = time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	}
	sign, holds := drawOperator(t)
	if one(t, 3, "day") { // which is less than what comes after it, and equal to what lies in it
		day := at.UTC().Truncate(24 * time.Hour)
		return condition{name + sign + day.Format(time.DateOnly), maybeNot(sign, func(r *Record) bool {
			at, next := f.time(r), day.Add(24*time.Hour)
			return holds(map[bool]int{at.Before(day): -1, !at.Before(next): 1}[true])
		}), false}
	}
	return condition{fmt.Sprintf("%s %s %q", name, sign, at.UTC().Format(time.RFC3339Nano)), maybeNot(sign, func(r *Record) bool {
		return holds(f.time(r).Compare(at))
	}), false}
}

func drawLevel(t *rapid.T, name string, f naiveField) condition {
	want := rapid.IntRange(0, len(f.values)-1).Draw(t, "level")
	sign, holds := drawOperator(t)
	return condition{name + sign + f.values[want], maybeNot(sign, func(r *Record) bool {
		texts := f.texts(r)
		if len(texts) == 0 {
			return false
		}
		got := slices.Index(f.values, texts[0])
		return got >= 0 && holds(got-want)
	}), false}
}

// maxAsked is the most bytes of a value in an expression.
const maxAsked = 1500

// drawText draws what is asked of texts: mostly something that the record has.
func drawText(t *rapid.T, name string, f naiveField, r *Record) condition {
	fold := func(s string) string { return s }
	if f.handle {
		fold = naiveHandle
	}
	value := pick(t, "value", "", "alice", "sudo", "\xff", "é")
	if texts := f.texts(r); len(texts) > 0 && !one(t, 5, "other value") {
		value = pick(t, "value", texts...)
	}
	if len(value) > maxAsked {
		value = value[:maxAsked]
	}
	if one(t, 2, "match") {
		pattern, sign := drawPattern(t, value), pick(t, "sign", "~", "!~")
		re := regexp.MustCompile(pattern)
		holds := func(r *Record) bool {
			return slices.ContainsFunc(f.texts(r), func(s string) bool { return re.MatchString(s) || re.MatchString(fold(s)) })
		}
		return condition{name + sign + quoted(t, pattern), maybeNot(sign, holds), namesControl(name, holds)}
	}
	values := []string{value}
	if f.handle && one(t, 2, "handle") {
		values[0] = pick(t, "handle", "@"+value, naiveHandle(value))
	}
	if f.values != nil {
		values = rapid.SliceOfN(rapid.SampledFrom(f.values), 1, 3).Draw(t, "values")
	} else if one(t, 3, "more") {
		values = append(values, "bob", value+"x", "")
	}
	sign := pick(t, "sign", "in", "not in")
	operand := "("
	for i, v := range values {
		if i > 0 {
			operand += ","
		}
		operand += quoted(t, v)
	}
	operand += ")"
	if len(values) == 1 && one(t, 2, "equal") {
		sign, operand = pick(t, "sign", "=", "!="), quoted(t, values[0])
	}
	holds := func(r *Record) bool {
		return slices.ContainsFunc(f.texts(r), func(got string) bool {
			return slices.ContainsFunc(values, func(want string) bool { return fold(got) == fold(want) })
		})
	}
	return condition{name + " " + sign + " " + operand, maybeNot(sign, holds), namesControl(name, holds)}
}

// namesControl reports whether what is asked of a type is true of one that only
// control records have.
func namesControl(name string, holds func(*Record) bool) bool {
	return (name == "type" || name == "EVENT_TYPE") && slices.ContainsFunc(naiveFields["type"].values, func(v string) bool {
		return strings.HasPrefix(v, "log_") && holds(&Record{Event: Event{Type: EventType(v)}})
	})
}

// drawPattern draws a regular expression that mostly matches a text.
func drawPattern(t *rapid.T, text string) string {
	runes := []rune(strings.ToValidUTF8(text, "\ufffd"))
	from := rapid.IntRange(0, len(runes)).Draw(t, "from")
	to := min(len(runes), from+rapid.IntRange(0, 12).Draw(t, "length"))
	part := regexp.QuoteMeta(string(runes[from:to]))
	switch rapid.IntRange(0, 9).Draw(t, "pattern") {
	case 0:
		return "(?i)" + strings.ToUpper(part)
	case 1:
		return "(?is)" + part + ".*"
	case 2:
		return "^" + regexp.QuoteMeta(string(runes[:to]))
	case 3:
		return regexp.QuoteMeta(string(runes[from:])) + "$"
	case 4:
		return "(" + part + "|nothing like it)+"
	case 5:
		return `\b` + part
	case 6:
		return "[^x]?" + part + "[[:alpha:]]*"
	case 7:
		return ".?" + part
	}
	return part
}

// quoted returns a value as an expression has it.
func quoted(t *rapid.T, s string) string {
	form := rapid.IntRange(0, 2).Draw(t, "quotes")
	bare := s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@.:/+*-") == "" &&
		!slices.Contains([]string{"and", "or", "not", "in"}, strings.ToLower(s))
	switch {
	case form == 0 && bare:
		return s
	case form == 1 && !strings.Contains(s, "'"):
		return "'" + s + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); {
		c, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case c < ' ':
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	b.WriteByte('"')
	return b.String()
}

// A naiveQuery is a query and what it means.
type naiveQuery struct {
	Query
	where   condition
	indexed bool // it is asked by indexes only
}

// drawQuery draws a query about the records of a log.
func drawQuery(t *rapid.T, log []*Record) naiveQuery {
	var q naiveQuery
	r := log[rapid.IntRange(0, len(log)-1).Draw(t, "record")]
	drawWindow(t, &q.Query, log)
	some := func(what string) bool { return one(t, 12, what) }
	value := func(name string) string {
		if texts := naiveFields[name].texts(r); len(texts) > 0 && len(texts[0]) < maxAsked {
			return texts[0]
		}
		return "alice"
	}
	for i, at := range []*string{&q.User, &q.Channel, &q.Agent, &q.Session, &q.Tool, &q.CallID, &q.EventID} {
		if name := []string{"user", "channel", "agent", "session", "tool", "call", "id"}[i]; some(name) {
			*at = value(name)
		}
	}
	if some("types") {
		q.Types = []EventType{CommandExecution, FileAccess}
		if slices.Contains(naiveFields["type"].values, string(r.Event.Type)) {
			q.Types[0] = r.Event.Type
		}
	}
	if some("risk") {
		q.Risk, q.RiskAndAbove = pick(t, "risk", risks...), rapid.Bool().Draw(t, "and above")
	}
	q.ViolationsOnly, q.Failed, q.Denied = some("violations"), some("failed"), some("denied")
	q.Control, q.AllPhases = one(t, 3, "control"), one(t, 2, "all phases")
	if some("match") {
		q.Match = func(r *Record) bool { return r.Seq%3 != 0 }
	}
	q.LinesOnly = some("lines only")
	q.Reverse = rapid.Bool().Draw(t, "reverse")
	if one(t, 4, "limit") {
		q.Limit = rapid.IntRange(1, 10).Draw(t, "most")
	}
	if !one(t, 4, "no condition") {
		q.where = drawCondition(t, log, 3)
		where, err := ParseFilter(q.where.text, naiveNow)
		if err != nil {
			t.Fatalf("%s: %v", q.where.text, err)
		}
		q.Where = where
	}
	return q
}

// naiveNow is when expressions are written.
var naiveNow = time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)

// drawWindow draws which part of a log is asked for.
func drawWindow(t *rapid.T, q *Query, log []*Record) {
	at := func(what string) *Record { return log[rapid.IntRange(0, len(log)-1).Draw(t, what)] }
	if one(t, 6, "after") {
		q.After = Some(pick(t, "after", at("after").Seq, at("after").Seq, at("after").Seq, 0, math.MaxUint64))
	}
	if one(t, 4, "before") {
		q.Before = Some(pick(t, "before", at("before").Seq, at("before").Seq, at("before").Seq, 0, math.MaxUint64))
	}
	if one(t, 6, "end") {
		r := at("end")
		q.End = Some(Place{r.Segment, r.Offset})
	}
	if one(t, 6, "from") {
		q.From = at("from").Event.Timestamp
	}
	if one(t, 6, "until") {
		q.Until = at("until").Event.Timestamp.Add(time.Microsecond)
	}
}

// asksControl reports whether control records are asked for: by the query, or
// by a condition that names what only they have.
func (q *naiveQuery) asksControl() bool {
	return q.Control || q.where.control
}

// asksFor reports whether a record is what the query asks for, phases, order
// and limit aside.
func (q *naiveQuery) asksFor(r *Record) bool {
	is := func(name, want string) bool {
		return want == "" || slices.ContainsFunc(naiveFields[name].texts(r), func(got string) bool {
			return got == want || name == "user" && naiveHandle(got) == naiveHandle(want)
		})
	}
	flagged := func(name string) bool {
		set, _ := naiveFields[name].flag(r)
		return set
	}
	n, paged := q.After.Get()
	switch at := r.Event.Timestamp; {
	case paged && r.Seq <= n, !q.From.IsZero() && at.Before(q.From), !q.Until.IsZero() && !at.Before(q.Until):
		return false
	case len(q.Types) > 0 && !slices.Contains(q.Types, r.Event.Type), r.Control != nil && !q.asksControl():
		return false
	case !is("user", q.User), !is("channel", q.Channel), !is("agent", q.Agent), !is("session", q.Session),
		!is("tool", q.Tool), !is("call", q.CallID), !is("id", q.EventID):
		return false
	case q.ViolationsOnly && !flagged("violation"), q.Failed && !flagged("failed"), q.Denied && !flagged("denied"):
		return false
	case q.Where != nil && !q.where.holds(r), q.Match != nil && !q.Match(r):
		return false
	}
	if q.Risk == "" {
		return true
	}
	risk := ""
	if r.Event.Action != nil {
		risk = string(r.Event.Action.Risk)
	}
	levels := naiveFields["risk"].values
	got, want := slices.Index(levels, risk), slices.Index(levels, string(q.Risk))
	return got == want || q.RiskAndAbove && got > want
}

// rows returns what the query asks for, in the order of the log.
func (q *naiveQuery) rows(log []*Record) []*Record {
	if before, ok := q.Before.Get(); ok {
		log = slices.DeleteFunc(slices.Clone(log), func(r *Record) bool { return r.Seq >= before })
	}
	if end, ok := q.End.Get(); ok {
		log = slices.DeleteFunc(slices.Clone(log), func(r *Record) bool {
			return r.Segment > end.Segment || r.Segment == end.Segment && r.Offset >= end.Offset
		})
	}
	var hidden map[*Record]bool
	if !q.AllPhases {
		hidden = hiddenAttempts(log)
	}
	var rows []*Record
	for _, r := range log {
		if !hidden[r] && q.asksFor(r) {
			rows = append(rows, r)
		}
	}
	return rows
}

// String returns the query as a test tells of it.
func (q *naiveQuery) String() string {
	plain := q.Query
	plain.Where, plain.Match = nil, nil
	return fmt.Sprintf("%+v where %s (match %v)", plain, q.where.text, q.Match != nil)
}

// TestNaiveFilterPrints reads drawn conditions, prints them and reads them again.
func TestNaiveFilterPrints(t *testing.T) {
	ev := outlineEvent()
	r := Record{Event: *ev}
	rapid.Check(t, func(t *rapid.T) {
		c := drawCondition(t, []*Record{&r}, 3)
		f, err := ParseFilter(c.text, naiveNow)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		again, err := ParseFilter(f.String(), naiveNow)
		if err != nil || again.String() != f.String() {
			t.Fatalf("%s became %s became %v, %v", c.text, f, again, err)
		}
		if got, want := f.Match(&r), c.holds(&r); got != want {
			t.Fatalf("%s: got %v, want %v", c.text, got, want)
		}
		if got := again.Match(&r); got != f.Match(&r) {
			t.Fatalf("%s became %s, which says %v", c.text, f, got)
		}
	})
}
