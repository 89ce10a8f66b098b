package bench

import (
	"context"
	"fmt"
)

// A contestant is a side of a comparison: something that can be measured.
type contestant struct {
	unit string
	// rounds is how many rounds it is measured in; 0: in all.
	rounds  int
	measure func(ctx context.Context, e *env) (float64, error)
}

// slowRounds is for what takes seconds and varies little.
const slowRounds = 3

// contestants by their names: a peer and its callers, with x its processes
// before them, or a thing that only the log does.
var contestants = map[string]contestant{
	"etch/1":           appending("etch", 1),
	"etch/64":          appending("etch", 64),
	"etch/1024":        appending("etch", 1024),
	"seed/1":           appending("seed", 1),
	"seed/64":          appending("seed", 64),
	"seed-mutex/64":    appending("seed-mutex", 64),
	"bbolt/64":         appending("bbolt", 64),
	"sqlite/64":        appending("sqlite", 64),
	"etch-interval/1":  logging("etch-interval", 1),
	"etch-interval/64": logging("etch-interval", 64),
	"zerolog/1":        logging("zerolog", 1),
	"zerolog/64":       logging("zerolog", 64),
	"etch/8x8":         spread("etch", 8, 8),
	"seed/8x1":         spread("seed", 8, 1),
	"seed/8x8":         spread("seed", 8, 8),

	"allocs": {"allocations", 1, measureAllocs},
	"verify": {"MB/s", slowRounds, measureVerify},
	"dgst":   {"MB/s", slowRounds, measureDigest},

	"memory/append":      {"MiB", 1, appendMemory},
	"memory/verify":      {"MiB", 1, largeMemory(workVerify)},
	"memory/audit":       {"MiB", 1, largeMemory(workAudit)},
	"memory/audit-small": {"MiB", 1, smallMemory(workAudit)},

	"open/large": {"ms", 0, openLarge},
	"open/empty": {"ms", 0, openEmpty},
}

// appending is how many events a second a durable peer takes.
func appending(peer string, callers int) contestant {
	return contestant{"events/s", 0, func(ctx context.Context, e *env) (float64, error) {
		return e.scratch(func(dir string) (float64, error) {
			got, err := load{Peer: peer, Dir: dir, Callers: callers, Span: e.Span}.run(ctx, nil)
			return got.rate(), err
		})
	}}
}

// logging is how many events a second a peer takes and has written when it is
// closed.
func logging(peer string, callers int) contestant {
	return contestant{"events/s", 0, func(ctx context.Context, e *env) (float64, error) {
		return e.scratch(func(dir string) (float64, error) {
			got, err := load{Peer: peer, Dir: dir, Callers: callers, Span: e.Span, UntilClosed: true}.run(ctx, nil)
			return got.rate(), err
		})
	}}
}

// spread is how many events a second a durable peer takes from several
// processes at once.
func spread(peer string, processes, callers int) contestant {
	return contestant{"events/s", 0, func(ctx context.Context, e *env) (float64, error) {
		return e.scratch(func(dir string) (float64, error) {
			l := load{Peer: peer, Dir: dir, Callers: callers, Span: e.Span}
			var sum taken
			all, err := together(ctx, processes, job{Work: workAppend, Load: l})
			for _, a := range all {
				sum.Events += a.Events
				sum.Seconds = max(sum.Seconds, a.Seconds)
			}
			if err != nil {
				return 0, fmt.Errorf("%d processes: %w", processes, err)
			}
			return sum.rate(), nil
		})
	}}
}
