package sqlite

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The databases in testdata were written by SQLite 3.40, and the rows beside them
// are what it read from them itself.

func contents(data []byte) Contents {
	return Contents{ReaderAt: bytes.NewReader(data), Size: int64(len(data))}
}

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// open opens a database of testdata with its log, if it has one.
func open(t testing.TB, name string) *Database {
	t.Helper()
	var log *Contents
	if data, err := os.ReadFile(filepath.Join("testdata", name+"-wal")); err == nil {
		log = new(contents(data))
	}
	d, err := Open(contents(load(t, name)), log)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// readAll returns the rows of a table as testdata shows them.
func readAll(d *Database, after int64) (rows [][]any, err error) {
	table, err := d.Table("t")
	if err != nil {
		return nil, err
	}
	for row, err := range table.Rows(after) {
		if err != nil {
			return rows, err
		}
		shown := []any{json.Number(strconv.FormatInt(row.ID, 10))}
		for _, v := range row.Values {
			shown = append(shown, showValue(v))
		}
		rows = append(rows, shown)
	}
	return rows, nil
}

func showValue(v any) any {
	switch v := v.(type) {
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case float64:
		return map[string]any{"f": fmt.Sprint(v)}
	case []byte:
		return map[string]any{"b": hex.EncodeToString(v)}
	}
	return v
}

func wantRows(t *testing.T, name string) [][]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(load(t, name)))
	d.UseNumber()
	var rows [][]any
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatal("no rows to compare with")
	}
	return rows
}

func TestRows(t *testing.T) {
	for _, name := range []string{"deep", "wal", "round"} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(open(t, name+".db"), minRowID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, wantRows(t, name+".json")); diff != "" {
				t.Errorf("rows (-got +want):\n%s", diff)
			}
		})
	}
}

func TestRowsAfter(t *testing.T) {
	want := wantRows(t, "deep.json")
	d := open(t, "deep.db")
	for i := 0; i < len(want); i += 23 {
		row := want[i]
		after, err := row[0].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(d, after)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want[i+1:], equateEmpty); diff != "" {
			t.Fatalf("rows after %d (-got +want):\n%s", after, diff)
		}
	}
}

var equateEmpty = cmp.FilterValues(func(a, b [][]any) bool { return len(a) == 0 && len(b) == 0 }, cmp.Comparer(func(_, _ [][]any) bool { return true }))

func TestColumns(t *testing.T) {
	tests := []struct {
		sql   string
		want  []string
		rowid int
	}{
		{"CREATE TABLE audit_events(id INTEGER PRIMARY KEY AUTOINCREMENT,event_json TEXT NOT NULL)", []string{"id", "event_json"}, 0},
		{"create table t (a text check (a in ('x', 'y)')), b integer not null primary key, unique (a, b))", []string{"a", "b"}, 1},
		{"CREATE TABLE t(a INT PRIMARY KEY)", []string{"a"}, -1},
		{"CREATE TABLE t(a INTEGER PRIMARY KEY DESC)", []string{"a"}, -1},
		{"CREATE TABLE t([a, (b] TEXT, \"c\"\"d\", 'e' /* , x */, f) -- end", []string{"a, (b", `c"d`, "e", "f"}, -1},
		{"CREATE TABLE t(a INTEGER, PRIMARY KEY(a)) STRICT", []string{"a"}, -1},
	}
	for _, test := range tests {
		got, rowid, err := parseColumns(test.sql)
		if err != nil {
			t.Errorf("%s: %v", test.sql, err)
		}
		if diff := cmp.Diff(got, test.want); diff != "" || rowid != test.rowid {
			t.Errorf("%s: rowid %d, want %d; columns (-got +want):\n%s", test.sql, rowid, test.rowid, diff)
		}
	}
	for _, sql := range []string{"", "CREATE TABLE t(", "CREATE TABLE t()", `CREATE TABLE t("a`, "CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID"} {
		if got, _, err := parseColumns(sql); err == nil {
			t.Errorf("%s: columns %q, want an error", sql, got)
		}
	}
}

