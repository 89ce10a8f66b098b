package zeroclaw

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Oldest puts the names of a log's files into the order in which they were
// written, the oldest first: NAME.10.log … NAME.1.log, then NAME, as ZeroClaw
// names them when it rotates NAME, and NAME.2, NAME.1 as other tools do. Names
// that have no number stay in their order, behind those that have one.
func Oldest(names []string) {
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(rotation(b), rotation(a))
	})
}

// rotation returns the number in the name of a rotated file, 0 where there is none.
func rotation(name string) int {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if stem, ok := strings.CutSuffix(name, ".log"); ok {
		name = stem
	}
	i := strings.LastIndexByte(name, '.')
	n, err := strconv.Atoi(name[i+1:])
	if i < 0 || err != nil || n < 0 {
		return 0
	}
	return n
}
