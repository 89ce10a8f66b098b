package index_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/index"
)

// TestManyForms gives each row forms that no other has, more than a column
// remembers, and longer ones than it does.
func TestManyForms(t *testing.T) {
	records := newTrail(1, time.Second).take(70_000)
	file := func(forms func(i, column int) []byte) []byte {
		b := index.NewBuilder(spec(), 7, firstSeq)
		for i, r := range records {
			row := r.row()
			for column := range spec().Columns {
				row.Forms = append(row.Forms, forms(i, column))
			}
			if err := b.Add([]byte(r.line), row); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if _, err := b.Finish(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	want := file(func(int, int) []byte { return nil })
	for name, forms := range map[string]func(i, column int) []byte{
		"short": func(i, column int) []byte { return fmt.Append(nil, i) },
		"long":  func(i, column int) []byte { return fmt.Appendf(nil, "%600d", i) },
	} {
		if got := file(forms); !bytes.Equal(got, want) {
			t.Errorf("the index is another one with %s forms", name)
		}
	}
}

// TestReset makes several indexes with one builder, among them one of which a column
// is not held and one that ends in the middle of a group of leaves.
func TestReset(t *testing.T) {
	plain := newTrail(1, time.Second).take(3_000)
	odd := newTrail(2, time.Minute).take(1_001)
	full := newTrail(3, time.Second).take(300)
	for i := range full {
		full[i].set(fieldSession, strings.Repeat(fmt.Sprint(i, " "), 10_000))
	}
	finish := func(b *index.Builder, records []*record) (file []byte) {
		for _, r := range records {
			row := r.row()
			for range spec().Columns {
				row.Forms = append(row.Forms, []byte(r.line+r.one(fieldSession))) // says all
			}
			if err := b.Add([]byte(r.line), row); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if _, err := b.Finish(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	b := index.NewBuilder(spec(), 1, 0)
	for i, records := range [][]*record{plain, odd, full, plain, nil, odd} {
		number, firstSeq := uint32(i), uint64(100*i)
		b.Reset(number, firstSeq)
		if got, want := finish(b, records), finish(index.NewBuilder(spec(), number, firstSeq), records); !bytes.Equal(got, want) {
			t.Errorf("index %d of a builder is another one than that of a new builder", i)
		}
	}
}
