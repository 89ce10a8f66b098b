package verify

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// wellFormed reports whether a line is one JSON object as the format has it:
// valid UTF-8, and no member twice. A line that a MAC or a seal proves is as the
// log wrote it; of others this is all that can be asked, and readers ask it too.
func wellFormed(line []byte) bool {
	return utf8.Valid(line) && json.Valid(line) && namesOnce(json.NewDecoder(bytes.NewReader(line)))
}

// namesOnce reads a value of valid JSON, and reports whether no object in it has
// two members of one name.
func namesOnce(in *json.Decoder) bool {
	token, err := in.Token()
	open, nested := token.(json.Delim)
	if err != nil || !nested {
		return err == nil
	}
	seen := make(map[json.Token]bool)
	for in.More() {
		if open == '{' {
			name, err := in.Token()
			if err != nil || seen[name] {
				return false
			}
			seen[name] = true
		}
		if !namesOnce(in) {
			return false
		}
	}
	_, err = in.Token()
	return err == nil
}

// malformed remembers a line that nothing has proved yet and that is not well
// formed: a seal that follows may prove that the log wrote it so.
func (j *judge) malformed(seq uint64, offset int64) {
	if len(j.strange) < maxFaults {
		j.strange = append(j.strange, suspect{span{seq, seq + 1, offset}, j.segment})
	}
}

// tellMalformed reports the lines that no seal has proved.
func (j *judge) tellMalformed() {
	for _, s := range j.strange {
		f := at(Edited, s.from, s.offset, "the line is no JSON object as the log writes them, and no seal covers it")
		f.Segment, f.SegmentNumber = s.file.name, s.file.number
		j.fault(f)
	}
	j.strange = nil
}

// allWellFormed reports whether the lines of a segment in from ≤ offset < to
// are well formed.
func allWellFormed(src *source, from, to int64) (bool, error) {
	in := newLines(src.from(from), from)
	for in.offset < to {
		l, err := in.read()
		if l == nil || err != nil {
			return false, err
		}
		if !wellFormed(l.data) {
			return false, nil
		}
	}
	return true, nil
}
