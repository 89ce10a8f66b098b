package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/spf13/cobra"
)

type statusOptions struct {
	place *place
	head  bool
	utc   bool
	json  bool
}

func newStatus(at *place, std stdio) *cobra.Command {
	opts := statusOptions{place: at}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the log is, who may read its keys, and what would stop the next record",
		Example: `  etch status
  etch status --head > head.txt  # keep it elsewhere`,
		Long: `Says where everything is, what was recorded and sealed last, and looks for what
would stop the next record: permissions, keys, a lock that somebody holds, a full
disk, a newer format. Nothing is written.

--head prints the newest signed checkpoint and nothing else: kept elsewhere, it
lets "etch verify --head" prove that everything up to it is still there.

Exit codes: 0 the next record can be written, 1 it cannot, 2 wrong use; with
--head 0 printed, 1 there is none.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseEmpty(cmd.Flags(), forConfigured); err != nil {
				return err
			}
			if opts.head {
				return runHead(cmd.Context(), opts, std)
			}
			return runStatus(cmd.Context(), opts, std)
		},
	}
	cmd.Flags().BoolVar(&opts.head, "head", false, "print the newest signed checkpoint, and nothing else")
	cmd.Flags().BoolVar(&opts.utc, "utc", false, "times in UTC")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print a JSON object")
	return cmd
}

// A statusAnswer is how a log is. Its members are a contract: docs/cli-json.md.
type statusAnswer struct {
	CanRecord bool     `json:"can_record"`
	Problems  []string `json:"problems"` // each stops the next record
	Warnings  []string `json:"warnings"` // none of these does

	Log         string `json:"log,omitempty"`
	Destination string `json:"destination,omitempty"` // stdout or stderr
	Exists      bool   `json:"exists"`
	Config      string `json:"config"`
	ConfigFound bool   `json:"config_found"`

	Keys             string       `json:"keys,omitempty"`
	KeyFiles         []keyFile    `json:"key_files"`
	KeysReadableHere bool         `json:"keys_readable_here"`
	Owners           []string     `json:"owners"` // user ids of whom the log's files and keys are
	Origin           string       `json:"origin,omitempty"`
	FormatVersion    int          `json:"format_version"`
	Signed           bool         `json:"signed"`
	Records          uint64       `json:"records"`
	Unsealed         uint64       `json:"unsealed"`
	Bytes            int64        `json:"bytes"`
	Segments         []segmentRow `json:"segments"`
	State            bool         `json:"state"`
	LastEvent        *lastEvent   `json:"last_event"`
	LastSeal         *lastSeal    `json:"last_seal"`
	Epoch            *epochRow    `json:"epoch"`
	FreeBytes        *uint64      `json:"free_bytes"`
	Spool            spoolRow     `json:"spool"`
	Daemon           daemonRow    `json:"daemon"`
}

// A spoolRow is what waits for the next writer.
type spoolRow struct {
	Events uint64 `json:"events"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
	Oldest string `json:"oldest,omitempty"`
	Lost   uint64 `json:"lost"`
}

// A keyFile is one file of the keys, or their directory.
type keyFile struct {
	Path     string `json:"path"`
	Mode     string `json:"mode"` // for instance "0600"
	Owner    string `json:"owner,omitempty"`
	Present  bool   `json:"present"`
	Readable bool   `json:"readable"`
}

type segmentRow struct {
	Name   string `json:"name"`
	Number int    `json:"number"`
	Bytes  int64  `json:"bytes"`
	Active bool   `json:"active"`
}

type lastEvent struct {
	Seq       uint64 `json:"seq"`
	Timestamp string `json:"timestamp"`
	EventID   string `json:"event_id"`
	EventType string `json:"event_type"`
}

type lastSeal struct {
	Seq       uint64 `json:"seq"`
	Timestamp string `json:"timestamp"`
	Size      uint64 `json:"size"`
	Root      string `json:"root"`

	// Checkpoint is the signed note, as "etch verify --head" takes it.
	Checkpoint string `json:"checkpoint"`
	// Daemon is the user id of the daemon that made it.
	Daemon string `json:"daemon,omitempty"`
}

