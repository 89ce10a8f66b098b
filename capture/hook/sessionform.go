package hook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"maps"
	"slices"
	"strconv"

	"github.com/etch-audit/etch"
)

// A session's file is JSON, its members named as the fields of session are tagged. It
// is written and read here without encoding/json's reflection, whose tables of these
// types take longer to make, once a process, than all else that a hook does with them.
//
// Who reads it without its lock may get the first pages of one writing and the rest of another,
// which can be JSON: calls are of a length, and where one of them is taken out the others move up.
// So the last member is a checksum of what stands before it.

// sumName is the name of that member.
const sumName = "sum"

// append appends what a session's file holds.
func (s *session) append(dst []byte) []byte {
	w := objectWriter{dst}
	w.begin('{')
	w.number("v", int64(s.Version))
	w.text("id", s.ID)
	w.string("agent", s.Agent)
	w.text("host", s.Host)
	w.text("parent", s.Parent)
	w.number("seen", s.Seen)
	w.flag("ended", s.Ended)
	w.process(s.Process)
	if len(s.Open) > 0 {
		w.name("open")
		w.begin('[')
		for i := range s.Open {
			w.open(&s.Open[i])
		}
		w.end(']')
	}
	if len(s.Closed) > 0 {
		w.name("closed")
		w.begin('[')
		for i := range s.Closed {
			w.closed(&s.Closed[i])
		}
		w.end(']')
	}
	w.bytes("keys", s.Keys)
	w.bytes("notes", s.Notes)
	w.texts("agents", s.Agents)
	w.flag("tools", s.Tools)
	w.texts("guards", s.Guards)
	w.flag("midway", s.Midway)
	w.number(sumName, int64(crc32.ChecksumIEEE(w.b[len(dst):])))
	w.end('}')
	return w.b
}

// An objectWriter appends JSON. Members without a value are left out where the fields
// are tagged so.
type objectWriter struct{ b []byte }

// next separates what comes from what came before it.
func (w *objectWriter) next() {
	if len(w.b) > 0 && w.b[len(w.b)-1] != '{' && w.b[len(w.b)-1] != '[' && w.b[len(w.b)-1] != ':' {
		w.b = append(w.b, ',')
	}
}

func (w *objectWriter) begin(bracket byte) {
	w.next()
	w.b = append(w.b, bracket)
}

func (w *objectWriter) end(bracket byte) { w.b = append(w.b, bracket) }

func (w *objectWriter) name(name string) {
	w.next()
	w.b = append(appendQuoted(w.b, name), ':')
}

func (w *objectWriter) string(name, value string) {
	w.name(name)
	w.b = appendQuoted(w.b, value)
}

func (w *objectWriter) text(name, value string) {
	if value != "" {
		w.string(name, value)
	}
}

