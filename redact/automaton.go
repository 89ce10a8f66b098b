package redact

// automaton finds every keyword of the rules in one walk, whatever its case: an Aho-Corasick machine written out as a
// table. States are stored multiplied by the table's width, and those that accept are the last ones, so that a step
// is two loads and a comparison.
type automaton struct {
	class  [256]uint16 // column of a byte; both cases of a letter share one
	next   []uint16    // state + column → state
	width  uint16
	accept uint16 // first accepting state
	hits   [][]trigger
}

// trigger is what a keyword sets off. The length is the keyword's, the index that of the entry in the rule's table.
type trigger struct {
	kind   triggerKind
	length uint8
	index  uint16
}

type triggerKind uint8

const (
	onMask triggerKind = iota
	onName
	onShape
	onURL
	onPEM
	onBearer
	onTelegram
	onDot
	onIdentified
	onCommand
)

// keyword is a trigger with the bytes that set it off, in lower case.
type keyword struct {
	text string
	trigger
}

// node is one state of the machine while it is built. Children are a list: of most nodes there is one.
type node struct {
	b              byte // that leads here
	child, sibling int32
	fail           int32 // the node of the longest proper suffix
	hits           []trigger
}

// newAutomaton builds the machine for the keywords. It is built by each process that masks, so no map is in it.
func newAutomaton(words []keyword) *automaton {
	nodes := trie(words)
	m := &automaton{width: 1}
	for _, w := range words {
		for i := range len(w.text) {
			if b := w.text[i]; m.class[b] == 0 {
				m.class[b] = m.width
				m.width++
			}
		}
	}
	for b := byte('a'); b <= 'z'; b++ {
		m.class[b-'a'+'A'] = m.class[b]
	}
	m.fill(nodes)
	return m
}

// trie returns the keywords as a tree; node 0 is its root.
func trie(words []keyword) []node {
	nodes := make([]node, 1, 2048)
	for _, w := range words {
		at := int32(0)
		for i := range len(w.text) {
			at = step(&nodes, at, w.text[i])
		}
		w.length = uint8(len(w.text))
		nodes[at].hits = append(nodes[at].hits, w.trigger)
	}
	return nodes
}

// step returns the child of a node that a byte leads to, which it makes where there is none.
func step(nodes *[]node, at int32, b byte) int32 {
	for to := (*nodes)[at].child; to != 0; to = (*nodes)[to].sibling {
		if (*nodes)[to].b == b {
			return to
		}
	}
	to := int32(len(*nodes))
	*nodes = append(*nodes, node{b: b, sibling: (*nodes)[at].child})
	(*nodes)[at].child = to
	return to
}

// link gives each node the node of its longest proper suffix, and that one's hits. It returns the nodes in the order of
// their depth, so that each comes after its suffix.
func link(nodes []node) []int32 {
	queue := append(make([]int32, 0, len(nodes)), 0)
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for to := nodes[at].child; to != 0; to = nodes[to].sibling {
			if at != 0 {
				nodes[to].fail = follow(nodes, nodes[at].fail, nodes[to].b)
			}
			if suffix := nodes[nodes[to].fail].hits; len(suffix) > 0 {
				nodes[to].hits = append(nodes[to].hits, suffix...)
			}
			queue = append(queue, to)
		}
	}
	return queue
}

// follow returns the node that comes after a node on a byte.
func follow(nodes []node, at int32, b byte) int32 {
	for {
		for to := nodes[at].child; to != 0; to = nodes[to].sibling {
			if nodes[to].b == b {
				return to
			}
		}
		if at == 0 {
			return 0
		}
		at = nodes[at].fail
	}
}

// fill writes the table, the accepting states last. A node's row is that of its suffix, but for its own children.
func (m *automaton) fill(nodes []node) {
	byDepth := link(nodes)
	state := m.number(nodes)
	m.next = make([]uint16, len(nodes)*int(m.width)) // all lead to the root, whose state is 0
	for _, at := range byDepth {
		row := m.next[state[at]:][:m.width]
		if at != 0 {
			copy(row, m.next[state[nodes[at].fail]:])
		}
		for to := nodes[at].child; to != 0; to = nodes[to].sibling {
			row[m.class[nodes[to].b]] = state[to]
		}
	}
}

// number gives each node its state.
func (m *automaton) number(nodes []node) []uint16 {
	if len(nodes)*int(m.width) > 1<<16 {
		panic("redact: the keywords need more than 65,536 table cells")
	}
	state := make([]uint16, len(nodes))
	next := uint16(0) // the root, which accepts nothing, is the first
	for i := range nodes {
		if len(nodes[i].hits) == 0 {
			state[i] = next
			next += m.width
		}
	}
	m.accept = next
	for i := range nodes {
		if len(nodes[i].hits) > 0 {
			state[i] = next
			next += m.width
			m.hits = append(m.hits, nodes[i].hits)
		}
	}
	return state
}
