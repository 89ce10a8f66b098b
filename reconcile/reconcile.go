// Package reconcile compares what coding agents wrote about their own sessions
// with what the log holds of them: which calls the log lacks, which the
// transcripts lack, and where the two differ. It can record what is missing.
//
// The log is evidence, a transcript is a second opinion: the agent, and every
// command that it ran, could write the file. So a call that only the transcript
// has is a gap of the log, most likely; a call that only the log has is told and
// no more; and nothing that is on record is ever changed by what a transcript
// says. A record that was made from a transcript says so in its label capture.
package reconcile

import (
	"context"
	"hash/maphash"
	"iter"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/transcript"
)

// The times that nothing is said to be missing before.
const (
	// DefaultSettle is how long ago a call must have ended: the hook that
	// records it may be at work.
	DefaultSettle = 10 * time.Second
	// DefaultAbandon is how long nothing must have happened in a session for a
	// call without an end to count as ended with it.
	DefaultAbandon = 24 * time.Hour
)

// A Log answers questions. An [etch.Reader] is one.
type Log interface {
	Records(ctx context.Context, q etch.Query) iter.Seq2[etch.Record, error]
}

// Options say what is compared with what.
type Options struct {
	Log         Log
	Agent       *hook.Agent
	Format      *transcript.Format
	Environment transcript.Environment
	Select      transcript.Selection
	Recording   hook.Recording // what of the calls is recorded; as the hooks have it

	// Fill records what is missing; nil: nothing is recorded. Two that fill one
	// log at the same time could record a call twice: the caller sees to it that
	// there is one.
	Fill Recorder
	// Skip are the types of events that the configuration does not record: what
	// is missing of them is not said to be lacking.
	Skip etch.Skip
	// Settled is told of the calls of a session that were recorded with their
	// ends, so that hooks record and end them no more; nil for nobody.
	Settled func(ctx context.Context, session string, calls ...hook.SettledCall) error
	// Prepare completes the actor of an event that is going to be recorded, of which no hook
	// told who acted in its session, by the transcript that it was made from; nil for nothing.
	Prepare func(ev *etch.Event, file string)

	Now     time.Time     // the clock's reading
	Settle  time.Duration // 0: DefaultSettle; negative: none
	Abandon time.Duration // 0: DefaultAbandon

	// Progress is told how much of how much is read, in bytes; nil for nobody.
	Progress func(done, total int64)
}

// A Recorder records events. An [etch.Log] is one.
type Recorder interface {
	AppendBatch(ctx context.Context, events []*etch.Event) ([]etch.Receipt, error)
}

// Run compares and hands each row to report, in the order of the sessions, a
// session's own row behind those of its calls. It returns what it all comes to.
// An error of report, of the log or of Fill ends it. Memory grows with the
// calls of the largest session, with the number of sessions, and by
// a few bytes with each missing call.
func Run(ctx context.Context, opt Options, report func(*Row) error) (*Summary, error) {
	if opt.Settle == 0 {
		opt.Settle = DefaultSettle
	}
	if opt.Abandon == 0 {
		opt.Abandon = DefaultAbandon
	}
	r := &run{Options: opt, report: report, sum: &Summary{Agent: opt.Agent.Name}, visited: map[string]bool{}, known: map[string]bool{}}
	r.damage.places = map[string]bool{}
	r.said, r.told = map[uint64]string{}, map[string]told{}
	r.missed, r.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	sessions, err := opt.Format.Sessions(ctx, opt.Environment, opt.Select)
	if ctx.Err() != nil {
		return r.sum, ctx.Err()
	}
	r.sum.unreadable(err)
	for i := range sessions {
		r.total += sessions[i].Size
		r.known[sessions[i].ID] = true
	}
	if opt.Select.Session == "" && opt.Select.Since.IsZero() && opt.Select.Project == "" {
		r.list(sessions)
	}
	for i := range sessions {
		if err := r.session(ctx, &sessions[i]); err != nil {
			return r.sum, err
		}
	}
	if len(opt.Select.Paths) == 0 {
		err = r.unvisited(ctx)
	}
	return r.sum, err
}

// A run is one Run.
type run struct {
	Options
	report  func(*Row) error
	sum     *Summary
	visited map[string]bool                // sessions of the log that were compared
	known   map[string]bool                // sessions that have transcripts of their own
	told    map[string]told                // what the transcripts of other sessions have; nil for none
	all     map[string]*transcript.Session // all sessions with transcripts; nil: not looked for
	damage  damage
	said    map[uint64]string   // the sessions of prompts, by their hashes
	missed  map[uint64]struct{} // hashes of missing calls
	seed    maphash.Seed
	first   *time.Time // when the first hook of the agent is on record; nil: not looked up
	done    int64
	total   int64
}

// A Summary is what all sessions come to.
type Summary struct {
	Agent      string
	Sessions   int // with a transcript
	Files      int
	Calls      int // in the transcripts, without copies
	Recorded   int // of those, on record with their end
	Missing    int // of those, not on record
	Unseen     int // of the missing, those that no hook can tell of
	Open       int // on record without their end, which the transcript has
	Unfinished int // without an end on either side, so far
	Recent     int // too recent to judge
	Guessed    int // of the recorded, with an end that was inferred, of which the transcript tells otherwise
	Differing  int // on record in another way
	Twice      int // on record twice
	OnlyLogged int // on record, and not in a transcript that is there
	Copied     int // copies of other sessions' calls
	Silent     int // sessions whose hooks were silent, from the beginning or from some moment on
	Filled     int // recorded now, of the missing, the open and the guessed
	Skipped    int // of those, the ones that the configuration does not record
	Unclear    int // calls and prompts that may lack something: the log of their session cannot be read whole
	LogOnly    int // sessions of the log without a transcript
	Prompts    int // in the transcripts
	// Of those, the ones that are not on record, and that were recorded now.
	PromptsMissing, PromptsFilled int

	Tally      transcript.Tally
	Unreadable []error // files and directories that could not be read
	Damaged    int     // places of the log that could not be read
}

// Lacking is how many calls, ends of calls and prompts the log lacks now. An end that was
// inferred is no end where the transcript tells another.
func (s *Summary) Lacking() int {
	return s.Missing + s.Open + s.Guessed - s.Filled - s.Skipped + s.PromptsMissing - s.PromptsFilled
}

// Uncertain reports whether something could not be read, so that more may be
// missing than is known.
func (s *Summary) Uncertain() bool {
	return len(s.Unreadable) > 0 || s.Damaged > 0 || s.Tally.Lost()
}

// unreadable takes the errors that are joined in err, if any.
func (s *Summary) unreadable(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		s.Unreadable = append(s.Unreadable, joined.Unwrap()...)
		return
	}
	s.Unreadable = append(s.Unreadable, err)
}
