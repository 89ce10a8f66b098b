package redact

import _ "embed" // the table

// automaton finds every keyword of the rules in one walk, whatever its case: an Aho-Corasick machine written out as a
// table. States are numbered by the cells of their rows, and those that accept are the last ones, so that a step is
// two loads and a comparison.
//
// The table is a part of the program: to build it takes memory and time that a process which looks at one command
// does not have. TestTable builds it, and says how it is written anew when a rule has a new keyword.
type automaton struct {
	class  [256]uint16 // column of a byte; both cases of a letter share one
	width  uint16
	accept uint16 // first accepting state
	hits   [][]trigger
}

// automatonTable says which state a state and a column lead to: two bytes at their sum, the lower one first.
//
//go:embed automaton.bin
var automatonTable string

// step returns the state after a byte.
func (m *automaton) step(state uint16, b byte) uint16 {
	at := 2 * (int(state) + int(m.class[b]))
	cell := automatonTable[at : at+2]
	return uint16(cell[0]) | uint16(cell[1])<<8
}

// found returns what a state that accepts sets off.
func (m *automaton) found(state uint16) []trigger { return m.hits[(state-m.accept)/m.width] }

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
	onAzure
	onAzureDevOps
)
