package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/importer"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/spf13/cobra"
)

type importOptions struct {
	place             *place
	program           string
	paths             []string
	follow            bool
	host              string
	keyFile           string
	key               []byte // nil: none was given
	anchors           string
	requireSignatures bool
	dryRun            bool
	format            string
}

// The formats of what an import tells.
var importFormats = []string{"text", "json"}

func newImport(at *place, std stdio) *cobra.Command {
	opts := importOptions{place: at}
	cmd := &cobra.Command{
		Use:   "import PROGRAM FILE... [flags]",
		Short: "Bring another program's audit log in, and say what of it can be trusted",
		Example: `  etch import zeph .zeph/data/audit.jsonl
  etch import zeroclaw ~/.zeroclaw/audit.log --key key.hex --require-signatures
  etch import daemonclaw workspace/audit/audit.db --anchors anchors.jsonl
  etch import zeph audit.jsonl --follow`,
		Long: fmt.Sprintf(`Reads the audit log of PROGRAM (%s), prints what its own hashes,
signatures and numbers can show, and records its entries, oldest first. Each keeps
that verdict, its file and line and the SHA-256 of its bytes in its labels: that it
is in this log proves that nothing was changed since, never that it was true before.
A line that cannot be read is recorded as a security_event that holds its bytes.

An entry that is in the log already is not recorded again, also where its file was
renamed, has grown or lost its beginning. What an interrupted import has left out,
the next one adds. Rotated files of ZeroClaw (FILE.1.log to FILE.10.log) are read
with FILE. --follow goes on as the files grow and rotate, until it is interrupted.

Exit codes: 0 imported, and no fault was found in the source, 1 imported, and there
is one, or the import failed, 2 wrong use: nothing was recorded. docs/import.md says
what each source can show.`, strings.Join(importPrograms(), ", ")),
		ValidArgs: importPrograms(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("programs are "+strings.Join(importPrograms(), ", "), "etch import wants a PROGRAM and its FILEs")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.program, opts.paths = args[0], args[1:]
			return runImport(cmd.Context(), opts, std)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVarP(&opts.follow, "follow", "f", false, "go on as the files grow and rotate")
	f.StringVar(&opts.host, "host", "", "the `NAME` of the host that the files are of, where logs of several come together")
	f.StringVar(&opts.keyFile, "key", "", "a `FILE` with the key of the signatures, 64 hexadecimal digits")
	f.BoolVar(&opts.requireSignatures, "require-signatures", false, "a record without a signature is a fault")
	f.StringVar(&opts.anchors, "anchors", "", "DaemonClaw's witness anchors: a `FILE`")
	f.BoolVar(&opts.dryRun, "dry-run", false, "record nothing: only say what there is, and how much is new")
	f.StringVar(&opts.format, "format", "text", "`FORMAT` of the report: text, json")
	once(f, "host", "key", "anchors")
	completes(cmd, "format", importFormats...)
	return cmd
}

func runImport(ctx context.Context, opts importOptions, std stdio) (err error) {
	if err := oneOf("format", opts.format, importFormats); err != nil {
		return err
	}
	program, err := opts.source()
	if err != nil {
		return err
	}
	if err := program.readKey(&opts, std); err != nil {
		return err
	}
	groups, err := program.groups(&opts)
	if err != nil {
		return err
	}
	resolved, err := opts.place.loadForReading(std)
	if err != nil {
		return err
	}
	if !opts.dryRun {
		if err := refuseDisabled(resolved); err != nil {
			return err
		}
	}
	r := &importRun{opts: &opts, source: program, groups: groups, std: std, told: map[*source.FileReport]int{}}
	if err := r.report(ctx); err != nil {
		return err
	}
	done, err := r.open(ctx, resolved)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = r.record(ctx)
	if err == nil && opts.follow {
		err = r.follow(ctx)
	}
	if told := r.conclude(err); err == nil {
		err = told
	}
	return err
}

// An importRun is one run of the command.
type importRun struct {
	opts   *importOptions
	source *importSource
	groups []*importGroup
	std    stdio
	into   *importer.Importer
	tails  []*tail

	databases []*database // that are followed

	parsers []source.Parser // those whose entries are recorded
	told    map[*source.FileReport]int
	printed bool  // some report was
	unread  error // why what is printed can no longer be

	bar         *progress // nil: there is none
	done, total int64     // bytes of the files
}

// show shows how far reading is, until the function that it returns is called.
func (r *importRun) show(verb string) (stop func()) {
	r.done, r.total = 0, 0
	for _, g := range r.groups {
		for _, path := range g.paths {
			if info, err := os.Stat(path); err == nil { // it is only looks
				r.total += info.Size()
			}
		}
	}
	bar := newProgress(r.std, verb)
	r.bar = bar
	return func() {
		r.bar = nil
		bar.stop()
	}
}

// advance counts bytes that were read.
func (r *importRun) advance(n int64) {
	r.done += n
	if r.bar != nil {
		r.bar.set(r.done, r.total)
	}
}

// report reads all files once, and prints what they can show.
func (r *importRun) report(ctx context.Context) error {
	var reports []*source.Report
	stop := r.show("checking")
	for _, g := range r.groups {
		p, err := r.source.parser(r.opts)
		if err == nil {
			err = g.read(ctx, r, p)
		}
		if err != nil {
			stop()
			return err
		}
		reports = append(reports, p.Report())
	}
	stop()
	for _, report := range reports {
		r.print(report)
	}
	return nil
}

// open opens the log. Nobody waits for an import as for an action: what cannot
// be recorded now is recorded by the next one, and is no gap.
func (r *importRun) open(ctx context.Context, resolved *config.Resolved) (done func() error, err error) {
	resolved.Audit.OnError, resolved.Audit.Durability = etch.Block, 0
	to := importer.Options{Program: r.source.name, Host: r.opts.host, Waiting: func() { r.std.note("waiting for another import into this log") }}
	c, err := r.daemonForImport(ctx, resolved)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return r.through(c, to), nil
	}
	if r.opts.dryRun {
		if to.Reader, err = openReader(resolved); err != nil && !errors.Is(err, etch.ErrNoLog) {
			return nil, err
		}
		r.into = importer.New(to)
		return func() error { return nil }, nil
	}
	log, err := openWriter(resolved, r.std)
	if err != nil {
		return nil, fail(exitFailed, hintOf(err), fmt.Errorf("%w; nothing was recorded", err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, log.Close())
		}
	}()
	if to.Reader, err = openReader(resolved); err != nil {
		return nil, err
	}
	layout, err := segment.LayoutOf(resolved.LogPath())
	if err != nil {
		return nil, err
	}
	lock, err := vfs.OS().OpenLock(layout.Path(layout.ImportLock()))
	if err != nil {
		return nil, err
	}
	to.Log, to.Lock = log, lock
	r.into = importer.New(to)
	return func() error {
		err := lock.Close()
		indexBriefly(context.Background(), log, r.std)
		return errors.Join(err, log.Close())
	}, nil
}

// record reads all files again and records what they hold.
func (r *importRun) record(ctx context.Context) error {
	defer r.show("importing")()
	for _, g := range r.groups {
		p, err := r.parser()
		if err != nil {
			return err
		}
		if err := g.read(ctx, r, p); err != nil {
			return err
		}
	}
	return r.into.Flush(ctx)
}

// parser returns a new parser, whose report counts at the end.
func (r *importRun) parser() (source.Parser, error) {
	p, err := r.source.parser(r.opts)
	if err == nil {
		r.parsers = append(r.parsers, p)
	}
	return p, err
}