func (w *objectWriter) number(name string, value int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

func (w *objectWriter) flag(name string, value bool) {
	if value {
		w.name(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *objectWriter) bytes(name string, value []byte) {
	if len(value) > 0 {
		w.name(name)
		w.b = append(base64.StdEncoding.AppendEncode(append(w.b, '"'), value), '"')
	}
}

func (w *objectWriter) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	w.begin('[')
	for _, value := range values {
		w.next()
		w.b = appendQuoted(w.b, value)
	}
	w.end(']')
}

func (w *objectWriter) process(p process) {
	w.name("process")
	w.begin('{')
	if p.ID != 0 {
		w.number("i", int64(p.ID))
	}
	if p.Start != 0 {
		w.name("s")
		w.b = strconv.AppendUint(w.b, p.Start, 10)
	}
	w.end('}')
}

func (w *objectWriter) open(o *openCall) {
	w.begin('{')
	w.string("id", o.ID)
	w.flag("made", o.Made)
	w.string("tool", o.Tool)
	w.text("server", o.Server)
	w.text("digest", o.Digest)
	w.bytes("parts", o.Parts)
	w.text("agent_id", o.Agent)
	w.text("agent_type", o.Kind)
	w.text("turn", o.Turn)
	w.number("start", o.Start)
	w.flag("asked", o.Asked)
	w.process(o.Process)
	w.text("note", o.Note)
	w.name("event")
	w.memo(&o.Event)
	w.end('}')
}

func (w *objectWriter) closed(o *closedCall) {
	w.begin('{')
	w.string("id", o.ID)
	w.string("tool", o.Tool)
	w.text("digest", o.Digest)
	w.flag("asked", o.Asked)
	w.flag("guessed", o.Guessed)
	w.end('}')
}

func (w *objectWriter) memo(m *memo) {
	w.begin('{')
	w.string("type", string(m.Type))
	w.text("model", m.Model)
	w.text("command", m.Command)
	if len(m.Arguments) > 0 {
		w.name("arguments")
		w.b = append(w.b, m.Arguments...)
	}
	w.text("resource", m.Resource)
	w.text("cwd", m.Cwd)
	w.text("claim", string(m.Claim))
	w.text("risk", string(m.Risk))
	w.texts("reasons", m.Reasons)
	if len(m.Labels) > 0 {
		w.name("labels")
		w.begin('{')
		for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
			w.string(name, m.Labels[name])
		}
		w.end('}')
	}
	w.end('}')
}

// readSession returns the session that a file holds, and whether it holds one.
func readSession(content []byte) (*session, bool) {
	r := objectReader{}
	o := r.object(content)
	r.sum(o, content)
	s := &session{
		Version: int(r.number(o, "v")), ID: r.text(o, "id"), Agent: r.text(o, "agent"), Host: r.text(o, "host"), Parent: r.text(o, "parent"),
		Seen: r.number(o, "seen"), Ended: r.flag(o, "ended"), Process: r.process(o),
		Keys: r.bytes(o, "keys"), Notes: r.bytes(o, "notes"),
		Agents: r.texts(o, "agents"), Tools: r.flag(o, "tools"), Guards: r.texts(o, "guards"),
		Midway: r.flag(o, "midway"),
	}
	for _, raw := range r.list(o, "open") {
		if len(s.Open) < maxOpen {
			s.Open = append(s.Open, r.open(raw))
		}
	}
	for _, raw := range r.list(o, "closed") {
		c := r.object(raw)
		s.Closed = append(s.Closed, closedCall{
			ID: r.text(c, "id"), Tool: r.text(c, "tool"), Digest: r.text(c, "digest"), Asked: r.flag(c, "asked"), Guessed: r.flag(c, "guessed"),
		})
	}
	return s, !r.bad
}

// sum checks the checksum of what a file holds, which older etches wrote without one.
func (r *objectReader) sum(o Payload, content []byte) {
	if raw := o.Get(sumName); raw != nil {
		summed := content[:max(0, bytes.LastIndex(content, []byte(`,"`+sumName+`":`)))]
		r.bad = r.bad || r.integer(raw) != int64(crc32.ChecksumIEEE(summed))
	}
}

// An objectReader reads what objectWriter wrote. Members that are missing have no
// value.
type objectReader struct {
	bad bool // something is of another form
}

func (r *objectReader) object(raw []byte) Payload {
	if len(raw) == 0 || raw[0] != '{' {
		r.bad = true
		return Payload{}
	}
	p, ok := ParsePayload(raw)
	r.bad = r.bad || !ok
	return p
}

func (r *objectReader) list(p Payload, name string) []json.RawMessage {
	raw := p.Get(name)
	r.bad = r.bad || raw != nil && raw[0] != '['
	return Elements(raw)
}

func (r *objectReader) text(p Payload, name string) string {
	raw := p.Get(name)
	if raw == nil {
		return ""
	}
	return r.string(raw)
}

func (r *objectReader) string(raw json.RawMessage) string {
	text, ok := Text(raw)
	r.bad = r.bad || !ok
	return text
}

func (r *objectReader) texts(p Payload, name string) []string {
	var out []string
	for _, raw := range r.list(p, name) {
		out = append(out, r.string(raw))
	}
	return out
}

func (r *objectReader) number(p Payload, name string) int64 {
	raw := p.Get(name)
	if raw == nil {
		return 0
	}
	return r.integer(raw)
}

func (r *objectReader) integer(raw json.RawMessage) int64 {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	r.bad = r.bad || err != nil
	return n
}

func (r *objectReader) flag(p Payload, name string) bool {
	raw := string(p.Get(name))
	r.bad = r.bad || raw != "" && raw != "true" && raw != "false"
	return raw == "true"
}

func (r *objectReader) bytes(p Payload, name string) []byte {
	text := r.text(p, name)
	if text == "" {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	r.bad = r.bad || err != nil
	return b
}

func (r *objectReader) process(p Payload) process {
	raw := p.Get("process")
	if raw == nil {
		return process{}
	}
	o := r.object(raw)
	made := process{ID: int(r.number(o, "i"))}
	if raw := o.Get("s"); raw != nil {
		n, err := strconv.ParseUint(string(raw), 10, 64)
		r.bad = r.bad || err != nil
		made.Start = n
	}
	return made
}

func (r *objectReader) open(raw []byte) openCall {
	o := r.object(raw)
	return openCall{
		ID: r.text(o, "id"), Made: r.flag(o, "made"), Tool: r.text(o, "tool"), Server: r.text(o, "server"),
		Digest: r.text(o, "digest"), Parts: r.bytes(o, "parts"), Agent: r.text(o, "agent_id"), Kind: r.text(o, "agent_type"),
		Turn: r.text(o, "turn"), Start: r.number(o, "start"), Asked: r.flag(o, "asked"), Process: r.process(o),
		Note: r.text(o, "note"), Event: r.memo(o.Get("event")),
	}
}

func (r *objectReader) memo(raw []byte) memo {
	if raw == nil {
		return memo{}
	}
	o := r.object(raw)
	m := memo{
		Type: etch.EventType(r.text(o, "type")), Model: r.text(o, "model"), Command: r.text(o, "command"), Arguments: o.Get("arguments"),
		Resource: r.text(o, "resource"), Cwd: r.text(o, "cwd"), Claim: etch.ClaimSource(r.text(o, "claim")),
		Risk: etch.Risk(r.text(o, "risk")), Reasons: r.texts(o, "reasons"),
	}
	r.bad = r.bad || m.Arguments != nil && !json.Valid(m.Arguments)
	if raw := o.Get("labels"); raw != nil {
		labels := r.object(raw)
		m.Labels = make(map[string]string, labels.Len())
		for _, l := range labels.members {
			m.Labels[l.name] = r.string(l.value)
		}
	}
	return m
}
