package risk

import (
	"net/url"
	"strings"
)

// networkRules judge the commands that talk to other machines.
func networkRules() []entry[rule] {
	return []entry[rule]{
		{"curl", (*walker).curl},
		{"wget wget2", (*walker).wget},
		{"http https xh", (*walker).httpie},
		{"nc", (*walker).netcat},
		{"socat", (*walker).socat},
		{"telnet", (*walker).telnet},
		{"openssl", (*walker).openssl},
		{"dig host nslookup drill ping", (*walker).lookupName},
		{"mail mailx sendmail mutt msmtp swaks", (*walker).mail},
		{"ngrok cloudflared chisel frpc bore localtunnel lt", (*walker).tunnel},
		{"aria2c lynx w3m links elinks", (*walker).browse},
	}
}

const curlValued = "o output d data data-raw data-binary data-urlencode data-ascii json F form form-string T upload-file H header X request u user A user-agent " +
	"e referer b cookie c cookie-jar x proxy K config w write-out m max-time connect-timeout retry retry-delay E cert key cacert resolve url output-dir D dump-header " +
	"r range y Y z C continue-at stderr unix-socket interface oauth2-bearer trace trace-ascii proxy-user variable t telnet-option Q quote"

// local reports whether a call only talks to this machine.
func (w *walker) local(c *call) bool {
	valued := ""
	if c.name == "curl" {
		valued = curlValued
	}
	o := parseOptions(c.args, valued)
	found := false
	for _, x := range append(o.operands, o.all("url")...) {
		host := hostOf(x.text)
		if host == "" {
			continue
		}
		if !loopback(host) {
			return false
		}
		found = true
	}
	return found
}

// hostOf returns the host of a URL, also of one without a scheme.
func hostOf(s string) string {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func loopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasPrefix(host, "127.") || host == "::1" || host == "0.0.0.0"
}

// send judges bytes that leave the machine.
func (w *walker) send(f flow, c *call, how string) {
	switch {
	case f.secret != "" && !f.weak:
		w.report(Critical, "exfiltration", f.secret+" sent by "+c.name)
	case f.secret != "":
		w.report(Critical, "exfiltration", f.secret+" sent by "+c.name)
	case f.shell:
		w.report(Critical, "reverse-shell", "a shell's output is sent by "+c.name)
	case f.packed:
		w.report(High, "network-upload", "packed files sent by "+c.name)
	case how != "":
		w.report(Medium, "network-upload", how)
	}
}

func (w *walker) curl(c *call) {
	o := parseOptions(c.args, curlValued)
	local := w.local(c)
	urlencoded := map[string]bool{} // NAME@FILE, which only --data-urlencode knows
	for _, x := range o.all("data-urlencode") {
		urlencoded[x.text] = true
	}
	for _, x := range o.all("d", "data", "data-binary", "data-urlencode", "data-ascii", "json", "F", "form", "H", "header", "variable") {
		_, file, isFile := strings.Cut(x.text, "@")
		if strings.Contains(x.text, "@") && !strings.HasPrefix(x.text, "@") && !strings.Contains(x.text, "=@") && !urlencoded[x.text] {
			isFile = false
		}
		w.curlData(c, x, file, isFile, local)
	}
	for _, x := range o.all("T", "upload-file") {
		w.curlUpload(c, x, local)
	}
	for _, x := range append(o.operands, o.all("url", "data-raw", "u", "user", "b", "cookie", "A", "user-agent")...) {
		if !local && x.flow.secret != "" && !x.flow.weak {
			w.send(x.flow, c, "")
		}
		if path, ok := strings.CutPrefix(x.text, "file://"); ok {
			c.read = c.read.merge(w.readFile(x.part(path)))
		}
	}
	if !local {
		w.insecure(o, c)
		w.report(Medium, "network", "curl talks to another machine")
	}
	w.saved(c, o)
}

func (w *walker) insecure(o options, c *call) {
	if o.has("k", "insecure", "no-check-certificate") {
		w.report(Medium, "no-certificate-check", c.name+" does not check whom it talks to")
	}
}

// curlData judges one piece of request data.
func (w *walker) curlData(c *call, x word, file string, isFile, local bool) {
	if !isFile {
		if !local && x.flow.secret != "" && !x.flow.weak {
			w.send(x.flow, c, "")
		}
		return
	}
	file, _, _ = strings.Cut(file, ";")
	if local {
		return
	}
	if file == "-" || file == "/dev/stdin" {
		w.send(c.in, c, "curl sends what it reads")
		return
	}
	w.send(w.readFile(x.part(file)), c, "curl sends the file "+file)
}

func (w *walker) curlUpload(c *call, x word, local bool) {
	if local {
		return
	}
	f := c.in
	if !x.literal("-") && !x.literal(".") {
		f = w.readFile(x)
	}
	w.send(f, c, "")
	if f.secret == "" {
		w.report(High, "network-upload", "curl uploads "+x.text)
	}
}

// saved notes the file that a download goes to.
func (w *walker) saved(c *call, o options) {
	content := flow{some: true, net: !w.local(c)}
	if x, ok := o.get("o", "output", "output-document"); ok && !x.literal("-") && c.name != "wget" || ok && c.name == "curl" {
		w.write(x, content, c.name+" writes")
		return
	}
	if c.name == "curl" && !o.has("O", "remote-name", "remote-name-all") {
		return
	}
	for _, x := range o.operands {
		if base := x.text[strings.LastIndexByte(x.text, '/')+1:]; base != "" {
			w.files[w.resolve(x.part(base))] = content
		}
	}
}

