package redact

import (
	"slices"
	"strings"
)

// command says how a program takes secrets in its arguments. Options with telling names need no entry: names.go finds them.
type command struct {
	names      []string
	sub        string   // only with this word among the arguments
	flags      []string // the next argument is the secret
	glued      []string // the secret follows the option in the same argument: -psecret
	pairs      []string // the next argument is user:secret; a letter also at the end of joined ones (-su)
	gluedPairs []string // user:secret follows in the same argument
	prefixes   []string // an argument pass:secret, after any option
	positional int      // the secret is this argument that is no option, from 1; 0 is none
	needs      byte     // positional only where an option has this letter
	drops      byte     // an option with this letter means one argument fewer before the secret
	valued     string   // letters at the end of options whose value is the next argument, which is none of those that count
	literals   bool     // --from-literal=name=secret
	cookies    []string // name=secret; name=secret follows, as the next argument or in the same one
	keyed      []string // an argument that begins so is followed by the secret; after one with a "+" behind it by a user and the secret
	unassigned bool     // the positional one is none where it is a name=value
	separator  byte     // of pairs; 0 is ':'
	proxies    []string // the next argument is user:secret@host
	bare       string   // letters of options without a value, which others are joined to: -kuu:p
	without    []string // not where one of these words is among the arguments
	assigned   []string // in an argument that begins so what follows is the secret; "=" is any name=value
	hereString bool     // <<< secret
	format     bool     // the first argument says by NAME=%s which of the others are secrets
	rule       rule
}

