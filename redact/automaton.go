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

// node is one state of the machine while it is built.
type node struct {
	next map[byte]int
	fail int
	hits []trigger
}

// newAutomaton builds the machine for the keywords.
func newAutomaton(words []keyword) *automaton {
	nodes := trie(words)
	order := link(nodes)
	m := &automaton{width: 1}
	for _, w := range words {
		for _, b := range []byte(w.text) {
			if m.class[b] == 0 {
				m.class[b] = m.width
				m.width++
			}
		}
	}
	for b := byte('a'); b <= 'z'; b++ {
		m.class[b-'a'+'A'] = m.class[b]
	}
	m.fill(nodes, order)
	return m
}

// trie returns the keywords as a tree; node 0 is its root.
func trie(words []keyword) []node {
	nodes := []node{{next: map[byte]int{}}}
	for _, w := range words {
		at := 0
		for _, b := range []byte(w.text) {
			to, ok := nodes[at].next[b]
			if !ok {
				to = len(nodes)
				nodes[at].next[b] = to
				nodes = append(nodes, node{next: map[byte]int{}})
			}
			at = to
		}
		w.length = uint8(len(w.text))
		nodes[at].hits = append(nodes[at].hits, w.trigger)
	}
	return nodes
}

// link gives each node the node of its longest proper suffix, and that one's hits. It returns the nodes in the order of
// their depth, so that each comes after its suffix.
func link(nodes []node) []int {
	queue := []int{0}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for b, to := range nodes[at].next {
			if at != 0 {
				nodes[to].fail = step(nodes, nodes[at].fail, b)
			}
			nodes[to].hits = append(nodes[to].hits, nodes[nodes[to].fail].hits...)
			queue = append(queue, to)
		}
	}
	return queue
}

// step returns the node that follows a node on a byte.
func step(nodes []node, at int, b byte) int {
	for {
		if to, ok := nodes[at].next[b]; ok {
			return to
		}
		if at == 0 {
			return 0
		}
		at = nodes[at].fail
	}
}

// fill writes the table, the accepting states last. A node's row is that of its suffix, but for its own children.
func (m *automaton) fill(nodes []node, byDepth []int) {
	state := m.number(nodes)
	m.next = make([]uint16, len(nodes)*int(m.width))
	for _, at := range byDepth {
		row := m.next[state[at]:][:m.width]
		if at == 0 {
			for i := range row {
				row[i] = state[0]
			}
		} else {
			copy(row, m.next[state[nodes[at].fail]:])
		}
		for b, to := range nodes[at].next {
			row[m.class[b]] = state[to]
		}
	}
}

// number gives each node its state.
func (m *automaton) number(nodes []node) []uint16 {
	order := make([]int, 0, len(nodes))
	for i := range nodes {
		if len(nodes[i].hits) == 0 {
			order = append(order, i)
		}
	}
	plain := len(order)
	for i := range nodes {
		if len(nodes[i].hits) > 0 {
			order = append(order, i)
			m.hits = append(m.hits, nodes[i].hits)
		}
	}
	if len(order)*int(m.width) > 1<<16 {
		panic("redact: the keywords need more than 65,536 table cells")
	}
	state := make([]uint16, len(nodes))
	for to, from := range order {
		state[from] = uint16(to) * m.width
	}
	m.accept = uint16(plain) * m.width
	return state
}
