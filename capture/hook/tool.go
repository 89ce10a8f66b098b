package hook

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/etch-audit/etch"
)

// A ToolKind says what a tool touches.
type ToolKind uint8

// The kinds of tools.
const (
	OtherTool  ToolKind = iota // the agent's own means: plans, questions, other agents
	ShellTool                  // runs a command
	ReadTool                   // reads a file
	WriteTool                  // makes, changes or removes a file
	SearchTool                 // looks through files
	FetchTool                  // gets something from the network
	MCPTool                    // belongs to an MCP server
)

// kindOfTool knows the tools of all agents by their names in small letters:
// where two agents have a tool of one name, it does the same.
func kindOfTool(name string) ToolKind {
	switch strings.ToLower(name) {
	case "bash", "shell", "sh", "zsh", "powershell", "run_shell_command", "exec_command", "shell_command", "local_shell", "unified_exec",
		"run_command", "run_terminal_cmd", "run_in_terminal", "execute_bash", "execute_command", "execute", "terminal", "exec",
		"developer__shell", "container.exec",
		// runs a command until it ends, and tells of each line that it writes
		"monitor",
		// type into a shell that runs
		"write_bash", "write_powershell", "write_stdin", "send_command_input", "send_to_terminal":
		return ShellTool
	case "read", "read_file", "view", "view_file", "view_image", "view_code_item", "read_many_files", "notebookread", "readfile",
		"read_code", "fs_read", "copilot_readfile", "developer__read_image":
		return ReadTool
	case "write", "write_file", "edit", "multiedit", "create", "create_file", "replace", "notebookedit", "notebook_edit", "apply_patch",
		"applypatch", "patch", "edit_file", "search_replace", "delete", "delete_file", "str_replace", "str_replace_editor",
		"str_replace_based_edit_tool", "write_to_file", "replace_file_content", "multi_replace_file_content", "insert_edit_into_file",
		"replace_string_in_file", "write_code", "fs_write", "developer__text_editor", "text_editor", "edit_notebook":
		return WriteTool
	case "glob", "grep", "rg", "ls", "list", "list_directory", "list_dir", "grep_search", "search_file_content", "file_search",
		"codebase_search", "codesearch", "find_by_name", "search_files", "lsp", "glob_file_search":
		return SearchTool
	case "webfetch", "web_fetch", "fetch", "fetch_webpage", "read_url_content", "developer__web_fetch", "url_fetch", "fetchurl":
		return FetchTool
	}
	return OtherTool
}

// describe fills in the event what the tool and its input say: type, action and egress.
func (a *Agent) describe(e *etch.Event, c *Call, opt Recording) {
	input := inputObject(c.Input)
	p, isObject := ParsePayload(input)
	action := &etch.Action{Tool: c.Tool, Cwd: c.Cwd, MCPServerID: c.Server}
	e.Action = action
	rest := keep{Recording: opt}
	switch kind := a.kind(c); kind {
	case ShellTool:
		e.Type, action.ClaimSource = etch.CommandExecution, etch.ClaimShell
		if lines := a.commandsOf(c, p); len(lines) > 0 {
			action.Command, rest.omit = lines[0].text, lines[0].member
		}
		if cwd := p.Text("cwd", "workdir", "Cwd", "working_dir", "dir_path", "directory"); cwd != "" {
			action.Cwd = cwd
		}
	case ReadTool, WriteTool, SearchTool:
		e.Type, action.ClaimSource = etch.FileAccess, etch.ClaimFileSystem
		if kind == SearchTool {
			action.ClaimSource = etch.ClaimCodeSearch
		}
		rest.withhold = describeFile(e, kind, p)
	case FetchTool:
		e.Type, action.ClaimSource = etch.NetworkEgress, etch.ClaimWebScrape
		describeFetch(e, p)
	case MCPTool:
		e.Type, action.ClaimSource = etch.ToolCall, etch.ClaimMCP
	default:
		e.Type = etch.ToolCall
	}
	if isObject && p.Len() > 0 || !isObject && len(input) > 0 {
		action.Arguments = argumentsOf(input, rest)
	}
}

func argumentsOf(input json.RawMessage, rest keep) json.RawMessage {
	out := appendArguments(nil, input, rest, 0)
	if string(out) == "{}" {
		return nil
	}
	return out
}

// A shellLine is a command of a shell tool's input.
type shellLine struct {
	text   string
	member string // that says it, and nothing else; "" where the text is what it comes to
}

