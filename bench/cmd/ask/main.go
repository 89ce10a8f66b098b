// Command ask compares what the log is asked with what ripgrep, jq, SQLite and
// DuckDB are asked about the same events, and prints the second table of
// docs/performance.md.
//
//	go run ./cmd/ask                       the whole table; the first time, the data are made and kept
//	go run ./cmd/ask -quick                a short run that shows that all of it works
//	go run ./cmd/ask -rows q1,q1-sqlite -rounds 11
//	go run ./cmd/ask -etch PATH            of another build of etch than this tree's
//	go run ./cmd/ask -json ask.json        the same as JSON, besides the text
//	go run ./cmd/ask -markdown ask.md      the table as Markdown
//	go run ./cmd/ask -install              installs DuckDB for node, beside the data; "make peers" does more
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
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch/bench/question"
	"github.com/etch-audit/etch/bench/table"
)

func main() {
	if question.Child() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "ask: error: %v\n", err) // there is nobody else to tell
		stop()
		os.Exit(1)
	}
}

// A command is what the flags ask for.
type command struct {
	opt      question.Options
	json     string
	markdown string
	install  bool
}

// parse reads the flags.
func parse(args []string, stderr io.Writer) (command, error) {
	var c command
	full, quick := question.Full(), question.Quick()
	flags := flag.NewFlagSet("ask", flag.ContinueOnError)
	flags.SetOutput(stderr)
	short := flags.Bool("quick", false, "a short run on a small log; its ratios mean nothing")
	rows := flags.String("rows", "", "names of rows, with commas: "+strings.Join(question.Rows(), ","))
	dir := flags.String("dir", "", "directory on a real disk, for the data, which are kept (etch-ask in the user's cache)")
	rounds := flags.Int("rounds", 0, fmt.Sprintf("how often each side is measured (%d)", full.Rounds))
	events := flags.Int("events", 0, fmt.Sprintf("events of the log (%d)", full.Events))
	etch := flags.String("etch", "", "the etch that is asked; it is built where none is given")
	again := flags.Bool("again", false, "make indexes and the archived copy again")
	verbose := flags.Bool("v", false, "say what is being done")
	flags.StringVar(&c.json, "json", "", "file that gets the table as JSON")
	flags.StringVar(&c.markdown, "markdown", "", "file that gets the table as Markdown")
	flags.BoolVar(&c.install, "install", false, "install DuckDB for node with npm, and measure nothing")
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
	c.opt.Dir, c.opt.Etch, c.opt.Again = *dir, *etch, *again
	set(&c.opt.Rounds, *rounds)
	set(&c.opt.Events, *events)
	if *rows != "" {
		c.opt.Rows = strings.Split(*rows, ",")
	}
	if *verbose {
		c.opt.Progress = func(format string, args ...any) {
			_, _ = fmt.Fprintf(stderr, format+"\n", args...) // words for whoever watches
		}
	}
	return c, nil
}

// set replaces a default by what was given.
func set(at *int, given int) {
	if given != 0 {
		*at = given
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if c.opt.Dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("no place for the data, give one with -dir: %w", err)
		}
		c.opt.Dir = filepath.Join(cache, "etch-ask")
	}
	if c.install {
		return question.Install(ctx, c.opt.Dir)
	}
	report := table.Report{Machine: table.ThisMachine(), Options: c.opt.String()}
	outcomes, notes, wrong := question.Run(ctx, c.opt)
	if outcomes == nil {
		return wrong
	}
	// A wrong answer fails the run, and the rest of the table is shown.
	report.Outcomes, report.Notes = outcomes, notes
	_, err = io.WriteString(stdout, report.String())
	return errors.Join(wrong, err, c.write(&report))
}

// write writes the files that were asked for.
func (c *command) write(report *table.Report) error {
	if c.json != "" {
		b, err := json.MarshalIndent(report, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.json, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if c.markdown == "" {
		return nil
	}
	return os.WriteFile(c.markdown, []byte(report.Markdown()), 0o644)
}
