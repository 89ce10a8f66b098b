package main

import (
	"context"
	"errors"
	"time"

	"github.com/etch-audit/etch"
	"github.com/spf13/cobra"
)

type indexOptions struct{ place *place }

func newIndex(at *place, std stdio) *cobra.Command {
	opts := indexOptions{place: at}
	return &cobra.Command{
		Use:     "index",
		Short:   "Make the indexes that rotated segments lack, for fast answers",
		Example: "  etch index",
		Long: `Reads the rotated segments that have no index, on all cores, and writes one for
each beside the log: "etch audit" then reads only the records it needs. The
log puts the hash of each index on record, and an index is used only where it is
the one on record: nobody can hide a record by doctoring an index. A program that
keeps the log open does the same in the background.

Nothing depends on an index but speed. It can be deleted at any time, and is made
again. Segments under 64 KiB get none.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runIndex(cmd.Context(), opts, std)
		},
	}
}

func runIndex(ctx context.Context, opts indexOptions, std stdio) (err error) {
	log, path, err := opts.place.openForUpkeep(std, "indexes", nil)
	if err != nil {
		return err
	}
	defer closeLog(log, &err)
	bar := newProgress(std, "indexing")
	made, err := log.Index(ctx, bar.set)
	bar.stop()
	switch {
	case made > 0:
		std.note("indexed %s", count(made, "segment"))
	case err == nil:
		std.note("nothing to index: every rotated segment of 64 KiB and more has an index")
	}
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, warnOfSegments(ctx, path, std))
}

// warnOfSegments warns of segments that are not whole: no index is made of them, and
// an index that they have is asked all the same.
func warnOfSegments(ctx context.Context, path string, std stdio) error {
	reader, err := etch.OpenReader(path)
	if err != nil {
		return err
	}
	damages, err := reader.CheckSegments(ctx)
	damageWarnings(damages, std.warn)
	return err
}

// openForUpkeep opens the configured log for work on its rotated segments. It
// never makes one: there would be nothing to do. adjust may be nil.
func (p *place) openForUpkeep(std stdio, what string, adjust func(*etch.Options)) (log *etch.Log, path string, err error) {
	resolved, err := p.load(std)
	if err != nil {
		return nil, "", err
	}
	if stream := resolved.Stream(); stream != "" {
		return nil, "", usagef("name a log with --log", "the configured destination is %s: it has no %s", stream, what)
	}
	if err := refuseDisabled(resolved); err != nil {
		return nil, "", err
	}
	writing, err := writerOptions(resolved, std, nil)
	if err != nil {
		return nil, "", err
	}
	if adjust != nil {
		adjust(writing)
	}
	log, err = etch.Open(resolved.LogPath(), writing)
	return log, resolved.LogPath(), err
}

// indexLast is how long a command that wrote much may take at its end to index the
// segments that it filled.
const indexLast = 3 * time.Second

// indexBriefly makes indexes that are lacking, where the command writes to the log
// itself. Without them questions are answered all the same, only later: so what
// fails is no failure of the command.
func indexBriefly(ctx context.Context, writer any, std stdio) {
	log, ok := writer.(interface {
		IndexWithin(ctx context.Context, most time.Duration) error
	})
	if !ok || ctx.Err() != nil {
		return
	}
	if err := log.IndexWithin(ctx, indexLast); err != nil && ctx.Err() == nil {
		std.warn("segments are not indexed: %v", err)
	}
}
