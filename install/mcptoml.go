package install

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/settings"
)

// mcpTOML is a file of TOML: Codex'.
type mcpTOML struct{ doc *settings.TOML }

const mcpTable = "mcp_servers"

func (l mcpTOML) bytes() []byte { return l.doc.Bytes() }

func (l mcpTOML) servers() (commands []mcpServer, remote []string, err error) {
	tables, _ := l.doc.Value(mcpTable).(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		table, _ := tables[name].(map[string]any)
		program, ok := table["command"].(string)
		if !ok {
			if _, ok := table["url"].(string); ok {
				remote = append(remote, name)
			}
			continue
		}
		s := mcpServer{name: name, path: []string{mcpTable, name}, argv: []string{program}, list: "args"}
		arguments, _ := table["args"].([]any)
		for _, argument := range arguments {
			text, ok := argument.(string)
			if !ok {
				return nil, nil, fmt.Errorf("%s.%s: an argument in line %d is no string", mcpTable, name, l.doc.Line(append(s.path, "args")...))
			}
			s.argv = append(s.argv, text)
		}
		commands = append(commands, s)
	}
	return commands, remote, nil
}

func (l mcpTOML) wrap(s mcpServer, words []string) (mcpList, error) {
	program, arguments := append(slices.Clone(s.path), "command"), append(slices.Clone(s.path), "args")
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quoteJSON(word)
	}
	text, ok := l.doc.Literal(program...)
	if !ok {
		return nil, fmt.Errorf("%s.%s: its command is written so that it cannot be edited: change it by hand", mcpTable, s.name)
	}
	quoted = append(quoted, text)
	doc, err := l.doc.Replace(quoted[0], program...)
	if err != nil {
		return nil, err
	}
	if l.doc.Value(arguments...) == nil {
		doc, err = doc.AddBehind("args", "["+strings.Join(quoted[1:], ", ")+"]", program...)
	} else {
		doc, err = doc.Prepend(quoted[1:], arguments...)
	}
	return mcpTOML{doc}, err
}

func (l mcpTOML) unwrap(s mcpServer, count int) (mcpList, error) {
	program, arguments := append(slices.Clone(s.path), "command"), append(slices.Clone(s.path), "args")
	doc, err := l.doc.RemoveFirst(count, arguments...)
	if err != nil {
		return nil, err
	}
	doc, err = doc.Replace(quoteJSON(s.argv[count]), program...)
	return mcpTOML{doc}, err
}
