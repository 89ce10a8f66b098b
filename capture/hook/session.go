package hook

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/redact"
)

// Bounds of what is remembered of a session. They say how far apart two
// deliveries may lie and still be seen to belong together: agents run some ten
// calls at once, and deliver the same event twice within a second.
const (
	maxOpen   = 128
	maxClosed = 32
	maxKeys   = 768
	maxNotes  = 64
	maxAgents = 64
	maxGuards = 16
	maxMemo   = 2 << 10 // bytes of a command, and of arguments, where there is little room
	maxMemos  = 128 << 10

	together   = time.Second     // how far apart calls begin that an agent runs at once
	noteLife   = time.Minute     // past that, the same payload is another event
	retried    = 5 * time.Second // past that, one that has neither id nor time asks for an open call anew: no hook is waited for longer
	sessionEnd = 24 * time.Hour  // past that without a word, nothing more comes
)

// A session is what is remembered of one between deliveries. It is a cache:
// every claim in it may be wrong or missing, and the worst is a call that is
// recorded twice, or that is said to have ended without a word.
type session struct {
	Version int          `json:"v"`
	ID      string       `json:"id,omitempty"`
	Agent   string       `json:"agent"`
	Host    string       `json:"host,omitempty"`
	Parent  string       `json:"parent,omitempty"` // the session that this sub-agent's belongs to
	Seen    int64        `json:"seen"`             // when the last delivery came, in milliseconds
	Ended   bool         `json:"ended,omitempty"`
	Process process      `json:"process"`
	Open    []openCall   `json:"open,omitempty"`
	Closed  []closedCall `json:"closed,omitempty"`
	Keys    []byte       `json:"keys,omitempty"`  // 8 bytes each: what was recorded of calls
	Notes   []byte       `json:"notes,omitempty"` // 16 bytes each: what was recorded else, and when
	Agents  []string     `json:"agents,omitempty"`
	Tools   bool         `json:"tools,omitempty"`  // the agent tells of tools, so that echoes say nothing
	Guards  []string     `json:"guards,omitempty"` // settings files in which the hooks stood at the start
	Midway  bool         `json:"midway,omitempty"` // how they stood then nobody saw, or it was forgotten
}

const sessionVersion = 1

// An openCall has an attempt on record and no completion.
type openCall struct {
	ID      string  `json:"id"`
	Made    bool    `json:"made,omitempty"` // by madeID
	Tool    string  `json:"tool"`
	Server  string  `json:"server,omitempty"`
	Digest  string  `json:"digest,omitempty"` // of its input
	Parts   []byte  `json:"parts,omitempty"`  // 4 bytes of each member of its input
	Agent   string  `json:"agent_id,omitempty"`
	Kind    string  `json:"agent_type,omitempty"`
	Turn    string  `json:"turn,omitempty"`
	Start   int64   `json:"start"` // in microseconds
	Asked   bool    `json:"asked,omitempty"`
	Process process `json:"process"`
	Note    string  `json:"note,omitempty"` // the payload of its attempt, as a key
	Event   memo    `json:"event"`
}

// A closedCall has both, and may still be told of.
type closedCall struct {
	ID     string `json:"id"`
	Tool   string `json:"tool"`
	Digest string `json:"digest,omitempty"`
	Asked  bool   `json:"asked,omitempty"`
	// Guessed says that the call got its id here, and that its end was made up for want
	// of a word, which may still come.
	Guessed bool `json:"guessed,omitempty"`
}

