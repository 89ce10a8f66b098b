package risk

import "strings"

// findQuery is what a find command line selects.
type findQuery struct {
	roots    []word
	name     word // the pattern of -name and the like
	narrowed bool // some test leaves files out
}

// target is the word that {} stands for with one root.
func (q findQuery) target(root word) word {
	if q.name.text == "" && !q.narrowed {
		return root
	}
	if q.name.text == "" || strings.Trim(q.name.text, "*?.") == "" {
		// Only a test such as -type or -mtime: still everything below.
		out := root
		out.text = strings.TrimSuffix(out.text, "/") + "/*"
		out.glob = true
		return out
	}
	out := root
	out.text = strings.TrimSuffix(root.text, "/") + "/**/" + q.name.text
	out.open, out.lead = false, ""
	return out
}

var findTests = "name iname path ipath wholename regex iregex type mtime mmin atime amin ctime cmin newer size user group perm maxdepth mindepth empty links inum uid gid fstype samefile lname"

// find judges -delete and walks what -exec runs on what is found.
func (w *walker) find(c *call) flow {
	q := findQuery{}
	args := c.args
	for len(args) > 0 && (args[0].literal("-H") || args[0].literal("-L") || args[0].literal("-P")) {
		args = args[1:]
	}
	for len(args) > 0 && !strings.HasPrefix(args[0].text, "-") && args[0].text != "(" && args[0].text != "!" {
		q.roots = append(q.roots, args[0])
		args = args[1:]
	}
	if len(q.roots) == 0 {
		q.roots = []word{literalWord(".")}
	}
	out := unknownFlow
	for i := 0; i < len(args); i++ {
		flag := strings.TrimPrefix(args[i].text, "-")
		switch flag {
		case "name", "iname", "path", "ipath", "wholename", "regex", "iregex":
			if i+1 < len(args) && !(i > 0 && (args[i-1].literal("!") || args[i-1].literal("-not"))) {
				q.name = args[i+1]
			}
			q.narrowed = true
			i++
		case "delete":
			w.findDelete(q)
		case "exec", "execdir", "ok", "okdir":
			end := i + 1
			for end < len(args) && !args[end].literal(";") && !(args[end].literal("+") && args[end-1].literal("{}")) {
				end++
			}
			w.findExec(c, q, args[min(i+1, len(args)):end])
			i = end
		case "fprint", "fprintf", "fls", "fprint0":
			if i+1 < len(args) {
				w.write(args[i+1], flow{}, "find writes to")
			}
		default:
			q.narrowed = q.narrowed || containsField(findTests, flag) && flag != "mindepth"
		}
	}
	out.paths = q.target(q.roots[0]).text
	for _, root := range q.roots {
		if level, _ := removal(root, w.cwd); level == Critical {
			out.paths = q.target(root).text
		}
	}
	if q.name.text != "" {
		for _, root := range q.roots {
			if s, ok := w.secretOf(q.target(root)); ok {
				out.secret, out.weak = s.what, true
			}
		}
	}
	return out
}

func (w *walker) findDelete(q findQuery) {
	for _, root := range q.roots {
		level, what := removal(q.target(root), w.cwd)
		if level == High && q.name.text != "" && strings.Trim(q.name.text, "*?.") != "" {
			level, what = Medium, q.name.text+" below "+root.text
		}
		w.report(level, "find-delete", "find removes "+what)
	}
}

func (w *walker) findExec(c *call, q findQuery, inner []word) {
	for i, root := range q.roots {
		if i == maxValues {
			return
		}
		next := c.with(substitute(inner, "{}", q.target(root)))
		w.run(next)
	}
}

// fd walks what fd runs on what it finds.
func (w *walker) fd(c *call) flow {
	for i, a := range c.args {
		if a.literal("-x") || a.literal("-X") || a.literal("--exec") || a.literal("--exec-batch") {
			found := word{text: "$(…)", lead: "$(…)", open: true}
			if o := parseOptions(c.args[:i], "e extension t type d max-depth E exclude"); len(o.operands) > 1 {
				found = findQuery{narrowed: true}.target(o.operands[1])
			}
			inner := substitute(c.args[i+1:], "{}", found)
			if !strings.Contains(join(c.args[i+1:]).text, "{") {
				inner = append(inner, found)
			}
			w.run(c.with(inner))
			break
		}
	}
	return unknownFlow
}
