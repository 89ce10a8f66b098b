// Package events makes audit events as agents give them, the same ones for the
// same seed.
//
// What it makes, and why the speed of a log depends on it:
//
//   - Stored lines of about 530 bytes in the mean, most of them with no more than
//     the seed's members and a session: commands from a few bytes up to a kilobyte, some with quotation marks, line feeds and characters beyond
//     ASCII, so that an encoder meets its slow paths.
//   - 2,000 users of whom a few do most (Zipf), in 64 sessions at a time.
//   - 30 days, whatever the number of events, with uneven steps.
//   - Risk low, medium, high and critical at 80, 15, 4.5 and 0.5 %; 1 % violations.
//   - Look-alikes: 0.2 % of the commands quote a line of an audit log, such as
//     "username":"@alice". A search that does not parse takes them for what
//     they are not.
//   - No secret of any shape that package redact knows: every peer then stores
//     the same texts, whether it masks or not.
package events

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/etch-audit/etch"
)

// Options say what a [Source] makes. The zero value is good.
type Options struct {
	// Seed chooses the events.
	Seed uint64
	// Count is how many events the 30 days are spread over; zero means 1,000,000.
	Count int
	// AliceRank is how many users do more than [Alice]; zero makes her the
	// busiest. She changes places with whoever has it.
	AliceRank int
}

// Alice is the name of the user whom a search is likely to be for.
const Alice = "@alice"

const (
	users    = 2000
	sessions = 64
	span     = 30 * 24 * time.Hour
	// zipfS is the exponent of the users' distribution: at 1.05 the busiest of
	// 2,000 does about a sixth of all.
	zipfS = 1.05
)

// begin is the time of the first event. It does not depend on the clock, so
// that a seed gives the same bytes for ever.
var begin = time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC)

// A Source makes events, one after another. It is not safe for concurrent use.
type Source struct {
	rand     *rand.Rand
	zipf     *rand.Zipf
	now      time.Time
	step     time.Duration
	made     uint64
	people   []etch.Actor
	sessions [sessions]session
}

// A session is one user's talk with an agent. It ends after some events, and
// another takes its place.
type session struct {
	id    string
	actor *etch.Actor
	cwd   string
	left  int // events until it ends
	turn  int
}

// New returns a Source.
func New(opt Options) *Source {
	r := rand.New(rand.NewPCG(opt.Seed, 0x9e3779b97f4a7c15))
	if opt.Count == 0 {
		opt.Count = 1_000_000
	}
	s := &Source{
		rand: r,
		zipf: rand.NewZipf(r, zipfS, 1, users-1),
		now:  begin,
		step: span / time.Duration(opt.Count),
	}
	for i := range users {
		s.people = append(s.people, person(i))
	}
	s.people[0], s.people[opt.AliceRank] = s.people[opt.AliceRank], s.people[0]
	for i := range s.sessions {
		s.enter(&s.sessions[i])
	}
	return s
}

// Take returns the next n events.
func (s *Source) Take(n int) []*etch.Event {
	events := make([]*etch.Event, n)
	for i := range events {
		events[i] = s.Next()
	}
	return events
}

// Next returns the next event. Events share actors and texts with each other:
// they are not to be changed.
func (s *Source) Next() *etch.Event {
	s.now = s.now.Add(time.Duration(s.rand.Float64() * 2 * float64(s.step)))
	at := &s.sessions[s.rand.IntN(sessions)]
	if at.left == 0 {
		s.enter(at)
	}
	at.left--
	at.turn++
	s.made++
	ev := &etch.Event{
		Timestamp: s.now,
		ID:        "evt_" + s.word(12),
		SessionID: at.id,
		Actor:     at.actor,
		Result:    s.result(),
	}
	s.act(ev, at)
	if s.rand.IntN(100) == 0 {
		s.violate(ev)
	}
	return ev
}

// enter puts another session in the place of one that is over.
func (s *Source) enter(at *session) {
	who := int(s.zipf.Uint64())
	*at = session{
		id:    "s-" + s.word(8),
		actor: &s.people[who],
		cwd:   "/home/" + s.people[who].Username[1:] + "/" + pick(s, projects),
		left:  10 + s.rand.IntN(60),
	}
}

