package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/etch-audit/etch/internal/filter"
	"github.com/etch-audit/etch/internal/index"
)

// texts are what random records say: parts of one another, in either case, with
// the two characters beyond ASCII that are letters of it, and invalid UTF-8.
var texts = []string{
	"", "a", "ls", "ls -la", "sudo rm -rf /", "SUDO reboot", "cat /etc/passwd", "ma\u212Ae all", "make all", "MAKE ALL",
	"te\u017Ft", "test", "größe", "GRÖSSE", "x\xffyz rm -rf", "\xe2\x84", "\u2126\u212A\u017F", "rm -rf /tmp/x",
}

// randomRecords draws records whose fields are often the same, and often absent.
func randomRecords(t *rapid.T) []*record {
	n := rapid.SampledFrom([]int{0, 1, 63, 64, 65, 255, 256, 257, 700, 1300}).Draw(t, "records")
	few := rapid.Uint32Range(0, 3).Draw(t, "users, as a power") // of 5
	choose := rapid.Uint64().Draw(t, "seed")
	random := newTrail(choose, time.Second).rand
	users := 1
	for range few {
		users *= 5
	}
	value := func(r *record, field int, from ...string) {
		if random.IntN(5) > 0 {
			r.set(field, from[random.IntN(len(from))])
		}
	}
	kinds := make([]record, 40) // few enough for the index of a small segment
	for i := range kinds {
		r := &kinds[i]
		value(r, fieldType, "command_execution", "file_access", "")
		value(r, fieldRisk, "low", "medium", "high", "critical")
		value(r, fieldViolation, "true", "false", "false", "false")
		value(r, fieldOutcome, "success", "error")
		for range random.IntN(3) {
			r.values[fieldTag] = append(r.values[fieldTag], fmt.Sprint("tag", random.IntN(3)))
		}
	}
	records := make([]*record, n)
	at := trailStart
	for i := range records {
		r := new(record)
		*r = kinds[random.IntN(len(kinds))]
		r.line = strings.Repeat("l", random.IntN(600))
		at = at.Add(time.Duration(random.IntN(30)-3) * time.Second)
		if r.time, r.hasTime = at.Add(time.Duration(random.IntN(2000))), random.IntN(50) > 0 || i/256%2 == 1; !r.hasTime {
			r.time = time.Time{}
		}
		value(r, fieldUser, fmt.Sprint("@user", random.IntN(users)), fmt.Sprint("user", random.IntN(users)))
		value(r, fieldSession, fmt.Sprint("s", i/40))
		value(r, fieldCwd, "/", "/tmp")
		if random.IntN(3) > 0 {
			value(r, fieldCommand, texts...)
			value(r, fieldResource, "/etc/passwd", "file:/etc/shadow", "readme")
			r.text = slices.Concat(r.values[fieldCommand], r.values[fieldResource])
		}
		r.exit, r.hasExit = int64(random.IntN(3)), random.IntN(2) == 0
		records[i] = r
	}
	return records
}