// commandsOf returns the commands of a shell tool's input: first that of the member which
// the agent itself takes, where it is known. Which of several its tool takes is not, or
// may be another one in its next version.
func (a *Agent) commandsOf(c *Call, p Payload) []shellLine {
	var lines []shellLine
	for _, name := range [...]string{a.CommandMember, "command", "cmd", "CommandLine", "command_line", "commandLine", "script"} {
		value := p.Get(name)
		if name == "" || len(value) == 0 || slices.ContainsFunc(lines, func(l shellLine) bool { return l.member == name }) {
			continue
		}
		if text, ok := Text(value); ok {
			lines = append(lines, shellLine{text, name})
		} else if argv := texts(value); len(argv) > 0 {
			lines = append(lines, shellLine{joinArgv(argv), name})
		}
	}
	if len(lines) > 0 {
		return lines
	}
	for _, name := range [...]string{"input", "Input", "chars", "text"} {
		if text, ok := Text(p.Get(name)); ok && types(c.Tool) {
			line := shellLine{text: typed(text)}
			if line.text == text {
				line.member = name
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// types reports whether a tool types into a shell that runs.
func types(tool string) bool {
	switch strings.ToLower(tool) {
	case "write_bash", "write_powershell", "write_stdin", "send_command_input", "send_to_terminal":
		return true
	}
	return false
}

// typed returns what a shell is told by keys, of which Copilot CLI writes those without a
// sign of their own in braces. Those that move in the line, or through earlier ones, stand
// as they are: what they come to depends on what is on the screen.
func typed(keys string) string {
	var line []rune
	for rest := keys; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "{enter}"):
			line, rest = append(line, '\n'), rest[len("{enter}"):]
		case strings.HasPrefix(rest, "{backspace}"):
			line, rest = line[:max(0, len(line)-1)], rest[len("{backspace}"):]
		default:
			r, size := utf8.DecodeRuneInString(rest)
			line, rest = append(line, r), rest[size:]
		}
	}
	return string(line)
}

// texts returns the strings of an array of nothing else, and nil for another value.
func texts(raw json.RawMessage) []string {
	var out []string
	for _, value := range Elements(raw) {
		text, ok := Text(value)
		if !ok {
			return nil
		}
		out = append(out, text)
	}
	return out
}

// joinArgv writes an argument vector as a command. What a shell would be given
// to run ("bash", "-lc", "make") is the command itself.
func joinArgv(argv []string) string {
	if len(argv) == 3 && (argv[1] == "-c" || argv[1] == "-lc") && strings.HasSuffix(argv[0], "sh") {
		return argv[2]
	}
	quoted := make([]string, len(argv))
	for i, word := range argv {
		quoted[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n\"'\\$`*?[]{}()<>|&;~#!") {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// pathMembers name the file in inputs of file tools.
var pathMembers = [...]string{
	"file_path", "filePath", "path", "absolute_path", "notebook_path", "notebookPath", "target_file", "targetFile", "TargetFile",
	"AbsolutePath", "filename", "file", "dir_path", "directory", "DirectoryPath", "SearchDirectory", "relative_workspace_path", "uri",
}

// describeFile fills in which file is accessed and how, and returns the member
// of the input that holds a patch, if one does.
func describeFile(e *etch.Event, kind ToolKind, p Payload) (patch string) {
	access := "read"
	if kind == WriteTool && p.Text("command") != "view" { // an editor that also shows files
		access = "write"
	}
	setLabel(e, "access", access)
	if path := p.Text(pathMembers[:]...); path != "" {
		e.Action.Resource = path
		return ""
	}
	if paths := texts(p.Get("paths", "file_paths", "filePaths", "files")); len(paths) > 0 {
		setPaths(e, paths)
		return ""
	}
	for _, name := range [...]string{"command", "input", "patch", "patchText", "patch_text"} {
		if paths := patchedFiles(p.Text(name)); len(paths) > 0 {
			setPaths(e, paths)
			return name
		}
	}
	return ""
}

// setPaths records the first of several files as the resource, and all of them in a label.
func setPaths(e *etch.Event, paths []string) {
	e.Action.Resource = paths[0]
	if len(paths) > 1 {
		setLabel(e, "paths", cutText(strings.Join(paths, "\n"), maxKept))
	}
}

// patchedFiles returns the files that a patch in the form of apply_patch names.
func patchedFiles(patch string) []string {
	if !strings.Contains(patch, "*** ") {
		return nil
	}
	var paths []string
	for line := range strings.Lines(patch) {
		rest, ok := strings.CutPrefix(line, "*** ")
		if !ok {
			continue
		}
		for _, word := range [...]string{"Add File: ", "Update File: ", "Delete File: ", "Move to: "} {
			if path, ok := strings.CutPrefix(rest, word); ok {
				if path = strings.TrimSpace(path); path != "" && !slices.Contains(paths, path) {
					paths = append(paths, path)
				}
			}
		}
	}
	return paths
}

// describeFetch fills in where a tool of the network goes. The host is told
// apart only where the address is one.
func describeFetch(e *etch.Event, p Payload) {
	address := p.Text("url", "Url", "uri", "URL")
	if address == "" {
		if list := texts(p.Get("urls")); len(list) > 0 {
			address = list[0]
		}
	}
	if address == "" {
		e.Type = etch.ToolCall // a search by words, a prompt with addresses in it
		return
	}
	e.Action.Resource = address
	e.Egress = egressOf(address)
}

func egressOf(address string) *etch.Egress {
	egress := &etch.Egress{URL: address}
	if u, err := url.Parse(address); err == nil {
		egress.Host = u.Hostname()
	}
	return egress
}

func setLabel(e *etch.Event, name, value string) {
	if value == "" {
		return
	}
	if e.Labels == nil {
		e.Labels = make(map[string]string, 6)
	}
	e.Labels[name] = value
}