type epochRow struct {
	Number     uint64 `json:"number"`
	Begun      string `json:"begun"`
	AgeSeconds int64  `json:"age_seconds"`
}

func runStatus(ctx context.Context, opts statusOptions, std stdio) error {
	resolved, err := opts.place.load(std)
	if err != nil {
		return err
	}
	in, err := newInspection(ctx, resolved, std)
	if err != nil {
		return err
	}
	if err := in.look(); err != nil {
		return err
	}
	in.CanRecord = len(in.Problems) == 0
	if opts.json {
		err = printJSON(std, in.statusAnswer)
	} else {
		err = in.print(opts.utc)
	}
	if err == nil && !in.CanRecord {
		return exitWith(exitFailed)
	}
	return err
}

// An inspection is one look at a log.
type inspection struct {
	statusAnswer
	ctx      context.Context
	std      stdio
	resolved *config.Resolved
	layout   segment.Layout
	held     *keys.Dir
	now      time.Time
}

func newInspection(ctx context.Context, resolved *config.Resolved, std stdio) (*inspection, error) {
	in := &inspection{ctx: ctx, std: std, resolved: resolved, now: std.now()}
	in.Problems, in.Warnings = []string{}, []string{}
	in.KeyFiles, in.Segments = []keyFile{}, []segmentRow{}
	in.Config, in.ConfigFound = resolved.Path, resolved.Found
	in.Log, in.Destination = resolved.LogPath(), resolved.Stream()
	if in.Destination != "" {
		return in, nil
	}
	var err error
	if in.layout, err = segment.LayoutOf(in.Log); err != nil {
		return nil, fail(exitUsage, "", err)
	}
	in.held, err = keysOf(resolved)
	in.Keys = filepath.Dir(in.held.Path(keys.IdentityFile))
	return in, err
}

func (in *inspection) problem(format string, args ...any) {
	in.Problems = append(in.Problems, fmt.Sprintf(format, args...))
}

func (in *inspection) warning(format string, args ...any) {
	in.Warnings = append(in.Warnings, fmt.Sprintf(format, args...))
}

// look fills the answer.
func (in *inspection) look() error {
	if in.resolved.Options().Disabled {
		in.problem("%s", switchedOff(in.resolved))
	}
	if in.Destination != "" {
		return nil // a stream has no past that could be looked at
	}
	if in.checkDaemon() {
		return in.lookFromOutside()
	}
	reader, err := openReader(in.resolved)
	switch {
	case err == nil:
		in.Exists = true
		err = in.lookAtLog(reader)
	case errors.Is(err, etch.ErrNoLog):
		err = nil // the first record creates it
	default:
		in.problem("%v", err)
		err = nil
	}
	in.checkSpool()
	in.checkDirectory()
	in.checkKeys()
	in.checkKeyDirectory()
	in.checkLock()
	in.checkDisk()
	return err
}

// lookAtLog says where the log stands.
func (in *inspection) lookAtLog(reader *etch.Reader) error {
	status, err := reader.Status()
	if err != nil {
		return err
	}
	in.Origin, in.FormatVersion, in.Signed = status.Origin, status.Version, status.Signed
	in.Records, in.Unsealed, in.State = status.Size, status.Unsealed, status.State
	for _, s := range status.Segments {
		in.Segments = append(in.Segments, segmentRow(s))
		in.Bytes += s.Bytes
	}
	in.Owners = ownersOf(in.Log, in.held)
	in.checkLog(status)
	if status.State {
		in.Epoch = &epochRow{status.Epoch, utc(status.EpochBegun), int64(in.now.Sub(status.EpochBegun).Seconds())}
	}
	s := search{ctx: in.ctx, reader: reader}
	if s.known, err = reader.CheckSegments(in.ctx); err != nil {
		return err
	}
	damageWarnings(s.known, in.warning)
	if in.LastEvent, err = s.lastEvent(); err != nil {
		return err
	}
	in.LastSeal, err = s.lastSeal()
	if s.damaged > 0 {
		in.warning("%s cannot be read: \"etch verify\" says more", places(s.damaged))
	}
	return err
}