// expression draws the text of one. All values that may make a difference are
// drawn, and some that make none.
func expression(t *rapid.T, depth int) string {
	if depth > 0 && rapid.IntRange(0, 3).Draw(t, "inner") > 0 {
		a := expression(t, depth-1)
		switch rapid.SampledFrom([]string{"and", "or", "not"}).Draw(t, "node") {
		case "not":
			return "not (" + a + ")"
		case "or":
			return "(" + a + " or " + expression(t, depth-1) + ")"
		}
		return "(" + a + " and " + expression(t, depth-1) + ")"
	}
	return rapid.SampledFrom([]func(*rapid.T) string{
		func(t *rapid.T) string {
			op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "=", "!="}).Draw(t, "op")
			return fmt.Sprintf("time %s %s", op, trailStart.Add(time.Duration(rapid.IntRange(-10, 8000).Draw(t, "s"))*time.Second).Format(time.RFC3339))
		},
		func(t *rapid.T) string {
			return "risk " + rapid.SampledFrom([]string{"<", "<=", ">", ">=", "=", "!="}).Draw(t, "op") + " " + rapid.SampledFrom([]string{"low", "medium", "high", "critical"}).Draw(t, "level")
		},
		func(t *rapid.T) string {
			return rapid.SampledFrom([]string{
				"violation", "violation = false", `type in ("", file_access)`, "type = command_execution", "type ~ 'a.*s$'",
				"tag = tag1", "tag != tag1", "tag in (tag0, tag2)", "outcome = error", "tool = none", "tool != none",
				"user = user0", "user = '@user1'", "user ~ '^@'", "user ~ 'user[01]$'", "user in (user3, user4, nobody)",
				"session = s1", "session in (s0, s2)", "exit = 0", "exit > 1", "label.team = a", "label.team != a", "cwd = /tmp", "cwd ~ tmp",
				"resource = file:/etc/shadow", "resource = /etc/shadow", "resource ~ passwd", "resource in (readme, nothing)",
			}).Draw(t, "term")
		},
		func(t *rapid.T) string {
			field := rapid.SampledFrom([]string{"text", "command"}).Draw(t, "field")
			return rapid.SampledFrom([]string{
				field + " = '" + rapid.SampledFrom(texts[:14]).Draw(t, "text") + "'",
				field + " ~ '" + rapid.SampledFrom([]string{
					"rm -rf", "(?i)make", "(?i)MAKE", "make", "(?i)test", "passwd|reboot", "(sudo|cat) [r/]", "größe", "(?i)größe", "^ls", "zzzz", "ls.*la", ".", "yz\\x20rm", "\u212A", "k\u017F", "[\u2126]",
				}).Draw(t, "pattern") + "'",
			}).Draw(t, "which")
		},
	}).Draw(t, "kind")(t)
}

func parse(t rapid.TB, text string) filter.Expr {
	t.Helper()
	e, err := filter.Parse(schema, text, trailStart)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// matching returns the rows of which an expression is true.
func matching(records []*record, e filter.Expr) []int {
	found := []int{}
	for i, r := range records {
		if e == nil || e.Match(r) {
			found = append(found, i)
		}
	}
	return found
}

// checkSearch compares an answer with that of looking at every record.
func checkSearch(t rapid.TB, x *index.Reader, records []*record, text string) *index.Rows {
	t.Helper()
	e := parse(t, text)
	rows, err := x.Search(e)
	if err != nil {
		t.Fatal(err)
	}
	want := matching(records, e)
	for _, row := range want {
		if !rows.Contains(row) {
			t.Fatalf("%s: row %d matches and is not found", text, row)
		}
	}
	sure := 0
	for row := range rows.Sure().All() {
		sure++
		if _, ok := slices.BinarySearch(want, row); !ok {
			t.Fatalf("%s: row %d is said to match and does not", text, row)
		}
	}
	checkCandidates(t, x, e, want)
	if x.Excludes(e) && len(want) > 0 {
		t.Fatalf("%s: it is said that no row's time allows it, and %d match", text, len(want))
	}
	if rows.Exact() != (sure == rows.Len()) || rows.Exact() && rows.Len() != len(want) {
		t.Fatalf("%s: %d rows match, %d found, %d sure, exact %v", text, len(want), rows.Len(), sure, rows.Exact())
	}
	return rows
}

// checkCandidates holds that no row that matches is missing among those that may,
// and that they are given wherever they are not too many.
func checkCandidates(t rapid.TB, x *index.Reader, e filter.Expr, want []int) {
	t.Helper()
	rough, err := x.Candidates(e, x.Lines())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range want {
		if !rough.Contains(row) {
			t.Fatalf("%v: row %d matches and is no candidate", e, row)
		}
	}
	for row := range rough.Sure().All() {
		if _, ok := slices.BinarySearch(want, row); !ok {
			t.Fatalf("%v: candidate %d is said to match and does not", e, row)
		}
	}
	for most, given := range map[int]bool{rough.Len(): true, rough.Len() - 1: false} {
		some, err := x.Candidates(e, most)
		if err != nil || (some != nil) != given || given && some.Len() != rough.Len() {
			t.Fatalf("%v: of %d candidates at most %d: given %v, %v; want %v", e, rough.Len(), most, some != nil, err, given)
		}
	}
}

// TestCandidatesAreCheap holds that what excludes little is left out, and said to
// be.
func TestCandidatesAreCheap(t *testing.T) {
	records := newTrail(5, time.Second).take(20_000)
	file, _ := build(t, spec(), records)
	var all, user readCounter
	for text, read := range map[string]*readCounter{"user = alice22 and not violation": &all, "user = alice22": &user} {
		read.r = bytes.NewReader(file)
		x, err := index.Open(read, int64(len(file)), spec())
		if err != nil {
			t.Fatal(err)
		}
		rows, err := x.Candidates(parse(t, text), x.Lines())
		if err != nil || rows.Exact() != (read == &user) {
			t.Errorf("%s: exact %v, %v", text, rows.Exact(), err)
		}
		checkSearch(t, open(t, file, spec()), records, text)
	}
	if codes := int64(20_000 * 4 / 8); all.n-user.n >= codes {
		t.Errorf("%d bytes were read for what excludes little, as many as its codes are", all.n-user.n)
	}
}

// A readCounter counts the bytes that are read.
type readCounter struct {
	r io.ReaderAt
	n int64
}

func (c *readCounter) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.r.ReadAt(b, at)
	c.n += int64(n)
	return n, err
}

func TestSearchIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := randomRecords(t)
		s := spec()
		if rapid.Bool().Draw(t, "other spec") {
			s.Columns = s.Columns[1:]
			s.Subsets = nil
		}
		file, _ := build(t, s, records)
		x := open(t, file, s)
		defer x.Release() // the next one answers in the same memory
		for range 10 {
			checkSearch(t, x, records, expression(t, 3))
		}
	})
}

// TestSearchIsExact holds what is answered for certain.
func TestSearchIsExact(t *testing.T) {
	records := newTrail(5, time.Second).take(5000)
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	for _, text := range []string{
		"user = alice", "user = alice and risk >= high", "not (user = alice or violation)", "session != none",
		"time < 2026-02-16", "time >= 2026-02-16", "user = nobody and command ~ x", "user ~ 'ali' or risk = low",
	} {
		if rows := checkSearch(t, x, records, text); !rows.Exact() {
			t.Errorf("%s: %d rows, not exact", text, rows.Len())
		}
	}
	if rows, err := x.Search(nil); err != nil || !rows.Exact() || rows.Len() != len(records) {
		t.Errorf("nothing asked for: %v", err)
	}
}

// TestSearchIsNarrow holds that what is not certain is at least little.
func TestSearchIsNarrow(t *testing.T) {
	records := newTrail(6, time.Second).take(20_000)
	r := records[11_000]
	r.text = append(r.text, "a Needle, once")
	r.set(fieldCommand, "a Needle, once")
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	for text, most := range map[string]int{
		"text ~ Needle":                    2 * index.BlockRows,
		"command ~ '(?i)a neeDLE'":         2 * index.BlockRows,
		"command = 'a Needle, once'":       2 * index.BlockRows,
		"command ~ 'zebra-crossing'":       2 * index.BlockRows,
		"command ~ 'README.md|no such'":    len(records),
		"time = 2026-02-16T01:00:00":       2 * index.BlockRows,
		"time < 2026-02-16T01:00:00":       4500,
		"not time >= 2026-02-16T01:00:00Z": 4500,
	} {
		if rows := checkSearch(t, x, records, text); rows.Len() > most {
			t.Errorf("%s: %d rows of %d may match, want at most %d", text, rows.Len(), len(records), most)
		}
	}
	rows := checkSearch(t, x, records, "not time >= 2026-02-16T01:00:00Z")
	if unsure := rows.AndNot(rows.Sure()).Len(); rows.Sure().Len() == 0 || rows.Exact() || unsure > 2*index.BlockRows {
		t.Errorf("of a time, %d rows are not sure of %d", unsure, rows.Len())
	}
}

