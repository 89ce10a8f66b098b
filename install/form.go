package install

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/hookform"
	"github.com/etch-audit/etch/internal/settings"
)

// A form is how the hooks of this program stand in a file.
type form interface {
	// put returns the file with the hooks in it; before is nil where there is
	// none.
	put(before []byte, hook Hook) ([]byte, error)
	// take returns the file without them, and whether nothing is left that
	// anybody else could have put there. Was is the file before this program's
	// hooks came: empty where there was none, nil where that is not known.
	take(before, was []byte) (after []byte, empty bool, err error)
	// holds reports whether the file has any.
	holds(before []byte) bool
}

// hookFile is a file of JSON in which a member lists hooks by event.
type hookFile struct {
	agent   *Agent
	own     string // file name of the running program
	dialect settings.Dialect
	flat    bool // handlers stand in the event's list themselves, not in groups
	version bool // the file says "version": 1
	// misfits returns which member, that of the name or one inside, the agent leaves out the
	// whole file for, as its value is of another type, and what it wants there; nil is
	// a file of which no such member is known
	misfits func(name string, value []byte) (member, wants string)
	// variables: the agent puts those of the environment into every text
	variables bool
	root      string // the member that lists the events, below it by name
	handler   func(c command) handler
}

// A handler is one hook. Which members it has is the agent's business.
type handler struct {
	Type       string `json:"type,omitempty"`
	Name       string `json:"name,omitempty"`
	Command    string `json:"command,omitempty"`
	Bash       string `json:"bash,omitempty"`
	PowerShell string `json:"powershell,omitempty"`
	Timeout    int    `json:"timeout,omitempty"`
	TimeoutSec int    `json:"timeoutSec,omitempty"`
	OnFailure  string `json:"onFailure,omitempty"`
	ShowOutput *bool  `json:"show_output,omitempty"`
}

// An entry is a hook of this program in a file.
type entry struct {
	node  *settings.Node // the handler
	group *settings.Node // what it is an element of the event's list by: itself, where the file is flat
	event string         // the list that it stands in
	command
}

// member returns the text of a member of the hook, nil where it has none: of one that is given
// twice the last.
func (e entry) member(doc *settings.Document, name string) (text []byte) {
	for _, n := range e.node.Children() {
		if n.Name() == name {
			text = doc.Text(n)
		}
	}
	return text
}

// entries returns the hooks of this program in a document, in its order.
func (f hookFile) entries(doc *settings.Document) []entry {
	var found []entry
	list, err := doc.Member(f.root)
	if err != nil || list == nil || list.Kind() != settings.Object {
		return nil
	}
	for _, event := range list.Children() {
		for _, group := range event.Children() {
			if f.flat {
				found = f.collect(found, doc, event.Name(), group, group)
				continue
			}
			for _, member := range group.Children() {
				if member.Name() != "hooks" {
					continue
				}
				for _, n := range member.Children() {
					found = f.collect(found, doc, event.Name(), group, n)
				}
			}
		}
	}
	return found
}

func (f hookFile) collect(found []entry, doc *settings.Document, event string, group, n *settings.Node) []entry {
	if n.Kind() != settings.Object {
		return found
	}
	if c, ok := parse(f.words(doc, n), f.agent.names(), f.own); ok {
		found = append(found, entry{n, group, event, c})
	}
	return found
}

// words returns the command line of a handler.
func (f hookFile) words(doc *settings.Document, n *settings.Node) []string {
	object, ok := doc.Value(n).(map[string]any)
	if !ok {
		return nil
	}
	line := ""
	for _, name := range []string{"powershell", "bash", "command"} {
		if s, ok := object[name].(string); ok {
			line = s
		}
	}
	args, ok := object["args"].([]any)
	if !ok {
		words, _ := f.split(line)
		return words
	}
	words := []string{line}
	for _, arg := range args {
		s, _ := arg.(string)
		words = append(words, s)
	}
	return words
}

// split takes a command line apart, whichever system's it is, and reports whether a
// shell would make no more of it than these words.
func (f hookFile) split(line string) (words []string, plain bool) {
	if words, plain = hookform.Words(line, false); len(words) == 0 || !isBinary(words[0], f.own) {
		words, plain = hookform.Words(line, true)
	}
	return words, plain
}

