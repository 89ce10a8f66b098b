package archtest

import "slices"

// apart is the level of the gate's own packages: they import nothing of the
// tree, and nothing imports them.
const apart = -2

// A layer says where a package stands. It may import packages of its own module
// only from lower levels, never one of its own level.
type layer struct {
	pkg      string
	level    int
	testOnly bool // imported by tests and by other such packages, nothing else
	reason   string
}

// layers is the table of docs/design.md in finer steps: two packages of one
// level do not know each other.
var layers = []layer{
	{pkg: "internal/processor", level: -1, reason: "what the processor can do, whatever it is for"},
	{pkg: "internal/alone", level: -1, reason: "begins before any other package"},
	{pkg: "internal/later", level: -1, reason: "any package may have a value that most programs never ask for"},
	{pkg: "internal/broken", level: -1, reason: "any check may ask whether it is broken"},

	{pkg: "internal/vfs", level: 0, reason: "the seam to the file system knows nothing of logs"},
	{pkg: "internal/instant", level: 0, reason: "times as people write them, whatever they are asked for"},
	{pkg: "internal/nearest", level: 0, reason: "words and their distances, whatever they name"},
	{pkg: "internal/child", level: 0, reason: "a program that another stands in front of; what either is for it does not know"},
	{pkg: "internal/socket", level: 0, reason: "bytes to and from a socket; who listens it does not know"},
	{pkg: "internal/terminal", level: 0, reason: "makes text harmless without knowing whose it is"},
	{pkg: "internal/wire", level: 0, reason: "what a daemon answers, line by line; of logs it knows nothing"},
	{pkg: "internal/httpbody", level: 0, reason: "bytes of requests, and how many at a time; what they say it does not know"},
	{pkg: "internal/hookenv", level: 0, reason: "names of variables, whoever sets them"},
	{pkg: "internal/hookform", level: 0, reason: "members and command lines of hooks, whichever agent's"},
	{pkg: "internal/shellword", level: 0, reason: "text alone"},
	{pkg: "internal/needle", level: 0, reason: "bytes in bytes"},
	{pkg: "internal/surrogate", level: 0, reason: "escapes in JSON, whatever it says"},
	{pkg: "internal/lanes", level: 0, reason: "SHA-256 of bytes, whatever they are"},
	{pkg: "internal/sqlite", level: 0, reason: "reads another program's database; what stands in it it does not know"},
	{pkg: "internal/zeroclaw", level: 0, reason: "one line of another program's log; of events it knows nothing"},
	{pkg: "risk", level: 0, reason: "judges a command without knowing who records it"},

	{pkg: "internal/corpus", level: 0, testOnly: true, reason: "texts with secrets in them"},
	{pkg: "internal/inittrace", level: 0, testOnly: true, reason: "what a program does before its main function, whichever it is"},

	{pkg: "internal/vfs/vfstest", level: 1, testOnly: true, reason: "what every file system must do"},
	{pkg: "internal/memfs", level: 1, testOnly: true, reason: "a file system that can crash"},
	{pkg: "internal/errorfs", level: 1, testOnly: true, reason: "a file system that can fail"},
	{pkg: "redact", level: 1, reason: "masks bytes without knowing what they belong to"},
	{pkg: "internal/merkle", level: 1, reason: "hashes and signed notes, no files"},
	{pkg: "internal/record", level: 1, reason: "one line, no files"},
	{pkg: "internal/archive", level: 1, reason: "bytes compressed and read back; of lines it knows that they end"},
	{pkg: "internal/settings", level: 1, reason: "other programs' settings as text; what a setting means it does not know"},
	{pkg: "internal/filter", level: 1, reason: "which rows are asked for; what an event is it does not know"},
	{pkg: "internal/index", level: 2, reason: "what is known of a segment's lines, by fields whose meaning it does not know"},
	{pkg: "internal/control", level: 2, reason: "the log's own records, around merkle's checkpoints"},
	{pkg: "internal/keys", level: 2, reason: "key files hold the keys of merkle's notes and record's MACs"},

	{pkg: "internal/commit", level: 3, reason: "one file: lines once more, in entries; whose they are it does not know"},
	{pkg: "internal/state", level: 3, reason: "one file: the log's own checkpoint"},
	{pkg: "internal/segment", level: 3, reason: "one file of lines"},
	{pkg: "internal/spool", level: 3, reason: "lines that wait for a log; of logs it knows the envelope of a line"},

	{pkg: "internal/logtest", level: 4, testOnly: true, reason: "a second, independent writer of the format, for tests of its readers"},
	{pkg: "internal/archivist", level: 4, reason: "gives segments that are rotated another form; the writer need not know"},
	{pkg: "internal/journal", level: 4, reason: "the only writer: lock, commit, seal, rotate, recover"},
	{pkg: "internal/scan", level: 4, reason: "the lines of a segment, many at a time, whatever they say"},
	{pkg: "verify", level: 4, reason: "judges what the writer left, so it must not share the writer"},

	{pkg: ".", level: 5, reason: "the domain: below it nobody knows an Event"},

	{pkg: "server", level: 6, reason: "takes events for the root's log; what captures them it does not know"},
	{pkg: "internal/golden", level: 6, testOnly: true, reason: "events as lines of a log, and files that they are compared with"},
	{pkg: "internal/zephlog", level: 6, reason: "one foreign line as an event and back: who reads it and who writes it go by one table"},

	{pkg: "capture/audithttp", level: 6, reason: "one source of events; sources do not know each other"},
	{pkg: "capture/auditslog", level: 6, reason: "one source of events; sources do not know each other"},
	{pkg: "capture/execwrap", level: 6, reason: "one source of events; sources do not know each other"},
	{pkg: "capture/hook", level: 6, reason: "one source of events; sources do not know each other"},
	{pkg: "capture/zeroclaw", level: 7, reason: "one program's log; programs do not know each other"},
	{pkg: "capture/mcp", level: 6, reason: "one source of events; sources do not know each other"},
	{pkg: "capture/hook/antigravity", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/claudecode", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/codex", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/copilot", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/cursor", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/droid", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/gemini", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/goose", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/opencode", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/qwen", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/vscode", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/hook/windsurf", level: 7, reason: "what is special of one agent; agents do not know each other"},
	{pkg: "capture/source", level: 6, reason: "what readers of other programs' logs have in common; the programs it does not know"},
	{pkg: "capture/zeph", level: 7, reason: "one foreign log; foreign logs do not know each other"},
	{pkg: "capture/otlp", level: 7, reason: "one source of events; what a tool call is, it knows from capture/hook, as transcript does"},
	{pkg: "export/zeroclaw", level: 6, reason: "one other form of an event; forms do not know each other"},
	{pkg: "export/csv", level: 6, reason: "one other form of an event; forms do not know each other"},
	{pkg: "export/jsonl", level: 6, reason: "one other form of an event; forms do not know each other"},
	{pkg: "export/table", level: 6, reason: "one other form of an event; forms do not know each other"},
	{pkg: "internal/question", level: 6, reason: "what people and programs may ask the root's reader; of answers it knows nothing"},
	{pkg: "export/zeph", level: 7, reason: "one other form of an event; forms do not know each other"},
	{pkg: "report", level: 7, reason: "sums up a log and shows it in forms of its own, beside the words of export/table"},
	{pkg: "transcript", level: 7, reason: "calls as the agents' own files have them; of the log it knows nothing"},
	{pkg: "transcript/claudecode", level: 8, reason: "one agent's files; agents do not know each other"},
	{pkg: "transcript/codex", level: 8, reason: "one agent's files; agents do not know each other"},
	{pkg: "transcript/copilot", level: 8, reason: "one agent's files; agents do not know each other"},
	{pkg: "transcript/gemini", level: 8, reason: "one agent's files; agents do not know each other"},
	{pkg: "transcript/qwen", level: 8, reason: "one agent's files; agents do not know each other"},
	{pkg: "transcript/transcripttest", level: 8, testOnly: true, reason: "what every reader of transcripts must do"},
	{pkg: "reconcile", level: 8, reason: "transcripts beside the log; which agents there are it does not know"},
	{pkg: "importer", level: 7, reason: "entries of other logs, each once; whose they are it does not know"},
	{pkg: "install", level: 7, reason: "agents' settings, and which program they start; of the log it knows nothing"},
	{pkg: "config", level: 7, reason: "the file's words for the options of the root"},
	{pkg: "server/api", level: 8, reason: "the server's HTTP, over what captures events and what answers questions"},
	{pkg: "server/token", level: 6, reason: "secrets and a file of their sums; of requests it knows nothing"},
	{pkg: "internal/danger", level: 6, reason: "what package risk says, of the root's events"},
	{pkg: "internal/site", level: 8, reason: "where a command records; what it records it does not know"},
	{pkg: "internal/hookrun", level: 9, reason: "one hook from payload to answer; the command tree it does not know"},
	{pkg: "cmd/etch-hook", level: 10, reason: "a program around hookrun"},
	{pkg: "cmd/etch", level: 10, reason: "flags, calls and printing over all of it"},

	{pkg: "internal/archtest", level: apart, reason: "looks at source"},
	{pkg: "internal/invariants", level: apart, reason: "runs tests"},
	{pkg: "internal/skipgate", level: apart, reason: "reads the output of tests"},
}

func layerRule(table []layer) rule {
	return rule{
		name:   "layers",
		reason: "imports point down, so that what moves bytes can never come to depend on what they mean",
		check:  func(t *tree) []finding { return checkLayers(t, table) },
	}
}

func checkLayers(t *tree, table []layer) []finding {
	var found []finding
	places := make(map[string]layer)
	for _, l := range table {
		found = append(found, t.gone("the table of layers", l.pkg)...)
		places[l.pkg] = l
	}
	for _, p := range t.own() {
		from, ok := places[p.path]
		if !ok {
			found = append(found, finding{p.path, "it has no place in the table of layers"})
			continue
		}
		for _, f := range p.code() {
			found = append(found, checkImports(t, f, from, places)...)
		}
	}
	return found
}

func checkImports(t *tree, f *file, from layer, places map[string]layer) []finding {
	var found []finding
	for _, imported := range sortedValues(f.imports) {
		local, ok := t.local(imported)
		if !ok || local == from.pkg {
			continue
		}
		to, known := places[local]
		switch {
		case !known: // told where the package stands
		case to.level == apart || from.level == apart:
			found = append(found, finding{f.path, "imports " + local + ", and one of the two stands apart"})
		case to.testOnly && !from.testOnly:
			found = append(found, finding{f.path, "imports " + local + ", which is for tests"})
		case to.level >= from.level:
			found = append(found, finding{f.path, "imports " + local + ", which is not below it (" + to.reason + ")"})
		}
	}
	return found
}

// layerOf returns a package's place, the lowest where the table has none.
func layerOf(name string, table []layer) layer {
	if i := slices.IndexFunc(table, func(l layer) bool { return l.pkg == name }); i >= 0 {
		return table[i]
	}
	return layer{pkg: name}
}

func sortedValues(m map[string]string) []string {
	var values []string
	for _, v := range m {
		values = append(values, v)
	}
	slices.Sort(values)
	return slices.Compact(values)
}