// commands is the table of programs. A new one is one entry here; its names become keywords of the walk.
var commands = [...]command{
	{names: []string{"mysql", "mariadb", "mysqldump", "mysqladmin", "mysqlimport", "mysqlcheck", "mysqlshow", "mysqlpump", "mysqlsh", "mariadb-dump", "mariadb-admin", "mysqlslap", "mycli"}, glued: []string{"-p"}},
	{
		names: []string{"curl"}, pairs: []string{"-u", "-U", "--user", "--proxy-user", "-E", "--cert", "--proxy-cert"}, gluedPairs: []string{"-u", "-U", "--user=", "--proxy-user=", "--cert=", "--proxy-cert="}, flags: []string{"--oauth2-bearer"}, glued: []string{"--oauth2-bearer="}, cookies: []string{"-b"},
		proxies: []string{"-x", "--proxy", "--preproxy"}, bare: "012346aBfgGiIjJklLMnNOpqRsSvVZ#",
	},
	{names: []string{"http", "https", "xh", "xhs", "httpie"}, pairs: []string{"-a", "--auth"}, gluedPairs: []string{"--auth="}},
	{names: []string{"etcdctl"}, pairs: []string{"--user"}, gluedPairs: []string{"--user="}},
	{names: []string{"lftp"}, pairs: []string{"-u"}, separator: ','},
	{names: []string{"ssh-keygen"}, flags: []string{"-N", "-P"}},
	{names: []string{"vault"}, sub: "login", positional: 2, unassigned: true, rule: ruleToken},
	{names: []string{"twine"}, sub: "upload", flags: []string{"-p"}},
	{names: []string{"cqlsh", "beeline", "rdesktop", "psexec", "hdbsql"}, flags: []string{"-p"}},
	{names: []string{"mosquitto_pub", "mosquitto_sub"}, flags: []string{"-P"}},
	{names: []string{"wpa_passphrase"}, positional: 2},
	{names: []string{"sshpass"}, flags: []string{"-p"}, glued: []string{"-p"}},
	{names: []string{"redis-cli", "valkey-cli", "keydb-cli", "redis-benchmark"}, flags: []string{"-a"}},
	{names: []string{"docker", "podman", "buildah", "nerdctl", "skopeo", "helm", "oras", "crane", "az", "oc", "cf", "argocd", "heroku"}, sub: "login", flags: []string{"-p"}, glued: []string{"-p"}},
	{names: []string{"openssl"}, prefixes: []string{"pass:"}, flags: []string{"-k", "-K", "-hmac", "-macopt"}},
	{names: []string{"htpasswd"}, positional: 3, needs: 'b', drops: 'n', valued: "Cr"},
	{names: []string{"mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport"}, flags: []string{"-p"}, glued: []string{"-p"}},
	{names: []string{"sqlcmd", "bcp"}, flags: []string{"-P"}, glued: []string{"-P"}},
	{names: []string{"zip", "unzip", "zipcloak"}, flags: []string{"-P"}, glued: []string{"-P"}},
	{names: []string{"7z", "7za", "7zz", "7zr", "rar", "unrar"}, glued: []string{"-p", "-hp"}},
	{names: []string{"ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldappasswd"}, flags: []string{"-w"}, glued: []string{"-w"}},
	{names: []string{"smbclient", "rpcclient", "smbmap", "winexe"}, pairs: []string{"-U"}, gluedPairs: []string{"-U"}, separator: '%'},
	{names: []string{"kubectl", "oc"}, sub: "secret", literals: true, rule: ruleSecret},
	{names: []string{"convertto-securestring"}, positional: 1},
	{names: []string{"xfreerdp", "wfreerdp"}, glued: []string{"/p:"}},
	{names: []string{"rabbitmqctl"}, sub: "add_user", positional: 3},
	{names: []string{"ipmitool"}, flags: []string{"-P"}},
	{names: []string{"gh"}, sub: "secret", flags: []string{"-b", "--body"}, glued: []string{"--body=", "-b"}, hereString: true, rule: ruleSecret},
	{names: []string{"rabbitmqctl"}, sub: "change_password", positional: 3},
	{names: []string{"mysqladmin", "mariadb-admin"}, keyed: []string{"password"}},
	{names: []string{"openssl"}, sub: "passwd", flags: []string{"-salt"}, positional: 2, without: []string{"-in", "-stdin"}},
	{names: []string{"vault"}, sub: "put", assigned: []string{"="}, rule: ruleSecret},
	{names: []string{"vault"}, sub: "patch", assigned: []string{"="}, rule: ruleSecret},
	{names: []string{"vault"}, sub: "write", assigned: []string{"secret_id="}, rule: ruleSecret},
	{names: []string{"aws"}, flags: []string{"--secret-string"}, glued: []string{"--secret-string="}, rule: ruleSecret},
	{names: []string{"aws"}, sub: "put-parameter", flags: []string{"--value"}, glued: []string{"--value="}, without: []string{"String", "StringList", "--type=String", "--type=StringList"}, rule: ruleSecret},
	{names: []string{"az"}, sub: "keyvault", flags: []string{"--value"}, glued: []string{"--value="}, rule: ruleSecret},
	{names: []string{"security"}, sub: "add-generic-password", flags: []string{"-w"}, glued: []string{"-w"}},
	{names: []string{"security"}, sub: "add-internet-password", flags: []string{"-w"}, glued: []string{"-w"}},
	{names: []string{"security"}, sub: "unlock-keychain", flags: []string{"-p"}, glued: []string{"-p"}},
	{names: []string{"security"}, sub: "import", flags: []string{"-P"}, glued: []string{"-P"}},
	{names: []string{"docker", "podman"}, sub: "login", hereString: true},
	{names: []string{"printf"}, format: true},
	{names: []string{"composer", "poetry"}, sub: "config", keyed: []string{"http-basic.+", "pypi-token.", "github-oauth.", "gitlab-token.", "bearer."}},
}

// commandCount is the size of the table.
const commandCount = len(commands)

