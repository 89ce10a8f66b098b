package index_test

import (
	"bytes"
	"fmt"
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
