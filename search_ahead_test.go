package etch

import (
	"slices"
	"testing"

	"github.com/etch-audit/etch/internal/vfs"
)

// A distant file has some of its bytes in memory, and tells what else it is asked for.
type distant struct {
	vfs.File
	from, to int64 // of what is in memory
	asked    []place
}

func (d *distant) Missing(offset int64) bool { return offset < d.from || offset >= d.to }

func (d *distant) ReadIn(offset int64, length int) { d.asked = append(d.asked, place{offset, length}) }

func TestReadIn(t *testing.T) {
	rows := []place{{100, 10}, {5000, 20}, {90_000, 30}}
	near := []place{{100, 10}, {5000, 20}, {16_000, 30}}
	for name, tt := range map[string]struct {
		from, to int64
		rows     []place
		want     []place
	}{
		"all in memory":    {0, 100_000, rows, nil},
		"nothing":          {0, 0, rows, rows},
		"not the first":    {5000, 100_000, rows, rows},
		"not the last":     {0, 6000, rows, rows},
		"one that is":      {0, 200, rows[:1], nil},
		"one that is not":  {0, 1, rows[:1], rows[:1]},
		"others, backward": {0, 200, []place{rows[2], rows[0]}, []place{rows[2], rows[0]}},
		"closely":          {0, 0, near, nil},
		"closely backward": {0, 0, []place{near[2], near[1], near[0]}, []place{{100, 15_930}}},
		"not so closely":   {0, 0, []place{{0, 10}, {closely, 10}}, []place{{0, 10}, {closely, 10}}},
	} {
		d := &distant{from: tt.from, to: tt.to}
		if readIn(d, tt.rows); !slices.Equal(d.asked, tt.want) {
			t.Errorf("%s: asked for %v, want %v", name, d.asked, tt.want)
		}
	}
	readIn(struct{ vfs.File }{}, rows) // a file that cannot be told
}
