// Command compare measures the log against its peers and prints the table of
// docs/performance.md.
//
//	go run ./cmd/compare                     the whole table, about five minutes
//	go run ./cmd/compare -quick              a short run that shows that all of it works
//	go run ./cmd/compare -rows append-64,bbolt
//	go run ./cmd/compare -json table.json    the same as JSON, besides the text
//	go run ./cmd/compare -curve curve.json   what the picture shows
//	go run ./cmd/compare -daemon daemon.json what the daemon's picture shows
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/etch-audit/etch/bench"
	"github.com/etch-audit/etch/bench/table"
)

func main() {
	if bench.Child() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "compare: error: %v\n", err) // there is nobody else to tell
		stop()
		os.Exit(1)
	}
}

// A command is what the flags ask for.
type command struct {
	opt     bench.Options
	curve   string
	daemon  string
	json    string
	verbose bool
}

// parse reads the flags.
func parse(args []string, stderr io.Writer) (command, error) {
	full, quick := bench.Full(), bench.Quick()
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	short := flags.Bool("quick", false, "a short run; its ratios mean little")
	rows := flags.String("rows", "", "names of rows, with commas: "+strings.Join(bench.Rows(), ","))
	dir := flags.String("dir", ".", "directory on a real disk, for the logs; what is made is removed")
	rounds := flags.Int("rounds", 0, fmt.Sprintf("how often both sides of a row are measured (%d)", full.Rounds))
	span := flags.Duration("span", 0, fmt.Sprintf("how long one measurement appends (%v)", full.Span))
	records := flags.Int("records", 0, fmt.Sprintf("records of the large log (%d)", full.Records))
	var c command
	flags.StringVar(&c.json, "json", "", "file that gets the table as JSON")
	flags.StringVar(&c.curve, "curve", "", "file that gets throughput over callers, instead of the table")
	flags.StringVar(&c.daemon, "daemon", "", "file that gets a daemon's throughput and latency over clients, instead of the table")
	flags.BoolVar(&c.verbose, "v", false, "say what is being measured")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	c.opt = full
	if *short {
		c.opt = quick
	}
	c.opt.Dir = *dir
	set(&c.opt.Rounds, *rounds)
	set(&c.opt.Span, *span)
	set(&c.opt.Records, *records)
	if *rows != "" {
		c.opt.Rows = strings.Split(*rows, ",")
	}
	return c, nil
}

// set replaces a default by what was given.
func set[T int | time.Duration](at *T, given T) {
	if given != 0 {
		*at = given
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if c.verbose {
		c.opt.Progress = func(format string, args ...any) {
			_, _ = fmt.Fprintf(stderr, format+"\n", args...) // words for whoever watches
		}
	}
	if c.curve != "" {
		points, err := bench.Curve(ctx, c.opt)
		if err != nil {
			return err
		}
		return writeJSON(c.curve, points)
	}
	if c.daemon != "" {
		curve, err := bench.Daemon(ctx, c.opt)
		if err != nil {
			return err
		}
		return writeJSON(c.daemon, curve)
	}
	report := table.Report{Machine: table.ThisMachine(), Options: c.opt.String()}
	if report.Outcomes, err = bench.Run(ctx, c.opt); err != nil {
		return err
	}
	if c.json != "" {
		if err := writeJSON(c.json, report); err != nil {
			return err
		}
	}
	_, err = io.WriteString(stdout, report.String())
	return err
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
