package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/etch-audit/etch"
)

// A Command is a command of the period, whatever its white space, at the first
// time that it was run in it.
type Command struct {
	Entry
	Count uint64 `json:"count"` // how often it was run in the period
}

// NewCommands are the commands of the period that no earlier event of the log
// has. White space makes no difference.
type NewCommands struct {
	List     []Command `json:"list"`     // the riskiest first, then the newest
	Distinct uint64    `json:"distinct"` // how many there are
	// Known is false where there are too many different commands to tell; then
	// the list is empty.
	Known bool `json:"known"`
}

// A Program is a program that was not called before, and the command that did.
type Program struct {
	Program string `json:"program"`
	Command
}

// NewPrograms are the programs of the period that no earlier event of the log
// calls, as far as the words of commands tell.
type NewPrograms struct {
	List     []Program `json:"list"`
	Distinct uint64    `json:"distinct"`
	Known    bool      `json:"known"`
}

// A best keeps the commands of the highest rank: those of the highest risk, and
// of these the ones that came first in the period last. As neither ever changes,
// one that was dropped can never belong to them again.
type best struct {
	keep int
	seen set // keys of all that there were
	kept map[uint64]*found
}

// A found is a command, and the program where it is about one.
type found struct {
	command Command
	program string
	rank    int
}

func newBest(keep int) *best { return &best{keep: keep, kept: map[uint64]*found{}} }

// add counts a command under a key.
func (b *best) add(key uint64, r *etch.Record, program string) {
	if f, ok := b.kept[key]; ok {
		f.command.Count++
		return
	}
	if !b.seen.add(key) {
		return
	}
	rank := 0
	if r.Event.Action != nil {
		rank = r.Event.Action.Risk.Rank()
	}
	b.kept[key] = &found{command: Command{newEntry(r), 1}, program: strings.Clone(shorten(program)), rank: rank}
	if len(b.kept) >= 2*b.keep {
		keys := b.sorted(b.kept)
		for _, k := range keys[b.keep:] {
			delete(b.kept, k)
		}
	}
}

func (b *best) sorted(of map[uint64]*found) []uint64 {
	return slices.SortedFunc(maps.Keys(of), func(x, y uint64) int {
		return cmp.Or(cmp.Compare(of[y].rank, of[x].rank), cmp.Compare(of[y].command.Seq, of[x].command.Seq), cmp.Compare(of[x].program, of[y].program))
	})
}

// top returns the best that are not among older ones.
func (b *best) top(n int, older *set) []*found {
	list := []*found{}
	for _, key := range b.sorted(b.kept) {
		if len(list) < n && (older == nil || !older.has(key)) {
			list = append(list, b.kept[key])
		}
	}
	return list
}

// fresh returns how many there were that are not among older ones.
func (b *best) fresh(older *set) uint64 {
	var n uint64
	for key := range b.seen.all() {
		n += one(!older.has(key))
	}
	return n
}
