package risk

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

// windowsRules judge cmdlets of PowerShell and commands of cmd.exe, wherever they stand.
func windowsRules() []entry[rule] {
	return []entry[rule]{
		{"remove-item ri rd del erase", (*walker).removeItem},
		{"invoke-webrequest iwr invoke-restmethod irm start-bitstransfer bitsadmin certutil", (*walker).webRequest},
		{"set-content add-content out-file tee-object clear-content new-item copy-item move-item rename-item copy xcopy move ren", (*walker).writeItem},
		{"robocopy", (*walker).robocopy},
		{"set-psreadlineoption", (*walker).readLineOption},
		{"mshta regsvr32 rundll32", (*walker).scriptHost},
		{"set-itemproperty new-itemproperty remove-itemproperty", (*walker).registry},
		{"stop-process stop-service", (*walker).stopGuard},
	}
}

// windowsPatterns are commands of Windows by their subcommand alone.
var windowsPatterns = []pattern{
	{"format *:|*:/", "", Critical, "disk-format", "format makes a new file system"},
	{"format-volume|clear-disk|remove-partition|initialize-disk|reset-physicaldisk", "", Critical, "disk-format", "empties a disk"},
	{"diskpart", "", High, "disk-format", "diskpart changes the partitions of a disk"},
	{"wmic shadowcopy delete", "", Critical, "backup-delete", "wmic removes backups"},
	{"net user|localgroup|group|accounts * *", "", High, "account-change", "net changes accounts"},
	{"net stop", "", Medium, "service-stop", "net stops a service"},
	{"net start", "", Medium, "service-change", "net starts a service"},
	{"net share|use *", "", Medium, "network", "net shares files"},
	{"sc create|config|failure|sdset", "", High, "persistence", "sc changes what starts by itself"},
	{"sc stop|delete|pause", "", Medium, "service-stop", "sc stops a service"},
	{"taskkill|stop-process|spps", "", Medium, "process-kill", "stops a process"},
	{"stop-service|suspend-service", "", Medium, "service-stop", "stops a service"},
	{"start-service|restart-service|set-service", "", Medium, "service-change", "changes what runs"},
	{"new-service|register-scheduledtask|set-scheduledtask|register-scheduledjob|register-wmievent|new-jobtrigger", "", High, "persistence", "runs commands later"},
	{"stop-computer|restart-computer", "", High, "system-shutdown", "stops the machine"},
	{"new-localuser|set-localuser|remove-localuser|enable-localuser|disable-localuser|add-localgroupmember|remove-localgroupmember|new-aduser|set-aduser|add-adgroupmember", "", High, "account-change", "changes accounts"},
	{"set-executionpolicy", "", Medium, "security-off", "lets scripts run that are not signed"},
	{"set-netfirewallprofile|disable-netfirewallrule|remove-netfirewallrule", "", High, "firewall-off", "opens the firewall"},
	{"new-netfirewallrule|enable-netfirewallrule|set-netfirewallrule", "", High, "firewall-change", "changes the firewall"},
	{"enable-psremoting|set-wsmanquickconfig", "", High, "network-listen", "lets other machines run commands"},
	{"remove-service|remove-computer|remove-vm|remove-aduser", "", High, "infra-delete", "removes a part of the machine or the domain"},
	{"set-acl", "", High, "acl-change", "Set-Acl changes who may use files"},
	{"clear-history", "", High, "history-tamper", "removes entries of the shell's history"},
	{"clear-recyclebin", "", Medium, "file-delete", "empties the recycle bin"},
	{"install-module|install-package|install-script|update-module", "", Medium, "package-install", "installs packages"},
	{"get-credential|convertfrom-securestring", "", Medium, "secret-read", "asks for or prints a secret"},
}

