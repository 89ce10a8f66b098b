package etch

import (
	"errors"

	"github.com/etch-audit/etch/internal/journal"
)

// Errors of Append, each a distinct outcome; test them with [errors.Is]. A nil
// error means that the record is on disk.
var (
	// ErrNotRecorded: the event is not in the log and will not appear in it.
	ErrNotRecorded = journal.ErrNotRecorded
	// ErrUnknown: whether the event is recorded is not known: the caller gave
	// up after it was queued, or the disk failed in the middle.
	ErrUnknown = journal.ErrUnknown
	// ErrSkipped: the configuration says that such events are not recorded.
	ErrSkipped = errors.New("event skipped by configuration")
)

// Errors of Create and Open.
var (
	// ErrExists: Create found a log, or the keys of one.
	ErrExists = journal.ErrExists
	// ErrNoLog: there is no log, and nothing says that there was one.
	ErrNoLog = journal.ErrNoLog
	// ErrLogGone: keys or state say that there was a log, and it is gone.
	ErrLogGone = journal.ErrGone
	// ErrKeys: the keys are missing, unreadable, open to others, or of
	// another log.
	ErrKeys = journal.ErrKeys
	// ErrNewer: the log was written by a later version of the format.
	ErrNewer = journal.ErrNewer
	// ErrClosed: the log was closed.
	ErrClosed = journal.ErrClosed
)