// TestExcludes asks about times before, in and behind those of the rows.
func TestExcludes(t *testing.T) {
	records := newTrail(6, time.Second).take(1000) // from midnight on
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	for text, want := range map[string]bool{
		"time < 2026-02-16T00:00:00Z":                             true,
		"time >= 2026-02-17T00:00:00Z":                            true,
		"time = 2026-02-15T00:00:00Z":                             true,
		"time != 2026-02-15T00:00:00Z":                            false,
		"user = alice and time >= 2026-02-17":                     true,
		"time > 2026-02-15 and (risk = low or time < 2026-02-17)": false,
		"time > 2026-02-17 or time < 2026-02-15":                  true,
		"time > 2026-02-17 or user = alice":                       false,
		"not time < 2026-02-17":                                   false, // it is, and is not looked for
		"time >= 2026-02-16":                                      false,
	} {
		if got := x.Excludes(parse(t, text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
		checkSearch(t, x, records, text)
	}
	if x.Excludes(nil) {
		t.Error("all rows are excluded from nothing")
	}
}

// TestSearchOneRecord holds what the other records of a block may hide.
func TestSearchOneRecord(t *testing.T) {
	r := &record{line: "line", time: trailStart.Add(500 * time.Nanosecond), hasTime: true}
	r.text = []string{"ma\u212Ae te\u017Ft", "größe", "x\xffrm -rf"}
	file, _ := build(t, spec(), []*record{r})
	x := open(t, file, spec())
	for _, text := range []string{
		"time <= 2026-02-16T00:00:00Z", "time > 2026-02-16T00:00:00Z", "time = 2026-02-16T00:00:00Z", "time < 2026-02-16T00:00:00.000001Z",
		"text ~ '(?i)make'", "text ~ '(?i)MAKE'", "text ~ '(?i)test'", "text ~ 'ma\u212Ae'", "text ~ 'te\u017Ft'", "text ~ '(?i)GRÖSSE'",
		"text ~ '(?i)GRÖßE'", "text ~ 'größe'", "text ~ 'x\uFFFDrm'", "text ~ 'x.rm -rf'", "text ~ '(?i)RM -RF'", "text = 'größe'", "text != 'größe'",
	} {
		checkSearch(t, x, []*record{r}, text)
	}
}

func TestRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 64, 100, 300, 513}).Draw(t, "records")
		records := newTrail(1, time.Second).take(n)
		file, _ := build(t, spec(), records)
		x := open(t, file, spec())
		a, b := expression(t, 2), expression(t, 2)
		rowsA, rowsB := checkSearch(t, x, records, a), checkSearch(t, x, records, b)
		ea, eb := parse(t, a), parse(t, b)
		from, to := rapid.IntRange(-5, n+5).Draw(t, "from"), rapid.IntRange(-5, n+5).Draw(t, "to")
		for name, c := range map[string]struct {
			got  *index.Rows
			want func(i int, r *record) bool
		}{
			"and":     {rowsA.And(rowsB), func(_ int, r *record) bool { return ea.Match(r) && eb.Match(r) }},
			"or":      {rowsA.Or(rowsB), func(_ int, r *record) bool { return ea.Match(r) || eb.Match(r) }},
			"and not": {rowsA.AndNot(rowsB), func(_ int, r *record) bool { return ea.Match(r) && !eb.Match(r) }},
			"range":   {rowsA.Range(from, to), func(i int, r *record) bool { return from <= i && i < to && ea.Match(r) }},
		} {
			for i, r := range records {
				if matches := c.want(i, r); matches && !c.got.Contains(i) || !matches && c.got.Sure().Contains(i) {
					t.Fatalf("%s %s %s: row %d: matches %v, may %v, sure %v", a, name, b, i, matches, c.got.Contains(i), c.got.Sure().Contains(i))
				}
			}
			all := slices.Collect(c.got.All())
			back := slices.Collect(c.got.Backward())
			slices.Reverse(back)
			if len(all) != c.got.Len() || !slices.Equal(all, back) || !slices.IsSorted(all) {
				t.Fatalf("%s: forward %v, backward %v, length %d", name, all, back, c.got.Len())
			}
		}
	})
}

// naiveCount counts the records by the first values of some fields.
func naiveCount(records []*record, rows []int, fields []int) map[string]int {
	counts := make(map[string]int)
	for _, row := range rows {
		var key strings.Builder
		for _, f := range fields {
			key.WriteString("|")
			if values := records[row].values[f]; len(values) > 0 {
				key.WriteString(values[0])
			}
		}
		counts[key.String()]++
	}
	return counts
}

func TestCountBy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := randomRecords(t)
		file, _ := build(t, spec(), records)
		x := open(t, file, spec())
		text := expression(t, 2)
		rows := checkSearch(t, x, records, text).Sure()
		if rapid.Bool().Draw(t, "all") {
			rows = checkSearch(t, x, records, "user = a or user != a")
		}
		fields := rapid.SliceOfN(rapid.SampledFrom([]int{fieldType, fieldRisk, fieldViolation, fieldTag, fieldUser, fieldSession, fieldTool}), 1, 4).Draw(t, "fields")
		got := make(map[string]int)
		err := x.CountBy(rows, fields, func(values []string, n int) { got["|"+strings.Join(values, "|")] += n })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, naiveCount(records, slices.Collect(rows.All()), fields)); diff != "" {
			t.Fatalf("%s by %v, got before want:\n%s", text, fields, diff)
		}
	})
}

