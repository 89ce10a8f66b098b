package bench

import (
	"context"

	"github.com/etch-audit/etch/bench/table"
)

// A Point is the throughput of a peer with so many callers.
type Point struct {
	Peer    string  `json:"peer"`
	Callers int     `json:"callers"`
	Rate    float64 `json:"events_per_second"` // median of the rounds
}

// curvePeers and curveCallers are what the picture shows.
var (
	curvePeers   = []string{"etch", "bbolt", "sqlite", "seed"}
	curveCallers = []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
)

// Curve measures durable appends over the number of callers.
func Curve(ctx context.Context, opt Options) (points []Point, err error) {
	e, err := newEnv(opt)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := e.close(); err == nil {
			err = closed
		}
	}()
	rates := make([][]float64, len(curvePeers)*len(curveCallers))
	for round := range e.Rounds {
		for i := range rates {
			name, callers := curvePeers[i%len(curvePeers)], curveCallers[i/len(curvePeers)]
			e.Progress("round %d of %d: %s with %d callers", round+1, e.Rounds, name, callers)
			rate, err := appending(name, callers).measure(ctx, e)
			if err != nil {
				return nil, err
			}
			rates[i] = append(rates[i], rate)
		}
	}
	for i, r := range rates {
		points = append(points, Point{curvePeers[i%len(curvePeers)], curveCallers[i/len(curvePeers)], table.Median(r)})
	}
	return points, nil
}
