package memfs

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"
)

// A Kind tells what an [Item] is.
type Kind int

// The kinds of what a crash may take.
const (
	// Page is one page of a file.
	Page Kind = iota
	// Size is a file's size.
	Size
	// Name is one operation on the names in a directory.
	Name
)

// An Item is something that is not yet on stable storage.
type Item struct {
	Kind Kind
	// Path is the file's or directory's path, as found after the crash.
	Path string
	// Index is the page's number in the file, or the operation's in the
	// order of those that the directory has pending.
	Index int64
	// Of is the number of operations that the directory has pending.
	Of int64
}

// A Choice decides what survives a crash.
type Choice struct {
	// Survives reports whether an item survives. It is asked in an order
	// that depends on nothing but the file system and earlier answers, so
	// that a seed repeats a crash.
	Survives func(Item) bool
	// Unordered lets the operations on names survive independently of each
	// other. If it is false, none survives that came after one which did
	// not.
	Unordered bool
}

// None is the choice by which nothing unsynced survives.
func None() Choice { return Choice{Survives: func(Item) bool { return false }} }

// All is the choice by which everything survives.
func All() Choice { return Choice{Survives: func(Item) bool { return true }} }

// Subset is a choice at random: few or many pages and sizes, and of each
// directory any number of operations, each number as likely as another.
func Subset(rng *rand.Rand) Choice {
	share := rng.Float64()
	var names int64
	return Choice{Survives: func(i Item) bool {
		if i.Kind != Name {
			return rng.Float64() < share
		}
		if i.Index == 0 {
			names = rng.Int64N(i.Of + 1)
		}
		return i.Index < names
	}}
}

// Crash returns the file system as it is found after a power loss. All of it
// is on stable storage. m is not changed and can go on.
func (m *FS) Crash(choose Choice) *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crash{choose: choose, done: map[*node]*node{}}
	return m.with(c.node(m.root, "/"))
}

// Clone returns an equal file system that has the same things on stable
// storage and the same unsynced. Nobody holds a lock in it and no file is
// open: it is what another process finds after this one was killed.
func (m *FS) Clone() *FS {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.with(cloning{}.node(m.root))
}

func (m *FS) with(root *node) *FS {
	clone := New()
	clone.root, clone.capacity, clone.used = root, m.capacity, root.usage()
	return clone
}

// usage is the sum of the sizes of all files below.
func (n *node) usage() int64 {
	if !n.isDir() {
		return n.content.now.size
	}
	var sum int64
	for _, child := range n.entries {
		sum += child.usage()
	}
	return sum
}

// A crash is one power loss. A node may be found under two names, when a
// rename between directories survived by half.
type crash struct {
	choose Choice
	done   map[*node]*node
}

func (c crash) node(n *node, name string) *node {
	if after := c.done[n]; after != nil {
		return after
	}
	after := &node{mode: n.mode, modified: n.modified}
	c.done[n] = after
	if !n.isDir() {
		after.content = c.content(n.content, name)
		return after
	}
	found := c.names(n, name)
	after.entries = make(map[string]*node, len(found))
	for _, base := range sortedKeys(found) {
		after.entries[base] = c.node(found[base], path.Join(name, base))
	}
	after.stable = maps.Clone(after.entries)
	return after
}

// names returns the entries of a directory that are found.
func (c crash) names(dir *node, name string) map[string]*node {
	entries := maps.Clone(dir.stable)
	for i, op := range dir.pending {
		item := Item{Kind: Name, Path: name, Index: int64(i), Of: int64(len(dir.pending))}
		if c.choose.Survives(item) {
			op.apply(entries)
		} else if !c.choose.Unordered {
			break
		}
	}
	return entries
}

// content returns what a file holds.
func (c crash) content(before *content, name string) *content {
	found := before.stable.clone()
	if before.now.size != found.size && c.choose.Survives(Item{Kind: Size, Path: name}) {
		found.size = before.now.size
	}
	for _, number := range before.unsynced() {
		if !c.choose.Survives(Item{Kind: Page, Path: name, Index: number}) {
			continue
		}
		if p := before.now.pages[number]; p != nil {
			found.pages[number] = p.share()
		} else {
			delete(found.pages, number)
		}
	}
	found.cut()
	after := newContent()
	after.now, after.stable = found, found.clone()
	return after
}

// unsynced returns the pages that differ from those on stable storage, lost
// ones included, in order.
func (c *content) unsynced() []int64 {
	var numbers []int64
	for number, p := range c.now.pages {
		if c.stable.pages[number] != p {
			numbers = append(numbers, number)
		}
	}
	for number := range c.stable.pages {
		if c.now.pages[number] == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// A cloning maps the nodes of one file system to those of its copy, which has
// the same node in all places where the first has.
type cloning map[*node]*node

func (c cloning) node(n *node) *node {
	if n == nil || c[n] != nil {
		return c[n]
	}
	copied := &node{mode: n.mode, modified: n.modified, unlinked: n.unlinked}
	c[n] = copied
	if !n.isDir() {
		copied.content = n.content.clone()
		return copied
	}
	copied.entries, copied.stable = c.names(n.entries), c.names(n.stable)
	for _, op := range n.pending {
		copied.pending = append(copied.pending, nameOp{remove: op.remove, add: op.add, node: c.node(op.node)})
	}
	return copied
}

func (c cloning) names(entries map[string]*node) map[string]*node {
	copied := make(map[string]*node, len(entries))
	for name, n := range entries {
		copied[name] = c.node(n)
	}
	return copied
}