// act gives the event its type and action.
func (s *Source) act(ev *etch.Event, at *session) {
	risk := s.risk()
	action := &etch.Action{Risk: risk, Approved: risk == etch.RiskLow || s.rand.IntN(4) > 0, Allowed: true}
	ev.Action = action
	switch n := s.rand.IntN(100); {
	case n < 75:
		ev.Type, action.Command, action.Arguments = etch.CommandExecution, s.command(risk), s.arguments()
		if s.rand.IntN(10) == 0 {
			action.Cwd = at.cwd
		}
	case n < 92:
		ev.Type, action.Tool, action.Resource = etch.FileAccess, "file_write", at.cwd+"/"+pick(s, files)
	case n < 97:
		ev.Type, action.Tool, action.ClaimSource, action.MCPServerID = etch.ToolCall, "mcp_search", etch.ClaimMCP, "docs"
		action.Arguments = json.RawMessage(`{"query":"` + pick(s, words) + " " + pick(s, words) + `","limit":20}`)
	default:
		ev.Type, action.Tool, action.ClaimSource = etch.NetworkEgress, "fetch", etch.ClaimWebScrape
		ev.Egress = s.egress()
	}
	if risk == etch.RiskHigh || risk == etch.RiskCritical {
		action.RiskReasons = reasons[s.rand.IntN(len(reasons))]
		action.ApprovedBy = "operator"
	}
	ev.Security = s.security(at)
}

func (s *Source) risk() etch.Risk {
	switch n := s.rand.IntN(1000); {
	case n < 800:
		return etch.RiskLow
	case n < 950:
		return etch.RiskMedium
	case n < 995:
		return etch.RiskHigh
	default:
		return etch.RiskCritical
	}
}

// violate makes the event one that a policy stopped.
func (s *Source) violate(ev *etch.Event) {
	if s.rand.IntN(2) == 0 {
		ev.Type = etch.PolicyViolation
	}
	ev.Action.Allowed = false
	ev.Result = &etch.Result{Type: etch.Blocked, Reason: "risk is above what this agent may do", ErrorCategory: "policy_blocked", ErrorPhase: "action"}
	ev.Security = &etch.Security{PolicyViolation: true, PolicyMatch: "deny_risk"}
}

// result is mostly a success; some commands fail, a few take too long.
func (s *Source) result() *etch.Result {
	took := time.Duration(s.rand.ExpFloat64() * float64(400*time.Millisecond))
	switch n := s.rand.IntN(100); {
	case n < 92:
		return &etch.Result{Type: etch.Success, ExitCode: etch.Some[int64](0), Duration: took}
	case n < 99:
		return &etch.Result{Type: etch.Error, Message: pick(s, messages), ExitCode: etch.Some(1 + s.rand.Int64N(2)), Duration: took, ErrorCategory: "command_failed"}
	default:
		return &etch.Result{Type: etch.Timeout, Duration: 120 * time.Second, ErrorCategory: "timeout", ErrorDomain: "system"}
	}
}

// security is what an agent with rate limits says; the others say nothing.
func (s *Source) security(at *session) *etch.Security {
	if s.rand.IntN(6) > 0 {
		return nil
	}
	sec := &etch.Security{RateLimitRemaining: etch.Some(uint64(max(0, 120-at.turn))), SandboxBackend: "landlock"}
	if s.rand.IntN(30) == 0 {
		sec.InjectionFlagged = true
	}
	return sec
}

func (s *Source) egress() *etch.Egress {
	host := pick(s, hosts)
	return &etch.Egress{
		URL: "https://" + host + "/" + pick(s, words) + "/" + s.word(8), Host: host, Method: "GET",
		Status: etch.Some[int64](200), ResponseBytes: etch.Some(s.rand.Uint64N(200_000)),
	}
}

// arguments are what an agent's tool adds to a command.
func (s *Source) arguments() json.RawMessage {
	if s.rand.IntN(10) > 0 {
		return nil
	}
	return json.RawMessage(`{"timeout":120,"description":"` + pick(s, purposes) + `"}`)
}

// word returns n random letters and digits of the alphabet that event ids use.
func (s *Source) word(n int) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	var room [26]byte
	b := room[:n]
	for i, bits := 0, uint64(0); i < n; i++ {
		if i%12 == 0 {
			bits = s.rand.Uint64()
		}
		b[i] = digits[bits&31]
		bits >>= 5
	}
	return string(b)
}

func pick[T any](s *Source, from []T) T { return from[s.rand.IntN(len(from))] }
