package hook

import (
	"bytes"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/hookenv"
	"github.com/etch-audit/etch/internal/hookform"
	"github.com/etch-audit/etch/internal/vfs"
)

// maxSettings is the size of the largest settings file that is looked into. Those of
// people have some kilobytes, and a hook has little time; what is said past this
// switches hooks off unseen, so a larger one counts as one that does.
const maxSettings = 2 << 20

// watch looks, at a session's start, at the files that may switch hooks off:
// those that do so now are a finding, for hooks that do not run have nobody
// else to say it; how the others stand is remembered. A session that begins once more
// in one process of the agent, as it does when it is made shorter, is the same one, and
// what was done to the files since is told.
func (t *Turn) watch() {
	if !t.goesOn {
		t.state.Guards, t.state.Midway = nil, false
	}
	t.recheck()
}

// midway looks at the files where the session's beginning is not remembered, so that what
// is done to them from here on is seen. Hooks may have been installed while it ran. But
// then what they tell first is no turn's end, nor the session's, nor a change of settings:
// of such a session somebody has removed what was remembered, and with it how the files
// stood.
func (t *Turn) midway() {
	m := t.m
	if t.agent().Settings == nil || m.Delivery.Getenv == nil || m.Delivery.Remote {
		return
	}
	t.state.Midway = true
	t.recheck()
	if m.Call.ParentSession != "" || m.Call.AgentID != "" {
		return
	}
	switch m.Kind {
	case EndEvent:
		if t.unwritten() {
			return
		}
	case StopEvent, ConfigEvent:
	default:
		return
	}
	t.suspicion(t.sessions.dir, "memory of hooks gone",
		"hooks-memory: what was remembered of this session is gone: whether its hooks were switched off or changed meanwhile cannot be told")
}

// unwritten reports whether the agent says where the session's transcript is, and there
// is none: nothing was done in it, and it may have ended without a beginning.
func (t *Turn) unwritten() bool {
	body := t.m.Body
	if !slices.ContainsFunc(body.members, func(m member) bool { return m.name == "transcript_path" || m.name == "transcriptPath" }) {
		return false
	}
	name := body.Text("transcript_path", "transcriptPath")
	if name == "" {
		return true
	}
	_, err := vfs.OS().Stat(name)
	return err != nil
}

// hookless reports whether no settings of the agent have a hook of this program.
func (t *Turn) hookless(files ...string) bool {
	for _, name := range append(files, t.agent().Settings(t.m.Call.Cwd, t.m.Delivery.Getenv)...) {
		if content, err := readFile(name, maxSettings+1); err == nil && t.agent().standing(name, content).events > 0 {
			return false
		}
	}
	return true
}

// recheck looks at them again, at the end of a turn and of the session: most agents
// read their settings when a session begins and tell of no change, so that
// the session in which somebody takes the hooks out is the last one to say it.
func (t *Turn) recheck() {
	d := t.m.Delivery
	if t.agent().Settings == nil || d.Getenv == nil || d.Remote {
		return
	}
	files := t.agent().Settings(t.m.Call.Cwd, d.Getenv)
	for _, text := range t.state.Guards {
		if g := parseGuard(text); !slices.Contains(files, g.file) {
			files = append(files, g.file)
		}
	}
	for _, name := range files {
		t.compare(name, false)
	}
}

// config records that settings changed, and looks at every delivery whether that
// switches hooks off: of two that say the same, one may be of a second change.
func (t *Turn) config() {
	m := t.m
	name := m.Body.Text("file_path", "path")
	if name != "" {
		name = filepath.Clean(name)
	}
	fresh := t.state.note(t.changeKey(name), t.now)
	if fresh {
		e := t.base(etch.ConfigurationChange)
		e.Action = did("settings", name, m.Call.Cwd)
		setLabel(e, "source", m.Body.Text("source"))
		t.add(e)
	}
	if name != "" && !m.Delivery.Remote {
		// A change that is refused stays in the file: each further one is told, and
		// every one is refused.
		t.compare(name, fresh)
		if t.state.Midway && !t.HooksOff && t.hookless(name) {
			t.finding(!fresh, name, "no settings have this program's hooks any more, and how this session found them is not remembered")
		}
	}
}

// changeKey is the key of a change of a settings file. Nothing in a payload tells
// two changes of one turn apart, but the file does.
func (t *Turn) changeKey(name string) key {
	payload := t.payloadKey()
	if name == "" || t.m.Delivery.Remote {
		return payload
	}
	info, err := vfs.OS().Stat(name)
	if err != nil {
		return keyOf(payload.text(), "gone")
	}
	return keyOf(payload.text(), strconv.FormatInt(info.ModTime().UnixNano(), 10), strconv.FormatInt(info.Size(), 10))
}