// A memo is what a completion repeats of an attempt, with its secrets masked:
// the file outlives the call.
type memo struct {
	Type      etch.EventType    `json:"type"`
	Model     string            `json:"model,omitempty"`
	Command   string            `json:"command,omitempty"`
	Arguments json.RawMessage   `json:"arguments,omitempty"`
	Resource  string            `json:"resource,omitempty"`
	Cwd       string            `json:"cwd,omitempty"`
	Claim     etch.ClaimSource  `json:"claim,omitempty"`
	Risk      etch.Risk         `json:"risk,omitempty"`
	Reasons   []string          `json:"reasons,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// memo remembers an attempt: all of it while there is room, else the beginning of
// a command and the digest of arguments.
func (t *Turn) memo(e *etch.Event) memo {
	room := maxMemos
	for i := range t.state.Open {
		room -= t.state.Open[i].Event.size()
	}
	m := memoOf(e, t.m.Delivery.masker)
	if m.size() <= max(room, 2*maxMemo) {
		return m
	}
	m.Command, m.Resource = cutText(m.Command, maxMemo), cutText(m.Resource, maxKept)
	if len(m.Arguments) > maxMemo {
		m.Arguments = appendDigest(nil, string(m.Arguments))
	}
	return m
}

func (m *memo) size() int { return len(m.Command) + len(m.Arguments) + len(m.Resource) }

// masker returns what masks as the log does. It is asked for where there is
// something to mask only: it has to read keys.
func (d *Delivery) masker() *redact.Masker {
	if d.Masker == nil {
		return nil
	}
	return d.Masker()
}

// memoOf remembers what an attempt's record says, whole.
func memoOf(e *etch.Event, masker func() *redact.Masker) memo {
	a := e.Action
	m := memo{Type: e.Type, Model: e.Actor.Model, Claim: a.ClaimSource, Risk: a.Risk, Labels: make(map[string]string, len(e.Labels))}
	for name, value := range e.Labels {
		m.Labels[name], _ = redact.Named(name, value)
	}
	text := func(s string) string {
		masked, n := redact.Text(s)
		if n > 0 {
			masked, _ = masker().Text(s)
		}
		return masked
	}
	m.Command, m.Resource, m.Cwd = text(a.Command), text(a.Resource), text(a.Cwd)
	for _, reason := range a.RiskReasons {
		m.Reasons = append(m.Reasons, text(reason))
	}
	if len(a.Arguments) == 0 {
		return m
	}
	arguments, n := redact.JSON(a.Arguments)
	if n > 0 {
		arguments, _ = masker().JSON(a.Arguments)
	}
	if json.Valid(arguments) {
		m.Arguments = arguments
	}
	return m
}

// completion returns the event that says how a call ended of which only its
// attempt is remembered.
func (o *openCall) completion(s *session, c *Call, opt Recording) *etch.Event {
	e := &etch.Event{
		Type: o.Event.Type, Phase: etch.Completion, CallID: o.ID, TurnID: o.Turn, SessionID: c.Session, Timestamp: time.UnixMicro(o.Start).UTC(),
		Actor: &etch.Actor{Agent: s.Agent, AgentID: o.Agent, Model: o.Event.Model},
		Action: &etch.Action{
			Tool: o.Tool, MCPServerID: o.Server, Command: o.Event.Command, Arguments: o.Event.Arguments, Resource: o.Event.Resource,
			Cwd: o.Event.Cwd, ClaimSource: o.Event.Claim, Risk: o.Event.Risk, RiskReasons: o.Event.Reasons,
		},
	}
	for name, value := range o.Event.Labels {
		setLabel(e, name, value)
	}
	if e.Type == etch.NetworkEgress {
		e.Egress = egressOf(o.Event.Resource)
	}
	c.settle(e, opt)
	return e
}

// askedIn says in a completion with another input what the attempt asked for, so
// that the two are one call all the same: see [etch.AskedArgument]. The risk is
// the higher one of the two.
func (o *openCall) askedIn(e *etch.Event) {
	a := e.Action
	asked := etch.Action{
		Command: o.Event.Command, Arguments: o.Event.Arguments, Resource: o.Event.Resource, Cwd: o.Event.Cwd,
		Risk: o.Event.Risk, RiskReasons: o.Event.Reasons,
	}
	arguments, err := etch.AppendAsked(a.Arguments, &asked)
	if err != nil {
		return // arguments of no known form: the two are shown apart
	}
	a.Arguments = arguments
	if asked.Risk.Rank() > a.Risk.Rank() {
		a.Risk = asked.Risk
		for _, reason := range asked.RiskReasons {
			a.RiskReasons = append(a.RiskReasons, "as it was asked for: "+reason)
		}
	}
}

// call returns what is remembered of the call.
func (o *openCall) call(session string) Call {
	return Call{
		ID: o.ID, Session: session, Turn: o.Turn, AgentID: o.Agent, AgentType: o.Kind, Tool: o.Tool, Server: o.Server, Digest: o.Digest,
		Cwd: o.Event.Cwd, Model: o.Event.Model, Start: time.UnixMicro(o.Start).UTC(), Ended: true, Source: SourceHook,
	}
}

// A key is a short digest of what must not be recorded twice.
type key [8]byte

func keyOf(parts ...string) key {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(p)))) // a hash never fails
		_, _ = h.Write([]byte(p))
	}
	return key(h.Sum(nil)[:8])
}

func (k key) text() string { return hex.EncodeToString(k[:]) }

// knows reports whether a key of a call was added.
func (s *session) knows(k key) bool {
	for at := 0; at+8 <= len(s.Keys); at += 8 {
		if string(s.Keys[at:at+8]) == string(k[:]) {
			return true
		}
	}
	return false
}

// add remembers a key of a call, and reports whether it is new.
func (s *session) add(k key) bool {
	if s.knows(k) {
		return false
	}
	s.Keys = append(s.Keys, k[:]...)
	if over := len(s.Keys) - 8*maxKeys; over > 0 {
		s.Keys = slices.Delete(s.Keys, 0, over)
	}
	return true
}

// forgetKey forgets a key of a call.
func (s *session) forgetKey(k key) { s.Keys = without(s.Keys, 8, 8, nil, k[:]) }

// note remembers a key for a while, and reports whether it is new.
func (s *session) note(k key, now time.Time) bool {
	at := now.UnixMilli()
	fresh := true
	kept := s.Notes[:0:0]
	for ; len(s.Notes) >= 16; s.Notes = s.Notes[16:] {
		age := at - int64(binary.BigEndian.Uint64(s.Notes[8:]))
		if age > noteLife.Milliseconds() || age < -noteLife.Milliseconds() {
			continue
		}
		kept = append(kept, s.Notes[:16]...)
		if string(s.Notes[:8]) == string(k[:]) {
			fresh = false
		}
	}
	if fresh {
		kept = append(kept, k[:]...)
		kept = binary.BigEndian.AppendUint64(kept, uint64(at))
	}
	if over := len(kept) - 16*maxNotes; over > 0 {
		kept = kept[over:]
	}
	s.Notes = kept
	return fresh
}

// find returns the place of an open call by its id, -1 where there is none.
func (s *session) find(id string) int {
	return slices.IndexFunc(s.Open, func(o openCall) bool { return o.ID == id })
}

// findCall is find for the one of those of an id that has an input. Where its end
// tells of no input, any has it.
func (s *session) findCall(id, digest string) int {
	return slices.IndexFunc(s.Open, func(o openCall) bool { return o.ID == id && (digest == "" || o.Digest == digest) })
}

// match returns the place of the open call that a call without an id is: of those of its
// tool, agent and server the latest of the same input, else the one whose input has most in
// common with it, since an agent may change an input before it runs. It returns -1
// where there is none.
func (s *session) match(c *Call, digest string) int {
	same := func(o *openCall) bool { return o.Made && o.of(c) }
	if i := s.latest(func(o *openCall) bool { return same(o) && o.Digest == digest }); i >= 0 {
		return i
	}
	best, most := -1, -1
	parts := partsOf(c.Input)
	for i := range s.Open {
		if o := &s.Open[i]; same(o) {
			if n := inCommon(o.Parts, parts); n > most {
				best, most = i, n
			}
		}
	}
	return best
}

// of reports whether a call is one of the tool, server and sub-agent of another.
func (o *openCall) of(c *Call) bool {
	return o.Agent == c.AgentID && o.Server == c.Server && o.Tool == c.Tool
}

// latest returns the place of the latest of open calls that are alike, or of the eldest that
// began with that one; -1 where there is none. One before it is over, though nothing told of
// its end, or the agent would not have tried again: it was refused, or its end was lost.
func (s *session) latest(is func(*openCall) bool) int {
	var start int64
	for i := range s.Open {
		if o := &s.Open[i]; is(o) {
			start = max(start, o.Start)
		}
	}
	return slices.IndexFunc(s.Open, func(o openCall) bool { return is(&o) && start-o.Start <= together.Microseconds() })
}

// asked returns the call that a request for permission is about, and whether it
// is one of which no request was told so far.
func (s *session) asked(c *Call, digest string) (id string, fresh bool) {
	same := func(o *openCall) bool { return o.of(c) && o.Digest == digest }
	if i := s.latest(func(o *openCall) bool { return same(o) && !o.Asked }); i >= 0 {
		s.Open[i].Asked = true
		return s.Open[i].ID, true
	}
	for i := range s.Closed {
		if o := &s.Closed[i]; o.Tool == c.Tool && o.Digest == digest && !o.Asked {
			o.Asked = true
			return o.ID, true
		}
	}
	if i := s.latest(same); i >= 0 {
		return s.Open[i].ID, false
	}
	return "", false
}

// close forgets the open call at i.
func (s *session) close(i int) {
	o := s.Open[i]
	s.Closed = append(s.Closed, closedCall{ID: o.ID, Tool: o.Tool, Digest: o.Digest, Asked: o.Asked})
	if over := len(s.Closed) - maxClosed; over > 0 {
		s.Closed = slices.Delete(s.Closed, 0, over)
	}
	s.Open = slices.Delete(s.Open, i, i+1)
}

// guess notes that the call that was closed last has no end but a guess.
func (s *session) guess(o *openCall) { s.Closed[len(s.Closed)-1].Guessed = o.Made }

// late returns the id of the call whose end was guessed, and of which the word comes after
// all: the eldest of its tool and input; "" where there is none.
func (s *session) late(tool, digest string) string {
	for i := range s.Closed {
		if c := &s.Closed[i]; c.Guessed && c.Tool == tool && c.Digest == digest {
			c.Guessed = false
			return c.ID
		}
	}
	return ""
}

// settled says that no word comes any more of ends that were guessed.
func (s *session) settled() {
	for i := range s.Closed {
		s.Closed[i].Guessed = false
	}
}

// partsOf returns four bytes for each member of an input, at most 32 members.
func partsOf(input json.RawMessage) []byte {
	p, ok := ParsePayload(input)
	if !ok {
		return nil
	}
	var out []byte
	for _, m := range p.members[:min(len(p.members), 32)] {
		k := keyOf(m.name, string(appendCanonical(nil, m.value, 0)))
		out = append(out, k[:4]...)
	}
	return out
}

// inCommon counts the entries of a that b has as well.
func inCommon(a, b []byte) int {
	n := 0
	for ; len(a) >= 4; a = a[4:] {
		for rest := b; len(rest) >= 4; rest = rest[4:] {
			if string(a[:4]) == string(rest[:4]) {
				n++
				break
			}
		}
	}
	return n
}

func newSession() *session { return &session{Version: sessionVersion} }

// parseSession reads a session's file. One that is broken, or of another
// version, is begun anew.
func parseSession(content []byte) *session {
	s, ok := readSession(content)
	if !ok || s.Version != sessionVersion {
		return newSession()
	}
	return s
}

// fileName returns the name of a session's file, without suffix: whatever the agent
// calls the session, it is a name.
func fileName(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:nameLength/2])
}

// senderMark returns what the names of a sender's files end with, which tells them
// from those of other senders' sessions of the same id; "" where there is no sender.
func senderMark(sender string) string {
	if sender == "" {
		return ""
	}
	return "-" + fileName("sender "+sender)
}

// nameLength is how many bytes fileName returns.
const nameLength = 24

const (
	fileSuffix = ".json"
	lockSuffix = ".lock"
)

// sessionFile returns the name, without suffix, and the mark of the sender of what
// may be a session's file.
func sessionFile(file string) (name, mark string, ok bool) {
	name, ok = strings.CutSuffix(file, fileSuffix)
	if !ok || len(name) < nameLength {
		return "", "", false
	}
	mark = name[nameLength:]
	return name, mark, mark == "" || len(mark) == 1+nameLength && mark[0] == '-'
}
