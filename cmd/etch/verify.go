package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/terminal"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/verify"
	"github.com/spf13/cobra"
)

// exitUndecided is verify's exit code where nothing can be said, for whatever
// reason.
const exitUndecided = 2

type verifyOptions struct {
	place         *place
	copy          string // a log, or a directory with one, instead of the configured one
	key           string
	head          string
	macKey        string
	allSignatures bool
	noIndex       bool
	json          bool
	sealed        *verify.Sealed // what is proved; nil: nobody asks for it
}

func newVerify(at *place, std stdio) *cobra.Command {
	opts := verifyOptions{place: at}
	cmd := &cobra.Command{
		Use:   "verify [DIR|FILE]",
		Short: "Prove that nothing was changed, or say what was and where",
		Example: `  etch verify
  etch verify --key log.vkey --head head.txt /mnt/copy`,
		Long: `Checks every line, seal and epoch of the log, or of a copy: a directory, or the
path of its active segment. Nothing is written, no network is used, writers may
go on meanwhile, and a copy needs no keys.

Whoever can rewrite the whole log can write a new one under a new key. --key says
by which key to judge: log.vkey, kept elsewhere since the log was made. Whoever
can cut the log's end can set back what is kept beside it. --head is a checkpoint,
kept elsewhere, that the log must still contain: "etch status --head" prints one.

Indexes that the log has on record are made again and compared: by one that was
doctored "etch audit" would not find what is there. --no-index leaves that out.

Exit codes: 0 intact; 1 damaged, and each fault is named; 2 it could not be
decided: no log, no key, not readable, wrong use.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("see \"etch verify --help\"", "etch verify takes one log, got %q as well", args[1])
			}
			if len(args) == 1 && args[0] == "" {
				return usagef("leave it out to verify the configured log", "the name of the log is empty")
			}
			if err := refuseEmpty(cmd.Flags(), "leave it out to judge without"); err != nil {
				return err
			}
			opts.copy = strings.Join(args, "")
			return runVerify(cmd.Context(), opts, std)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.key, "key", "", "the log's public key, held elsewhere: a `FILE`, or the key itself")
	f.StringVar(&opts.head, "head", "", "a checkpoint of the log, held elsewhere: a `FILE`")
	f.StringVar(&opts.macKey, "mac-key", "", "the key of the line signatures: a `FILE`; default: that of the log, where it can be read")
	f.BoolVar(&opts.allSignatures, "all-signatures", false, "check the signatures of every seal, not only of those that the others rest on")
	f.BoolVar(&opts.noIndex, "no-index", false, "leave out whether the indexes beside the log are those of its segments")
	f.BoolVar(&opts.json, "json", false, "print the report as a JSON object")
	once(f, "key", "head", "mac-key")
	return cmd
}

func runVerify(ctx context.Context, opts verifyOptions, std stdio) error {
	report, err := opts.report(ctx, std)
	if err != nil {
		return err
	}
	if opts.json {
		err = printJSON(std, report)
	} else {
		err = writeReport(std.out, report)
	}
	if err == nil && report.ExitCode() != 0 {
		return exitWith(report.ExitCode())
	}
	return err
}

// writeReport writes a report for people. What it quotes of a log is somebody
// else's.
func writeReport(w io.Writer, report *verify.Report) error {
	harmless := terminal.NewWriter(w)
	if err := report.WriteText(harmless); err != nil {
		return err
	}
	return harmless.Close()
}

// report verifies. Whatever fails, it could not be decided: exit 2.
func (o verifyOptions) report(ctx context.Context, std stdio) (*verify.Report, error) {
	report, err := o.judge(ctx, std)
	if _, told := errors.AsType[*failure](err); err != nil && !told && ctx.Err() == nil {
		return nil, fail(exitUndecided, hintOf(err), err)
	}
	return report, err
}

func (o *verifyOptions) judge(ctx context.Context, std stdio) (*verify.Report, error) {
	path, held, err := o.where(std)
	if err != nil {
		return nil, err
	}
	opts := verify.Options{Name: filepath.Base(path), AllSignatures: o.allSignatures, Decompress: etch.Decompress, Sealed: o.sealed}
	if !o.noIndex {
		opts.Indexes = &verify.Indexes{Made: etch.IndexDigest, Digest: etch.ReadIndexDigest}
	}
	if opts.Home, err = homeOf(held); err != nil {
		return nil, err
	}
	if opts.Home != nil {
		opts.Home.Owners, opts.Home.Sent = ownersOf(path, held), sentBy(ctx, path)
	}
	// Where the keys are another user's, out of reach, the log is judged by
	// --key, or by its own first line, and the report says so.
	if opts.Found, err = held.Published(); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	if opts.PublicKey, err = readKey(o.key); err != nil {
		return nil, err
	}
	if opts.Head, err = readSmall("--head", o.head); err != nil {
		return nil, err
	}
	if opts.MACSecret, err = o.macSecret(held); err != nil {
		return nil, err
	}
	bar := newProgress(std, "verifying")
	defer bar.stop()
	opts.Progress = bar.set
	return verify.Log(ctx, vfs.DirFS(filepath.Dir(path)), opts)
}

// where returns the path of the log, and where its keys are, if anywhere.
func (o *verifyOptions) where(std stdio) (string, *keys.Dir, error) {
	if o.copy != "" {
		path, err := logIn(o.copy)
		if err != nil {
			return "", nil, err
		}
		layout, err := segment.LayoutOf(path)
		if err != nil {
			return "", nil, usagef("", "%w", err)
		}
		return path, keys.At(vfs.OS(), layout.Path(layout.Keys()), ""), nil
	}
	resolved, err := o.place.load(std)
	if err != nil {
		return "", nil, err
	}
	if stream := resolved.Stream(); stream != "" {
		return "", nil, usagef("name a log with --log", "the configured destination is %s: it has nothing to verify", stream)
	}
	held, err := keysOf(resolved)
	return resolved.LogPath(), held, err
}

// logIn returns the path of the active segment of a copy. In a directory it is
// the one there is.
func logIn(copied string) (string, error) {
	copied = filepath.Clean(copied)
	info, err := os.Stat(copied)
	if errors.Is(err, fs.ErrNotExist) {
		// It may be the active segment that is missing: what is beside it says so.
		if _, err := os.Stat(filepath.Dir(copied)); err == nil {
			return copied, nil
		}
	}
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return copied, nil
	}
	entries, err := os.ReadDir(copied)
	if err != nil {
		return "", err
	}
	var found, likely []string
	for _, e := range entries {
		name, ok := activeOf(e.Name())
		if ok && !slices.Contains(found, name) {
			found = append(found, name)
		}
		if ok && !slices.Contains(likely, name) && beginsAsLog(filepath.Join(copied, e.Name())) {
			likely = append(likely, name)
		}
	}
	if len(likely) > 0 {
		found = likely
	}
	switch len(found) {
	case 0:
		return "", usagef("name the file that is, or was, its active segment", "there is no log in %s", copied)
	case 1:
		return filepath.Join(copied, found[0]), nil
	}
	return "", usagef("name one of them: "+filepath.Join(copied, found[0]), "there are %d logs in %s: %s", len(found), copied, strings.Join(found, ", "))
}

// activeOf returns the name of the active segment of the log that a file may
// belong to: one that ends in .log, a numbered one, or a state.
func activeOf(name string) (string, bool) {
	if stem, ok := strings.CutSuffix(name, ".state"); ok {
		return stem + ".log", stem != ""
	}
	plain := strings.TrimSuffix(name, segment.ArchiveExt)
	stem, ok := strings.CutSuffix(plain, ".log")
	if i := strings.LastIndexByte(stem, '.'); ok && i > 0 {
		layout, err := segment.LayoutOf(stem[:i] + ".log")
		if err != nil {
			return "", false
		}
		if _, err := layout.Parse(name); err == nil {
			return layout.Active(), true
		}
	}
	return plain, ok && stem != "" && plain == name
}

// beginsAsLog reports whether a file begins as a segment or a state does.
func beginsAsLog(path string) bool {
	f, err := vfs.OpenRegular(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was only read
	begin := make([]byte, 7)
	if _, err := io.ReadFull(f, begin); err != nil {
		return false
	}
	return string(begin) == `{"seq":` || strings.HasPrefix(string(begin), "etchst")
}

// homeOf returns what a log's own place knows: nil where its keys are not there.
func homeOf(held *keys.Dir) (*verify.Home, error) {
	identity := held.Path(keys.IdentityFile)
	f, err := vfs.OpenRegular(identity)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return &verify.Home{}, nil // the keys are another user's, as they should be
	}
	if err != nil {
		return nil, err
	}
	return &verify.Home{OwnKeys: true, EpochKeys: held.EpochKeys}, f.Close()
}

// macSecret returns the key of the line signatures. One that was not asked for
// may be out of reach: the report says that lines were not checked.
func (o *verifyOptions) macSecret(held *keys.Dir) ([]byte, error) {
	if o.macKey == "" {
		text, err := vfs.ReadRegular(held.Path(keys.MACFile))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return parseMAC(held.Path(keys.MACFile), string(text))
	}
	text, err := readSmall("--mac-key", o.macKey)
	if err != nil {
		return nil, err
	}
	return parseMAC(o.macKey, text)
}

func parseMAC(path, text string) ([]byte, error) {
	secret, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s: %w: 64 hexadecimal digits are expected", path, keys.ErrNotKey)
	}
	return secret, nil
}

// readKey returns a public key, given itself or as a file.
func readKey(given string) (string, error) {
	if _, err := os.Stat(given); err != nil && strings.Count(given, "+") >= 2 {
		return given, nil
	}
	text, err := readSmall("--key", given)
	return strings.TrimSpace(text), err
}

// readSmall returns the content of a file that holds a key or a checkpoint.
func readSmall(flag, path string) (string, error) {
	const most = 64 << 10
	if path == "" {
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	switch {
	case len(text) > most:
		return "", fmt.Errorf("%s: %s is too long to be one", flag, path)
	case strings.TrimSpace(string(text)) == "":
		// As of a copy that failed: it would be as if none were given.
		return "", fmt.Errorf("%s: %s is empty", flag, path)
	}
	return string(text), nil
}