// compare looks at a settings file and tells what is worse than when the session
// began; what was told before only if it is to be told again.
func (t *Turn) compare(name string, again bool) {
	g := guard{file: name}
	at := slices.IndexFunc(t.state.Guards, func(text string) bool { return parseGuard(text).file == name })
	if at >= 0 {
		g = parseGuard(t.state.Guards[at])
	}
	content, err := readFile(name, maxSettings+1)
	if err != nil {
		content = nil // most of them are not there
	}
	off := t.switchedOff(name, content)
	var stand standing
	if off == "" {
		stand = t.agent().standing(name, content)
	}
	now := strconv.Itoa(stand.events) + stand.sum
	if off != "" {
		now = "off"
	}
	before := g.told
	told := before == now && !again
	g.told = now
	switch {
	case off != "":
		t.finding(told, name, off)
	case stand.events < g.hooks && err != nil:
		t.finding(told, name, "the file with this program's hooks is gone or cannot be read")
	case stand.events < g.hooks && stand.unread != "":
		t.finding(told, name, stand.unread)
	case stand.events < g.hooks && len(stand.idle) > 0:
		t.finding(told, name, "this program's hooks were kept from being run at "+strings.Join(stand.idle, ", "))
	case stand.events < g.hooks:
		t.finding(told, name, "this program's hooks were taken out")
	case g.hooks > 0 && stand.sum != g.sum:
		t.HooksOff = true // what they start now, and where it records, nobody has looked at
		if !told {
			t.suspicion(name, "hooks changed", "hooks-changed: this program's hooks were changed")
		}
	default:
		told = before == now
		g.hooks, g.sum, g.told = stand.events, stand.sum, ""
		if len(stand.idle) > 0 {
			g.told = now // it is as the session found it, which is nothing to refuse
			t.foundIdle(told, name, stand.idle)
		}
	}
	if at >= 0 {
		t.state.Guards = slices.Delete(t.state.Guards, at, at+1)
	}
	if (g.hooks > 0 || g.told != "") && len(t.state.Guards) < maxGuards {
		t.state.Guards = append(t.state.Guards, g.String())
	}
}

// A guard is what is remembered of a settings file.
type guard struct {
	file  string
	hooks int    // events that had this program's hooks when the session began
	sum   string // of their commands
	told  string // how the file stood when it was told that it is worse; "" where it was not
}

// String returns the guard as a session remembers it.
func (g guard) String() string {
	return strconv.Itoa(g.hooks) + "-" + g.sum + ">" + g.told + " " + g.file
}

func parseGuard(text string) guard {
	var g guard
	how, file, _ := strings.Cut(text, " ")
	how, g.told, _ = strings.Cut(how, ">")
	count, sum, _ := strings.Cut(how, "-")
	g.file, g.sum = file, sum
	if n, err := strconv.Atoi(count); err == nil {
		g.hooks = n // else it is of an older session's file, and looked at anew
	}
	return g
}

// switchedOff returns what of a settings file switches the agent's hooks off, or
// would have them record elsewhere; "" where nothing does.
func (t *Turn) switchedOff(name string, content []byte) string {
	switch {
	case len(content) == 0:
		return ""
	case len(content) > maxSettings:
		return "the file is larger than is looked into"
	case filepath.Base(name) == ".env":
		return t.assigned(name, content)
	case filepath.Ext(name) == ".toml":
		if key := featureOff(string(content)); key != "" {
			return key + " = false is set"
		}
		return ""
	}
	p, _ := t.agent().settingsOf(content)
	of, _ := p.Object("hooksConfig")
	switch {
	case hookform.JudgeSwitch(t.agent().Name, "disableAllHooks", p.Get("disableAllHooks")) == hookform.Idle:
		return "disableAllHooks is set"
	case hookform.JudgeSwitch(t.agent().Name, "hooksConfig.enabled", of.Get("enabled")) == hookform.Idle:
		return "hooksConfig.enabled is false"
	case t.disabled(name, content, of.Get("disabled")):
		return "hooksConfig.disabled names them"
	}
	return t.variables(name, p)
}

// disabled reports whether a list of hooks that are switched off has one of this
// program's: by the name that an installation gives them, or by that, or the command, which
// one has in this file or in another that the agent reads.
func (t *Turn) disabled(name string, content, list []byte) bool {
	if len(list) == 0 || string(list) == "[]" {
		return false
	}
	for _, e := range Elements(list) {
		if word, _ := Text(e); word == "etch" || t.agent().isHookCommand(word) {
			return true
		}
	}
	if t.agent().disables(list, content) {
		return true
	}
	if t.m.Delivery.Getenv == nil {
		return false
	}
	return slices.ContainsFunc(t.agent().Settings(t.m.Call.Cwd, t.m.Delivery.Getenv), func(other string) bool {
		if other == name || filepath.Ext(other) != ".json" {
			return false
		}
		content, err := readFile(other, maxSettings)
		return err == nil && t.agent().disables(list, content)
	})
}

