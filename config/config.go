// Package config reads the settings of a log: one TOML file, the ETCH_*
// environment and the flags of a command become a [Config], and a Config
// becomes [etch.Options].
//
// The tables of both seed programs are read as they are: ZeroClaw's
// [security.audit] and Zeph's [tools.audit] keep their names and meanings, so
// that a file one of them wrote configures this project too. Tables of other
// programs in the same file are left alone. Inside the project's own tables
// nothing is forgiven: a key that is misspelt and silently ignored is a log
// that silently does something else, so an unknown key, a wrong type and a
// value out of range are each an [*Error] that names file, line and column.
//
// docs/config-reference.md has a row for every key; a test holds the two
// together.
package config

import (
	"time"

	"github.com/etch-audit/etch"
)

// A Config holds the value of every key, one field a table. [Default] gives
// the defaults, [Load] the effective values; the zero Config is not useful.
type Config struct {
	Audit  Audit  // [security.audit]
	Policy Policy // [policy]
	Hooks  Hooks  // [hooks]
	Redact Redact // [redact]
	Server Server // [server]
	Tools  Tools  // [tools.audit]
}

// Audit is the table [security.audit]: ZeroClaw's ten keys and the project's
// own.
type Audit struct {
	Enabled             bool          // false: nothing is written
	LogPath             string        // empty: the default place, or Tools.Destination is used
	MaxSizeMB           int64         // MiB, a cap in every rotation mode
	Rotate              etch.Rotation // when a segment ends
	SignEvents          bool          // the MAC of each line; seals are always written
	SigningKeyPath      string        // empty: mac.key in Keys
	LogCommands         bool
	LogFileAccess       bool
	LogAuthEvents       bool
	LogPolicyViolations bool // violations of any type
	OnError             etch.OnError
	Durability          time.Duration // 0: always
	SealEvery           time.Duration
	SealRecords         int64
	Epoch               time.Duration
	Keys                string // empty: "<stem>.keys" beside the log
	Redact              bool
	Index               bool          // a writer that stays open indexes rotated segments
	Archive             bool          // rotated segments become archives
	ArchiveAfter        time.Duration // since a segment was written last
}

// Policy is the table [policy].
type Policy struct {
	DenyRisk etch.Risk // empty: nothing is refused for its risk
}

// Hooks is the table [hooks]: how "etch hook" records, which agents start. Of
// the other tables it reads all but on_error and durability.
type Hooks struct {
	// Block refuses a call that cannot be recorded at once; otherwise it goes
	// on, and its events wait in the spool.
	Block         bool
	SpoolMaxMB    int64 // MiB
	RecordOutput  bool  // texts instead of length and SHA-256: what came out of calls,
	RecordPrompts bool  // what people typed,
	RecordContent bool  // contents of files in the inputs of calls
	// Reconcile compares a session with the agent's transcript when it ends, and
	// records what the hooks missed.
	Reconcile bool
}

// Redact is the table [redact].
type Redact struct {
	Rules []string // "name: pattern"
	Allow []string // patterns
}

// Tools is the table [tools.audit], which is Zeph's.
type Tools struct {
	Enabled         bool
	Destination     string // "stdout", "stderr", a path, or empty: Audit.LogPath is used
	ToolRiskSummary bool
}

// Default returns the value that each key has where nothing sets it. Its paths
// are empty: the default place of the log depends on the environment and is
// filled in by [Load].
func Default() Config {
	return Config{
		Audit: Audit{
			Enabled:             true,
			MaxSizeMB:           etch.DefaultMaxSize >> 20,
			Rotate:              etch.Daily,
			SignEvents:          true,
			LogCommands:         true,
			LogFileAccess:       true,
			LogAuthEvents:       true,
			LogPolicyViolations: true,
			OnError:             etch.Block,
			SealEvery:           etch.DefaultSealEvery,
			SealRecords:         etch.DefaultSealRecords,
			Epoch:               etch.DefaultEpoch,
			Redact:              true,
			Index:               true,
			Archive:             true,
			ArchiveAfter:        etch.DefaultArchiveAfter,
		},
		Hooks:  Hooks{SpoolMaxMB: etch.DefaultSpoolMax >> 20, Reconcile: true},
		Server: defaultServer(),
		Tools:  Tools{Enabled: true},
	}
}

// LogPath returns the file that is written to, whichever table names it; it is
// empty where [Config.Stream] is not. After [Load] it is absolute.
func (c *Config) LogPath() string {
	switch {
	case c.Stream() != "":
		return ""
	case c.Tools.Destination != "":
		return c.Tools.Destination
	default:
		return c.Audit.LogPath
	}
}

// Stream returns "stdout" or "stderr" where that is the destination, and
// otherwise the empty string.
func (c *Config) Stream() string {
	if isStream(c.Tools.Destination) {
		return c.Tools.Destination
	}
	return ""
}

// Options returns the options that open a log as c says. Stream and Classify
// are the caller's to set: c knows the name of the stream, not the stream, and
// nothing of how risk is judged.
func (c *Config) Options() *etch.Options {
	a := &c.Audit
	return &etch.Options{
		Keys:        a.Keys,
		MACKey:      a.SigningKeyPath,
		Unsigned:    !a.SignEvents,
		Rotate:      a.Rotate,
		MaxSize:     a.MaxSizeMB << 20,
		Durability:  a.Durability,
		SealEvery:   a.SealEvery,
		SealRecords: int(a.SealRecords),
		Epoch:       a.Epoch,
		OnError:     a.OnError,
		NoRedact:    !a.Redact,
		Redact:      c.Redact.options(),
		SpoolMax:    c.Hooks.SpoolMaxMB << 20,

		NoIndex:      !a.Index,
		NoArchive:    !a.Archive,
		ArchiveAfter: a.ArchiveAfter,
		Skip: etch.Skip{
			Commands:         !a.LogCommands,
			FileAccess:       !a.LogFileAccess,
			AuthEvents:       !a.LogAuthEvents,
			PolicyViolations: !a.LogPolicyViolations,
		},
		// Load makes both tables' switches say the same; in a Config made by
		// hand, either one switches off.
		Disabled: !a.Enabled || !c.Tools.Enabled,
	}
}

func isStream(destination string) bool {
	return destination == "stdout" || destination == "stderr"
}