// misfit returns the member of the settings for which the agent leaves out the whole file,
// and what is wrong with it; nil where there is none. Of one that is given twice the last
// counts.
func (f hookFile) misfit(doc *settings.Document) (n *settings.Node, why string) {
	if f.misfits == nil || doc.Root() == nil {
		return nil, ""
	}
	last := map[string]*settings.Node{}
	for _, member := range doc.Root().Children() {
		last[member.Name()] = member
	}
	for _, n := range doc.Root().Children() {
		if member, wants := f.misfits(n.Name(), doc.Text(n)); member != "" && last[n.Name()] == n {
			return n, fmt.Sprintf("%q is not %s", member, wants)
		}
	}
	return nil, ""
}

// open parses the file, and refuses one that the agent itself would not read.
func (f hookFile) open(before []byte) (*settings.Document, error) {
	doc, err := settings.Parse(before)
	if err != nil {
		return nil, err
	}
	if err := doc.Fits(f.dialect); err != nil {
		return nil, fmt.Errorf("%w: %w: %s takes none there", ErrUnread, err, f.agent.Title)
	}
	return doc, f.ambiguous(doc)
}

// ambiguous returns an error where it is not clear what the file says of the hooks: where
// something is given twice of which the agent takes one, the last mostly.
func (f hookFile) ambiguous(doc *settings.Document) error {
	list, err := doc.Member(f.root)
	if err == nil {
		err = doc.Distinct(list)
	}
	for _, e := range f.entries(doc) {
		for _, n := range [...]*settings.Node{e.group, e.node} {
			if err == nil {
				err = doc.Distinct(n)
			}
		}
	}
	return err
}