// windowsSpecials run others, or what they are given.
func windowsSpecials() []entry[special] {
	return []entry[special]{
		{"powershell", (*walker).powershell},
		{"cmd", (*walker).cmdExe},
		{"iex invoke-expression", (*walker).invokeExpression},
		{"start-process saps start", (*walker).startProcess},
		{"invoke-command icm", (*walker).invokeCommand},
		{"write-output", (*walker).writeOutput},
		{"forfiles", (*walker).forFiles},
		{"wmic", (*walker).wmic},
	}
}

// otherCmdlets are names that nothing is known of but that a text with one of them is
// PowerShell.
const otherCmdlets = "get-childitem get-content get-item get-process get-service get-command get-date where-object foreach-object select-object sort-object write-host write-output " +
	"test-path resolve-path join-path split-path new-object set-location out-null add-type format-table format-list convertto-json convertfrom-json measure-object " +
	"start-job receive-job measure-command select-string import-module set-variable get-variable"

// shortCmdlets are the names without a dash that no other shell has.
const shortCmdlets = "iex irm iwr icm saps spps rd del erase"

// isCmdlet reports whether a name is one of PowerShell's or cmd.exe's and of no other shell.
func isCmdlet(name string) bool {
	if !strings.Contains(name, "-") {
		return containsField(shortCmdlets, name)
	}
	has := func(names string) bool { return containsField(names, name) }
	return has(otherCmdlets) ||
		slices.ContainsFunc(windowsRules(), func(e entry[rule]) bool { return has(e.names) }) ||
		slices.ContainsFunc(windowsSpecials(), func(e entry[special]) bool { return has(e.names) }) ||
		slices.ContainsFunc(windowsPatterns, func(p pattern) bool {
			names, _, _ := strings.Cut(p.words, " ")
			return slices.Contains(strings.Split(names, "|"), name)
		})
}

// hasCmdlet reports whether a text has the name of a cmdlet as one of its words.
func hasCmdlet(text string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r != '-' && r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), isCmdlet)
}

// cmdFlag reports whether a word is flags of a command of cmd.exe, as /s or /f/q.
func cmdFlag(s string) bool {
	if len(s) < 2 || s[0] != '/' {
		return false
	}
	for flag := range strings.SplitSeq(s[1:], "/") {
		if name, _, _ := strings.Cut(flag, ":"); len(name) != 1 {
			return false
		}
	}
	return true
}

// cmdlet is the call of a cmdlet taken apart: names of parameters may be shortened, and
// their case does not matter.
type cmdlet struct {
	flags    []option // in lower case, also those of cmd.exe
	operands []word   // and the values of parameters
}

// cmdletOf takes a call apart.
func cmdletOf(c *call) cmdlet {
	var out cmdlet
	for i, a := range c.args {
		lower := strings.ToLower(a.text)
		switch {
		case strings.HasPrefix(lower, "-") && len(lower) > 1 && a.lead == "":
			name, value, attached := strings.Cut(lower[1:], ":")
			f := option{name: name, value: literalWord(value)}
			if !attached && i+1 < len(c.args) {
				f.value = c.args[i+1]
			}
			out.flags = append(out.flags, f)
		case cmdFlag(lower):
			for flag := range strings.SplitSeq(lower[1:], "/") {
				out.flags = append(out.flags, option{name: "/" + flag})
			}
		case a.literal("/del"), a.literal("/erase"), a.literal("/rmdir"):
			out.flags = append(out.flags, option{name: a.text})
		default:
			for text := range strings.SplitSeq(a.text, ",") {
				if text = strings.TrimSpace(text); text != "" {
					x := a
					x.text, x.glob = text, strings.ContainsAny(text, "*?")
					out.operands = append(out.operands, x)
				}
			}
		}
	}
	return out
}

// get returns the value of a parameter, by any beginning of its name of at least so many
// letters.
func (o cmdlet) get(name string, least int) (word, bool) {
	for _, f := range o.flags {
		if f.name == name || len(f.name) >= least && strings.HasPrefix(name, f.name) {
			return f.value, true
		}
	}
	return word{}, false
}

