package journal

import (
	"bytes"
	"strconv"

	"github.com/etch-audit/etch/internal/control"
)

// readOpened reads a log_opened line that is written exactly as this program writes
// one, without the tables that encoding/json first makes of a type: every hook reads
// such a line, and no other. It reports false of any other line, right or wrong.
func readOpened(line []byte) (head control.OpenedLog, ok bool) {
	r := openedReader{rest: line}
	r.number(`{"seq":`, 64)
	r.text(`,"timestamp":`)
	r.past(`,"event_type":"` + control.Opened + `"`)
	head.Version = int(r.number(`,"log":{"version":`, 31))
	head.Origin = r.text(`,"origin":`)
	head.Segment = uint32(r.number(`,"segment":`, 32))
	head.Size = r.number(`,"size":`, 64)
	head.Frontier = r.texts(`,"frontier":`)
	head.SignEvents = r.flag(`,"sign_events":`)
	head.SealRecords = uint32(r.number(`,"seal_records":`, 32))
	head.IdentityKey = r.text(`,"identity_key":`)
	head.Epoch = r.number(`,"epoch":`, 64)
	head.EpochKey = r.text(`,"epoch_key":`)
	head.Writer = r.text(`,"writer":`)
	r.past(`}`)
	if bytes.HasPrefix(r.rest, []byte(`,"signature":`)) {
		r.text(`,"signature":`)
	}
	if r.bad || string(r.rest) != "}" {
		return control.OpenedLog{}, false
	}
	return head, true
}

// An openedReader reads members from a line, each behind its name, until one is
// not as expected.
type openedReader struct {
	rest []byte
	bad  bool
}

// past goes on behind a text.
func (r *openedReader) past(text string) {
	if rest, ok := bytes.CutPrefix(r.rest, []byte(text)); ok {
		r.rest = rest
		return
	}
	r.bad = true
}

// number reads a number of so many bits.
func (r *openedReader) number(name string, bits int) uint64 {
	r.past(name)
	n := 0
	for n < len(r.rest) && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	value, err := strconv.ParseUint(string(r.rest[:n]), 10, bits)
	if err != nil || n > 1 && r.rest[0] == '0' { // which is no JSON
		r.bad = true
	}
	r.rest = r.rest[n:]
	return value
}

// text reads a string of printable ASCII that nothing in is escaped.
func (r *openedReader) text(name string) string {
	r.past(name + `"`)
	for n, c := range r.rest {
		if c == '"' {
			value := string(r.rest[:n])
			r.rest = r.rest[n+1:]
			return value
		}
		if c < ' ' || c > '~' || c == '\\' {
			break
		}
	}
	r.bad = true
	return ""
}

// texts reads an array of strings.
func (r *openedReader) texts(name string) []string {
	r.past(name + `[`)
	list := []string{}
	for before := ""; !r.bad && !bytes.HasPrefix(r.rest, []byte(`]`)); before = `,` {
		list = append(list, r.text(before))
	}
	r.past(`]`)
	return list
}

// flag reads true or false.
func (r *openedReader) flag(name string) bool {
	r.past(name)
	if rest, ok := bytes.CutPrefix(r.rest, []byte(`true`)); ok {
		r.rest = rest
		return true
	}
	r.past(`false`)
	return false
}