func (f hookFile) put(before []byte, hook Hook) ([]byte, error) {
	doc, err := f.open(before)
	if err != nil {
		return nil, err
	}
	if n, why := f.misfit(doc); n != nil {
		return nil, fmt.Errorf("%w: line %d: %s: %s leaves out the whole file", ErrUnread, doc.Line(n.Start()), why, f.agent.Title)
	}
	want := f.wanted(doc, hook)
	if doc, err = f.clean(doc, want); err != nil {
		return nil, err
	}
	if f.version {
		if n, err := doc.Member("version"); err != nil {
			return nil, err
		} else if n == nil {
			if doc, err = doc.Set([]byte("1"), "version"); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range want {
		if f.variables && bytes.ContainsRune(c.text, '$') {
			return nil, fmt.Errorf("%s would take the $ in %s for a variable: give paths without one", f.agent.Title, c.text)
		}
		if doc, err = f.putEvent(doc, c); err != nil {
			return nil, err
		}
	}
	return doc.Bytes(), f.spares(before, doc)
}

// wanted returns the commands of a hook, an event each. What it leaves open is
// as an earlier installation said.
func (f hookFile) wanted(doc *settings.Document, hook Hook) []wantedHook {
	var old command
	for _, e := range f.entries(doc) {
		old.log, old.config, old.guard = cmp.Or(old.log, e.log), cmp.Or(old.config, e.config), old.guard || e.guard
	}
	old.take(hook)
	if hook.Guard != nil {
		old.guard = *hook.Guard
	}
	var want []wantedHook
	for _, event := range f.agent.Events {
		c := old
		c.binary, c.agent, c.event = hook.Binary, f.agent.Name, event
		c.guard = old.guard && event == f.agent.guards
		h := f.handler(c)
		if hook.Block && event == f.agent.blocks {
			h.OnFailure = "block"
		}
		want = append(want, wantedHook{event, h.json()})
	}
	return want
}

// A wantedHook is what the list of an event shall have.
type wantedHook struct {
	event string
	text  []byte
}

// json writes a handler. It has nothing that JSON does not.
func (h handler) json() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(h); err != nil {
		panic("install: bad handler")
	}
	return bytes.TrimSpace(b.Bytes())
}

// clean removes the hooks of events that are not wanted, those whose group says more
// than an installation does, as a matcher that keeps them from some tools, and the
// second of two.
func (f hookFile) clean(doc *settings.Document, want []wantedHook) (*settings.Document, error) {
	seen := map[string]bool{}
	for {
		all := f.entries(doc)
		i := slices.IndexFunc(all, func(e entry) bool {
			wanted := slices.ContainsFunc(want, func(w wantedHook) bool { return w.event == e.event })
			return !wanted || f.group(doc, e).verdict != hookform.Fine
		})
		clear(seen)
		for j, e := range all {
			if i < 0 && seen[e.event] {
				i = j
			}
			seen[e.event] = true
		}
		if i < 0 {
			return doc, nil
		}
		var err error
		if doc, err = f.without(doc, all[i], nil); err != nil {
			return nil, err
		}
	}
}

// without removes one hook, its group where it is alone in it, and what else is empty
// then but for what stays.
func (f hookFile) without(doc *settings.Document, e entry, stays func(*settings.Node) bool) (*settings.Document, error) {
	if !f.flat && len(e.node.Parent().Children()) == 1 {
		return doc.Remove(e.group, stays)
	}
	return doc.Remove(e.node, stays)
}

// putEvent makes the hook of one event what it shall be.
func (f hookFile) putEvent(doc *settings.Document, want wantedHook) (*settings.Document, error) {
	for _, e := range f.entries(doc) {
		if e.event != want.event {
			continue
		}
		now, err := settings.Parse(want.text)
		if err != nil {
			return nil, err
		}
		if reflect.DeepEqual(now.Value(now.Root()), doc.Value(e.node)) {
			return doc, nil
		}
		return doc.Replace(e.node, want.text)
	}
	text := want.text
	if !f.flat {
		text = []byte(`{"hooks":[` + string(text) + `]}`)
	}
	return doc.Append(text, f.root, want.event)
}

func (f hookFile) take(before, was []byte) ([]byte, bool, error) {
	doc, err := settings.Parse(before)
	if err != nil {
		return nil, false, err
	}
	old, err := settings.Parse(was)
	if err != nil {
		old = &settings.Document{} // it had no hooks that anybody read
	}
	stays := func(n *settings.Node) bool { return f.lists(old, n) }
	for {
		all := f.entries(doc)
		if len(all) == 0 {
			break
		}
		if doc, err = f.without(doc, all[0], stays); err != nil {
			return nil, false, err
		}
	}
	empty := f.isEmpty(doc)
	if was != nil && !empty {
		if doc, err = f.unversioned(doc, old); err != nil {
			return nil, false, err
		}
	}
	return doc.Bytes(), empty, f.spares(before, doc)
}

// lists reports whether a document has, at a node's place, the object of events or the
// list of one of them. Such a one is somebody else's, though it be empty.
func (f hookFile) lists(doc *settings.Document, n *settings.Node) bool {
	var path []string
	for at := n; at.Parent() != nil; at = at.Parent() {
		path = append(path, at.Name())
	}
	slices.Reverse(path)
	if len(path) == 0 || len(path) > 2 || path[0] != f.root {
		return false
	}
	m, err := doc.Member(path...)
	return err == nil && m != nil
}

// unversioned returns a document without the version that an installation put into it,
// which old says: not where hooks are left that came after it.
func (f hookFile) unversioned(doc, old *settings.Document) (*settings.Document, error) {
	n, err := doc.Member("version")
	if !f.version || err != nil || n == nil || string(doc.Text(n)) != "1" {
		return doc, err
	}
	before, unread := old.Member("version")
	left, err := doc.Member(f.root)
	if err != nil || before != nil || unread != nil {
		return doc, err
	}
	if had, _ := old.Member(f.root); left != nil && had == nil { // it is an object, or has nothing
		return doc, nil
	}
	return doc.Remove(n, nil)
}

// isEmpty reports whether a document has nothing that this program does not
// write into a new file.
func (f hookFile) isEmpty(doc *settings.Document) bool {
	if doc.Root() == nil {
		return true
	}
	for _, n := range doc.Root().Children() {
		if !(f.version && n.Name() == "version") {
			return false
		}
	}
	return true
}

func (f hookFile) holds(before []byte) bool {
	doc, err := settings.Parse(before)
	return err == nil && len(f.entries(doc)) > 0
}

// spares returns an error unless all values but the hooks of this program are
// as before. The editor sees to that; this is the second look at what belongs
// to somebody else.
func (f hookFile) spares(before []byte, after *settings.Document) error {
	doc, err := settings.Parse(before)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(f.others(doc), f.others(after)) {
		return fmt.Errorf("the edit would have changed other settings: nothing was written")
	}
	return nil
}

// others returns a document's values without the hooks of this program, and
// without what is empty among hooks.
func (f hookFile) others(doc *settings.Document) map[string]any {
	root, _ := doc.Value(doc.Root()).(map[string]any)
	rest := map[string]any{}
	for name, v := range root {
		events, isList := v.(map[string]any)
		switch {
		case f.version && name == "version":
		case name == f.root && isList:
			kept := map[string]any{}
			for event, list := range events {
				if left := f.foreign(list); left != nil {
					kept[event] = left
				}
			}
			if len(kept) > 0 {
				rest[name] = kept
			}
		default:
			rest[name] = v
		}
	}
	return rest
}

// foreign returns an event's list without this program's hooks, nil where
// nothing is left.
func (f hookFile) foreign(list any) any {
	elements, ok := list.([]any)
	if !ok {
		return list
	}
	var left []any
	for _, element := range elements {
		object, _ := element.(map[string]any)
		inner, grouped := object["hooks"].([]any)
		if f.flat || !grouped {
			if !f.isOurs(element) {
				left = append(left, element)
			}
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(inner), f.isOurs)
		if len(rest) == 0 && len(inner) > 0 {
			continue
		}
		object["hooks"] = rest
		left = append(left, object)
	}
	if left == nil {
		return nil
	}
	return left
}

func (f hookFile) isOurs(v any) bool {
	text, err := json.Marshal(v)
	if err != nil {
		return false
	}
	doc, err := settings.Parse(text)
	if err != nil || doc.Root().Kind() != settings.Object {
		return false
	}
	_, ours := parse(f.words(doc, doc.Root()), f.agent.names(), f.own)
	return ours
}

// ownFile is a file that this program writes whole.
type ownFile struct {
	agent *Agent
	mark  string // stands in it, and in no file of somebody else
	text  func(c command) string
}

func (f ownFile) put(before []byte, hook Hook) ([]byte, error) {
	if before != nil && !f.holds(before) {
		return nil, ErrNotOurs
	}
	c := f.command(before)
	c.binary, c.agent = hook.Binary, f.agent.Name
	c.take(hook)
	return []byte(f.text(c)), nil
}

// commandLine begins the line of such a file that has the command, as JSON.
const commandLine = "const command = "

// command returns the command in a file, the zero one where there is none.
func (f ownFile) command(text []byte) command {
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, commandLine)
		var words []string
		if !ok || json.Unmarshal([]byte(strings.TrimSpace(rest)), &words) != nil || len(words) == 0 {
			continue
		}
		if c, ok := parse(words, f.agent.names(), words[0][strings.LastIndexAny(words[0], `/\`)+1:]); ok {
			return c
		}
	}
	return command{}
}

// standing returns how the file stands: it is written whole, or changed.
func (f ownFile) standing(text []byte) standing {
	if string(text) == f.text(f.command(text)) {
		return standing{}
	}
	return standing{hookform.Strange, "the plugin is not as this etch writes it: it was changed, or is of another version"}
}

func (f ownFile) take(before, _ []byte) ([]byte, bool, error) {
	if !f.holds(before) {
		return before, false, nil
	}
	return nil, true, nil
}

func (f ownFile) holds(before []byte) bool { return strings.Contains(string(before), f.mark) }

// featureSwitch is a file of TOML whose switches, which are keys of one table, can
// switch hooks off. They are on where it says nothing.
type featureSwitch struct {
	table string
	keys  [2]string // the name of today, and the one before
}

func (f featureSwitch) put(before []byte, _ Hook) ([]byte, error) {
	doc, err := settings.ParseTOML(before)
	if err != nil {
		return nil, err
	}
	for _, key := range f.keys {
		if on, ok := doc.Value(f.table, key).(bool); !ok || on {
			continue
		}
		if doc, err = doc.Set(f.table, key, "true"); err != nil {
			return nil, err
		}
	}
	return doc.Bytes(), nil
}

// take leaves the switch on: that is what it is without a word. The backup has
// what it was.
func (f featureSwitch) take(before, _ []byte) ([]byte, bool, error) { return before, false, nil }

func (f featureSwitch) holds([]byte) bool { return false }
