package verify

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// TestRandomDamage does several things at once to a log. Whatever is found must
// be found both ways of reading, and in the end.
func TestRandomDamage(t *testing.T) {
	files := small(logtest.Options{}).Files()
	names := []string{"audit.000001.log", "audit.000002.log", "audit.log", "audit.state"}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	rounds := 600
	if testing.Short() {
		rounds = 60
	}
	for range rounds {
		log := files
		for range 1 + r.IntN(6) {
			name := names[r.IntN(len(names))]
			log = with(log, name, damaged(r, log[name], log[names[r.IntN(3)]]))
		}
		if r.IntN(3) == 0 {
			log = without(log, "audit.state")
		}
		opts := outside()
		if r.IntN(2) == 0 {
			opts = atHome(smallEpoch)
		}
		judged(t, logtest.FS(log), opts)
	}
}

// damaged changes something in data, with or without bytes of other.
func damaged(r *rand.Rand, data, other []byte) []byte {
	data = bytes.Clone(data)
	if len(data) == 0 {
		return data
	}
	i, j := r.IntN(len(data)), r.IntN(len(data))
	i, j = min(i, j), max(i, j)
	switch r.IntN(6) {
	case 0:
		data[i] = byte(r.IntN(256))
	case 1:
		const telling = "0123456789\n\"}{,"
		data[i] = telling[r.IntN(len(telling))]
	case 2:
		return slices.Concat(data[:i], data[j:])
	case 3:
		return slices.Concat(data[:j], data[i:])
	case 4:
		return data[:i]
	default:
		at := r.IntN(len(other) + 1)
		return slices.Concat(data[:i], other[at:min(len(other), at+r.IntN(2000))], data[i:])
	}
	return data
}
