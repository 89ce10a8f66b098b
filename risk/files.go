package risk

import (
	"slices"
	"strings"
)

// fileRules judge the commands that remove and change files.
func fileRules() []entry[rule] {
	return []entry[rule]{
		{"rm rimraf trash rmdir", (*walker).rm},
		{"shred srm wipe", (*walker).shred},
		{"cp install ln rsync", (*walker).copyFile},
		{"mv", (*walker).move},
		{"tee sponge", (*walker).tee},
		{"dd", (*walker).dd},
		{"truncate", (*walker).truncate},
		{"tar", (*walker).tar},
	}
}

func (w *walker) rm(c *call) {
	if c.name == "rmdir" && slices.ContainsFunc(c.args, func(x word) bool { return strings.EqualFold(x.text, "/s") }) {
		w.removeItem(c) // cmd.exe's
		return
	}
	o := parseOptions(c.args, "")
	if o.has("n", "dry-run") && c.name == "rimraf" || c.name == "rmdir" && !o.has("p") {
		return
	}
	recursive := o.has("r", "R", "recursive") || c.name == "rimraf" || c.name == "trash"
	if o.has("no-preserve-root") {
		w.report(Critical, "rm-recursive", "removal told not to spare the root directory")
	}
	for _, x := range o.operands {
		if recursive {
			level, what := removal(x, w.cwd)
			w.report(level, "rm-recursive", "recursive removal of "+what)
		} else {
			w.removeFile(x)
		}
		w.remove(x, "removes")
	}
}

// removeFile judges a removal that is not recursive.
func (w *walker) removeFile(x word) {
	if x.open && x.lead != "" && x.full || w.files[w.resolve(x)].some {
		return
	}
	p := w.resolve(x)
	base := p[strings.LastIndexByte(p, '/')+1:]
	switch {
	case x.glob && (base == "*" || base == ".*") && !isBuild(p) && !within(p, "/tmp"):
		w.report(High, "rm-glob", "removal of every file in "+strings.TrimSuffix(x.text, base)+" (current directory when empty)")
	case within(p, "/tmp") || within(p, "/var/tmp"):
	default:
		if s, ok := w.secretOf(x); ok && s.level >= High {
			w.report(High, "file-delete", "removal of "+x.text+", "+s.what)
			return
		}
		w.report(Medium, "file-delete", "removal of "+x.text)
	}
}

func (w *walker) shred(c *call) {
	for _, x := range parseOptions(c.args, "n iterations s size random-source").operands {
		if w.remove(x, "overwrites") < High {
			w.report(High, "file-destroy", "overwrites "+x.text+" beyond recovery")
		}
	}
}

func (w *walker) copyFile(c *call) {
	o := parseOptions(c.args, "t target-directory S suffix m mode o owner g group e rsh exclude include files-from")
	n := len(o.operands)
	if c.name == "rsync" {
		if o.has("n", "dry-run") || n > 0 && remoteHost(o.operands[n-1]) {
			return
		}
		if o.has("delete", "delete-after", "delete-before", "delete-excluded", "del") {
			w.report(High, "sync-delete", "rsync removes what the source does not have")
		}
	}
	target, given := o.get("t", "target-directory")
	if !given && n > 1 {
		target = o.operands[n-1]
	}
	if target.text == "" {
		return
	}
	content := unknownFlow
	if !given && n == 2 {
		content = w.copied(o.operands[0])
	}
	w.write(target, content, c.name+" to")
	if c.name == "ln" && n == 2 && o.operands[0].literal("/dev/null") {
		w.remove(target, "replaces by nothing")
	}
	if m, ok := o.get("m", "mode"); ok && setsID(m.text) {
		w.report(High, "setuid", "mode "+m.text+" lets a program run as its owner")
	}
}

// copied is what a file holds, for who copies it: the secret is reported
// where it is read, here it only travels.
func (w *walker) copied(x word) flow {
	if f := w.fileFlow(x); f.some {
		return f
	}
	if s, ok := w.secretOf(x); ok && s.level >= Medium {
		return flow{some: true, secret: x.text}
	}
	return unknownFlow
}

