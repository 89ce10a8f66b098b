package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/etch-audit/etch/redact"
	"github.com/spf13/cobra"
)

type redactOptions struct {
	place *place
	check bool
}

func newRedact(at *place, std stdio) *cobra.Command {
	opts := redactOptions{place: at}
	cmd := &cobra.Command{
		Use:   "redact [--check] < FILE",
		Short: "Mask the secrets in a text, as is done before anything is stored",
		Example: `  etch redact < deploy.sh
  echo 'mysql -u root -phunter2 shop' | etch redact`,
		Long: `Reads text or a JSON document from stdin and prints it with its secrets masked,
by the rules and with the exceptions of the configuration's [redact] table.
What was found is summed up on stderr. Nothing is stored.

Masks in a log also have a tag, by which equal secrets look equal:
docs/redaction.md says more, and what is not found.

Exit codes: 0; with --check 1 where something is masked.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runRedact(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().BoolVar(&opts.check, "check", false, "print nothing but the summary, and exit 1 where something is masked")
	return cmd
}

// maxRedact bounds what is read: a secret may span lines, so that text is
// masked as a whole.
const maxRedact = 64 << 20

func runRedact(_ context.Context, opts redactOptions, std stdio) error {
	resolved, err := opts.place.load(std)
	if err != nil {
		return err
	}
	masker, err := redact.New(resolved.Options().Redact)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(std.in, maxRedact+1))
	if err != nil {
		return fmt.Errorf("read stdin: %w", err)
	}
	if len(text) > maxRedact {
		return fmt.Errorf("more than %d MiB on stdin: mask it in parts", maxRedact>>20)
	}
	masked, n := masker.JSON(text) // and as text where it is none
	if !opts.check {
		if _, err := std.out.Write(masked); err != nil {
			return err
		}
	}
	std.note("%s", sumUp(masker, string(masked), n))
	if opts.check && n > 0 {
		return exitWith(1)
	}
	return nil
}

// sumUp says how often each rule has masked. Masks that were in the text
// before are among them: they look the same.
func sumUp(masker *redact.Masker, masked string, n int) string {
	if n == 0 {
		return "nothing to mask"
	}
	counts := make(map[string]int)
	for rest := masked; ; {
		_, after, ok := strings.Cut(rest, redact.MaskPrefix)
		if !ok {
			break
		}
		if name, _, ok := strings.Cut(after, "]"); ok && masker.Knows(name) {
			counts[name]++
		}
		rest = after
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return fmt.Sprintf("%d masked: %s", n, strings.Join(parts, ", "))
}
