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
	quiet  bool   // its input is often data: what is not known of it is no alarm
}

// codeOptions are those of the interpreters, by their names.
var codeOptions = later.Value[map[string]codeOption]{Make: func() map[string]codeOption {
	return map[string]codeOption{
		"elixir":    {valued: "e eval S r pr require", code: "e eval", quiet: true},
		"erl":       {valued: "eval s run pa pz name sname setcookie", code: "eval", quiet: true},
		"guile":     {valued: "c e l s L", code: "c", quiet: true},
		"racket":    {valued: "e eval l t f r", code: "e eval", quiet: true},
		"octave":    {valued: "eval", code: "eval", quiet: true},
		"gnuplot":   {valued: "e d", code: "e", quiet: true},
		"raku":      {valued: "e M I", code: "e", quiet: true},
		"crystal":   {quiet: true},
		"scala":     {valued: "e", code: "e", quiet: true},
		"sbcl":      {valued: "eval load", code: "eval", quiet: true},
		"clojure":   {valued: "e eval m i", code: "e eval", quiet: true},
		"clj":       {valued: "e eval m i", code: "e eval", quiet: true},
		"bb":        {valued: "e eval m f", code: "e eval", quiet: true},
		"ghc":       {valued: "e o", code: "e", quiet: true},
		"r":         {valued: "e f", code: "e", quiet: true},
		"expect":    {valued: "c f", code: "c", quiet: true},
		"python":    {valued: "c W X m", code: "c"},
		"ipython":   {valued: "c", code: "c"},
		"perl":      {valued: "e E I M m", code: "e E"},
		"ruby":      {valued: "e I r C", code: "e"},
		"irb":       {valued: "e", code: "e"},
		"node":      {valued: "e eval p print r require import loader env-file input-type", code: "e eval p print pe"},
		"tsx":       {valued: "e eval p print", code: "e eval p print"},
		"ts-node":   {valued: "e eval p print", code: "e eval p print"},
		"bun":       {valued: "e eval p print", code: "e eval p print"},
		"deno":      {valued: "", code: ""},
		"php":       {valued: "r R B d f", code: "r R B"},
		"lua":       {valued: "e l", code: "e"},
		"awk":       {valued: "f v F e source", code: "e source", first: true},
		"osascript": {valued: "e l", code: "e"},
		"rscript":   {valued: "e", code: "e"},
		"julia":     {valued: "e eval E", code: "e eval E"},
		"groovy":    {valued: "e", code: "e"},
		"tclsh":     {valued: "", code: ""},
	}
}}

