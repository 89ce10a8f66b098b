package main

import (
	"context"

	"github.com/spf13/cobra"
)

type rotateOptions struct{ place *place }

func newRotate(at *place, std stdio) *cobra.Command {
	opts := rotateOptions{place: at}
	return &cobra.Command{
		Use:     "rotate",
		Short:   "Close the active segment and begin the next",
		Example: "  etch rotate",
		Long: `Seals the active segment, gives it its number and begins the next one. Where the
active segment holds no event yet there is nothing to rotate, which is no error.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runRotate(cmd.Context(), opts, std)
		},
	}
}

func runRotate(ctx context.Context, opts rotateOptions, std stdio) (err error) {
	log, path, err := opts.place.openForUpkeep(std, "segments", nil)
	if err != nil {
		return err
	}
	defer closeLog(log, &err)
	rotated, err := log.Rotate(ctx)
	if err == nil && rotated {
		std.note("rotated %s", path)
		indexBriefly(ctx, log, std)
	} else if err == nil {
		std.note("nothing to rotate: the active segment holds no event yet")
	}
	return err
}
