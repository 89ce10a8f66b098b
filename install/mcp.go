package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/settings"
)

// Servers are the MCP servers that a client's configuration lists, by their names.
type Servers struct {
	Wrapped []string // they are commands, and this program stands before them
	Plain   []string // they are commands, and it does not
	Remote  []string // they speak HTTP
}

// ErrNoServers is returned for a file that lists no MCP server.
var ErrNoServers = errors.New("no MCP servers are listed in it: no mcpServers, servers, context_servers, mcp or mcp_servers")

// WrapMCP puts this program before every MCP server that a client's
// configuration starts, and returns the change and what the file lists then; with
// dry, what would be. Servers that speak HTTP stay as they are. The file is JSON,
// with comments perhaps, or TOML, by its name. As with [Agent.Install], to wrap
// again changes nothing, or brings entries up to date.
func WrapMCP(m Machine, path string, hook Hook, dry bool) (Change, Servers, error) {
	t, err := mcpTarget(m, path)
	if err != nil {
		return Change{Path: path}, Servers{}, err
	}
	c, err := t.putIn(m, func(before []byte) ([]byte, error) { return t.form.put(before, hook) }, dry)
	if err != nil {
		return Change{Path: path}, Servers{}, fmt.Errorf("%s: %w", path, err)
	}
	servers, err := t.form.(mcpFile).servers(c.After)
	return *c, servers, err
}

// UnwrapMCP takes it away from before them. Where nobody has changed the file
// since, it becomes what it was to the byte.
func UnwrapMCP(m Machine, path string, dry bool) (Change, Servers, error) {
	t, err := mcpTarget(m, path)
	if err != nil {
		return Change{Path: path}, Servers{}, err
	}
	c, err := takeOut(m, t, dry)
	if err != nil {
		return c, Servers{}, fmt.Errorf("%s: %w", path, err)
	}
	servers, err := t.form.(mcpFile).servers(c.After)
	return c, servers, err
}

func mcpTarget(m Machine, path string) (target, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return target{}, err
	}
	if text, err := read(path); err != nil {
		return target{}, fmt.Errorf("%s: %w", path, err)
	} else if text == nil {
		return target{}, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return target{path: path, form: mcpFile{own: filepath.Base(m.Binary), toml: strings.EqualFold(filepath.Ext(path), ".toml")}}, nil
}

// An mcpFile is a client's configuration that lists MCP servers.
type mcpFile struct {
	own  string // file name of the running program
	toml bool
}

// A mcpServer is one that is a command, as an mcpList finds it.
type mcpServer struct {
	name string
	path []string // of the object, or the table
	argv []string
	list string // the member with the arguments; "" where the program is one of its elements
}

// A mcpList is a file while it is edited.
type mcpList interface {
	// servers returns those that are commands, and the names of those that
	// speak HTTP.
	servers() (commands []mcpServer, remote []string, err error)
	// wrap puts words before a server's own; its program, which is one of its
	// arguments then, stays as it is written.
	wrap(s mcpServer, words []string) (mcpList, error)
	// unwrap takes the words of a wrapper away, so that the count-th argument
	// is the program.
	unwrap(s mcpServer, count int) (mcpList, error)
	bytes() []byte
}

func (f mcpFile) open(text []byte) (mcpList, error) {
	if f.toml {
		doc, err := settings.ParseTOML(text)
		return mcpTOML{doc}, err
	}
	doc, err := settings.Parse(text)
	return mcpJSON{doc}, err
}

// words returns the words of a wrapper before a server's own, and whether there is
// one: up to the "--".
func (f mcpFile) words(s mcpServer) ([]string, bool) {
	if len(s.argv) < 2 || s.argv[1] != "mcp" || !isBinary(s.argv[0], f.own) {
		return nil, false
	}
	end := slices.Index(s.argv, "--")
	if end < 0 || end == len(s.argv)-1 {
		return nil, false
	}
	return s.argv[:end+1], true
}

// wanted returns the words of a wrapper. What an earlier one said, and a person
// may have added to it, stays.
func (f mcpFile) wanted(name string, old []string, hook Hook) []string {
	log, config := "", ""
	var rest []string
	for i := 2; i < len(old)-1; i++ {
		flag, value, given := strings.Cut(old[i], "=")
		if to, ok := map[string]*string{"--log": &log, "--config": &config, "--name": new(string)}[flag]; ok {
			if !given && i+1 < len(old)-1 {
				i++
				value = old[i]
			}
			*to = value
			continue
		}
		rest = append(rest, old[i])
	}
	if hook.Log != nil {
		log = *hook.Log
	}
	if hook.Config != nil {
		config = *hook.Config
	}
	words := []string{hook.Binary, "mcp", "--name", name}
	if log != "" {
		words = append(words, "--log", log)
	}
	if config != "" {
		words = append(words, "--config", config)
	}
	return append(append(words, rest...), "--")
}