// assigned returns what of a file of assignments keeps hooks from recording as they
// should: of the person's own one, what silences them.
func (t *Turn) assigned(name string, content []byte) string {
	for _, a := range hookenv.Assigned(t.agent().Name, string(content)) {
		switch {
		case a.Silences:
			return a.Name + silencesHooks
		case !t.isOwn(name):
			return a.Name + setForHooks
		}
	}
	return ""
}

// isOwn reports whether a file of assignments is one in the home directory, or in that of
// the person's settings.
func (t *Turn) isOwn(name string) bool {
	home, ok := t.m.Delivery.Getenv(hookenv.Home)
	files := t.agent().Settings(t.m.Call.Cwd, t.m.Delivery.Getenv)
	return ok && len(files) > 0 && slices.Contains(hookenv.OwnFiles(home, filepath.Dir(files[0])), name)
}

// silencesHooks ends what is said of a variable that stands for a mode without hooks. Not
// every agent heeds it in every file.
const silencesHooks = " is set, which switches hooks off where the agent heeds it"

// setForHooks ends what is said of a variable that a project sets: it switches no hook
// off, and those of "etch install" do not heed it.
const setForHooks = " is set for hooks"

// finding says that hooks are switched off, or would record elsewhere, and records it
// unless it was told before.
func (t *Turn) finding(told bool, name, why string) {
	t.HooksOff = true
	switch {
	case told:
	case strings.HasSuffix(why, setForHooks):
		t.suspicion(name, "environment set for hooks", "hooks-environment: "+why+", of which those that heed it record elsewhere")
	default:
		t.suspicion(name, "hooks switched off", "hooks-off: hooks switched off: "+why)
	}
}

// foundIdle records, once, at which events a session found hooks that are not run.
func (t *Turn) foundIdle(told bool, name string, events []string) {
	if !told {
		t.suspicion(name, "hooks switched off", "hooks-off: hooks switched off: this program's hooks are kept from being run at "+strings.Join(events, ", "))
	}
}

// suspicion records what somebody has done about hooks.
func (t *Turn) suspicion(name, finding, reason string) {
	e := t.base(etch.SecurityEvent)
	e.Action = did("settings", name, t.m.Call.Cwd)
	e.Action.Risk, e.Action.RiskReasons = etch.RiskHigh, []string{reason}
	setLabel(e, "finding", finding)
	t.add(e)
}

// withoutComments returns a text of JSON with blanks in place of its comments.
func withoutComments(text []byte) []byte {
	out := bytes.Clone(text)
	for i := 0; i < len(out); i++ {
		end := ""
		switch {
		case out[i] == '"':
			for i++; i < len(out) && out[i] != '"'; i++ {
				if out[i] == '\\' {
					i++
				}
			}
			continue
		case bytes.HasPrefix(out[i:], []byte("//")):
			end = "\n"
		case bytes.HasPrefix(out[i:], []byte("/*")):
			end = "*/"
		default:
			continue
		}
		n := bytes.Index(out[i+2:], []byte(end))
		if n < 0 {
			n = len(out) - i - 2 - len(end)
		}
		for stop := min(i+2+n+len(end), len(out)); i < stop; i++ {
			out[i] = ' '
		}
		i--
	}
	return out
}

// variables returns what of the environment that settings give keeps hooks from recording
// as they should: what silences them in any file; and what has them record elsewhere, or
// run something else, in one of the project. What a person sets so for all projects is
// that person's business.
func (t *Turn) variables(name string, p Payload) string {
	set, _ := p.Object("env")
	for _, m := range set.members {
		value, ok := Text(m.value)
		if !ok {
			value = string(m.value)
		}
		switch {
		case hookenv.Silences(t.agent().Name, m.name, value):
			return m.name + silencesHooks
		case hookenv.Bends(m.name) && t.ofProject(name):
			return m.name + setForHooks
		}
	}
	return ""
}

// ofProject reports whether a settings file belongs to the project: not where that is the
// home directory, in which its files are the person's own.
func (t *Turn) ofProject(name string) bool {
	project, home := t.m.Call.Cwd, ""
	if getenv := t.m.Delivery.Getenv; getenv != nil {
		if dir, ok := getenv("CLAUDE_PROJECT_DIR"); ok && dir != "" {
			project = dir
		}
		home, _ = getenv(hookenv.Home)
	}
	if project == "" || filepath.Clean(project) == filepath.Clean(home) {
		return false
	}
	rest, err := filepath.Rel(project, name)
	return err == nil && filepath.IsLocal(rest) && strings.HasPrefix(rest, ".")
}
