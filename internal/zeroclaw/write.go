package zeroclaw

import "strconv"

// AppendLine appends the line, without its line feed, as ZeroClaw writes it. The
// time is Timestamp where that is not empty, else Time rendered. Members that are
// not of the schema have no place in it.
func (r *Record) AppendLine(dst []byte) []byte {
	timestamp := r.Timestamp
	if timestamp == "" {
		timestamp = FormatTime(r.Time)
	}
	dst = appendText(dst, `{"timestamp":`, timestamp)
	dst = appendText(dst, `,"event_id":`, r.EventID)
	dst = appendText(dst, `,"event_type":`, r.EventType)
	dst = r.Actor.append(append(dst, `,"actor":`...))
	dst = r.Action.append(append(dst, `,"action":`...))
	dst = r.Result.append(append(dst, `,"result":`...))
	dst = r.Security.append(append(dst, `,"security":`...))
	if r.AgentAlias != nil {
		dst = appendText(dst, `,"agent_alias":`, *r.AgentAlias)
	}
	if r.Chained() {
		dst = strconv.AppendUint(append(dst, `,"sequence":`...), r.Sequence, 10)
		dst = appendText(dst, `,"prev_hash":`, r.PrevHash)
		dst = appendText(dst, `,"entry_hash":`, r.EntryHash)
	}
	if r.Signature != nil {
		dst = appendText(dst, `,"signature":`, *r.Signature)
	}
	return append(dst, '}')
}

// appendContent appends what is hashed: the names in the order of their bytes.
func (r *Record) appendContent(dst []byte, timestamp string) []byte {
	dst = r.Action.appendSorted(append(dst, `{"action":`...))
	dst = r.Actor.append(append(dst, `,"actor":`...)) // its own order is sorted
	dst = appendText(dst, `,"event_id":`, r.EventID)
	dst = appendText(dst, `,"event_type":`, r.EventType)
	dst = r.Result.appendSorted(append(dst, `,"result":`...))
	dst = r.Security.append(append(dst, `,"security":`...)) // so is this one
	dst = strconv.AppendUint(append(dst, `,"sequence":`...), r.Sequence, 10)
	dst = appendText(dst, `,"timestamp":`, timestamp)
	return append(dst, '}')
}

func (a *Actor) append(dst []byte) []byte {
	if a == nil {
		return append(dst, `null`...)
	}
	dst = appendText(dst, `{"channel":`, a.Channel)
	dst = appendNullable(dst, `,"user_id":`, a.UserID)
	dst = appendNullable(dst, `,"username":`, a.Username)
	return append(dst, '}')
}

func (a *Action) append(dst []byte) []byte {
	if a == nil {
		return append(dst, `null`...)
	}
	dst = appendNullable(dst, `{"command":`, a.Command)
	dst = appendNullable(dst, `,"risk_level":`, a.RiskLevel)
	dst = strconv.AppendBool(append(dst, `,"approved":`...), a.Approved)
	dst = strconv.AppendBool(append(dst, `,"allowed":`...), a.Allowed)
	return append(dst, '}')
}

func (a *Action) appendSorted(dst []byte) []byte {
	if a == nil {
		return append(dst, `null`...)
	}
	dst = strconv.AppendBool(append(dst, `{"allowed":`...), a.Allowed)
	dst = strconv.AppendBool(append(dst, `,"approved":`...), a.Approved)
	dst = appendNullable(dst, `,"command":`, a.Command)
	dst = appendNullable(dst, `,"risk_level":`, a.RiskLevel)
	return append(dst, '}')
}

func (r *Result) append(dst []byte) []byte {
	if r == nil {
		return append(dst, `null`...)
	}
	dst = strconv.AppendBool(append(dst, `{"success":`...), r.Success)
	dst = r.appendCode(append(dst, `,"exit_code":`...))
	dst = r.appendDuration(append(dst, `,"duration_ms":`...))
	dst = appendNullable(dst, `,"error":`, r.Error)
	return append(dst, '}')
}

func (r *Result) appendSorted(dst []byte) []byte {
	if r == nil {
		return append(dst, `null`...)
	}
	dst = r.appendDuration(append(dst, `{"duration_ms":`...))
	dst = appendNullable(dst, `,"error":`, r.Error)
	dst = r.appendCode(append(dst, `,"exit_code":`...))
	dst = strconv.AppendBool(append(dst, `,"success":`...), r.Success)
	return append(dst, '}')
}

func (r *Result) appendCode(dst []byte) []byte {
	if r.ExitCode == nil {
		return append(dst, `null`...)
	}
	return strconv.AppendInt(dst, int64(*r.ExitCode), 10)
}

func (r *Result) appendDuration(dst []byte) []byte {
	if r.DurationMS == nil {
		return append(dst, `null`...)
	}
	return strconv.AppendUint(dst, *r.DurationMS, 10)
}

func (s *Security) append(dst []byte) []byte {
	dst = strconv.AppendBool(append(dst, `{"policy_violation":`...), s.PolicyViolation)
	dst = append(dst, `,"rate_limit_remaining":`...)
	if s.RateLimitRemaining == nil {
		dst = append(dst, `null`...)
	} else {
		dst = strconv.AppendUint(dst, uint64(*s.RateLimitRemaining), 10)
	}
	dst = appendNullable(dst, `,"sandbox_backend":`, s.SandboxBackend)
	return append(dst, '}')
}

func appendNullable(dst []byte, key string, s *string) []byte {
	if s == nil {
		return append(append(dst, key...), `null`...)
	}
	return appendText(dst, key, *s)
}

// appendText appends a key and a text with the escapes of ZeroClaw's JSON writer:
// quotation mark, backslash and what is below U+0020. Everything else stands raw,
// also what package encoding/json escapes.
func appendText(dst []byte, key, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(append(dst, key...), '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, digits[c>>4], digits[c&15])
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