func (f mcpFile) put(before []byte, hook Hook) ([]byte, error) {
	list, err := f.open(before)
	if err != nil {
		return nil, err
	}
	commands, remote, err := list.servers()
	if err != nil {
		return nil, err
	}
	if len(commands)+len(remote) == 0 {
		return nil, ErrNoServers
	}
	for i := range commands {
		s := commands[i]
		old, wrapped := f.words(s)
		want := f.wanted(s.name, old, hook)
		if slices.Equal(old, want) {
			continue
		}
		if wrapped {
			if list, s, err = f.unwrap(list, s, len(old)); err != nil {
				return nil, err
			}
		}
		if list, err = list.wrap(s, want); err != nil {
			return nil, err
		}
	}
	return list.bytes(), f.spares(before, list)
}

// unwrap unwraps a server and finds it again.
func (f mcpFile) unwrap(list mcpList, s mcpServer, count int) (mcpList, mcpServer, error) {
	list, err := list.unwrap(s, count)
	if err != nil {
		return nil, s, err
	}
	commands, _, err := list.servers()
	if err != nil {
		return nil, s, err
	}
	i := slices.IndexFunc(commands, func(c mcpServer) bool { return slices.Equal(c.path, s.path) })
	return list, commands[i], nil
}

func (f mcpFile) take(before, _ []byte) (after []byte, empty bool, err error) {
	list, err := f.open(before)
	if err != nil {
		return nil, false, err
	}
	commands, _, err := list.servers()
	if err != nil {
		return nil, false, err
	}
	for _, s := range commands {
		for {
			words, wrapped := f.words(s)
			if !wrapped {
				break
			}
			if list, s, err = f.unwrap(list, s, len(words)); err != nil {
				return nil, false, err
			}
		}
	}
	return list.bytes(), false, f.spares(before, list)
}

func (f mcpFile) holds(text []byte) bool {
	servers, err := f.servers(text)
	return err == nil && len(servers.Wrapped) > 0
}

// servers returns what a file lists.
func (f mcpFile) servers(text []byte) (Servers, error) {
	var found Servers
	list, err := f.open(text)
	if err != nil {
		return found, err
	}
	commands, remote, err := list.servers()
	found.Remote = remote
	for _, s := range commands {
		if _, wrapped := f.words(s); wrapped {
			found.Wrapped = append(found.Wrapped, s.name)
		} else {
			found.Plain = append(found.Plain, s.name)
		}
	}
	return found, err
}

// spares returns an error unless the edited file says what it said before, but for
// the wrappers. The editor sees to that; this is the second look.
func (f mcpFile) spares(before []byte, after mcpList) error {
	was, err := f.meaning(before)
	if err != nil {
		return err
	}
	is, err := f.meaning(after.bytes())
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(was, is) {
		return errors.New("the edit would have changed other settings: nothing was written")
	}
	return nil
}

// meaning returns the values of a file without wrappers, and where each server's
// command line stands.
func (f mcpFile) meaning(text []byte) (any, error) {
	list, err := f.open(text)
	if err != nil {
		return nil, err
	}
	commands, _, err := list.servers()
	if err != nil {
		return nil, err
	}
	var root any
	switch l := list.(type) {
	case mcpJSON:
		root = l.doc.Value(l.doc.Root())
	case mcpTOML:
		root = l.doc.Value()
	}
	lines := map[string][]string{}
	for _, s := range commands {
		for words, wrapped := f.words(s); wrapped; words, wrapped = f.words(s) {
			s.argv = s.argv[len(words):]
		}
		key, err := json.Marshal(s.path)
		if err != nil {
			return nil, err
		}
		lines[string(key)] = s.argv
		clearCommand(root, s.path)
	}
	return []any{root, lines}, nil
}

// clearCommand removes the command line of a server from a file's values.
func clearCommand(v any, path []string) {
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	if object, ok := v.(map[string]any); ok {
		delete(object, "args")
		delete(object, "command")
		delete(object, "path")
	}
}
