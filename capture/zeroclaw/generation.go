package zeroclaw

import (
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/zeroclaw"
)

// generation returns which of upstream's generations first wrote such a record:
// g0 has no chain, g1 has, g2 signatures, g3 the alias, g4 certificates. What only
// the first proposal has is "seed".
func generation(r *zeroclaw.Record) string {
	switch {
	case !r.Chained() && ofSeed(r):
		return "seed"
	case !r.Chained():
		return "g0"
	case r.EventType == "chain_truncation" || r.EventType == "chain_boundary" || r.EventType == "task_transition":
		return zeroclaw.ProgramDaemonClaw
	case strings.HasPrefix(r.EventType, "cert_"):
		return "g4"
	case r.AgentAlias != nil:
		return "g3"
	case r.Signature != nil:
		return "g2"
	}
	return "g1"
}

func ofSeed(r *zeroclaw.Record) bool {
	return strings.HasPrefix(r.EventID, "evt_") || r.Signature != nil || r.EventType != snakeCase(r.EventType)
}

// generations returns the name for a file with records of several: the one that
// could write all of a chain, behind that of what has none.
func generations(seen []string) string {
	var bare, chained string
	for _, g := range slices.Sorted(slices.Values(seen)) {
		switch {
		case g == zeroclaw.ProgramDaemonClaw:
			chained = g
		case g > "g0" && g < "g9":
			if chained != zeroclaw.ProgramDaemonClaw {
				chained = g // in their order: the last is the highest
			}
		case bare != "":
			bare += "+" + g
		default:
			bare = g
		}
	}
	switch {
	case bare == "":
		return chained
	case chained == "":
		return bare
	}
	return bare + "+" + chained
}

// snakeCase returns the name of an event type as ZeroClaw writes it: the first
// proposal's are those of its program, CommandExecution for command_execution.
func snakeCase(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			if i > 0 && s[i-1] != '_' {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