func (w *walker) move(c *call) {
	o := parseOptions(c.args, "t target-directory S suffix")
	if len(o.operands) == 0 {
		return
	}
	sources := o.operands
	target, given := o.get("t", "target-directory")
	if !given {
		target = o.operands[len(o.operands)-1]
		sources = o.operands[:len(o.operands)-1]
	}
	for _, x := range sources {
		w.remove(x, "moves away")
		if level, what := removal(x, w.cwd); level == Critical {
			w.report(Critical, "move-away", "moves "+what)
		}
	}
	if target.literal("/dev/null") {
		w.report(High, "file-destroy", "moves files to /dev/null")
		return
	}
	content := unknownFlow
	if len(sources) == 1 {
		content = w.copied(sources[0])
	}
	w.write(target, content, "mv to")
}

func (w *walker) tee(c *call) {
	for _, x := range parseOptions(c.args, "").operands {
		w.write(x, c.in, "tee to")
	}
}

func (w *walker) dd(c *call) {
	for _, a := range c.args {
		switch name, value, _ := strings.Cut(a.text, "="); name {
		case "of":
			x := a.part(value)
			class, ok := protectionOf(w.resolve(x))
			if ok && class.id == "device-write" {
				w.report(class.level, "disk-write", "dd writes to "+value)
				continue
			}
			w.write(x, c.in.merge(c.read), "dd to")
		case "if":
			x := a.part(value)
			if class, ok := protectionOf(w.resolve(x)); ok && class.id == "device-write" && class.level == Critical {
				w.report(High, "disk-read", "dd reads the device "+value)
			}
		}
	}
}

func (w *walker) truncate(c *call) {
	for _, x := range parseOptions(c.args, "s size r reference").operands {
		if w.remove(x, "empties") < High {
			w.report(Medium, "file-write", "truncate of "+x.text)
		}
	}
}

func (w *walker) sed(c *call) {
	o := parseOptions(c.args, "e expression f file l")
	scripts := o.all("e", "expression")
	files := o.operands
	if len(scripts) == 0 && len(files) > 0 {
		scripts, files = files[:1], files[1:]
	}
	for _, s := range scripts {
		w.sedScript(s.text)
	}
	inPlace := slices.ContainsFunc(o.flags, func(f option) bool {
		return f.name == "i" || f.long && strings.HasPrefix(f.name, "in-place")
	})
	if !inPlace {
		return
	}
	content := flow{}
	for _, s := range scripts {
		content = content.merge(textFlow(s.text))
	}
	for _, x := range files {
		w.write(x, content, "sed -i of")
		w.files[w.resolve(x)] = unknownFlow
	}
}

func (w *walker) tar(c *call) {
	o := parseOptions(c.args, "f file C directory X exclude T to-command I use-compress-program F info-script checkpoint-action rsh-command")
	for _, x := range o.all("to-command", "I", "use-compress-program", "F", "info-script", "rsh-command") {
		w.shellWord(x, c)
	}
	for _, x := range o.all("checkpoint-action") {
		if text, ok := strings.CutPrefix(x.text, "exec="); ok {
			w.shellWord(x.part(text), c)
		}
	}
	first := ""
	if len(c.args) > 0 {
		first = strings.TrimPrefix(c.args[0].text, "-")
	}
	extract := o.has("x", "extract", "get") || len(o.operands) > 0 && strings.Contains(first, "x") && !strings.ContainsAny(first, "/.")
	if dir, ok := o.get("C", "directory"); ok && extract {
		w.write(dir, unknownFlow, "unpacks into")
	}
	if !extract && len(o.operands) > 0 {
		if f, ok := o.get("f", "file"); ok && !f.literal("-") {
			w.files[w.resolve(f)] = c.in.merge(c.read).merge(flow{some: true, packed: true})
		} else if strings.Contains(first, "c") && strings.Contains(first, "f") && len(c.args) > 1 {
			w.files[w.resolve(c.args[1])] = flow{some: true, packed: true}
			for _, x := range c.args[2:] {
				w.files[w.resolve(c.args[1])] = w.files[w.resolve(c.args[1])].merge(w.copied(x))
			}
		}
	}
}