// command judges the arguments of the program named at [start, i). The secrets lie ahead of the walk, which goes on where it was.
func (c *scan) command(index, start, i int) {
	if i <= c.commanded[index] || !c.startsCommand(start) {
		return
	}
	if hasPrefixFold(c.s[i:], ".exe") {
		i += len(".exe")
	}
	if isQuote(c.at(i)) {
		i++
	}
	if !isBlank(c.at(i)) {
		return
	}
	p := &commands[index]
	last := c.last
	words := argWalk{c: c, at: i}
	state := argState{command: p, subSeen: p.sub == ""}
	if p.sub != "" || p.without != nil {
		probe := words
		for start, end, ok := probe.next(); ok; start, end, ok = probe.next() {
			word := c.s[start:end]
			state.subSeen = state.subSeen || word == p.sub
			if slices.Contains(p.without, word) {
				state.subSeen = false
				break
			}
			if state.subSeen && p.without == nil {
				break
			}
		}
	}
	for start, end, ok := words.next(); ok; start, end, ok = words.next() {
		c.argument(&state, start, end)
	}
	c.commanded[index] = words.at
	c.last = last
}

// startsCommand reports whether a command's name may start at i.
func (c *scan) startsCommand(i int) bool {
	b := c.before(i)
	return b == 0 || isSeparator(b) || isQuote(b) || b == '/' || b == '\\' || b == '`' || b == '{' || b == '='
}

// argWalk goes through the arguments of one simple command.
type argWalk struct {
	c  *scan
	at int
}

// next returns the bounds of the next argument with its quotes, and false at the end of the command.
func (w *argWalk) next() (start, end int, ok bool) {
	c := w.c
	w.skipRedirections()
	start = w.at
	if start >= len(c.s) || c.s[start] == '\n' || c.s[start] == ';' || c.s[start] == '|' || c.s[start] == '&' || c.s[start] == ')' {
		return 0, 0, false
	}
	if isQuote(c.s[start]) {
		if c.closes(start) && !c.opensPair(start) {
			return 0, 0, false
		}
		if n := c.closing(start+1, c.s[start]); n >= 0 {
			w.at = n + 1
			if c.continues(w.at) {
				w.at = c.wordEnd(w.at)
			}
			return start, w.at, true
		}
	}
	w.at = c.wordEnd(start)
	for w.at < len(c.s) && (c.s[w.at] == ',' || c.s[w.at] == '}' || c.s[w.at] == ']') {
		w.at = c.wordEnd(w.at + 1)
	}
	switch {
	case w.at > start:
		return start, w.at, true
	case c.s[start] == '<' || c.s[start] == '>' || c.s[start] == '(':
		w.at++
		return start, w.at, true
	case c.s[start] == '$' || c.s[start] == '`':
		return w.skipSubstitution()
	}
	return 0, 0, false
}

// skipRedirections goes to the next argument: a redirection and what it leads to are none.
func (w *argWalk) skipRedirections() {
	c := w.c
	for {
		w.at = c.skipBlanks(w.at)
		i := w.at
		for isDigit(c.at(i)) {
			i++
		}
		if c.at(i) == '&' && c.at(i+1) == '>' {
			i++
		}
		if b := c.at(i); b != '<' && b != '>' || c.at(i+1) == '(' || strings.HasPrefix(c.s[i:], "<<<") || c.at(i-1) == '<' {
			return
		}
		for b := c.at(i); b == '<' || b == '>' || b == '&' || b == '|'; b = c.at(i) {
			i++
		}
		w.at = c.skipBlanks(i)
		if v := c.read(w.at); v.stop > w.at {
			w.at = v.stop
		}
	}
}

// skipSubstitution takes a command substitution as one argument.
func (w *argWalk) skipSubstitution() (start, end int, ok bool) {
	start = w.at
	if w.c.s[start] == '`' {
		w.at = w.c.pair(start+1, '`')
	} else {
		w.at = w.c.pair(start+2, ')')
	}
	return start, w.at, w.at > start+2
}

