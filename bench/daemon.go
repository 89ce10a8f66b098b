package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
	"github.com/etch-audit/etch/bench/table"
	"github.com/etch-audit/etch/server"
)

// A DaemonPoint is what a daemon does for so many clients, each of which sends one
// event a request over a connection of its own and waits until it is durable. The
// figures are medians of the rounds.
type DaemonPoint struct {
	Clients int     `json:"clients"`
	Rate    float64 `json:"events_per_second"`
	P50     float64 `json:"p50_us"` // of the time to the answer, in microseconds
	P99     float64 `json:"p99_us"`
}

// A DaemonCurve is what a picture is drawn of.
type DaemonCurve struct {
	Daemon []DaemonPoint `json:"daemon"`
}

var curveClients = []int{1, 2, 4, 8, 16, 32, 64, 128, 256}

// Daemon measures a daemon over the number of its clients. The daemon is a process
// of its own, the clients are this one.
func Daemon(ctx context.Context, opt Options) (curve DaemonCurve, err error) {
	e, err := newEnv(opt)
	if err != nil {
		return curve, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	made := events.New(events.Options{Seed: 1}).Take(pool)
	rounds := make([][]DaemonPoint, len(curveClients))
	for round := range e.Rounds {
		for i, clients := range curveClients {
			e.Progress("round %d of %d: daemon with %d clients", round+1, e.Rounds, clients)
			p, err := e.served(ctx, clients, made)
			if err != nil {
				return curve, fmt.Errorf("daemon with %d clients: %w", clients, err)
			}
			rounds[i] = append(rounds[i], p)
		}
	}
	for i, all := range rounds {
		median := func(of func(DaemonPoint) float64) float64 {
			var values []float64
			for _, p := range all {
				values = append(values, of(p))
			}
			return table.Median(values)
		}
		curve.Daemon = append(curve.Daemon, DaemonPoint{
			Clients: curveClients[i],
			Rate:    median(func(p DaemonPoint) float64 { return p.Rate }),
			P50:     median(func(p DaemonPoint) float64 { return p.P50 }),
			P99:     median(func(p DaemonPoint) float64 { return p.P99 }),
		})
	}
	return curve, nil
}

// served starts a daemon for a log of its own, and lets clients send to it.
func (e *env) served(ctx context.Context, clients int, made []*etch.Event) (p DaemonPoint, err error) {
	_, err = e.scratch(func(dir string) (float64, error) {
		at, err := os.MkdirTemp("", "etch") // the path of a socket has to be short
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(at)) }()
		socket := filepath.Join(at, "sock")
		daemon, err := e.startDaemon(ctx, dir, socket)
		if err != nil {
			return 0, err
		}
		p, err = sendAll(ctx, socket, clients, e.Span, made)
		_, writeErr := daemon.in.Write([]byte("end\n"))
		_, endErr := daemon.result()
		return 0, errors.Join(err, writeErr, endErr)
	})
	return p, err
}

func (e *env) startDaemon(ctx context.Context, dir, socket string) (*running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := jobText(job{Work: workServe, Dir: dir, Socket: socket})
	if err != nil {
		return nil, err
	}
	daemon, err := startChild(ctx, self, text)
	if err != nil {
		return nil, err
	}
	return daemon, daemon.awaitReady()
}

// serve is the daemon, until ready returns.
func serve(ctx context.Context, dir, socket string, ready func() error) error {
	log, err := etch.Create(filepath.Join(dir, logName), &etch.Options{Rotate: etch.BySize})
	if err != nil {
		return err
	}
	s, err := server.New(log, &server.Options{Limits: server.Limits{MaxPerSender: slices.Max(curveClients)}})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	served := make(chan error, 1)
	go func() { served <- s.ServeSocket(ctx, l) }()
	err = ready()
	return errors.Join(err, s.Drain(ctx), <-served, log.Close())
}

// sendAll lets clients send for a while, a tenth of it before anything counts.
func sendAll(ctx context.Context, socket string, clients int, span time.Duration, made []*etch.Event) (p DaemonPoint, err error) {
	var all []*etch.Client
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.Close())
		}
	}()
	for range clients {
		c, err := etch.Dial(ctx, socket, nil)
		if err != nil {
			return p, err
		}
		all = append(all, c)
	}
	var counts, stop atomic.Bool
	times := make([][]time.Duration, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() { times[i], errs[i] = send(ctx, c, made[i*17%len(made):], &counts, &stop) })
	}
	time.Sleep(span / 10)
	counts.Store(true)
	began := time.Now()
	time.Sleep(span)
	stop.Store(true)
	took := time.Since(began)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return p, err
	}
	answers := slices.Concat(times...)
	if len(answers) == 0 {
		return p, errors.New("nothing was answered")
	}
	slices.Sort(answers)
	micros := func(at int) float64 { return float64(answers[at].Nanoseconds()) / 1000 }
	return DaemonPoint{clients, float64(len(answers)) / took.Seconds(), micros(len(answers) / 2), micros(len(answers) * 99 / 100)}, nil
}

// send is one client. It returns how long each answer took that counts.
func send(ctx context.Context, c *etch.Client, made []*etch.Event, counts, stop *atomic.Bool) (times []time.Duration, err error) {
	for i := 0; !stop.Load() || len(times) == 0; i++ {
		counted := counts.Load()
		began := time.Now()
		if _, err := c.Append(ctx, made[i%len(made)]); err != nil {
			return times, err
		}
		if counted {
			times = append(times, time.Since(began))
		}
	}
	return times, nil
}
