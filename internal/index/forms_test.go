package index

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestForms compares the table with a map, also once it was cleared.
func TestForms(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	f := newForms()
	for round := range 3 {
		want := map[string]uint16{}
		for i := range 5000 {
			form := fmt.Append([]byte{}, r.IntN(3000))[r.IntN(2):] // some are empty
			code, ok := f.find(form)
			if known, has := want[string(form)]; ok != has || code != known {
				t.Fatalf("round %d: %q is %d %v, want %d %v", round, form, code, ok, known, has)
			}
			if !ok {
				want[string(form)] = uint16(i)
				f.add(form, uint16(i))
			}
		}
		f.clear()
	}
}

// TestFormsBounds: what has no place is not found, and takes none.
func TestFormsBounds(t *testing.T) {
	f := newForms()
	for _, form := range [][]byte{nil, bytes.Repeat([]byte("a"), longestForm+1)} {
		if _, ok := f.find(form); ok {
			t.Errorf("a form of %d bytes is found", len(form))
		}
		if f.add(form, 1); f.used != 0 {
			t.Errorf("a form of %d bytes was added", len(form))
		}
	}
	for i := range mostForms + 1 {
		form := fmt.Append(nil, i)
		f.find(form)
		f.add(form, uint16(i))
	}
	if f.used != mostForms {
		t.Errorf("there are %d forms, want %d", f.used, mostForms)
	}
	if code, ok := f.find([]byte("65535")); !ok || code != 65535 {
		t.Errorf("the last that has a place is %d %v", code, ok)
	}
	if _, ok := f.find([]byte("65536")); ok {
		t.Error("one that has no place is found")
	}
}
