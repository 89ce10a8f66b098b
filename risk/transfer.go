package risk

import "strings"

// transferRules judge copies to and from other machines.
func transferRules() []entry[rule] {
	return []entry[rule]{
		{"scp sftp", (*walker).scp},
		{"rsync", (*walker).rsync},
		{"rclone", (*walker).rclone},
		{"ftp tftp lftp ncftpput", (*walker).ftp},
		{"aws gsutil s3cmd mc az gcloud", (*walker).bucket},
	}
}

// remoteHost reports whether an operand of scp or rsync names another machine.
func remoteHost(x word) bool {
	host, _, ok := strings.Cut(x.text, ":")
	return ok && host != "" && !strings.Contains(host, "/") || strings.HasPrefix(x.text, "rsync://") || strings.HasPrefix(x.text, "scp://")
}

func (w *walker) scp(c *call) { w.transfer(c, "i P p F o J S l c b B R s") }

func (w *walker) rsync(c *call) {
	o := parseOptions(c.args, "e rsh f filter exclude include files-from rsync-path")
	for _, x := range o.all("e", "rsh", "rsync-path") {
		w.shellWord(x, c)
	}
	if !o.has("n", "dry-run") {
		w.transfer(c, "e rsh f filter exclude include files-from rsync-path exclude-from include-from password-file port bwlimit")
	}
}

func (w *walker) transfer(c *call, valued string) {
	o := parseOptions(c.args, valued)
	w.sshOptions(o, c)
	if program, ok := o.get("S"); ok && c.name != "rsync" {
		w.shellWord(program, c)
	}
	n := len(o.operands)
	switch {
	case n == 0:
	case remoteHost(o.operands[n-1]):
		w.report(Medium, "remote-copy", c.name+" copies to another machine")
		for _, x := range o.operands[:n-1] {
			w.sendFile(c, x)
		}
	case n > 1 && remoteHost(o.operands[0]):
		w.report(Medium, "network", c.name+" copies from another machine")
		w.write(o.operands[n-1], flow{some: true, net: true}, c.name+" to")
	case c.name == "sftp":
		w.report(Medium, "network", "sftp talks to another machine")
	}
}

// sendFile judges a file that is copied away.
func (w *walker) sendFile(c *call, x word) {
	if f := w.copied(x); f.secret != "" || f.packed {
		w.send(f, c, "")
	}
}

func (w *walker) rclone(c *call) {
	o := parseOptions(c.args, "config")
	switch o.operand(0) {
	case "delete", "purge", "rmdirs", "deletefile", "cleanup":
		w.report(High, "cloud-delete", "rclone removes remote files")
	case "sync":
		w.report(High, "sync-delete", "rclone sync removes what the source does not have")
	case "copy", "copyto", "move", "moveto", "rcat":
		w.report(Medium, "remote-copy", "rclone copies between machines")
	}
	w.send(c.in, c, "")
	for i, x := range o.operands {
		if i > 0 && !remoteHost(x) {
			w.sendFile(c, x)
		}
	}
}

func (w *walker) ftp(c *call) {
	w.report(Medium, "network", c.name+" talks to another machine")
	w.send(c.in, c, "")
}

// bucket judges uploads to object storage.
func (w *walker) bucket(c *call) {
	o := parseOptions(c.args, valueOptions.Get()[c.name])
	n := len(o.operands)
	if n < 2 {
		return
	}
	last := o.operands[n-1]
	if !strings.HasPrefix(last.text, "s3://") && !strings.HasPrefix(last.text, "gs://") {
		return
	}
	verb := ""
	for _, x := range o.operands {
		if containsField("cp mv sync put rsync", x.text) {
			verb = x.text
		}
	}
	if verb == "" {
		return
	}
	w.report(Medium, "remote-copy", c.name+" "+verb+" to a bucket")
	if o.has("delete", "delete-removed", "remove") {
		w.report(High, "sync-delete", c.name+" removes what the source does not have")
	}
	for _, x := range o.operands[:n-1] {
		if x.literal("-") {
			w.send(c.in, c, "")
		}
		w.sendFile(c, x)
	}
}

// sshOptions walks the commands that options of ssh's configuration hold.
func (w *walker) sshOptions(o options, c *call) {
	for _, x := range o.all("o") {
		i := strings.IndexAny(x.text, "= ")
		if i > 0 && containsField("proxycommand localcommand knownhostscommand remotecommand", strings.ToLower(x.text[:i])) {
			w.shellWord(x.part(strings.TrimLeft(x.text[i:], "= ")), c)
		}
	}
}

// ssh walks the command that runs on another machine.
func (w *walker) ssh(c *call) flow {
	valued := "b c D E e F I i J L l m O o p Q R S W w B"
	if c.name == "autossh" {
		valued += " M"
	}
	rest := w.skipOptions(c.args, wrapper{valued: valued})
	o := parseOptions(c.args[:len(c.args)-len(rest)], valued)
	w.sshOptions(o, c)
	if o.has("R", "D") {
		w.report(High, "network-tunnel", "ssh opens a way into this machine or through it")
	}
	if len(rest) == 0 {
		return unknownFlow
	}
	w.report(Medium, "remote-shell", "ssh runs on another machine")
	if strings.HasPrefix(rest[0].text, "-") {
		w.report(High, "remote-shell", "the host name is an option")
	}
	out := flow{some: true, net: true}
	w.send(flow{some: true, secret: c.in.secret, weak: c.in.weak, packed: c.in.packed}, c, "")
	if len(rest) > 1 {
		next := c.with(nil)
		cwd := w.cwd
		w.cwd = ""
		w.joined(next, rest[1:])
		w.cwd = cwd
	} else if c.in.known || c.in.net || c.in.decoded {
		w.feed(c, "ssh")
	}
	return out
}