// argState is what is known of a command while its arguments are read.
type argState struct {
	*command
	subSeen    bool
	wantSecret bool // the next argument is the secret
	wantPair   bool // or user:secret
	literal    bool // or name=secret
	wantCookie bool // or cookies
	wantValue  bool // or the value of an option
	needSeen   bool
	dropped    int    // arguments that an option stands for
	wantProxy  bool   // or the address of a proxy
	arrows     int    // of <<<
	verbs      uint64 // of printf: which arguments are secrets, from the next one on
	keyLeft    int    // how many arguments on the secret is that belongs to a key; 0 is none
	words      int    // arguments that were no options: of those of a subcommand it is the first, of those behind a needed option none
}

// wanted judges an argument that an option before it speaks for, and reports whether there was one.
func (c *scan) wanted(st *argState, start, end int) bool {
	switch {
	case st.wantSecret:
		st.wantSecret = false
		c.argSecret(start, 0, st.command)
	case st.wantPair:
		st.wantPair = false
		c.argPair(start, 0, st.command)
	case st.literal:
		st.literal = false
		c.argLiteral(start, end, st.command)
	case st.wantCookie:
		st.wantCookie = false
		c.argCookie(start)
	case st.wantValue:
		st.wantValue = false
	case st.wantProxy:
		st.wantProxy = false
		c.argProxy(start, end)
	default:
		return false
	}
	return true
}

// argument judges one argument.
func (c *scan) argument(st *argState, start, end int) {
	if c.wanted(st, start, end) {
		return
	}
	text := strings.Trim(c.s[start:end], `"'`)
	switch {
	case !st.subSeen || text == "":
		return
	case st.hereString && text == "<":
		st.arrows++
		return
	case st.arrows == 3:
		st.arrows = 0
		c.argSecret(start, 0, st.command)
		return
	}
	st.arrows = 0
	if st.format {
		c.argFormat(st, text, start)
		return
	}
	for _, p := range st.prefixes {
		if strings.HasPrefix(text, p) {
			c.argSecret(start, strings.Index(c.s[start:end], p)+len(p), st.command)
			return
		}
	}
	if text[0] == '-' || text[0] == '/' && len(text) > 2 && text[2] == ':' {
		c.option(st, text, start, end)
		return
	}
	if st.keyed != nil {
		c.argKeyed(st, text, start)
		return
	}
	if n := assignedIn(st.assigned, text); n > 0 && text[n:] != "" && text[n] != '@' { // @file
		c.argSecret(start, strings.Index(c.s[start:end], text)+n, st.command)
		return
	}
	st.words++
	if st.sub != "" && text == st.sub {
		st.words = 1 // what stands before it were values of options
	}
	if st.positional > 0 && st.words+st.dropped == st.positional && (st.needs == 0 || st.needSeen) && (!st.unassigned || strings.IndexByte(text, '=') < 0) {
		c.argSecret(start, 0, st.command)
	}
}

// argKeyed judges an argument that is no option, of a command whose secrets stand behind keys.
func (c *scan) argKeyed(st *argState, text string, start int) {
	if st.keyLeft > 0 {
		if st.keyLeft--; st.keyLeft == 0 {
			c.argSecret(start, 0, st.command)
		}
		return
	}
	for _, key := range st.keyed {
		prefix, paired := strings.CutSuffix(key, "+")
		if strings.HasPrefix(text, prefix) {
			st.keyLeft = 1
			if paired {
				st.keyLeft = 2
			}
		}
	}
}

