package etch

import (
	"io"
	"time"

	"github.com/etch-audit/etch/redact"
)

// Rotation says when a segment is closed and the next begun. MaxSize caps a
// segment in every mode.
type Rotation int

// The rotation modes. Days and weeks (from Monday) are UTC, by the writer's clock.
const (
	Daily Rotation = iota
	Weekly
	BySize
)

// OnError says what a failure to record means for the agent's action. It
// changes no error that Append returns.
type OnError int

const (
	// Block: the action is refused or fails with the error.
	Block OnError = iota
	// Continue: the action goes on; the log counts what it lost and records
	// a log_gap with the number, the span and the cause before the next record.
	Continue
)

// Defaults of Options, used where a field is zero.
const (
	DefaultMaxSize      = 100 << 20
	DefaultSealEvery    = time.Second
	DefaultSealRecords  = 1000
	DefaultEpoch        = time.Hour
	DefaultLockWait     = 5 * time.Second
	DefaultArchiveAfter = 7 * 24 * time.Hour
	DefaultDrainWithin  = 10 * time.Second
	DefaultSpoolMax     = 64 << 20
)

// Options are the settings of a [Log]. A nil *Options, and every zero field,
// means the default.
type Options struct {
	// Keys is the directory of the log's keys; default: "<stem>.keys" beside
	// the log.
	Keys string
	// MACKey is the file of the key of the line MACs; default: mac.key in Keys.
	MACKey string
	// Unsigned leaves out the MAC of each line in the segments that this writer
	// begins. Seals are written all the same. A writer without it begins a new
	// segment at once where the active one has no MACs.
	Unsigned bool
	// Rotate says when a segment ends; default [Daily].
	Rotate Rotation
	// MaxSize is the most bytes a segment holds; default [DefaultMaxSize].
	MaxSize int64
	// Durability 0 means that Append returns when the record is on disk. A
	// positive Durability is an interval: Append returns at once, what may be
	// lost in a crash is that much, and receipts are not Durable.
	Durability time.Duration
	// SealEvery is the longest a record waits for a seal while a writer runs;
	// default [DefaultSealEvery].
	SealEvery time.Duration
	// SealRecords is the most records between two seals; default [DefaultSealRecords].
	SealRecords int
	// Epoch is how long one sealing key is used; default [DefaultEpoch].
	Epoch time.Duration
	// LockWait bounds the wait for other processes; default [DefaultLockWait].
	LockWait time.Duration
	// OnError is the failure policy; default [Block].
	OnError OnError
	// NoRedact stores known secrets as they are; default: they are masked
	// before anything is hashed or stored.
	NoRedact bool
	// Redact adds rules of the caller's own, and texts that stay. A log in a file
	// fills an empty Redact.Key from its MAC key, so that equal secrets have
	// equal masks within it.
	Redact redact.Options
	// Classify fills the risk of an event that has none. It is called before
	// the event is encoded, from the goroutine that appends.
	Classify func(*Event) (Risk, []string)
	// Skip drops event types by configuration.
	Skip Skip
	// Disabled makes every Append return [ErrSkipped] and touch nothing.
	Disabled bool
	// Stream, where set, gets the lines instead of a file: no seal, no state,
	// no durability. The path is then not used.
	Stream io.Writer
	// NoIndex leaves rotated segments without the indexes that a log which is
	// open for longer makes in the background. [Log.Index] makes them all the same.
	NoIndex bool
	// NoArchive leaves rotated segments plain that a log which is open for longer
	// makes archives of in the background. [Log.Archive] makes them all the same.
	NoArchive bool
	// ArchiveAfter is how long a rotated segment stays plain; default
	// [DefaultArchiveAfter].
	ArchiveAfter time.Duration
	// DrainWithin bounds how long Create and Open take to record what waits in
	// the log's spool; default [DefaultDrainWithin]. What is left, a log that stays
	// open records in the background. Negative: it is left to [Log.Drain].
	DrainWithin time.Duration
	// SpoolMax is the most bytes that [Spool.Put] lets the spool have; default
	// [DefaultSpoolMax].
	SpoolMax int64
	// Brief is for a process that records little and ends, as hooks do: nothing
	// runs in the background, and Close seals nothing, as if the process had been
	// killed. A seal that is due is made together with the record; what is left
	// unsealed the next writer seals.
	Brief bool
	// Daemon is the user id of the daemon that has the log; "" for any other
	// writer. Seals name it, so that a verifier can say who sealed; it is a
	// word of whoever holds the keys, and proves nothing that they do not.
	Daemon string
	// Resume lets Open go on in a new segment where the active segment is
	// gone although state and keys remember it. The loss is recorded, and
	// stays reported for ever. Default: Open returns [ErrLogGone].
	Resume bool
	// Notify, where set, is told of what the log did by itself: recoveries,
	// damage found, a broken epoch; and of failures that no caller waited for.
	// It is called with no lock held.
	Notify func(Notice)
	// Now is the clock; default [time.Now].
	Now func() time.Time
}

// Skip names the event types that are not recorded. Violations of any type
// are kept even where their type is skipped, unless PolicyViolations is set.
type Skip struct {
	Commands         bool // command_execution
	FileAccess       bool // file_access
	AuthEvents       bool // auth_success and auth_failure
	PolicyViolations bool // policy_violation, and events flagged as one
}

// A Notice is something a log did by itself and put on record, or failed to do
// in the background.
type Notice struct {
	Type string // the control record's type, for instance "log_recovered"; "failure" where nothing is on record
	Text string // one sentence for people
}