func (o cmdlet) has(name string, least int) bool {
	_, ok := o.get(name, least)
	return ok
}

// removeItem judges Remove-Item, del and rd.
func (w *walker) removeItem(c *call) {
	o := cmdletOf(c)
	recursive := o.has("recurse", 1) || o.has("/s", 2)
	switch {
	case o.has("whatif", 2):
		return
	case (c.name == "ri" || c.name == "rd") && !recursive && !o.has("force", 2) && !o.has("/del", 4) && !o.has("/erase", 6):
		return // the manual of Ruby, or an empty directory
	case c.hasIn && len(o.operands) == 0 && recursive:
		w.report(High, "rm-recursive", "recursive removal of what is found")
	case c.hasIn && len(o.operands) == 0:
		w.report(Medium, "file-delete", "removal of what is found")
	}
	for _, x := range o.operands {
		if containsField("silentlycontinue ignore stop", strings.ToLower(x.text)) {
			continue
		}
		if recursive {
			level, what := removal(x, w.cwd)
			w.report(level, "rm-recursive", "recursive removal of "+what)
		} else {
			w.removeFile(x)
		}
		w.remove(x, "removes")
	}
}

// webRequest judges what fetches and sends by the web.
func (w *walker) webRequest(c *call) {
	o := cmdletOf(c)
	if c.name == "certutil" && !o.has("urlcache", 3) && !o.has("/urlcache", 9) && !o.has("verifyctl", 3) {
		return
	}
	local := w.local(c)
	if !local {
		w.report(Medium, "network", c.name+" talks to another machine")
	}
	for _, name := range []string{"outfile", "destination"} {
		if x, ok := o.get(name, 2); ok {
			w.write(x, flow{some: true, net: !local}, c.name+" writes")
		}
	}
	if n := len(o.operands); n > 1 && (c.name == "certutil" || c.name == "bitsadmin") {
		w.write(o.operands[n-1], flow{some: true, net: true}, c.name+" writes")
	}
	if x, ok := o.get("infile", 3); ok && !local {
		w.send(w.readFile(x), c, c.name+" sends the file "+x.text)
	}
	if x, ok := o.get("body", 2); ok && !local {
		w.send(x.flow, c, "")
	}
}

// writeItem judges what writes, copies and moves files.
func (w *walker) writeItem(c *call) {
	o := cmdletOf(c)
	target, given := o.get("destination", 3)
	for _, name := range []string{"filepath", "literalpath", "path"} {
		if x, ok := o.get(name, 2); ok && !given && !strings.HasPrefix(c.name, "copy") && !strings.HasPrefix(c.name, "move") {
			target, given = x, true
		}
	}
	if !given && len(o.operands) > 0 {
		target = o.operands[0]
		if containsField("copy-item move-item copy xcopy move", c.name) {
			target = o.operands[len(o.operands)-1]
		}
	}
	if target.text == "" || strings.EqualFold(target.text, "nul") {
		return
	}
	if strings.HasPrefix(c.name, "move") && len(o.operands) > 0 {
		w.remove(o.operands[0], "moves away")
	}
	w.write(target, c.in.merge(c.read), c.name+" to")
}

func (w *walker) robocopy(c *call) {
	for _, a := range c.args {
		if containsField("/mir /purge /mov /move", strings.ToLower(a.text)) {
			w.report(High, "sync-delete", "robocopy removes what the source does not have, or the source")
			return
		}
	}
	w.report(Medium, "file-write", "robocopy copies files")
}

// readLineOption judges where PowerShell keeps its history.
func (w *walker) readLineOption(c *call) {
	o := cmdletOf(c)
	style, _ := o.get("historysavestyle", 8)
	_, moved := o.get("historysavepath", 12)
	if strings.EqualFold(style.text, "SaveNothing") || moved || o.has("maximumhistorycount", 4) {
		w.report(High, "history-tamper", "the shell stops keeping its history")
	}
}