// TestCount holds that what is counted of tuples is what the rows are, or refused.
func TestCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := randomRecords(t)
		file, _ := build(t, spec(), records)
		x := open(t, file, spec())
		defer x.Release() // the next one answers in the same memory
		text := expression(t, 2)
		fields := rapid.SliceOfN(rapid.SampledFrom([]int{fieldType, fieldRisk, fieldTag, fieldUser, fieldUserID, fieldSession}), 0, 3).Draw(t, "fields")
		checkCount(t, x, records, text, fields)
	})
}

// TestCountIsHeld holds what is known without a look at any row.
func TestCountIsHeld(t *testing.T) {
	records := newTrail(5, time.Second).take(5000)
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	for text, fields := range map[string][]int{
		"risk >= high":                                {fieldUser},
		"risk = low or violation":                     {fieldUser, fieldRisk},
		"not (risk = low) and type = tool_call":       {fieldChannel, fieldUser, fieldType},
		"risk >= high and time > 2020-01-01":          {fieldUser},
		"risk >= high and time < 2020-01-01":          {fieldSession},
		"risk = medium":                               nil,
		"violation":                                   {fieldRisk, fieldTool},
		"session = s1":                                nil,
		"user = alice and not (user = bob or user=x)": {fieldUser},
	} {
		if !checkCount(t, x, records, text, fields) {
			t.Errorf("%s by %v is not held", text, fields)
		}
	}
	for text, fields := range map[string][]int{
		"user = alice":                  {fieldRisk}, // a pair has a direction
		"risk = low":                    {fieldSession},
		"risk = low and user = alice":   {fieldUser},
		"risk = low and command ~ make": {fieldUser},
		"exit = 0":                      {fieldUser},
		"violation":                     {fieldCwd},
	} {
		if checkCount(t, x, records, text, fields) {
			t.Errorf("%s by %v is held", text, fields)
		}
	}
}

// checkCount compares counts with those of looking at every record, and reports
// whether there were any.
func checkCount(t rapid.TB, x *index.Reader, records []*record, text string, fields []int) bool {
	t.Helper()
	got := make(map[string]int)
	e := parse(t, text)
	err := x.Count(e, fields, func(values []string, n int) {
		key := strings.Join(append([]string{""}, values...), "|")
		got[key] += n
	})
	if errors.Is(err, index.ErrNotHeld) && len(got) == 0 {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, naiveCount(records, matching(records, e), fields)); diff != "" {
		t.Fatalf("%s by %v, got before want:\n%s", text, fields, diff)
	}
	return true
}

// TestCountByManyGroups counts by more groups than there can be counters.
func TestCountByManyGroups(t *testing.T) {
	records := newTrail(1, time.Second).take(6000)
	for i, r := range records {
		r.line = strings.Repeat("l", 5000) // an index of many bytes may hold many values
		r.set(fieldUser, fmt.Sprint(i%2000))
		r.set(fieldSession, fmt.Sprint(i%1999))
	}
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	rows := checkSearch(t, x, records, "risk = low")
	fields := []int{fieldUser, fieldSession, fieldType}
	got := make(map[string]int)
	if err := x.CountBy(rows, fields, func(values []string, n int) { got["|"+strings.Join(values, "|")] += n }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, naiveCount(records, slices.Collect(rows.All()), fields)); diff != "" {
		t.Errorf("got before want:\n%s", diff)
	}
}

func TestCountByIsRefused(t *testing.T) {
	records := newTrail(1, time.Second).take(600)
	file, _ := build(t, spec(), records)
	x := open(t, file, spec())
	inexact := checkSearch(t, x, records, "exit = 0")
	all := checkSearch(t, x, records, "user = a or user != a")
	none := func([]string, int) { t.Error("something was counted") }
	for name, err := range map[string]error{
		"rows that are not exact": x.CountBy(inexact, []int{fieldUser}, none),
		"a field in no column":    x.CountBy(all, []int{fieldCwd}, none),
		"a keyed field":           x.CountBy(all, []int{fieldUser, fieldLabel}, none),
	} {
		wantError(t, name, err, index.ErrNotHeld)
	}
}
