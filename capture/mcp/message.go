package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A message is what is known of one JSON-RPC message.
type message struct {
	size      int64 // in bytes
	sum       [sha256.Size]byte
	batch     bool     // it is an element of one
	lines     int      // over how many lines it is written, where a message is one: 0 is one
	broken    bool     // it is not JSON, or its end did not come
	ambiguous bool     // a member is given twice, or in other letters: readers differ in which counts
	garbled   bool     // it is not UTF-8: readers differ in what stands there, and whether it is a message
	halved    bool     // half of a surrogate pair is in it: readers differ in what that says
	cutOff    bool     // the stream has ended within its event: readers differ in whether it is one
	refused   *refusal // why it is not passed on; nil: it is
	values    [slots]value
}

// brokenIn returns what bytes are that hold no message.
func brokenIn(data []byte) *message {
	return &message{broken: true, size: int64(len(data)), sum: sha256.Sum256(data)}
}

func (m *message) has(s slot) bool    { return m.values[s].given }
func (m *message) text(s slot) string { return m.values[s].text() }
func (m *message) method() string     { return m.text(slotMethod) }

// isTrue reports whether a member is true.
func (m *message) isTrue(s slot) bool { return string(m.values[s].kept) == "true" }

// key returns what an id is known by, which is the same for the ways in which a
// number can be written: 7, 7.0, 70e-1.
func (v *value) key() string {
	if v.whole() && len(v.kept) > slotID.keeps() { // a key lasts as long as its call
		sum := sha256.Sum256(v.kept)
		return "sha256 " + hex.EncodeToString(sum[:])
	}
	if !v.whole() {
		return "sha256 " + hex.EncodeToString(v.sum[:])
	}
	raw := string(v.kept)
	if raw != "" && raw[0] == '"' {
		return `"` + v.text()
	}
	const exact = 1 << 53
	if f, err := strconv.ParseFloat(raw, 64); err == nil && f == float64(int64(f)) && -exact <= f && f <= exact {
		return strconv.FormatInt(int64(f), 10)
	}
	return raw
}

// object decodes a small object of a message. What cannot be decoded is as if it
// were not there.
func (m *message) object(s slot) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if v := &m.values[s]; !v.whole() || json.Unmarshal(v.kept, &members) != nil {
		return nil
	}
	return members
}

// textIn returns what the string of a member says, "" where it is none.
func textIn(members map[string]json.RawMessage, name string) string {
	var s string
	if json.Unmarshal(members[name], &s) != nil {
		return ""
	}
	return s
}

// traceOf returns the trace id of a message: that of the traceparent in its
// _meta (W3C Trace Context, section 3.2.2.3).
func (m *message) traceOf() string {
	return traceID(textIn(m.object(slotMeta), "traceparent"))
}

// traceID returns the trace id of a traceparent, "" where it is none.
func traceID(parent string) string {
	parts := strings.Split(parent, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || len(parts[1]) != 32 {
		return ""
	}
	if _, err := hex.DecodeString(parts[1]); err != nil || strings.Trim(parts[1], "0") == "" {
		return ""
	}
	return strings.Clone(parts[1]) // of a text that may be long
}

// longestMessage bounds the texts of others that are recorded as they are:
// names, reasons, the first line of an error.
const longestMessage = 240

// short returns the first line of a text, at most longestMessage bytes.
func short(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return strings.Clone(cut(strings.TrimSpace(text), longestMessage)) // the text may be long
}

// cut returns the beginning of a text, at most n bytes, at a character. It keeps
// nothing of the rest.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.Clone(text[:n])
}

// appendDigest appends the object that stands for bytes which are not recorded.
func appendDigest(dst []byte, size int64, sum []byte) []byte {
	dst = append(dst, `{"bytes":`...)
	dst = strconv.AppendInt(dst, size, 10)
	dst = append(dst, `,"sha256":"`...)
	dst = hex.AppendEncode(dst, sum)
	return append(dst, `"}`...)
}
