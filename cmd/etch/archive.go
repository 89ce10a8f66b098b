package main

import (
	"context"
	"fmt"

	"github.com/etch-audit/etch"
	"github.com/spf13/cobra"
)

type archiveOptions struct {
	place *place
	all   bool
}

func newArchive(at *place, std stdio) *cobra.Command {
	opts := archiveOptions{place: at}
	cmd := &cobra.Command{
		Use:     "archive",
		Short:   "Compress rotated segments that are old",
		Example: "  etch archive\n  etch archive --all",
		Long: `Compresses the rotated segments that were last written longer ago than
archive_after says (7 days), to about a sixth. Every command reads archives as it
reads plain segments, and so does "zstd -dc". A segment is removed only once its
archive is on disk and was read back and compared with it. The newest rotated
segment stays plain. A program that keeps the log open does the same in the
background.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runArchive(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().BoolVar(&opts.all, "all", false, "whenever they were written")
	return cmd
}

func runArchive(ctx context.Context, opts archiveOptions, std stdio) (err error) {
	log, _, err := opts.place.openForUpkeep(std, "segments", func(o *etch.Options) {
		if opts.all {
			o.ArchiveAfter = 1 // the zero value means the default
		}
	})
	if err != nil {
		return err
	}
	defer closeLog(log, &err)
	bar := newProgress(std, "archiving")
	done, err := log.Archive(ctx, bar.set)
	bar.stop()
	var plain, packed int64
	for _, a := range done {
		plain += a.Bytes
		packed += a.Archived
	}
	switch {
	case len(done) > 0:
		std.note("archived %s: %d bytes are now %d", count(len(done), "segment"), plain, packed)
	case err == nil:
		std.note("nothing to archive: no rotated segment but the newest is plain and old enough")
	}
	return err
}

// count returns a number of things: "1 segment", "2 segments".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
