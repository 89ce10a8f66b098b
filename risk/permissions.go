package risk

import "strings"

// permissionRules judge who may do what with files.
func permissionRules() []entry[rule] {
	return []entry[rule]{
		{"chmod", (*walker).chmod},
		{"chown chgrp", (*walker).chown},
		{"setfacl", (*walker).acl},
		{"chattr chflags", (*walker).attributes},
		{"setcap", (*walker).capabilities},
		{"icacls takeown", (*walker).acl},
	}
}

func (w *walker) chmod(c *call) {
	// A mode such as -x or -rwx looks like an option.
	o := parseOptions(c.args, "reference")
	recursive := o.has("R", "recursive")
	if len(o.operands) == 0 {
		return
	}
	mode, files := o.operands[0].text, o.operands[1:]
	if o.has("reference") || strings.HasPrefix(c.args[0].text, "-") && strings.Trim(c.args[0].text, "-rwxXst") == "" {
		mode, files = "", o.operands
	}
	if setsID(mode) {
		w.report(High, "setuid", "mode "+mode+" lets a program run as its owner")
	}
	for _, x := range files {
		w.mode(x, mode, recursive)
	}
}

func (w *walker) mode(x word, mode string, recursive bool) {
	level, what := removal(x, w.cwd)
	class, protected := protectionOf(w.resolve(x))
	secret, isSecret := w.secretOf(x)
	switch {
	case recursive && level == Critical:
		w.report(Critical, "chmod-recursive", "changes the rights of "+what)
	case worldWritable(mode):
		w.report(High, "chmod-open", "everybody may write "+x.text)
	case isSecret && secret.level >= High && opens(mode):
		w.report(High, "chmod-open", "others may read "+x.text+", "+secret.what)
	case protected && class.level >= High && class.id != "secret-write" && class.id != "persistence" && class.id != "agent-config" && class.id != "git-internals":
		w.report(class.level, class.id, "changes the rights of "+x.text+", "+class.why)
	case recursive:
		w.report(Medium, "chmod-recursive", "changes the rights below "+x.text)
	}
}

// setsID reports whether a mode sets the set-user-id or set-group-id bit.
func setsID(mode string) bool {
	if isOctal(mode) {
		return len(mode) > 3 && strings.ContainsAny(mode[len(mode)-4:len(mode)-3], "234567")
	}
	for clause := range strings.SplitSeq(mode, ",") {
		if i := strings.IndexAny(clause, "+="); i >= 0 && strings.Contains(clause[i:], "s") {
			return true
		}
	}
	return false
}

func isOctal(mode string) bool { return mode != "" && strings.Trim(mode, "01234567") == "" }

func worldWritable(mode string) bool {
	if isOctal(mode) {
		return strings.ContainsAny(mode[len(mode)-1:], "2367")
	}
	for clause := range strings.SplitSeq(mode, ",") {
		who, what, ok := strings.Cut(strings.ReplaceAll(clause, "=", "+"), "+")
		if ok && strings.ContainsAny(who, "oa") && strings.Contains(what, "w") {
			return true
		}
	}
	return false
}

// opens reports whether a mode lets others read.
func opens(mode string) bool {
	if isOctal(mode) {
		return mode[len(mode)-1] != '0'
	}
	return strings.Contains(mode, "o+") || strings.Contains(mode, "a+") || strings.HasPrefix(mode, "+r") || strings.Contains(mode, "o=")
}

func (w *walker) chown(c *call) {
	o := parseOptions(c.args, "from reference")
	if len(o.operands) < 2 {
		return
	}
	owner := o.operands[0].text
	for _, x := range o.operands[1:] {
		level, what := removal(x, w.cwd)
		class, protected := protectionOf(w.resolve(x))
		recursive := o.has("R", "recursive")
		switch {
		case recursive && level == Critical:
			w.report(Critical, "chown-recursive", "changes the owner of "+what)
		case protected && class.level >= High:
			w.report(class.level, class.id, "changes the owner of "+x.text+", "+class.why)
		case recursive && (owner == "root" || strings.HasPrefix(owner, "root:") || owner == "0" || strings.HasPrefix(owner, "0:")):
			w.report(High, "chown-recursive", "gives everything below "+x.text+" to root")
		default:
			w.report(Medium, "chown", "changes the owner of "+x.text)
		}
	}
}

func (w *walker) acl(c *call) {
	level := Medium
	if o := parseOptions(c.args, ""); o.has("R", "recursive", "r") || c.name == "takeown" {
		level = High
	}
	w.report(level, "acl-change", c.name+" changes who may use files")
}

func (w *walker) attributes(c *call) {
	w.report(High, "attribute-change", c.name+" changes what can be done to files at all")
}

func (w *walker) capabilities(_ *call) {
	w.report(High, "setuid", "setcap gives a program rights of root")
}