func TestRefused(t *testing.T) {
	if _, err := readAll(open(t, "norowid.db"), minRowID); err == nil || !strings.Contains(err.Error(), "rowid") {
		t.Errorf("a table without a rowid: %v", err)
	}
	if _, err := Open(contents(load(t, "utf16.db")), nil); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("texts in UTF-16: %v", err)
	}
	if _, err := open(t, "deep.db").Table("nobody"); !errors.Is(err, ErrNoTable) {
		t.Errorf("a table that is not there: %v", err)
	}
	if _, err := Open(contents([]byte("not a database")), nil); err == nil {
		t.Error("a short file was opened")
	}
}

// TestLogCut cuts the log at every frame and beside: what was committed before is
// there, and nothing else.
func TestLogCut(t *testing.T) {
	data := load(t, "wal.db-wal")
	main := contents(load(t, "wal.db"))
	whole := len(wantRows(t, "wal.json"))
	last := 0
	for size := 0; size <= len(data); size += 67 {
		d, err := Open(main, new(contents(data[:size])))
		if err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
		rows, err := readAll(d, minRowID)
		if err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
		// Each commit adds 20 rows and removes one at most.
		if len(rows) < last || len(rows) > whole {
			t.Fatalf("cut at %d: %d rows, after %d before", size, len(rows), last)
		}
		last = len(rows)
	}
	if last != whole {
		t.Errorf("%d rows with the whole log, want %d", last, whole)
	}
}

// TestLogOverwritten reads from a log that is begun again meanwhile.
func TestLogOverwritten(t *testing.T) {
	data := load(t, "wal.db-wal")
	d, err := Open(contents(load(t, "wal.db")), new(contents(data)))
	if err != nil {
		t.Fatal(err)
	}
	for at := walHeader; at < len(data); at += frameHeader + d.pageSize {
		data[at+8]++ // a salt
	}
	if _, err := readAll(d, minRowID); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want %v", err, ErrChanged)
	}
}

// TestDamage changes bytes of a database: every one of what tells pages and
// tables apart, and some of the rest. It is read, or refused, and ends.
func TestDamage(t *testing.T) {
	good := load(t, "deep.db")
	data := bytes.Clone(good)
	want := len(wantRows(t, "deep.json"))
	for i := 0; i < len(data); i++ {
		if i > 600 {
			i += 990
		}
		i = min(i, len(data)-1)
		for _, c := range []byte{0, 0xff, good[i] ^ 1} {
			data[i] = c
			d, err := Open(contents(data), nil)
			if err != nil {
				continue
			}
			if rows, err := readAll(d, minRowID); err == nil && len(rows) > 2*want {
				t.Fatalf("byte %d as %#x: %d rows of %d", i, c, len(rows), want)
			}
		}
		data[i] = good[i]
	}
}

// TestCircle follows pages that lead back to themselves.
func TestCircle(t *testing.T) {
	data := load(t, "deep.db")
	table, err := open(t, "deep.db").Table("t")
	if err != nil {
		t.Fatal(err)
	}
	root := data[int(table.root-1)*512:]
	if root[0] != interiorPage {
		t.Fatal("the table has one page only")
	}
	n := int(root[3])<<8 | int(root[4])
	for i := range n {
		cell := root[int(root[12+2*i])<<8|int(root[13+2*i]):]
		copy(cell, []byte{0, 0, 0, byte(table.root)})
	}
	d, err := Open(contents(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := readAll(d, minRowID); err == nil {
		t.Errorf("%d rows from a circle, want an error", len(rows))
	}
}

func FuzzRows(f *testing.F) {
	for _, name := range []string{"wal.db", "round.db", "norowid.db"} {
		log, err := os.ReadFile(filepath.Join("testdata", name+"-wal"))
		if err != nil {
			log = nil
		}
		f.Add(load(f, name), log)
	}
	f.Fuzz(func(t *testing.T, main, log []byte) {
		d, err := Open(contents(main), new(contents(log)))
		if err != nil {
			return
		}
		rows := 0
		table, err := d.Table("t")
		if err != nil {
			return
		}
		for _, err := range table.Rows(0) {
			if err != nil {
				return
			}
			if rows++; rows > len(main)+len(log) {
				t.Fatalf("%d rows from %d bytes", rows, len(main)+len(log))
			}
		}
	})
}
