package etch

import (
	"encoding/json"
	"slices"
	"strings"
)

// maxArgumentLevels is how deep a stored JSON value may be nested. Part of the
// format: readers have limits of their own, and this one is below them.
const maxArgumentLevels = 64

// arguments writes a JSON value of the caller. A value that is strictly valid
// (see scanner) stands in the line as it is, without the white space between
// its tokens; numbers and strings keep their spelling. Any other bytes are
// stored as a text, and "arguments_raw":true says so.
func (b *body) arguments(dst []byte, args json.RawMessage) []byte {
	if b.wire {
		return b.wireArguments(dst, args)
	}
	if len(args) == 0 {
		return dst
	}
	raw := b.rawArguments
	if !b.isCut("arguments") {
		spaced, err := checkArguments(args)
		if err == nil {
			return b.embed(dst, args, spaced)
		}
		raw = true
	}
	dst = b.text(dst, `"arguments":"`, string(args))
	if raw {
		dst = appendMark(dst, "arguments", "_raw")
	}
	return dst
}

// checkArguments returns nil where args is one strictly valid JSON value, and
// whether white space stands between its tokens.
func checkArguments(args []byte) (spaced bool, err error) {
	s := scanner{data: args, levels: maxArgumentLevels}
	if err := s.value(); err != nil {
		return false, err
	}
	return s.spaced || s.pos < len(args), s.end()
}

// embed writes the member arguments with a valid value.
func (b *body) embed(dst []byte, args []byte, spaced bool) []byte {
	dst = append(dst, `"arguments":`...)
	if spaced {
		dst = appendCompact(dst, args, b.end)
	} else if len(dst)+len(args) <= b.end {
		dst = append(dst, args...)
	} else {
		b.over = true
	}
	b.over = b.over || len(dst) > b.end
	return append(dst, ',')
}

// appendCompact appends a valid JSON value without the white space between its
// tokens. It may stop once dst is longer than end.
func appendCompact(dst, value []byte, end int) []byte {
	for i := 0; i < len(value) && len(dst) <= end; {
		switch value[i] {
		case ' ', '\t', '\n', '\r':
			i++
		case '"':
			n := stringLen(value[i:])
			dst = append(dst, value[i:i+n]...)
			i += n
		default:
			dst = append(dst, value[i])
			i++
		}
	}
	return dst
}

// stringLen returns the length of the valid JSON string that s begins with.
func stringLen(s []byte) int {
	for i := 1; ; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// reasons writes the reasons of the risk level.
func (b *body) reasons(dst []byte, reasons []string) []byte {
	if len(reasons) == 0 && !b.isCut("risk_reasons") {
		return dst
	}
	start := len(dst)
	dst, ok := b.reasonList(dst, reasons, false)
	if !ok {
		dst, _ = b.reasonList(dst[:start], reasons, true)
		dst = appendMark(dst, "risk_reasons", "_escaped")
	}
	return b.cutMarks(dst, "risk_reasons")
}

// reasonList writes the member risk_reasons in one of the two ways of storing
// texts. It stops and reports false where that does not do.
func (b *body) reasonList(dst []byte, reasons []string, escaped bool) ([]byte, bool) {
	dst = append(dst, `"risk_reasons":[`...)
	for i, s := range reasons {
		if len(dst)+len(s) > b.end {
			b.over = true
			break
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = appendQuoted(dst, s, escaped); !ok {
			return dst, false
		}
	}
	return append(dst, `],`...), true
}

// A label is one entry of the labels.
type label struct{ name, value string }

// labels writes the labels in the order of their names' bytes.
func (b *body) labels(dst []byte, labels map[string]string) []byte {
	if len(labels) == 0 && !b.isCut("labels") {
		return dst
	}
	var few [16]label
	list := few[:0]
	if len(labels) > len(few) {
		list = make([]label, 0, len(labels))
	}
	for name, value := range labels {
		list = append(list, label{name, value})
	}
	slices.SortFunc(list, func(a, b label) int { return strings.Compare(a.name, b.name) })
	start := len(dst)
	dst, ok := b.labelList(dst, list, false)
	if !ok {
		dst, _ = b.labelList(dst[:start], list, true)
		dst = appendMark(dst, "labels", "_escaped")
	}
	return b.cutMarks(dst, "labels")
}

// labelList is to labels what reasonList is to reasons.
func (b *body) labelList(dst []byte, labels []label, escaped bool) ([]byte, bool) {
	dst = append(dst, `"labels":{`...)
	for i, l := range labels {
		if len(dst)+len(l.name)+len(l.value) > b.end {
			b.over = true
			break
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = appendQuoted(dst, l.name, escaped); !ok {
			return dst, false
		}
		dst = append(dst, ':')
		if dst, ok = appendQuoted(dst, l.value, escaped); !ok {
			return dst, false
		}
	}
	return append(dst, `},`...), true
}

// appendQuoted appends a text with its quotation marks. Where it cannot be
// stored unescaped it reports false.
func appendQuoted(dst []byte, s string, escaped bool) ([]byte, bool) {
	dst = append(dst, '"')
	ok := true
	if escaped {
		dst = appendEscaped(dst, s)
	} else {
		dst, ok = appendString(dst, s)
	}
	return append(dst, '"'), ok
}