// scriptHost judges the programs that run a script that they are given the address of.
func (w *walker) scriptHost(c *call) {
	for _, a := range c.args {
		lower := strings.ToLower(a.text)
		switch {
		case strings.Contains(lower, "://"):
			w.report(Critical, "pipe-to-shell", "downloaded text is run by "+c.name)
		case strings.HasPrefix(lower, "javascript:"), strings.HasPrefix(lower, "vbscript:"), strings.HasPrefix(lower, "/i:"):
			w.report(High, "code-exec", c.name+" runs a script")
		}
	}
}

// registry judges changes of the registry, and of nothing else that has properties.
func (w *walker) registry(c *call) {
	for _, x := range cmdletOf(c).operands {
		if lower := strings.ToLower(x.text); strings.HasPrefix(lower, "hk") || strings.Contains(lower, "::hkey") {
			w.report(High, "system-config", "changes the registry")
			return
		}
	}
	w.report(Medium, "system-config", "changes settings")
}

// stopGuard judges the end of what guards the machine.
func (w *walker) stopGuard(c *call) {
	for _, x := range cmdletOf(c).operands {
		if containsField("windefend mpssvc eventlog wscsvc sense etch", strings.ToLower(x.text)) {
			w.report(High, "security-off", "stops what guards the machine: "+x.text)
		}
	}
}

// invokeExpression runs text as PowerShell. Elixir has a shell of this name, too, which
// is given options.
func (w *walker) invokeExpression(c *call) flow {
	args := c.args
	if len(args) > 0 && strings.HasPrefix("-command", strings.ToLower(args[0].text)) && len(args[0].text) > 1 {
		args = args[1:]
	}
	switch {
	case len(args) > 0 && strings.HasPrefix(args[0].text, "-"):
		return unknownFlow
	case len(args) > 0:
		return w.powershellText(join(args), c)
	case c.hasIn:
		w.untrusted(c.in, c.name)
		if c.in.known {
			return w.windows(word{text: c.in.text}, flow{}, false)
		}
		if !c.in.net && !c.in.decoded {
			w.report(High, "stdin-to-shell", c.name+" runs text that is computed at run time")
		}
	}
	return unknownFlow
}

// powershellText walks a word as text of PowerShell.
func (w *walker) powershellText(x word, c *call) flow {
	w.untrusted(x.flow, "powershell")
	if x.open && x.lead == x.text {
		if !x.flow.net && !x.flow.decoded {
			w.report(High, "dynamic-command", "the shell text is computed at run time")
		}
		return unknownFlow
	}
	return w.windows(x, c.in, false)
}

// startProcess runs a program, for Start-Process and start.
func (w *walker) startProcess(c *call) flow {
	o := cmdletOf(c)
	if verb, ok := o.get("verb", 2); ok && strings.EqualFold(verb.text, "runas") {
		w.report(High, "privilege-escalation", "Start-Process runs as administrator")
	}
	var argv []word
	for _, x := range o.operands {
		if containsField("runas hidden", strings.ToLower(x.text)) {
			continue
		}
		for text := range strings.FieldsSeq(x.text) {
			argv = append(argv, x.part(text))
		}
	}
	for _, a := range c.args {
		if strings.HasPrefix(a.text, "-") && len(argv) > 0 && !containsField("-filepath -argumentlist -args -wait -verb -nonewwindow -passthru -windowstyle -workingdirectory", strings.ToLower(a.text)) {
			argv = append(argv, a)
		}
	}
	if len(argv) > 0 {
		w.run(c.with(argv))
	}
	return unknownFlow
}

// invokeCommand notes that a block, which is walked where it stands, runs elsewhere.
func (w *walker) invokeCommand(c *call) flow {
	if o := cmdletOf(c); o.has("computername", 2) || o.has("hostname", 2) || o.has("session", 2) || o.has("connectionuri", 3) {
		w.report(Medium, "remote-shell", "Invoke-Command runs on another machine")
	}
	return c.in.opaque()
}

