package risk

import (
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

// A codeOption says by which options an interpreter takes its program.
type codeOption struct {
	valued string // options that take a value
	code   string // those of them whose value is code
	first  bool   // the first operand is code
}

// codeOptions are those of the interpreters, by their names.
var codeOptions = later.Value[map[string]codeOption]{Make: func() map[string]codeOption {
	return map[string]codeOption{
		"python":     {"c W X m", "c", false},
		"ipython":    {"c", "c", false},
		"perl":       {"e E I M m", "e E", false},
		"ruby":       {"e I r C", "e", false},
		"irb":        {"e", "e", false},
		"node":       {"e eval p print r require import loader env-file input-type", "e eval p print pe", false},
		"tsx":        {"e eval p print", "e eval p print", false},
		"ts-node":    {"e eval p print", "e eval p print", false},
		"bun":        {"e eval p print", "e eval p print", false},
		"deno":       {"", "", false},
		"php":        {"r R B d f", "r R B", false},
		"lua":        {"e l", "e", false},
		"awk":        {"f v F", "", true},
		"osascript":  {"e l", "e", false},
		"rscript":    {"e", "e", false},
		"julia":      {"e eval E", "e eval E", false},
		"groovy":     {"e", "e", false},
		"tclsh":      {"", "", false},
		"powershell": {"c command encodedcommand enc e ec file executionpolicy ep", "c command", false},
	}
}}

// language judges the program that an interpreter is given: as text, as a
// file of this command line, or as its input.
func (w *walker) language(c *call) flow {
	x := codeOptions.Get()[c.name]
	args := c.args
	if c.name == "powershell" {
		args = lowerFlags(args)
	}
	o := parseOptions(args, x.valued)
	if len(o.operands) > 0 && c.name == "deno" && o.operands[0].literal("eval") && len(o.operands) > 1 {
		w.code(o.operands[1], c)
		return c.in.opaque()
	}
	given := false
	for _, code := range o.all(strings.Fields(x.code)...) {
		given = true
		w.code(code, c)
	}
	if o.has("i", "pi", "ni") && (c.name == "perl" || c.name == "ruby") {
		for _, file := range o.operands {
			w.write(file, unknownFlow, c.name+" -i of")
		}
	}
	if c.name == "powershell" {
		w.powershell(o, c)
		given = given || len(o.operands) > 0
	}
	w.patterns(c)
	operands := o.operands
	if x.first && len(operands) > 0 && !o.has("f") {
		given = true
		w.code(operands[0], c)
		operands = operands[1:]
	}
	switch {
	case given:
	case c.name == "python" && o.has("m"):
		w.pythonModule(o, args, c)
	case len(operands) > 0 && !operands[0].literal("-") && !operands[0].literal("/dev/stdin"):
		w.programFile(operands[0], c)
	case c.hasIn:
		w.untrusted(c.in, c.name)
		if c.in.known {
			w.code(literalWord(c.in.text), c)
		} else if !c.in.net && !c.in.decoded {
			w.report(High, "stdin-to-shell", c.name+" runs text that is computed at run time")
		}
	}
	w.secretArguments(c)
	if c.redirs.tcp != "" {
		w.report(Critical, "reverse-shell", c.name+" with its input and output at "+c.redirs.tcp)
	}
	return c.in.opaque().merge(c.read)
}

func lowerFlags(args []word) []word {
	out := make([]word, len(args))
	for i, a := range args {
		if strings.HasPrefix(a.text, "-") {
			a.text = strings.ToLower(a.text)
		}
		out[i] = a
	}
	return out
}

func (w *walker) powershell(o options, c *call) {
	if o.has("encodedcommand", "enc", "ec") {
		w.report(Critical, "decoded-to-shell", "powershell runs an encoded command")
	}
	if len(o.operands) > 0 {
		w.code(join(o.operands), c)
	}
}

// pythonModule judges python -m.
func (w *walker) pythonModule(o options, args []word, c *call) {
	m, _ := o.get("m")
	switch m.text {
	case "http.server", "SimpleHTTPServer":
		w.report(Medium, "network-listen", "serves files to the network")
	case "pip":
		for i, a := range args {
			if a.text == "pip" && i > 0 {
				w.run(c.with(args[i:]))
				return
			}
		}
	}
}

// programFile judges a program file that this command line wrote or fetched.
func (w *walker) programFile(file word, c *call) {
	f := w.fileFlow(file)
	w.untrusted(f, c.name)
	if f.known {
		w.code(literalWord(f.text), c)
	}
}

// A codeSign is a pair of patterns that together say what a program does.
type codeSign struct {
	level  Level
	id     string
	why    string
	all    []*expression
	except *expression
}

var (
	reSocket   = expr(`(?i)socket|TCPSocket|fsockopen|/inet/tcp|net\.(connect|createConnection|Socket)|TcpClient`)
	reShell    = expr(`dup2|pty\.spawn|/bin/(ba|z|da)?sh|cmd\.exe|STDIN,\s*">&|"sh"|'sh'|"bash"|'bash'|iex\b|getline`)
	reFetch    = expr(`(?i)urlopen|urlretrieve|requests\.get|http\.get|https\.get|\bfetch\(|LWP|Net::HTTP|open-uri|URI\.open|file_get_contents\(\s*['"]https?:|DownloadString|Invoke-WebRequest|\biwr\b|Invoke-RestMethod|\bcurl\b`)
	reRun      = expr(`(?i)\bexec\s*\(|\beval\b|os\.system|subprocess|os\.popen|child_process|\bsystem\s*\(|shell_exec|\biex\b|Invoke-Expression|os\.execute|instance_eval|\bFunction\(|\bcompile\(`)
	reDecode   = expr(`(?i)b64decode|base64|\batob\(|fromhex|unhexlify|FromBase64String|unpack\(|zlib\.decompress|codecs\.decode|rot13|'hex'|"hex"`)
	reSend     = expr(`(?i)requests\.(post|put)|urlopen\([^)]*data|http\.client|method:\s*['"](POST|PUT)|Net::HTTP\.post|\.sendall|\.send\(|LWP.*post|Invoke-WebRequest.*Post|urlopen|requests\.get|\bfetch\(`)
	reFork     = expr(`(?i)(while|for).{0,40}fork|fork\s+while\s+fork|fork.{0,10}while|loop.{0,20}fork`)
	reWipe     = expr(`(?i)Remove-Item\b.*-Recurse|\bri\b.*-Recurse|Format-Volume|Clear-Disk|Remove-Partition`)
	reExecCall = expr(`(?i)(os\.system|os\.popen|popen2?|subprocess\.\w+|commands\.getoutput|getoutput|getstatusoutput|check_output|check_call|\bexec(Sync|File|FileSync|v|vp|l|lp|ve)?|spawn(Sync)?|\bsystem|shell_exec|passthru|proc_open|os\.execute|io\.popen|IO\.popen|do shell script|pty\.spawn|Kernel\.exec|Open3\.\w+|\bqx|\bsh\.\w+|Start-Process|&)\s*\(?\s*(\[\s*)?$`)
	reExecBare = expr(`(os\.system|os\.popen|subprocess\.(run|call|Popen|check_output|check_call|getoutput)|execSync|spawnSync|child_process['"]?\)?\.(exec|spawn)|shell_exec|passthru)\s*\(\s*[A-Za-z_$]`)
	reTreeCall = expr(`(?i)(rmtree|rm_rf|rmSync|rmdirSync|remove_tree|rm_r|remove_dir_all|fs\.rm|rimraf|deltree|Remove-Item)\s*\(?\s*$`)
	reFileCall = expr(`(?i)(os\.remove|os\.unlink|\bunlink|unlinkSync|File\.delete)\s*\(?\s*$`)
	reOpenMode = expr(`^\s*,\s*['"][wax]`)
	reWriteFn  = expr(`(?i)(writeFileSync|writeFile|appendFileSync|file_put_contents|File\.write|appendFile)\s*\(\s*$`)
	reSource   = expr(`(?i)(open|Path|readFileSync|readFile|file_get_contents|File\.read|IO\.read|slurp|read_text|File\.open)\s*\(?\s*$`)
)

var codeSigns = later.Value[[]codeSign]{Make: func() []codeSign {
	return []codeSign{
		{Critical, "reverse-shell", "a program connects a shell to the network", []*expression{reSocket, reShell}, nil},
		{Critical, "pipe-to-shell", "a program runs what it downloads", []*expression{reFetch, reRun}, nil},
		{Critical, "decoded-to-shell", "a program runs what it decodes", []*expression{reDecode, reRun}, nil},
		{Critical, "fork-bomb", "a program starts itself without end", []*expression{reFork}, nil},
		{High, "rm-recursive", "a program removes directories", []*expression{reWipe}, nil},
		{Medium, "code-exec", "a program runs a command that is computed at run time", []*expression{reExecBare}, nil},
		{Medium, "network", "a program talks to another machine", []*expression{reSend}, expr(`localhost|127\.0\.0\.1`)},
	}
}}

// code judges a program in another language: by the calls it makes, and by
// the strings that it hands to a shell or opens.
func (w *walker) code(x word, c *call) {
	w.untrusted(x.flow, c.name)
	if x.open && x.lead == x.text {
		if !x.flow.net && !x.flow.decoded {
			w.report(High, "dynamic-command", c.name+" runs code that is computed at run time")
		}
		return
	}
	text := x.text
	if len(text) > maxText {
		w.blind("too-long", "a program longer than what is looked at")
		text = text[:maxText]
	}
	for _, s := range codeSigns.Get() {
		matched := s.except == nil || !s.except.matches(text)
		for _, re := range s.all {
			matched = matched && re.matches(text)
		}
		if matched {
			w.report(s.level, s.id, s.why)
		}
	}
	secret := w.literals(text, c)
	if secret.secret != "" && (reSend.matches(text) || reSocket.matches(text)) {
		w.report(Critical, "exfiltration", secret.secret+" sent by a program")
	}
	c.read = c.read.merge(secret)
}

// stringLiteral is a quoted string of a program and where it stands.
type stringLiteral struct {
	text       string
	quote      byte
	start, end int // of the quoted form
}

func stringLiterals(s string) []stringLiteral {
	var out []stringLiteral
	for i := 0; i < len(s) && len(out) < maxFields; i++ {
		q := s[i]
		if q != '\'' && q != '"' && q != '`' {
			continue
		}
		var b strings.Builder
		j := i + 1
		for ; j < len(s) && s[j] != q; j++ {
			if s[j] == '\\' && j+1 < len(s) {
				j++
			}
			b.WriteByte(s[j])
		}
		if j >= len(s) {
			continue
		}
		out = append(out, stringLiteral{b.String(), q, i, j + 1})
		i = j
	}
	return out
}

// literals judges the strings of a program by the call before them, and
// returns the secrets that it opens.
func (w *walker) literals(text string, c *call) flow {
	var secrets flow
	list := stringLiterals(text)
	for i, lit := range list {
		before := text[max(0, lit.start-48):lit.start]
		switch {
		case lit.quote == '`' && containsField("perl ruby php", c.name):
			w.shell(lit.text, flow{})
		case reTreeCall.matches(before):
			w.run(&call{argv: []word{literalWord("rm"), literalWord("-rf"), literalWord(lit.text)}})
		case reFileCall.matches(before):
			w.run(&call{argv: []word{literalWord("rm"), literalWord(lit.text)}})
		case reExecCall.matches(before):
			w.execLiteral(text, list[i:])
		case c.name == "awk" && strings.HasSuffix(strings.TrimSpace(before), "|"), c.name == "awk" && strings.HasPrefix(strings.TrimSpace(text[lit.end:]), "|"):
			w.shell(lit.text, flow{})
		case reWriteFn.matches(before), reOpenMode.matches(text[lit.end:]):
			w.write(literalWord(lit.text), flow{}, "a program writes")
		case reSource.matches(before) || strings.HasPrefix(lit.text, "/") || strings.HasPrefix(lit.text, "~"):
			if _, ok := w.secretOf(literalWord(lit.text)); ok {
				secrets = secrets.merge(w.readFile(literalWord(lit.text)))
			}
		}
	}
	return secrets
}

// execLiteral walks a command given as one string or as a list of strings.
func (w *walker) execLiteral(text string, list []stringLiteral) {
	argv := []word{literalWord(list[0].text)}
	for i := 1; i < len(list); i++ {
		between := strings.TrimSpace(text[list[i-1].end:list[i].start])
		if between != "," && between != ",[" && between != ", [" {
			break
		}
		argv = append(argv, literalWord(list[i].text))
	}
	if len(argv) == 1 {
		w.shell(list[0].text, flow{})
		return
	}
	w.run(&call{argv: argv})
}

// cmdExe walks the Windows command interpreter's text by its first words.
func (w *walker) cmdExe(c *call) flow {
	for i, a := range c.args {
		if !strings.EqualFold(a.text, "/c") && !strings.EqualFold(a.text, "/k") {
			continue
		}
		text := strings.ToLower(join(c.args[i+1:]).text)
		switch {
		case strings.HasPrefix(text, "format "):
			w.report(Critical, "disk-format", "format makes a new file system")
		case (strings.HasPrefix(text, "del ") || strings.HasPrefix(text, "rd ") || strings.HasPrefix(text, "rmdir ") || strings.HasPrefix(text, "erase ")) && strings.Contains(text, "/s"):
			w.report(High, "rm-recursive", "recursive removal by cmd")
		default:
			w.shell(strings.ReplaceAll(text, `\`, "/"), flow{})
		}
	}
	return unknownFlow
}
