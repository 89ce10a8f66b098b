package reconcile

import (
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/transcript"
)

// A Row is one thing that was found: exactly one member is set.
type Row struct {
	Call    *Call
	Prompt  *Prompt
	Finding *Finding
	Session *Session
}

// A Status says how a call stands.
type Status string

// How calls stand that are not simply on record.
const (
	Missing    Status = "missing"     // in the transcript, not in the log
	Open       Status = "open"        // the log has its attempt, the transcript its end
	Unfinished Status = "unfinished"  // neither has its end
	Unclear    Status = "unclear"     // missing, open or guessed as far as the log can be read, and that is not all of it
	Guessed    Status = "guessed"     // the log has an end that was inferred, and the transcript tells another, or more
	Differs    Status = "differs"     // both have it, and they contradict each other
	Adds       Status = "adds"        // the transcript knows more of it than the record, and contradicts nothing
	Twice      Status = "twice"       // the log has it twice
	OnlyLogged Status = "only-logged" // in the log, and not in the session's transcript
)

// A Call is a call that is not simply on record.
type Call struct {
	Agent      string
	Session    string // whose transcript it stands in
	SubAgent   string
	Status     Status
	ID         string
	Tool       string
	What       string // its command, or what it was about; secrets are masked
	Start      time.Time
	Outcome    etch.Outcome // as the transcript has it
	End        string       // why it had no ordinary end
	Typed      bool         // by a person
	Unseen     string       // why no hook can tell of it
	Difference []Difference
	Seq        etch.Optional[uint64] // of its record, or its first
	File       string
	Line       int
	Filled     bool // it was recorded now
	Skipped    bool // it is not recorded: the configuration says so
}

// A Difference is one thing that record and transcript tell in two ways.
type Difference struct {
	What       string // input, outcome, denial or exit_code
	Log        string // "" where it does not say
	Transcript string
}

// A Prompt is what a person asked the agent for, of which the log has nothing.
type Prompt struct {
	Agent   string
	Session string
	Turn    string
	Start   time.Time
	Bytes   int // how long it is
	File    string
	Line    int
	Unclear bool // the log may have it, and cannot be read whole
	Filled  bool // it was recorded now
	Skipped bool // it is not recorded: the configuration says so
}

// The kinds of findings.
const (
	HooksSilent  = "hooks-silent"  // no hook told of anything in a session with calls
	HooksStopped = "hooks-stopped" // from some moment on no hook told of anything
)

// A Finding is what calls come to that were lost together.
type Finding struct {
	Agent   string
	Session string
	Kind    string
	Risk    etch.Risk
	Since   time.Time // from when on
	Calls   int       // that ran unseen
	Text    string
	Filled  bool // it was recorded now
}

// A Session is what the calls of one session come to.
type Session struct {
	Agent      string
	ID         string
	Cwd        string
	Start, End time.Time // of the calls, by the transcript or else the log
	Transcript bool      // there is one
	Calls      int       // in the transcript
	Recorded   int
	Missing    int
	Unseen     int
	Open       int
	Unfinished int
	Recent     int
	Guessed    int
	Differing  int
	Twice      int
	OnlyLogged int
	Copied     int
	Filled     int
	Skipped    int
	Unclear    int // calls and prompts
	Logged     int // calls in the log
	Prompts    int // in the transcript
	// Of those, the ones that are not on record, and that were recorded now.
	PromptsMissing, PromptsFilled int

	Tally transcript.Tally
}

// add adds a session's numbers.
func (s *Summary) add(v *Session) {
	s.Sessions++
	s.Files += v.Tally.Files
	s.Calls += v.Calls
	s.Recorded += v.Recorded
	s.Missing += v.Missing
	s.Unseen += v.Unseen
	s.Open += v.Open
	s.Unfinished += v.Unfinished
	s.Recent += v.Recent
	s.Guessed += v.Guessed
	s.Differing += v.Differing
	s.Twice += v.Twice
	s.OnlyLogged += v.OnlyLogged
	s.Copied += v.Copied
	s.Filled += v.Filled
	s.Skipped += v.Skipped
	s.Unclear += v.Unclear
	s.Prompts += v.Prompts
	s.PromptsMissing += v.PromptsMissing
	s.PromptsFilled += v.PromptsFilled
	s.Tally.Add(&v.Tally)
}
