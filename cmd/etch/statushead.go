package main

import (
	"context"
	"errors"
	"io"
)

// runHead prints the newest signed checkpoint, byte for byte: a head, once
// somebody elsewhere holds it. Nothing is verified, as whoever takes heads may
// do so often; what a later verification compares is this very tree.
func runHead(ctx context.Context, opts statusOptions, std stdio) error {
	if opts.json || opts.utc {
		return usagef("\"etch status --json\" has it as last_seal.checkpoint", "--head prints a checkpoint and nothing else")
	}
	resolved, err := opts.place.loadForReading(std)
	if err != nil {
		return err
	}
	reader, err := openReader(resolved)
	if err != nil {
		return err
	}
	s := search{ctx: ctx, reader: reader}
	seal, err := s.lastSeal()
	if s.damaged > 0 {
		std.warn("%s cannot be read", places(s.damaged))
		std.hint("\"etch verify\" says more")
	}
	if err != nil {
		return err
	}
	if seal == nil {
		return fail(exitFailed, "a writer seals within seal_every, and when it closes the log", errors.New("there is no seal yet"))
	}
	_, err = io.WriteString(std.out, seal.Checkpoint)
	return err
}
