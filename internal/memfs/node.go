package memfs

import (
	"io/fs"
	"maps"
	"time"
)

// A node is a file or a directory, whatever it is called.
type node struct {
	mode     fs.FileMode
	modified time.Time

	// Of a file.
	content  *content
	opens    int  // how many File are open on it
	unlinked bool // it has lost its name
	failures int  // how many syncs of it have failed

	// Of a directory.
	entries map[string]*node // as programs see it
	stable  map[string]*node // as of the last SyncDir
	pending []nameOp         // what led from stable to entries
}

func newFile(perm fs.FileMode) *node {
	return &node{mode: perm.Perm(), modified: time.Now(), content: newContent()}
}

func newDirectory(perm fs.FileMode) *node {
	return &node{
		mode: fs.ModeDir | perm.Perm(), modified: time.Now(),
		entries: map[string]*node{}, stable: map[string]*node{},
	}
}

func (n *node) isDir() bool { return n.content == nil }

// A nameOp is an operation on the names of one directory: a removal, an
// addition, or both at once, which is a rename.
type nameOp struct {
	remove, add string
	node        *node // what add names from then on
}

func (op nameOp) apply(entries map[string]*node) {
	if op.remove != "" {
		delete(entries, op.remove)
	}
	if op.add != "" {
		entries[op.add] = op.node
	}
}

func (n *node) change(op nameOp) {
	op.apply(n.entries)
	n.pending = append(n.pending, op)
	n.modified = time.Now()
}

func (n *node) syncNames() {
	n.stable = maps.Clone(n.entries)
	n.pending = nil
}