// language judges the program that an interpreter is given: as text, as a
// file of this command line, or as its input.
func (w *walker) language(c *call) flow {
	x := codeOptions.Get()[c.name]
	o := parseOptions(c.args, x.valued)
	if len(o.operands) > 0 && (c.name == "deno" || c.name == "crystal") && o.operands[0].literal("eval") && len(o.operands) > 1 {
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
	w.patterns(c)
	operands := o.operands
	if x.first && !given && len(operands) > 0 && !o.has("f") {
		given = true
		w.code(operands[0], c)
		operands = operands[1:]
	}
	switch {
	case given:
	case c.name == "python" && o.has("m"):
		w.pythonModule(o, c.args, c)
	case len(operands) > 0 && !operands[0].literal("-") && !operands[0].literal("/dev/stdin"):
		w.programFile(operands[0], c)
	case c.hasIn:
		w.untrusted(c.in, c.name)
		if c.in.known {
			w.code(literalWord(c.in.text), c)
		} else if !c.in.net && !c.in.decoded && !x.quiet {
			w.report(High, "stdin-to-shell", c.name+" runs text that is computed at run time")
		}
	}
	w.secretArguments(c)
	if c.redirs.tcp != "" {
		w.report(Critical, "reverse-shell", c.name+" with its input and output at "+c.redirs.tcp)
	}
	return c.in.opaque().merge(c.read)
}

// pythonModule judges python -m.
func (w *walker) pythonModule(o options, args []word, c *call) {
	m, _ := o.get("m")
	switch m.text {
	case "http.server", "SimpleHTTPServer":
		w.report(Medium, "network-listen", "serves files to the network")
	case "timeit", "cProfile", "profile":
		for _, x := range append(o.all("s"), o.operands...) {
			w.code(x, c)
		}
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
	reFetch    = expr(`(?i)urlopen|urlretrieve|requests\.get|http\.get|https\.get|\bfetch\(|LWP|Net::HTTP|open-uri|URI\.open|file_get_contents\(\s*['"]https?:|DownloadString|Invoke-WebRequest|\biwr\b|Invoke-RestMethod|\birm\b|\bcurl\b`)
	reRun      = expr(`(?i)\bexec\s*\(|\beval\b|os\.system|subprocess|os\.popen|child_process|\bsystem\s*\(|shell_exec|\biex\b|Invoke-Expression|os\.execute|instance_eval|\bFunction\(|\bcompile\(`)
	reDecode   = expr(`(?i)b64decode|base64|\batob\(|fromhex|unhexlify|FromBase64String|unpack\(|zlib\.decompress|codecs\.decode|rot13|'hex'|"hex"`)
	reSend     = expr(`(?i)requests\.(post|put)|urlopen\([^)]*data|http\.client|method:\s*['"](POST|PUT)|Net::HTTP\.post|\.sendall|\.send\(|LWP.*post|Invoke-WebRequest.*Post|urlopen|requests\.get|\bfetch\(`)
	reFork     = expr(`(?i)(while|for).{0,40}fork|fork\s+while\s+fork|fork.{0,10}while|loop.{0,20}fork`)
	reExecCall = expr(`(?i)(os\.system|os\.popen|popen2?|subprocess\.\w+|commands\.getoutput|getoutput|getstatusoutput|check_output|check_call|\bexec(Sync|File|FileSync|v|vp|l|lp|ve)?|spawn(Sync)?|\bsystem|shell_exec|passthru|proc_open|os\.execute|io\.popen|IO\.popen|do shell script|pty\.spawn|Kernel\.exec|Open3\.\w+|\bqx|\bsh\.\w+|Start-Process|System\.(cmd|shell)|os[:.]cmd|(async-)?shell-command(-to-string)?|(call|start|make)-process|run-program|\b(shell|run)|\.Command|java\.shell/sh|process/(shell|sh|exec)|(call|read)(Command|Process)|&)\s*\(?\s*(\[\s*)?(~[cs])?$`)
	reExecBare = expr(`(os\.system|os\.popen|subprocess\.(run|call|Popen|check_output|check_call|getoutput)|execSync|spawnSync|child_process['"]?\)?\.(exec|spawn)|shell_exec|passthru)\s*\(\s*[A-Za-z_$]`)
	reTreeCall = expr(`(?i)(rmtree|rm_rf|rmSync|rmdirSync|remove_tree|rm_r|remove_dir_all|fs\.rm|rimraf|deltree|delete-directory)\s*\(?\s*$`)
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
	if c.name == "expect" || c.name == "tclsh" {
		w.tcl(text)
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
	if containsField("perl ruby raku crystal", c.name) {
		for _, run := range reQuoting.groups(text) {
			w.shellIfRead(run)
		}
	}
	list := stringLiterals(text)
	for i, lit := range list {
		before := text[max(0, lit.start-48):lit.start]
		switch {
		case lit.quote == '`' && containsField("perl ruby php julia crystal", c.name), lit.quote == '`' && strings.HasSuffix(before, "$"):
			w.shell(lit.text, flow{})
		case reTreeCall.matches(before):
			w.run(&call{argv: []word{literalWord("rm"), literalWord("-rf"), literalWord(lit.text)}})
		case reFileCall.matches(before):
			w.run(&call{argv: []word{literalWord("rm"), literalWord(lit.text)}})
		case reExecCall.matches(before), handedToExec(text, lit):
			w.execLiteral(text, list[i:], containsField(lisps, c.name))
		case c.name == "scala" && strings.HasPrefix(text[lit.end:], ".!"):
			w.shell(lit.text, flow{})
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

// lisps are languages that have nothing between the words of a list.
const lisps = "guile racket sbcl clojure clj bb emacs"

var (
	reAssigned = expr(`([A-Za-z_]\w*)\s*:?=\s*$`)
	reBetween  = expr(`^\s*(,\s*)([\[({]\s*)?(args\s*[:=]\s*)?(\[\s*)?$`)
	reBlank    = expr(`^(\s|\bnil\b)*$`)
	reConcat   = expr(`^\s*(\+|\.\.?|<>|~|&)?\s*$`)
	reQuoting  = expr(`(?:\bqx|%x)\s*[({\[|]([^)}\]|]*)`)
)

// handedToExec reports whether a literal is given to a variable that is run later.
func handedToExec(text string, lit stringLiteral) bool {
	name := reAssigned.group(text[max(0, lit.start-48):lit.start])
	if name == "" {
		return false
	}
	for from := lit.end; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return false
		}
		if i += from; reExecCall.matches(strings.TrimRight(text[max(0, i-48):i], "$")) {
			return true
		}
		from = i + len(name)
	}
}

// execLiteral walks a command given as one string, of several that are put together, or
// as a list of strings.
func (w *walker) execLiteral(text string, list []stringLiteral, lisp bool) {
	argv := []word{literalWord(list[0].text)}
	for i := 1; i < len(list); i++ {
		between := text[list[i-1].end:list[i].start]
		switch {
		case reBetween.matches(between), lisp && reBlank.matches(between):
			argv = append(argv, literalWord(list[i].text))
		case !lisp && reConcat.matches(between):
			argv[len(argv)-1].text += list[i].text
		default:
			i = len(list)
		}
	}
	if len(argv) == 1 {
		w.shell(argv[0].text, flow{})
		return
	}
	w.run(&call{argv: argv})
}
