package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"slices"
	"strings"
)

// maxNames is how many names of a kind are counted apart.
const maxNames = 1 << 16

// The most bytes of a name that is kept whole, and of the beginning of one that
// is longer.
const (
	maxName   = 128
	nameBegin = 64
)

// Names count events by a name, for instance by user.
type Names struct {
	// List are the names with the most events first, or for risks and
	// outcomes in the order of their meaning.
	List []Name `json:"list"`
	// Distinct is how many names there are; where Capped, at least.
	Distinct uint64 `json:"distinct"`
	// Rest is how many events have a name that is not in List.
	Rest uint64 `json:"rest"`
	// Capped says that there are more names than can be counted apart.
	Capped bool `json:"capped"`
}

// A Name is how many events have a name.
type Name struct {
	Name   string `json:"name"` // "" where an event names none
	Events uint64 `json:"events"`
	// Before is how many had it in the period before; nil as [Report.Before].
	Before *uint64 `json:"before"`
	New    bool    `json:"new"` // no earlier event of the log has it
	Risky  uint64  `json:"risky"`
	Denied uint64  `json:"denied"`
	Failed uint64  `json:"failed"`
}

// A tally is what is counted for a name.
type tally struct{ events, before, risky, denied, failed uint64 }

func (t *tally) add(f *facts) {
	t.events++
	t.risky += one(f.risky)
	t.denied += one(f.denied)
	t.failed += one(f.failed)
}

// A counter counts events by a name.
type counter struct {
	seed   maphash.Seed
	names  map[string]*tally
	most   int   // of names
	beyond tally // of the names that are too many
	older  set   // hashes of the names before the period
}

func newCounter(seed maphash.Seed) *counter {
	return &counter{seed: seed, names: map[string]*tally{}, most: maxNames}
}

// of returns the tally of a name.
func (c *counter) of(name string) *tally {
	name = shorten(name)
	if t, ok := c.names[name]; ok {
		return t
	}
	if len(c.names) == c.most {
		return &c.beyond
	}
	t := new(tally)
	c.names[strings.Clone(name)] = t
	return t
}

// remember takes a name from before the period.
func (c *counter) remember(name string) { c.older.add(maphash.String(c.seed, shorten(name))) }

// shorten returns a name that is kept, and shown, whole; one that is too long
// is its beginning and its hash, so that two never become one.
func shorten(name string) string {
	if len(name) <= maxName {
		return name // not a copy: who keeps it makes one
	}
	sum := sha256.Sum256([]byte(name))
	return clip(name, nameBegin) + hex.EncodeToString(sum[:8])
}

// count returns how many names had events in the period, and in the one before.
func (c *counter) count() (now, before uint64) {
	for name, t := range c.names {
		if name != "" {
			now += one(t.events > 0)
			before += one(t.before > 0)
		}
	}
	return now, before
}

// list returns the most frequent names.
func (c *counter) list(top int, compare bool) Names {
	found := Names{List: []Name{}, Capped: c.beyond.events > 0, Rest: c.beyond.events}
	for name, t := range c.names {
		if t.events == 0 {
			continue
		}
		n := Name{Name: name, Events: t.events, Risky: t.risky, Denied: t.denied, Failed: t.failed}
		n.New = !c.older.full && !c.older.has(maphash.String(c.seed, name))
		if compare {
			n.Before = new(t.before)
		}
		found.List = append(found.List, n)
	}
	found.Distinct, _ = c.count()
	slices.SortFunc(found.List, func(a, b Name) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Name, b.Name))
	})
	for _, n := range found.List[min(top, len(found.List)):] {
		found.Rest += n.Events
	}
	found.List = slices.Clone(found.List[:min(top, len(found.List))])
	return found
}

// ordered sorts a list by the place of its names among known ones; others come
// behind.
func (n *Names) ordered(known []string) {
	place := func(n Name) int {
		if i := slices.Index(known, n.Name); i >= 0 {
			return i
		}
		return len(known)
	}
	slices.SortStableFunc(n.List, func(a, b Name) int { return cmp.Compare(place(a), place(b)) })
}

func one(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}
