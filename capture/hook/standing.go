package hook

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/hookform"
)

// A standing is how this program's hooks stand in a settings file.
type standing struct {
	events int      // at which one is run, and waited for
	idle   []string // at which there is one that is not; the names, in order
	sum    string   // of all of them, however the file is laid out; "" where there is none
	unread string   // why the agent leaves out the file as it stands, and what is in it; "" where it reads it
}

// standing returns how the agent's hooks stand in a file. They count by what starts
// them: a command line that stands anywhere else starts nothing.
func (a *Agent) standing(name string, content []byte) standing {
	if filepath.Ext(name) == ".js" { // a plugin, which is this program's as a whole
		if text := string(content); strings.Contains(text, `"hook","`+a.Name+`"`) || strings.Contains(text, `etch-hook","`+a.Name+`"`) {
			return standing{events: 1, sum: keyOf(text).text()}
		}
		return standing{}
	}
	var s standing
	var parts []string
	p, read := a.settingsOf(content)
	if !read {
		return standing{unread: notRead}
	}
	if why := a.misfit(name, p); why != "" {
		return standing{unread: notRead + ": " + why}
	}
	for _, root := range [...]string{"hooks", "etch"} { // Antigravity has the name of the hooks around the events
		list, _ := p.Object(root)
		for _, event := range list.members {
			found, runs := a.hooksAt(event.value)
			if len(found) == 0 {
				continue
			}
			if runs {
				s.events++
			} else {
				s.idle = append(s.idle, cutText(event.name, maxMessage))
			}
			slices.Sort(found)
			parts = append(parts, event.name+" "+strings.Join(found, " "))
		}
	}
	if len(parts) > 0 {
		slices.Sort(parts)
		slices.Sort(s.idle)
		s.sum = keyOf(parts...).text()
	}
	return s
}

// hooksAt returns this program's hooks in the list of an event, each with what its group
// says besides hooks, in a form that does not depend on how the file is laid out; and whether
// any of them is run as it was installed.
func (a *Agent) hooksAt(list []byte) (found []string, runs bool) {
	for _, element := range Elements(list) {
		group, _ := ParsePayload(element)
		handlers, rest := []rawHook{{group, element}}, ""
		if inner := group.Get("hooks"); inner != nil {
			handlers = handlers[:0]
			for _, e := range Elements(inner) {
				p, _ := ParsePayload(e)
				handlers = append(handlers, rawHook{p, e})
			}
			rest = groupText(group)
		}
		for _, h := range handlers {
			ours, plain := a.starts(h.Payload)
			if !ours {
				continue
			}
			found = append(found, rest+string(appendCanonical(nil, h.raw, 0)))
			runs = runs || plain && !idle(group) && !idle(h.Payload)
		}
	}
	return found, runs
}

// disables reports whether a list of hooks that are switched off has one of those of
// this program that stand in a settings file.
func (a *Agent) disables(list, content []byte) bool {
	p, _ := a.settingsOf(content)
	events, _ := p.Object("hooks")
	for _, event := range events.members {
		for _, element := range Elements(event.value) {
			group, _ := ParsePayload(element)
			for _, e := range append(Elements(group.Get("hooks")), element) {
				h, _ := ParsePayload(e)
				if ours, _ := a.starts(h); ours && hookform.Disables(list, h.Get("name"), h.Get("command")) {
					return true
				}
			}
		}
	}
	return false
}

// A rawHook is a hook in a settings file.
type rawHook struct {
	Payload
	raw []byte
}

// groupText returns what a group says besides its hooks. A matcher that lets every tool
// through says nothing.
func groupText(group Payload) string {
	var rest Payload
	for _, m := range group.members {
		if m.name != "hooks" && !(m.name == "matcher" && hookform.Wide(m.value)) {
			rest.members = append(rest.members, m)
		}
	}
	slices.SortStableFunc(rest.members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	var text []byte
	for _, m := range rest.members {
		text = append(appendCanonical(append(appendQuoted(text, m.name), ':'), m.value, 0), ',')
	}
	return string(text)
}

// idle reports whether what a hook or its group says keeps it from being run.
func idle(p Payload) bool {
	return slices.ContainsFunc(p.members, func(m member) bool { return hookform.Judge(m.name, m.value) == hookform.Idle })
}

// starts reports whether a hook starts this program as one of the agent, and whether
// it does nothing else. Of several command lines the agent takes the one that fits its system.
func (a *Agent) starts(h Payload) (ours, plain bool) {
	if args := Elements(h.Get("args")); args != nil {
		words := []string{h.Text("command")}
		for _, e := range args {
			word, _ := Text(e)
			words = append(words, word)
		}
		ours = a.startedBy(words)
		return ours, ours
	}
	plain = true
	for _, name := range [...]string{"command", "bash", "powershell"} {
		line := h.Text(name)
		if line == "" {
			continue
		}
		alone := a.startedAlone(line)
		ours = ours || alone || a.isHookCommand(line)
		plain = plain && alone
	}
	return ours, plain
}

// startedAlone reports whether a command line starts this program as a hook of the
// agent, and says no more to a shell.
func (a *Agent) startedAlone(line string) bool {
	for _, windows := range [...]bool{false, true} {
		if words, plain := hookform.Words(line, windows); plain && a.startedBy(words) {
			return true
		}
	}
	return false
}

// startedBy reports whether a program and its arguments are this one, as a hook of the agent.
func (a *Agent) startedBy(words []string) bool {
	switch {
	case len(words) > 1 && isHookWord(words[0]):
		return a.named(words[1])
	case len(words) > 2 && words[1] == "hook":
		return a.named(words[2])
	}
	return false
}

func (a *Agent) named(name string) bool { return name == a.Name || slices.Contains(a.Aliases, name) }

// isHookCommand reports whether a command line names this program as a hook of the
// agent, whatever else it says.
func (a *Agent) isHookCommand(line string) bool {
	words := strings.Fields(line)
	for i, word := range words {
		if isHookWord(word) && i+1 < len(words) && a.named(strings.Trim(words[i+1], `"'`)) {
			return true
		}
	}
	return false
}

// isHookWord reports whether what follows a word of a command line is an agent's name:
// the word hook, or the program that does nothing else.
func isHookWord(word string) bool {
	word = strings.Trim(word, `"'`)
	word = strings.TrimSuffix(word[strings.LastIndexAny(word, `/\`)+1:], ".exe")
	return word == "hook" || word == "etch-hook"
}

// notRead is what is said of a file that its agent leaves out.
const notRead = "the file with this program's hooks is not read any more as it stands"

// misfit returns what is wrong with the type of a member of a settings file, for which the
// agent leaves out the whole file; "" where nothing is.
func (a *Agent) misfit(file string, p Payload) string {
	if a.Misfit == nil {
		return ""
	}
	for _, m := range p.members {
		if member, wants := a.Misfit(file, m.name, m.value); member != "" {
			return cutText(member, maxMessage) + " is not " + wants
		}
	}
	return ""
}

// settingsOf returns the object of a settings file, and whether the agent reads it as
// it stands. Of one that it leaves out the object is what there is of it.
func (a *Agent) settingsOf(content []byte) (p Payload, read bool) {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	read = a.Comments || json.Valid(content)
	if bytes.Contains(content, []byte("//")) || bytes.Contains(content, []byte("/*")) {
		content = withoutComments(content)
	}
	p, whole := ParsePayload(content)
	return p, read && whole
}
