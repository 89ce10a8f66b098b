package config

import "fmt"

// A level says how strong a setting is.
type level int

const (
	fileLevel level = iota + 1
	environmentLevel
	flagLevel
)

// An assignment is one key set at one place.
type assignment struct {
	setting *setting
	value   any // bool, int64, string or []string, as its setting takes
	level   level
	origin  string // of one that is in no file

	path         string // for those of a file
	line, column int
}

// from says where a is, as [Resolved.Origin] does.
func (a assignment) from() string {
	if a.level == fileLevel {
		return fmt.Sprintf("file %s:%d", a.path, a.line)
	}
	return a.origin
}

// fail returns an error at the place of a.
func (a assignment) fail(msg, hint string) *Error {
	return &Error{
		Path: a.path, Line: a.line, Column: a.column, Origin: a.from(),
		Key: a.setting.key(), Msg: msg, Hint: hint,
	}
}

// bad returns the error of a value that its key does not take.
func (a assignment) bad(reason error) *Error {
	text, ok := a.value.(string)
	if !ok {
		text = literal(a.value)
	}
	msg := fmt.Sprintf("bad value %s of %s in [%s]", quoteShort(a.value), a.setting.name, a.setting.table)
	if reason != errRange {
		msg += ": " + reason.Error()
	}
	return a.fail(msg, "allowed: "+a.setting.allowed(text))
}

// quoteShort writes a value for an error, cut where nobody would read on.
func quoteShort(v any) string {
	const most = 80
	if s, ok := v.(string); ok {
		if r := []rune(s); len(r) > most {
			return fmt.Sprintf("%q…", string(r[:most]))
		}
		return fmt.Sprintf("%q", s)
	}
	return literal(v)
}

// Resolved is a Config together with where each value came from.
type Resolved struct {
	Config
	// Path is the file that was read, or that would have been where Found is
	// false; empty where not even a default place is known.
	Path string
	// Found reports whether there was a file.
	Found bool
	// DefaultPlace reports whether LogPath is the default place of the log,
	// whose missing directories may be made.
	DefaultPlace bool
	// Warnings are of what is no error but surely a slip: a table of another
	// program's whose name is almost one of the project's.
	Warnings []*Error

	sets  map[string]assignment // the strongest of each key
	notes map[string]string     // origins that no assignment alone explains
}

// Origin says where a key's value came from: "default", "file PATH:LINE",
// "environment NAME" or what [LoadOptions.Set] was told; for a key that the
// other seed's table overrules, which one does. An unknown key has none.
func (r *Resolved) Origin(key string) string {
	if note, ok := r.notes[key]; ok {
		return note
	}
	if a, ok := r.sets[key]; ok {
		return a.from()
	}
	if lookupKey(key) == nil {
		return ""
	}
	return "default"
}

// A Value is one key as it is in effect.
type Value struct {
	Key    string // its full name, "security.audit.rotate"
	Text   string // its value as TOML: true, 100, "daily"
	Origin string // as [Resolved.Origin]
	Env    string // the variable that sets it
}

// Values returns every key in the order of docs/config-reference.md.
func (r *Resolved) Values() []Value {
	values := make([]Value, len(settings))
	for i, s := range settings {
		values[i] = Value{
			Key:    s.key(),
			Text:   literal(s.get(&r.Config)),
			Origin: r.Origin(s.key()),
			Env:    s.env,
		}
	}
	return values
}

// apply sets the values of one layer; those of a file are resolved beside it.
func (r *Resolved) apply(layer []assignment, beside, working place) error {
	for _, a := range layer {
		at := working
		if a.level == fileLevel {
			at = beside
		}
		if err := a.setting.set(&r.Config, a.value, at); err != nil {
			return a.bad(err)
		}
	}
	if err := contradiction(layer); err != nil {
		return err
	}
	for _, a := range layer {
		r.sets[a.setting.key()] = a
	}
	return nil
}

// contradiction returns an error where the two seeds' tables of one layer say
// different things. Between layers the stronger one wins.
func contradiction(layer []assignment) error {
	last := func(key string) (last assignment) {
		s := lookupKey(key)
		for _, a := range layer {
			if a.setting == s {
				last = a
			}
		}
		return last
	}
	path, stream := last(auditLogPath), last(toolsDestination)
	if path.names() && stream.names() {
		return later(path, stream).fail(fmt.Sprintf("two destinations: log_path in [%s] (%s) and destination in [%s] (%s)",
			auditTable, path.from(), toolsTable, stream.from()), "keep one of the two")
	}
	audit, tools := last(auditEnabled), last(toolsEnabled)
	if audit.setting != nil && tools.setting != nil && audit.value != tools.value {
		return later(audit, tools).fail(fmt.Sprintf("enabled is %s in [%s] (%s) and %s in [%s] (%s)",
			literal(audit.value), auditTable, audit.from(), literal(tools.value), toolsTable, tools.from()),
			"keep one of the two, or make them the same")
	}
	return nil
}

// names reports whether a sets a path or a stream, and not nothing.
func (a assignment) names() bool {
	return a.setting != nil && a.value != ""
}

// later returns the assignment that stands further down, or b.
func later(a, b assignment) assignment {
	if a.line > b.line || a.line == b.line && a.column > b.column {
		return a
	}
	return b
}

// reconcile makes one answer of what both seeds' tables have a word on, and
// fills in the default place.
func (r *Resolved) reconcile(around surroundings) error {
	r.notes = map[string]string{}
	r.reconcileEnabled()
	r.reconcileConnect()
	path, stream := r.sets[auditLogPath], r.sets[toolsDestination]
	switch {
	case stream.names() && (!path.names() || stream.level > path.level):
		r.Audit.LogPath = ""
		r.notes[auditLogPath] = "overruled by destination, " + stream.from()
	case path.names():
		r.Tools.Destination = ""
		if stream.names() {
			r.notes[toolsDestination] = "overruled by log_path, " + path.from()
		}
	}
	place, err := around.defaultLog()
	if r.LogPath() == "" && r.Stream() == "" {
		if err != nil {
			return &Error{
				Key: auditLogPath, Msg: "no place for the log: " + err.Error(),
				Hint: "set log_path, ETCH_LOG_PATH or --log to an absolute path", cause: err,
			}
		}
		r.Audit.LogPath = place
		r.notes[auditLogPath] = "default"
	}
	r.DefaultPlace = err == nil && r.LogPath() == place
	return nil
}

// reconcileConnect makes of a socket that somebody named one that clients must
// reach, unless they are told otherwise: to write the log past a daemon that is
// down is not what its name was written for.
func (r *Resolved) reconcileConnect() {
	_, said := r.sets[serverConnect]
	socket := r.sets[serverSocket]
	if !said && socket.names() {
		r.Server.Connect = ConnectAlways
		r.notes[serverConnect] = "a socket is named, " + socket.from()
	}
}

// reconcileEnabled lets the stronger of the two switches speak for both. Where
// they are equally strong they agree, or there would have been an error.
func (r *Resolved) reconcileEnabled() {
	audit, tools := r.sets[auditEnabled], r.sets[toolsEnabled]
	switch {
	case audit.level > tools.level:
		r.Tools.Enabled = r.Audit.Enabled
		r.notes[toolsEnabled] = "enabled in [" + auditTable + "], " + audit.from()
	case tools.level > audit.level:
		r.Audit.Enabled = r.Tools.Enabled
		r.notes[auditEnabled] = "enabled in [" + toolsTable + "], " + tools.from()
	}
}