// option judges an argument that is an option.
func (c *scan) option(st *argState, text string, start, end int) {
	if joined := len(text) > 1 && text[1] != '-'; joined {
		if st.needs != 0 && !st.needSeen && strings.IndexByte(text, st.needs) > 0 {
			st.needSeen, st.words = true, 0 // docker run --entrypoint htpasswd image -nb user password
		}
		if st.drops != 0 && strings.IndexByte(text, st.drops) > 0 {
			st.dropped++
		}
		st.wantValue = len(text) < 8 && strings.IndexByte(st.valued, text[len(text)-1]) >= 0
	}
	quoted := strings.Index(c.s[start:end], text)
	if n := bareLen(st.bare, text); n > 0 {
		text = "-" + text[1+n:]
		quoted += n
	}
	switch {
	case slices.Contains(st.proxies, text):
		st.wantProxy = true
	case st.literals:
		if text == "--from-literal" {
			st.literal = true
		} else if strings.HasPrefix(text, "--from-literal=") {
			c.argLiteral(start+quoted+len("--from-literal="), end, st.command)
		}
	case slices.Contains(st.flags, text):
		st.wantSecret = true
	case slices.Contains(st.cookies, text):
		st.wantCookie = true
	case gluedTo(st.cookies, text) > 0:
		c.argCookie(start + quoted + gluedTo(st.cookies, text))
	case slices.Contains(st.pairs, text) || endsJoined(st.pairs, text):
		st.wantPair = true
	default:
		if n := gluedTo(st.gluedPairs, text); n > 0 {
			c.argPair(start, quoted+n, st.command)
		} else if n := gluedTo(st.glued, text); n > 0 {
			c.argSecret(start, quoted+n, st.command)
		}
	}
}

// endsJoined reports whether text is letters joined to one option, as in -su, of which the last takes the secret.
func endsJoined(flags []string, text string) bool {
	const longest = 5
	if len(text) < 3 || len(text) > longest || !alnum.all(text[1:]) {
		return false
	}
	return slices.ContainsFunc(flags, func(f string) bool { return len(f) == 2 && text[len(text)-1] == f[1] })
}

// gluedTo returns the length of the option that the secret follows in text, or 0.
func gluedTo(flags []string, text string) int {
	for _, f := range flags {
		if len(text) > len(f) && strings.HasPrefix(text, f) {
			return len(f)
		}
	}
	return 0
}

// argSecret masks the argument at start from offset skip on.
func (c *scan) argSecret(start, skip int, p *command) {
	v := c.read(start)
	if skip > 0 {
		v = c.after(v, start+skip)
	}
	if namesFile(c.s[v.start:v.end]) {
		return
	}
	if v.start < v.end && (skip > 0 || c.s[v.start] != '-' || v.end-v.start > 1) {
		c.mask(v, secretName{rule: p.rule})
	}
}

// after returns what is left of an argument from i on, which may begin with a quote of its own.
func (c *scan) after(v value, i int) value {
	if v.quote != 0 && i <= v.end {
		v.start = max(v.start, i)
		return v
	}
	return c.read(i)
}

// argPair masks the second half of user:secret in the argument at start, from offset skip on.
func (c *scan) argPair(start, skip int, p *command) {
	v := c.read(start)
	if skip > 0 {
		v = c.after(v, start+skip)
	}
	separator := p.separator
	if separator == 0 {
		separator = ':'
	}
	if skip == 0 && isQuote(c.at(start)) && c.at(start+1) == separator { // -u ":secret"
		if end := c.closing(start+2, c.s[start]); end > 0 {
			c.mask(value{start: start + 2, end: end, stop: end, quote: c.s[start]}, secretName{rule: p.rule})
		}
		return
	}
	if v.quote != 0 && c.at(v.stop) == separator { // "user":"secret"
		v = value{start: v.stop, end: c.wordEnd(v.stop + 1)}
	}
	n := c.m.indexUnmasked(c.s[v.start:v.end], separator)
	if n < 0 || c.at(v.start+n+1) == '\\' && c.at(v.start+n+2) != '\'' { // C:\cert.pem
		return
	}
	if v.quote != 0 {
		v.start += n + 1
	} else {
		v = c.read(v.start + n + 1)
	}
	c.mask(v, secretName{rule: p.rule})
}

// argCookie masks the values of the cookies at start. The name of a file is left.
func (c *scan) argCookie(start int) { c.cookies(&field{op: opFlag, value: start}) }

// argLiteral masks the value of name=secret in the argument at [start, end).
func (c *scan) argLiteral(start, end int, p *command) {
	n := strings.IndexByte(c.s[start:end], '=')
	if n < 0 {
		return
	}
	v := c.read(start)
	c.mask(c.after(v, start+n+1), secretName{rule: p.rule})
}