func (w *walker) writeOutput(c *call) flow {
	x := join(c.args)
	if x.open {
		return x.flow.opaque()
	}
	return wordFlow(x)
}

// forFiles runs a command for each file that it finds.
func (w *walker) forFiles(c *call) flow {
	for i, a := range c.args {
		if strings.EqualFold(a.text, "/c") && i+1 < len(c.args) {
			w.windows(c.args[i+1], flow{}, true)
		}
	}
	return unknownFlow
}

// wmic runs a program by "process call create".
func (w *walker) wmic(c *call) flow {
	for i, a := range c.args {
		if strings.EqualFold(a.text, "create") && i+1 < len(c.args) {
			w.windows(join(c.args[i+1:]), flow{}, true)
		}
	}
	w.judge(c)
	return unknownFlow
}

// powershell walks the text that PowerShell is given, as words, encoded, in a file or as
// input.
func (w *walker) powershell(c *call) flow {
	const valued = "executionpolicy ep ex exec version windowstyle w outputformat inputformat configurationname workingdirectory wd psconsolefile settingsfile custompipename of if"
	w.secretArguments(c)
	if c.redirs.tcp != "" {
		w.report(Critical, "reverse-shell", c.name+" with its input and output at "+c.redirs.tcp)
	}
	for i := 0; i < len(c.args); i++ {
		a, rest := c.args[i], c.args[i+1:]
		lower := strings.TrimLeft(strings.ToLower(a.text), "-/")
		isFlag := len(lower) > 0 && len(lower) < len(a.text) && a.lead == ""
		switch {
		case isFlag && containsField(valued, lower):
			i++
		case isFlag && (strings.HasPrefix("encodedcommand", lower) || lower == "ec" || lower == "enc"):
			w.encoded(rest, c)
			return unknownFlow
		case isFlag && strings.HasPrefix("file", lower) && len(rest) > 0:
			return w.script(rest[0], c)
		case isFlag && (strings.HasPrefix("command", lower) || lower == "commandwithargs" || lower == "cwa"):
			return w.powershellWords(rest, c)
		case !isFlag:
			return w.powershellWords(c.args[i:], c)
		}
	}
	return w.powershellWords(nil, c)
}

// powershellWords walks the words that are PowerShell's text, or its input for none.
func (w *walker) powershellWords(args []word, c *call) flow {
	if len(args) == 0 || args[0].literal("-") {
		if !c.hasIn {
			return flow{some: true, shell: true}
		}
		out := w.invokeExpression(&call{name: c.name, in: c.in, hasIn: true})
		out.shell = true
		return out
	}
	x := join(args)
	if f := w.fileFlow(args[0]); f.some && !args[0].flow.some {
		return w.script(args[0], c)
	}
	w.code(x, c)
	return w.powershellText(x, c).merge(c.read)
}

// encoded walks a command in base64 of UTF-16.
func (w *walker) encoded(args []word, c *call) {
	w.report(Critical, "decoded-to-shell", "powershell runs an encoded command")
	if len(args) == 0 {
		return
	}
	b, err := base64.StdEncoding.DecodeString(args[0].text)
	if err != nil || len(b) > maxText || len(b)%2 != 0 {
		return
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	w.powershellText(literalWord(string(utf16.Decode(units))), c)
}

// cmdExe walks the text that cmd.exe is given.
func (w *walker) cmdExe(c *call) flow {
	for i, a := range c.args {
		// Git's shell for Windows writes //c, to keep it from being taken for a path.
		if containsField("/c /k //c //k", strings.ToLower(a.text)) {
			x := join(c.args[i+1:])
			w.untrusted(x.flow, "cmd")
			return w.windows(x, c.in, true)
		}
	}
	if c.hasIn {
		w.untrusted(c.in, "cmd")
		if c.in.known {
			return w.windows(word{text: c.in.text}, flow{}, true)
		}
	}
	return unknownFlow
}
