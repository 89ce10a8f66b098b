package danger

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/risk"
)

// Servers of MCP take their arguments as their own code has them: as members of a
// member, or of each element of a list. Some take JSON in a text for what it says, so
// that {"command":"[\"rm\",\"-rf\",\"/\"]"} is the list of its words.

// judgeWithin judges the commands that stand deeper in the arguments of an MCP tool than
// judgeCommand looks; ok is whether there are any.
func judgeWithin(a *etch.Action) (judged risk.Assessment, ok bool) {
	if a.ClaimSource != etch.ClaimMCP || !mayNameCommand(a.Arguments) {
		return judged, false
	}
	s := search{left: mostRead * len(a.Arguments)}
	s.read(a.Arguments, true)
	for _, command := range s.commands {
		if one := risk.Command(command); !ok || one.Level > judged.Level {
			judged, ok = one, true
		}
	}
	if s.unread && (!ok || judged.Level < risk.High) {
		return unreadCommand(judged), true
	}
	return judged, ok
}

// mayNameCommand reports whether a member of arguments may have one of commandMembers.
func mayNameCommand(arguments []byte) bool {
	lower := bytes.ToLower(arguments)
	return bytes.Contains(lower, []byte("command")) || bytes.Contains(lower, []byte("cmd")) || bytes.Contains(lower, []byte(`\u`))
}

// mostRead bounds how much is read, in parts of the arguments: of texts within texts, and
// commands within commands, each is read once more.
const mostRead = 8

// A search finds commands at any depth.
type search struct {
	commands []string
	unread   bool // there is more to read than may be, or a command is followed by what is no words
	left     int  // bytes that may still be read
}

// read looks at a value. The outermost object's own members are judged elsewhere.
func (s *search) read(value []byte, outermost bool) {
	if s.left -= len(value); s.left < 0 {
		s.unread = true
		return
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()             // of any size
	_ = s.value(d, outermost) // what is no JSON is nobody's command
}

func (s *search) value(d *json.Decoder, outermost bool) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case string:
		s.text(t)
	case json.Delim:
		if t == '{' {
			return s.object(d, outermost)
		}
		for d.More() {
			if err := s.value(d, false); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

// text looks at the JSON in a text.
func (s *search) text(text string) {
	text = strings.TrimFunc(text, unicode.IsSpace)
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		s.read([]byte(text), false)
	}
}

// object looks at the members of an object.
func (s *search) object(d *json.Decoder, outermost bool) error {
	var heads, listed []string // commands, and those of them that are lists in texts
	var rest following
	var err error
	for err == nil && d.More() {
		var token json.Token
		if token, err = d.Token(); err != nil {
			break
		}
		name, _ := token.(string)
		isCommand := named(name, commandMembers)
		if !isCommand && !named(name, argumentMembers) {
			err = s.value(d, false)
			continue
		}
		var value json.RawMessage
		if err = d.Decode(&value); err != nil {
			break
		}
		if !isCommand {
			rest.add(value)
			rest.addListed(value)
		} else if words, _ := wordsIn(value); words != "" {
			heads = append(heads, words)
			if words := wordsInText(value); words != "" {
				listed = append(listed, words)
			}
		}
		s.read(value, false)
	}
	if err == nil {
		_, err = d.Token()
	}
	for _, head := range heads {
		if rest.listed.Len() > 0 {
			s.commands = append(s.commands, head+rest.listed.String())
		}
		if !outermost {
			s.commands = append(s.commands, rest.behind(head)...)
		}
	}
	for _, head := range listed {
		s.commands = append(append(s.commands, rest.behind(head)...), head+rest.listed.String())
	}
	s.unread = s.unread || rest.unread && len(heads) > 0 && !outermost
	return err
}

// wordsInText returns the words of a text that is a list in JSON, "" where it is none.
func wordsInText(value json.RawMessage) string {
	var text string
	var list json.RawMessage
	if json.Unmarshal(value, &text) != nil || json.Unmarshal([]byte(text), &list) != nil || list[0] != '[' {
		return ""
	}
	words, _ := wordsIn(list)
	return words
}
