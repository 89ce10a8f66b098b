package install

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/settings"
)

// mcpJSON is a file of JSON.
type mcpJSON struct{ doc *settings.Document }

func (l mcpJSON) bytes() []byte { return l.doc.Bytes() }

// mcpRoots are where clients list servers: Claude Code and Desktop, Cursor,
// Windsurf, Gemini CLI and others; VS Code; Zed; VS Code's settings; OpenCode.
var mcpRoots = [][]string{{"mcpServers"}, {"servers"}, {"context_servers"}, {"mcp", "servers"}, {"mcp"}}

func (l mcpJSON) servers() (commands []mcpServer, remote []string, err error) {
	roots := slices.Clone(mcpRoots)
	if projects, err := l.doc.Member("projects"); err == nil && projects != nil && projects.Kind() == settings.Object {
		for _, p := range projects.Children() { // Claude Code's own file
			roots = append(roots, []string{"projects", p.Name(), "mcpServers"})
		}
	}
	for _, root := range roots {
		list, err := l.doc.Member(root...)
		if err != nil {
			return nil, nil, err
		}
		if list == nil || list.Kind() != settings.Object {
			continue
		}
		for _, n := range list.Children() {
			s, is, err := l.server(append(slices.Clone(root), n.Name()), n)
			switch {
			case err != nil:
				return nil, nil, err
			case is:
				commands = append(commands, s)
			case l.isRemote(n):
				remote = append(remote, n.Name())
			}
		}
	}
	return commands, remote, nil
}

func (l mcpJSON) isRemote(n *settings.Node) bool {
	object, _ := l.doc.Value(n).(map[string]any)
	for _, name := range []string{"url", "httpUrl", "serverUrl"} {
		if _, ok := object[name].(string); ok {
			return true
		}
	}
	return false
}

// server returns the server that an object is, and whether it is one. Its
// command is a text with arguments beside it, a list, or (Zed) an object of both.
func (l mcpJSON) server(path []string, n *settings.Node) (mcpServer, bool, error) {
	s := mcpServer{name: path[len(path)-1], path: path}
	if n.Kind() != settings.Object {
		return s, false, nil
	}
	command, err := l.doc.Member(append(slices.Clone(path), "command")...)
	if err != nil || command == nil {
		return s, false, err
	}
	switch command.Kind() {
	case settings.Array:
		s.argv, err = l.texts(command)
		return s, err == nil && len(s.argv) > 0, err
	case settings.Object:
		s.path = append(slices.Clone(path), "command")
		if command, err = l.doc.Member(append(slices.Clone(s.path), "path")...); err != nil || command == nil {
			return s, false, err
		}
	}
	if command.Kind() != settings.String {
		return s, false, nil
	}
	s.list, s.argv = "args", []string{l.doc.Str(command)}
	list, err := l.doc.Member(append(slices.Clone(s.path), "args")...)
	if err != nil || list == nil {
		return s, true, err
	}
	args, err := l.texts(list)
	s.argv = append(s.argv, args...)
	return s, true, err
}

// texts returns an array of strings.
func (l mcpJSON) texts(n *settings.Node) ([]string, error) {
	var texts []string
	for _, element := range n.Children() {
		if element.Kind() != settings.String {
			return nil, fmt.Errorf("line %d: %s where a string of a command line is expected", l.doc.Line(element.Start()), element.Kind())
		}
		texts = append(texts, l.doc.Str(element))
	}
	return texts, nil
}

// program returns the value that is a server's program.
func (l mcpJSON) program(s mcpServer) (*settings.Node, []string, error) {
	path := append(slices.Clone(s.path), "command")
	if s.path[len(s.path)-1] == "command" {
		path[len(path)-1] = "path"
	}
	n, err := l.doc.Member(path...)
	return n, path, err
}

func (l mcpJSON) wrap(s mcpServer, words []string) (mcpList, error) {
	program, path, err := l.program(s)
	if err != nil {
		return nil, err
	}
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quoteJSON(word)
	}
	if s.list == "" {
		doc, err := l.doc.Prepend(program, quoted)
		return mcpJSON{doc}, err
	}
	arguments := append(quoted[1:], string(l.doc.Text(program)))
	doc, err := l.doc.Set([]byte(quoted[0]), path...)
	if err != nil {
		return nil, err
	}
	path = append(slices.Clone(s.path), s.list)
	list, err := doc.Member(path...)
	if err != nil {
		return nil, err
	}
	if list == nil {
		doc, err = doc.Set([]byte("["+strings.Join(arguments, ",")+"]"), path...)
	} else {
		doc, err = doc.Prepend(list, arguments)
	}
	return mcpJSON{doc}, err
}

func (l mcpJSON) unwrap(s mcpServer, count int) (mcpList, error) {
	program, path, err := l.program(s)
	if err != nil {
		return nil, err
	}
	if s.list == "" {
		doc, err := l.doc.RemoveFirst(program, count)
		return mcpJSON{doc}, err
	}
	list, err := l.doc.Member(append(slices.Clone(s.path), s.list)...)
	if err != nil {
		return nil, err
	}
	text := l.doc.Text(list.Children()[count-1])
	doc := l.doc
	if len(list.Children()) == count {
		doc, err = doc.Remove(list, nil) // there was none, or an empty one
	} else {
		doc, err = doc.RemoveFirst(list, count)
	}
	if err != nil {
		return nil, err
	}
	doc, err = doc.Set(text, path...)
	return mcpJSON{doc}, err
}

// quoteJSON writes a string as JSON, with no more escapes than it needs; it is a
// string of TOML, too.
func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("install: bad string")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
