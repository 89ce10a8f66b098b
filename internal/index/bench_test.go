package index_test

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/index"
)

// benchRows is the size of a segment of about 100 MiB.
const benchRows = 200_000

type segment struct {
	lines [][]byte
	rows  []*index.Row
	bytes int64
	file  []byte
}

// benchSegment returns a segment of five million events over 30 days. A rare
// word stands in one of its commands.
var benchSegment = sync.OnceValue(func() *segment {
	s := new(segment)
	t := newTrail(1, 30*24*time.Hour/5_000_000)
	for i := range benchRows {
		r := t.next()
		if i == benchRows/3 {
			r.text = append(r.text, "a xylophone")
		}
		s.lines = append(s.lines, []byte(r.line))
		s.rows = append(s.rows, r.row())
		s.bytes += int64(len(r.line)) + 1
	}
	return s
})

func (s *segment) build(b *testing.B, w io.Writer) {
	x := index.NewBuilder(spec(), 1, 0)
	for i, line := range s.lines {
		if err := x.Add(line, s.rows[i]); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := x.Finish(w); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkBuild hashes the lines, and does not parse them.
func BenchmarkBuild(b *testing.B) {
	s := benchSegment()
	b.SetBytes(s.bytes)
	b.ReportAllocs()
	for b.Loop() {
		s.build(b, io.Discard)
	}
}

func benchFile(b *testing.B) []byte {
	s := benchSegment()
	if s.file == nil {
		var out bytes.Buffer
		s.build(b, &out)
		s.file = out.Bytes()
		b.Logf("%d lines of %d bytes: %d of index, %.2f %%", len(s.lines), s.bytes/benchRows, len(s.file), 100*float64(len(s.file))/float64(s.bytes))
	}
	return s.file
}

// BenchmarkSearch opens the index of one segment for each question, as a
// command does.
func BenchmarkSearch(b *testing.B) {
	file := benchFile(b)
	for _, q := range []struct{ name, text string }{
		{"user", "user = carol13"},
		{"busiest", "user = alice"},
		{"session", "session = s-none"},
		{"flags", "risk >= high and type = command_execution"},
		{"flags+time", "violation and time >= 2026-02-16T12:00:00Z"},
		{"other time", "violation and time >= 2026-02-18"},
		{"rare word", "command ~ xylophone"},
		{"no word", "command ~ 'zebra crossing'"},
		{"common word", "command ~ server"},
	} {
		b.Run(q.name, func(b *testing.B) {
			e := parse(b, q.text)
			var rows *index.Rows
			for b.Loop() {
				x := open(b, file, spec())
				var err error
				if rows, err = x.Search(e); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows.Len()), "rows")
		})
	}
}

func BenchmarkCountBy(b *testing.B) {
	file := benchFile(b)
	for _, q := range []struct {
		name, text string
		fields     []int
	}{
		{"high by user", "risk >= high", []int{fieldUser}},
		{"all by user", "user != ''", []int{fieldUser}},
		{"high by user and risk", "risk >= high", []int{fieldUser, fieldRisk}},
	} {
		b.Run(q.name, func(b *testing.B) {
			e := parse(b, q.text)
			n := 0
			for b.Loop() {
				x := open(b, file, spec())
				rows, err := x.Search(e)
				if err == nil {
					n = 0
					err = x.CountBy(rows, q.fields, func([]string, int) { n++ })
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n), "groups")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	file := benchFile(b)
	for b.Loop() {
		open(b, file, spec())
	}
}

// BenchmarkPlaces asks for the places of a user's lines.
func BenchmarkPlaces(b *testing.B) {
	file := benchFile(b)
	rows, err := open(b, file, spec()).Search(parse(b, "user = carol13"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		x := open(b, file, spec())
		if err := x.Places(rows, false, func(int64, int) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows.Len()), "rows")
}