const wgetValued = "O output-document o output-file P directory-prefix post-data post-file body-data body-file header U user-agent e execute t tries T timeout user password i input-file a append-output method"

func (w *walker) wget(c *call) {
	o := parseOptions(c.args, wgetValued)
	local := w.local(c)
	if !local {
		w.report(Medium, "network", "wget talks to another machine")
		w.insecure(o, c)
	}
	for _, x := range o.all("post-file", "body-file") {
		f := w.readFile(x)
		if f.secret == "" {
			f.packed = true
		}
		if !local {
			w.send(f, c, "")
		}
	}
	for _, x := range append(o.all("post-data", "body-data", "header"), o.operands...) {
		if !local && x.flow.secret != "" && !x.flow.weak {
			w.send(x.flow, c, "")
		}
	}
	for _, x := range o.all("O", "output-document") {
		if !x.literal("-") {
			w.write(x, flow{some: true, net: !local}, "wget writes")
		}
	}
	for _, x := range o.all("use-askpass", "e", "execute") {
		if name, value, ok := strings.Cut(x.text, "="); ok && strings.TrimSpace(name) == "use_askpass" {
			w.shell(value, flow{})
		}
	}
	if !o.has("O", "output-document") {
		w.saved(c, o)
	}
}

func (w *walker) httpie(c *call) {
	if !w.local(c) {
		w.report(Medium, "network", c.name+" talks to another machine")
		w.send(c.in, c, "")
		for _, a := range c.args {
			if _, file, ok := strings.Cut(a.text, "@"); ok && file != "" {
				w.send(w.readFile(a.part(file)), c, c.name+" sends the file "+file)
			}
		}
	}
}

func (w *walker) netcat(c *call) {
	o := parseOptions(c.args, "p e exec c sh-exec lua-exec s w i q x X T I O o m")
	for _, x := range o.all("e", "exec", "c", "sh-exec", "lua-exec") {
		if x.text != "" {
			w.report(Critical, "reverse-shell", "nc connects "+x.text+" to the network")
		}
	}
	switch {
	case o.has("z") && loopback(o.operand(0)):
		return
	case o.has("z"):
		w.report(Medium, "network", "nc looks for open ports")
		return
	case o.has("l", "listen"):
		w.report(High, "network-listen", "nc waits for connections")
	}
	if len(o.operands) > 0 && loopback(o.operand(0)) {
		return
	}
	w.report(Medium, "network", "nc talks to another machine")
	if c.hasIn {
		w.send(c.in, c, "")
		w.report(High, "network-upload", "nc sends what it reads")
		if w.fifo && c.in.shell {
			w.report(Critical, "reverse-shell", "nc feeds a shell through a named pipe")
		}
	}
}

func (w *walker) socat(c *call) {
	for _, a := range c.args {
		upper := strings.ToUpper(a.text)
		if strings.HasPrefix(upper, "EXEC:") || strings.HasPrefix(upper, "SYSTEM:") || strings.HasPrefix(upper, "SHELL") {
			w.report(Critical, "reverse-shell", "socat connects a program to its other end")
		}
		if _, file, ok := strings.Cut(a.text, ":"); ok && (strings.HasPrefix(upper, "FILE:") || strings.HasPrefix(upper, "OPEN:")) {
			file, _, _ = strings.Cut(file, ",")
			w.send(w.readFile(a.part(file)), c, "")
		}
	}
	w.report(Medium, "network", "socat connects two ends")
	w.send(c.in, c, "")
}

func (w *walker) telnet(c *call) {
	if !w.local(c) {
		w.report(Medium, "network", "telnet talks to another machine")
		w.send(c.in, c, "")
	}
}

func (w *walker) openssl(c *call) {
	o := parseOptions(c.args, "connect in out")
	if o.operand(0) == "s_client" {
		w.report(Medium, "network", "openssl talks to another machine")
		w.send(c.in, c, "")
	}
	if x, ok := o.get("out"); ok && x.text != "" {
		w.write(x, c.in.opaque(), "openssl writes")
	}
}

// lookupName judges names that carry data out: a secret, or text computed at
// run time, as part of the name.
func (w *walker) lookupName(c *call) {
	for _, x := range c.args {
		switch {
		case x.flow.secret != "":
			w.report(Critical, "exfiltration", x.flow.secret+" inside a name looked up by "+c.name)
		case x.open && (strings.Contains(x.text, "$(…).") || strings.HasPrefix(x.lead, "$") && strings.Count(x.tail(), ".") > 1):
			w.report(High, "dns-tunnel", c.name+" looks up a name that is computed at run time")
		}
	}
}

func (w *walker) mail(c *call) {
	w.report(Medium, "network", c.name+" sends mail")
	w.send(c.in, c, "")
	for _, x := range parseOptions(c.args, "a A attach s c b r").all("a", "A", "attach") {
		w.send(w.readFile(x), c, c.name+" attaches "+x.text)
	}
}

func (w *walker) tunnel(c *call) {
	if o := parseOptions(c.args, ""); o.operand(0) == "version" || o.operand(0) == "help" {
		return
	}
	w.report(High, "network-tunnel", c.name+" opens this machine to the network")
}

func (w *walker) browse(c *call) {
	if !w.local(c) {
		w.report(Medium, "network", c.name+" talks to another machine")
	}
}
