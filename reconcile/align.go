package reconcile

import (
	"iter"
	"time"
)

const (
	// disagree is what two outcomes that are not the same weigh against times: more than what
	// lies between the beginning of a call and its hook.
	disagree = 1.0
	// apart is what the most distant times weigh. All weights are in seconds.
	apart = 1e6
	// surely is the weight of a call that is paired with none where as many as can be are to be.
	surely = apart
	// perhaps is that weight where two whose times lie more than ten minutes apart are
	// not to be.
	perhaps = 300.0
	// maxCells bounds the time and the memory of one alignment. Past that the first
	// is paired with the first.
	maxCells = 1 << 24
	// maxSwaps is how far a call may be from its place in the order, as one that was under
	// way with that many others.
	maxSwaps = 64
	// session is how far outside of a transcript's times those of the log may lie if the
	// clocks are one.
	session = 10 * time.Minute
)

// A skew is how the log's clock stands to the transcript's.
type skew struct {
	ahead time.Duration
	known bool
}

// begin returns how badly the beginning of a call of the log fits a call.
func (s skew) begin(w *waiting, e *entry) float64 {
	weight := 0.0
	if !w.Start.IsZero() && s.known {
		at := e.start.Add(-s.ahead)
		// A hook is run some time between; of two that were under way the one that began then.
		weight = s.outside(at, w.Start, w.Over) + at.Sub(w.Start).Abs().Seconds()/1000
	}
	return min(weight, apart) + differing(w, e)
}

// end returns how badly the end of a call, of which the log has no beginning, fits one.
func (s skew) end(w *waiting, e *entry) float64 {
	weight := 0.0
	if !w.Over.IsZero() {
		weight = e.start.Add(-s.ahead).Sub(w.Over).Abs().Seconds()
	}
	return min(weight, apart) + differing(w, e)
}

// outside returns by how many seconds a time lies outside of a span.
func (s skew) outside(at, from, to time.Time) float64 {
	if to.Before(from) {
		to = from
	}
	return max(0, from.Sub(at).Seconds(), at.Sub(to).Seconds())
}

// differing weighs outcomes, as far as both are known.
func differing(w *waiting, e *entry) float64 {
	if w.Ended && e.completions > 0 && classOf(e.outcome) != classOf(w.Outcome) {
		return disagree
	}
	return 0
}

// align pairs calls with entries, both in their order, so that what does not fit, and what is
// left alone on either side at the weight of alone each, is least. Of several ways it
// takes the one that pairs the first ones.
func (s skew) align(calls []*waiting, entries []*entry, weigh func(skew, *waiting, *entry) float64, alone float64) iter.Seq2[int, *entry] {
	pairs := s.inOrder(calls, entries, weigh, alone)
	// Calls that were under way at once have no order.
	for range min(len(pairs), maxSwaps) {
		if !swap(pairs, func(call, e int) float64 { return weigh(s, calls[call], entries[e]) }) {
			break
		}
	}
	return func(yield func(int, *entry) bool) {
		for _, p := range pairs {
			if !yield(p.call, entries[p.entry]) {
				return
			}
		}
	}
}

// A pair is one call and one entry, by their places.
type pair struct{ call, entry int }

// swap exchanges the entries of neighbours that fit better so, and reports whether there were any.
func swap(pairs []pair, weigh func(call, entry int) float64) (some bool) {
	const least = 1e-6 // that rounding does not make it go on for ever
	for i := range max(0, len(pairs)-1) {
		a, b := &pairs[i], &pairs[i+1]
		if weigh(a.call, b.entry)+weigh(b.call, a.entry) < weigh(a.call, a.entry)+weigh(b.call, b.entry)-least {
			a.entry, b.entry, some = b.entry, a.entry, true
		}
	}
	return some
}

// inOrder is the alignment of two sequences: the least weight of what follows, from the end.
func (s skew) inOrder(calls []*waiting, entries []*entry, weigh func(skew, *waiting, *entry) float64, alone float64) (pairs []pair) {
	n, m := len(calls), len(entries)
	if n == m && alone == surely || n*m > maxCells {
		for i := range min(n, m) {
			pairs = append(pairs, pair{i, i})
		}
		return pairs
	}
	steps := make([]byte, n*m) // what is best at each place: 0 to pair, 1 to leave the call alone, 2 the entry
	below := make([]float64, m+1)
	for j := range m {
		below[j] = alone * float64(m-j)
	}
	row := make([]float64, m+1)
	for i := n - 1; i >= 0; i-- {
		row[m] = alone * float64(n-i)
		for j := m - 1; j >= 0; j-- {
			best, step := weigh(s, calls[i], entries[j])+below[j+1], byte(0)
			if w := alone + below[j]; w < best {
				best, step = w, 1
			}
			if w := alone + row[j+1]; w < best {
				best, step = w, 2
			}
			row[j], steps[i*m+j] = best, step
		}
		row, below = below, row
	}
	for i, j := 0, 0; i < n && j < m; {
		switch steps[i*m+j] {
		case 0:
			pairs = append(pairs, pair{i, j})
			i, j = i+1, j+1
		case 1:
			i++
		default:
			j++
		}
	}
	return pairs
}
