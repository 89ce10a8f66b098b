package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/etch-audit/etch/redact"
)

// canonicalDepth is how deep a value is put in order; what lies deeper stands
// as it was written. Inputs of tools are some four levels deep.
const canonicalDepth = 100

// appendCanonical appends a JSON value with its members sorted by name, without
// white space, its strings escaped in one way and its numbers as written. Of
// bytes that are no JSON value it appends the bytes.
func appendCanonical(dst []byte, raw json.RawMessage, depth int) []byte {
	if depth > canonicalDepth || len(raw) == 0 {
		return append(dst, raw...)
	}
	switch raw[0] {
	case '{':
		p, ok := ParsePayload(raw)
		if !ok {
			return append(dst, raw...)
		}
		slices.SortStableFunc(p.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
		dst = append(dst, '{')
		for i, m := range p.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, m.name)
			dst = append(dst, ':')
			dst = appendCanonical(dst, m.value, depth+1)
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for i, value := range Elements(raw) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendCanonical(dst, value, depth+1)
		}
		return append(dst, ']')
	case '"':
		if text, ok := Text(raw); ok {
			return appendQuoted(dst, text)
		}
	}
	return append(dst, raw...)
}

// appendQuoted appends a text as a JSON string.
func appendQuoted(dst []byte, text string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(dst, text[start:]...), '"')
}

// inputObject returns the input of a call as an object in place of the JSON
// string that some agents send, or else as it is.
func inputObject(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || raw[0] != '"' {
		return raw
	}
	text, ok := Text(raw)
	if !ok {
		return raw
	}
	trimmed := strings.TrimSpace(text)
	if _, ok := ParsePayload([]byte(trimmed)); !ok || !strings.HasPrefix(trimmed, "{") {
		return raw
	}
	return json.RawMessage(trimmed)
}

// InputDigest returns the SHA-256, in hexadecimal digits, of a call's input in
// its canonical form: members sorted by name, no white space, numbers as
// written, secrets masked (a digest of a short secret would tell it to whoever
// can guess), and an object where the agent sent one in a string. It is "" for
// no input. The label input_sha256 of every event of a call holds it, so that
// inputs can be compared that the log holds only in part.
func InputDigest(input json.RawMessage) string {
	input = inputObject(input)
	if len(input) == 0 {
		return ""
	}
	masked, _ := redact.JSON(appendCanonical(make([]byte, 0, len(input)), input, 0))
	return digest(masked)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// appendDigest appends what stands in place of a text that is not kept.
func appendDigest(dst []byte, text string) []byte {
	dst = append(dst, `{"bytes":`...)
	dst = strconv.AppendInt(dst, int64(len(text)), 10)
	dst = append(dst, `,"sha256":"`...)
	dst = append(dst, maskedDigest(text)...)
	return append(dst, `"}`...)
}

// maskedDigest returns the SHA-256 of a text with its secrets masked: that of
// the text itself where it holds none.
func maskedDigest(text string) string {
	masked, _ := redact.Text(text)
	return digest([]byte(masked))
}
