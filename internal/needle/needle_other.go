//go:build !amd64 || purego

package needle

// vectors reports false: the search is that of the standard library.
func vectors() bool { return false }

// A group is some probes.
type group struct{ probes []probe }

func newGroup(probes []probe) group { return group{probes: probes} }

func (g *group) compare(b []byte, from, to int) int { return g.search(b, from, to) }
