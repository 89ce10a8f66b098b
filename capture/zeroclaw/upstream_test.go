package zeroclaw_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
	"unicode/utf8"
)

// This file is ZeroClaw's verify_chain once more, from the description of the
// algorithm and with nothing of this project's own code: generic JSON values,
// maps that are sorted, and an encoder of its own. What it answers is compared with
// what upstream is known to answer, and what the importer says with both.

// verifyChain returns "ok N", or how upstream's error begins.
func verifyChain(text, key []byte) string {
	prev, next := strings.Repeat("0", 64), uint64(0)
	lines := bytes.Split(text, []byte("\n"))
	if last := len(lines) - 1; len(lines[last]) == 0 {
		lines = lines[:last]
	}
	for i, line := range lines {
		n := i + 1
		if !utf8.Valid(line) {
			return fmt.Sprintf("invalid UTF-8 at line %d", n)
		}
		if strings.TrimSpace(string(line)) == "" {
			continue
		}
		e, err := upstreamEntry(line)
		if err != nil {
			return fmt.Sprintf("JSON error at line %d", n)
		}
		switch {
		case e.sequence != next && e.chained:
			return fmt.Sprintf("sequence gap at line %d: expected %d, got %d", n, next, e.sequence)
		case e.sequence != next:
			return fmt.Sprintf("sequence gap at line %d: expected %d, got %d", n, next, e.sequence)
		case e.prev != prev:
			return fmt.Sprintf("prev_hash mismatch at line %d (sequence %d)", n, next)
		case e.entry != e.hash():
			return fmt.Sprintf("entry_hash mismatch at line %d (sequence %d)", n, next)
		}
		if key != nil && e.signature != nil {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(e.entry))
			if hex.EncodeToString(mac.Sum(nil)) != *e.signature {
				return fmt.Sprintf("signature verification failed at line %d (sequence %d): signature mismatch", n, next)
			}
		}
		prev, next = e.entry, next+1
	}
	return fmt.Sprintf("ok %d", next)
}

type upstreamLine struct {
	content     map[string]any
	sequence    uint64
	prev, entry string
	signature   *string
	chained     bool
}

// upstreamEntry reads a line into the members that are hashed.
func upstreamEntry(line []byte) (*upstreamLine, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("trailing text")
	}
	shape := map[string][]string{
		"actor":    {"!channel", "user_id", "username"},
		"action":   {"command", "risk_level", "!approved", "!allowed"},
		"result":   {"!success", "exit_code", "duration_ms", "error"},
		"security": {"!policy_violation", "rate_limit_remaining", "sandbox_backend"},
	}
	e := &upstreamLine{content: map[string]any{}}
	for _, name := range []string{"event_id", "event_type", "timestamp"} {
		text, ok := all[name].(string)
		if !ok {
			return nil, errors.New("no " + name)
		}
		e.content[name] = text
	}
	t, err := time.Parse(time.RFC3339Nano, e.content["timestamp"].(string))
	if err != nil {
		return nil, err
	}
	e.content["timestamp"] = chrono(t)
	for name, members := range shape {
		object, ok := all[name].(map[string]any)
		if !ok {
			if name == "security" || all[name] != nil {
				return nil, errors.New("no " + name)
			}
			e.content[name] = nil
			continue
		}
		kept := map[string]any{}
		for _, member := range members {
			member, need := strings.CutPrefix(member, "!")
			if need && object[member] == nil {
				return nil, errors.New("no " + member)
			}
			kept[member] = object[member]
		}
		e.content[name] = kept
	}
	if n, ok := all["sequence"].(json.Number); ok {
		e.chained = true
		if _, err := fmt.Sscan(n.String(), &e.sequence); err != nil {
			return nil, err
		}
	}
	e.content["sequence"] = json.Number(fmt.Sprint(e.sequence))
	e.prev, _ = all["prev_hash"].(string)
	e.entry, _ = all["entry_hash"].(string)
	if s, ok := all["signature"].(string); ok {
		e.signature = &s
	}
	return e, nil
}

func (e *upstreamLine) hash() string {
	var b strings.Builder
	b.WriteString(e.prev)
	writeSorted(&b, e.content)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

func writeSorted(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		for i, name := range names {
			b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
			writeSorted(b, name)
			b.WriteByte(':')
			writeSorted(b, v[name])
		}
		b.WriteByte('}')
	case string:
		b.WriteByte('"')
		for _, c := range v {
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteRune(c)
			case strings.ContainsRune("\b\f\n\r\t", c):
				b.WriteByte('\\')
				b.WriteByte("btn fr"[c-'\b'])
			case c < ' ':
				fmt.Fprintf(b, `\u%04x`, c)
			default:
				b.WriteRune(c)
			}
		}
		b.WriteByte('"')
	default:
		fmt.Fprint(b, map[bool]any{true: "null", false: v}[v == nil])
	}
}

// chrono renders a time with the fewest of 0, 3, 6 or 9 digits.
func chrono(t time.Time) string {
	t = t.UTC()
	text, ns := t.Format("2006-01-02T15:04:05"), fmt.Sprintf("%09d", t.Nanosecond())
	for strings.HasSuffix(ns, "000") {
		ns = strings.TrimSuffix(ns, "000")
	}
	if ns != "" {
		text += "." + ns
	}
	return text + "Z"
}
