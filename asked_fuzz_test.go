package etch

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/etch-audit/etch/internal/index"
	"github.com/etch-audit/etch/internal/needle"
)

// FuzzAsk asks any expression of any line, in all ways in which a query may come
// to it: by its decoded event, by its outline, by a search of its bytes and by an
// index. None may contradict the first.
func FuzzAsk(f *testing.F) {
	for _, expr := range append(trustAsked, `label.team ~ 'a"' or text ~ '(?i)NEEDLE'`, "arguments = 'd\n' and not duration > 1s", "user in (alice, bob) or not failed") {
		f.Add(expr, lineOf(encode(outlineEvent())))
		f.Add(expr, lineOf(oddBodies[1]))
		f.Add(`arguments = sudo`, lineOf(encode(&Event{Action: &Action{Arguments: json.RawMessage(`{"a":"\ud800","a":["\u0073udo"]}`)}})))
	}
	f.Fuzz(func(t *testing.T, expr string, line []byte) {
		where, err := ParseFilter(expr, naiveNow)
		if err != nil {
			return
		}
		var r Record
		if decodeLine(bytes.Clone(line), &r) != nil {
			return
		}
		want := where.Match(&r)
		var o outline
		if o.read(line) {
			if got := where.expr.Match(row{lineValues{&o}}); got != want {
				t.Errorf("%s: %v by the outline, %v by the event, of %s", expr, got, want, line)
			}
		}
		if needles := needlesFor(where.expr); want && needles != nil && needle.New(needles).Next(line, 0) < 0 {
			t.Errorf("%s: none of %q is found in %s", expr, needles, line)
		}
		checkIndexed(t, where, line, want)
	})
}

// checkIndexed asks an index of one line.
func checkIndexed(t *testing.T, where *Filter, line []byte, want bool) {
	t.Helper()
	b := index.NewBuilder(indexSpec, 1, 0)
	row, err := newIndexer().read(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(line, row); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := b.Finish(&file); err != nil {
		t.Fatal(err)
	}
	x, err := index.Open(bytes.NewReader(file.Bytes()), int64(file.Len()), indexSpec)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := x.Search(where.expr)
	if err != nil {
		t.Fatal(err)
	}
	if may, sure := rows.Contains(0), rows.Sure().Contains(0); want && !may || !want && sure {
		t.Errorf("%v: matches %v; by the index it may %v, is sure to %v, of %s", where, want, may, sure, line)
	}
}
