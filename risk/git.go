package risk

import (
	"slices"
	"strings"
)

func gitRules() []entry[rule] {
	return []entry[rule]{{"git", (*walker).git}, {"hg", (*walker).hg}}
}

// gitPatterns are git's commands that lose work or history, or reach out.
var gitPatterns = []pattern{
	{"git reset", "hard", High, "git-discard", "git reset --hard drops what is not committed"},
	{"git reset", "merge|keep", Medium, "git-discard", "git reset changes files"},
	{"git restore", "", Medium, "git-discard", "git restore drops changes of files"},
	{"git restore .", "", High, "git-discard", "git restore drops every change"},
	{"git stash clear", "", High, "git-discard", "git stash clear drops every stash"},
	{"git stash drop", "", Medium, "git-discard", "git stash drop drops a stash"},
	{"git switch|checkout", "f|force|discard-changes", High, "git-discard", "git checkout --force drops what is not committed"},
	{"git worktree remove", "f|force", Medium, "git-discard", "git worktree remove --force drops changes"},
	{"git rm", "", Medium, "file-delete", "git rm removes files"},
	{"git filter-branch|filter-repo", "", High, "git-history", "git rewrites the whole history"},
	{"git reflog expire|delete", "", High, "git-history", "git forgets where branches were"},
	{"git update-ref", "d|delete", High, "git-history", "git removes a reference"},
	{"git gc|prune", "prune|aggressive", Medium, "git-history", "git removes unreachable objects"},
	{"git prune", "", Medium, "git-history", "git removes unreachable objects"},
	{"git branch", "D", Medium, "git-history", "git branch -D drops a branch that is not merged"},
	{"git rebase", "", Medium, "git-history", "git rebase rewrites commits"},
	{"git commit", "amend", Medium, "git-history", "git commit --amend rewrites a commit"},
	{"git replace|rebase", "exec|x", Medium, "git-history", "git rewrites commits"},
	{"git tag", "d|delete|f|force", Medium, "git-history", "git tag moves or removes a tag"},
	{"git clone", "", Medium, "network", "git clone brings in a repository"},
	{"git submodule add", "", Medium, "network", "git submodule brings in a repository"},
	{"git submodule update", "remote", Medium, "network", "git submodule brings in a repository"},
	{"git remote add|set-url|remove|rm", "", Medium, "git-remote", "git changes where the repository is sent to"},
	{"git send-email", "", Medium, "network", "git sends mail"},
	{"git commit|push|merge", "no-verify", Medium, "git-no-verify", "git goes past the hooks"},
	{"git credential fill", "", High, "secret-read", "git prints a stored login"},
	{"git daemon|instaweb|http-backend", "", High, "network-listen", "git serves the repository to the network"},
	{"svn delete|revert", "", Medium, "file-delete", "svn removes files or changes"},
}

const gitGlobal = "C c git-dir work-tree namespace exec-path super-prefix config-env"

func (w *walker) git(c *call) {
	rest := w.skipOptions(c.args, wrapper{valued: gitGlobal})
	global := parseOptions(c.args[:len(c.args)-len(rest)], gitGlobal)
	for _, x := range global.all("c") {
		name, value, _ := strings.Cut(x.text, "=")
		w.gitConfig(name, x.part(value), c)
	}
	if len(rest) == 0 {
		return
	}
	args := rest[1:]
	switch rest[0].text {
	case "push":
		w.gitPush(args)
	case "clean":
		w.gitClean(args)
	case "checkout":
		w.gitCheckout(args)
	case "config":
		w.gitConfigCommand(args, c)
	case "add":
		w.gitAdd(args)
	case "clone", "fetch", "pull", "ls-remote", "archive":
		w.gitRemote(args, c)
	case "bisect", "submodule", "rebase":
		w.gitRuns(args, c)
	case "difftool", "mergetool", "grep", "filter-branch", "send-email":
		w.gitPrograms(args, c)
	}
}

func (w *walker) gitPush(args []word) {
	o := parseOptions(args, "o push-option repo receive-pack exec")
	if o.has("n", "dry-run") {
		return
	}
	forced := slices.ContainsFunc(o.operands[min(1, len(o.operands)):], func(x word) bool { return strings.HasPrefix(x.text, "+") })
	lease := slices.ContainsFunc(o.flags, func(f option) bool {
		return strings.HasPrefix(f.name, "force-w") || strings.HasPrefix(f.name, "force-i")
	})
	plain := slices.ContainsFunc(o.flags, func(f option) bool { return f.name == "f" || f.name == "force" || f.name == "forc" })
	switch {
	case forced || plain || o.has("mirror"):
		w.report(High, "git-force-push", "git push --force overwrites published commits")
	case lease:
		w.report(Medium, "git-force-with-lease", "git push --force-with-lease overwrites published commits that are known")
	}
	w.report(Medium, "git-push", "git push publishes commits")
	deletes := slices.ContainsFunc(o.operands[min(1, len(o.operands)):], func(x word) bool { return strings.HasPrefix(x.text, ":") })
	if deletes || o.has("d", "delete", "prune") {
		w.report(High, "git-delete-remote", "git push removes published branches or tags")
	}
	if x, ok := o.get("receive-pack", "exec"); ok {
		w.shell(x.text, flow{})
	}
}

func (w *walker) gitClean(args []word) {
	o := parseOptions(args, "e exclude")
	switch {
	case o.has("n", "dry-run", "i", "interactive"):
	case o.has("x", "X"):
		w.report(High, "git-discard", "git clean -x removes every file that is not committed, ignored ones too")
	case o.has("f", "force"):
		w.report(High, "git-discard", "git clean removes every file that is not committed")
	}
}

func (w *walker) gitCheckout(args []word) {
	for i, a := range args {
		switch {
		case a.literal("--") && i+1 < len(args):
			level := Medium
			if next := args[i+1]; next.literal(".") || next.literal("*") || next.literal(":/") {
				level = High
			}
			w.report(level, "git-discard", "git checkout drops changes of "+args[i+1].text)
			return
		case a.literal("."):
			w.report(High, "git-discard", "git checkout drops changes of .")
			return
		}
	}
}

// gitExecKeys are the settings that git runs as commands.
func gitExecKey(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "core.sshcommand", "core.pager", "core.editor", "core.fsmonitor", "core.hookspath", "core.askpass", "core.gitproxy", "sequence.editor",
		"diff.external", "credential.helper", "gpg.program", "protocol.ext.allow", "uploadpack.packobjectshook":
		return true
	}
	if strings.HasPrefix(name, "alias.") || strings.HasPrefix(name, "pager.") {
		return true
	}
	return strings.HasPrefix(name, "filter.") || strings.HasPrefix(name, "difftool.") || strings.HasPrefix(name, "mergetool.") || strings.HasPrefix(name, "url.") ||
		strings.HasPrefix(name, "diff.") && strings.HasSuffix(name, ".textconv")
}

// gitConfig judges one setting.
func (w *walker) gitConfig(name string, value word, c *call) {
	lower := strings.ToLower(name)
	switch {
	case lower == "http.sslverify" && value.literal("false"):
		w.report(Medium, "no-certificate-check", "git does not check whom it talks to")
	case !gitExecKey(name):
	case strings.HasPrefix(lower, "alias."):
		if text, ok := strings.CutPrefix(value.text, "!"); ok {
			w.shellWord(value.part(text), c)
			w.report(Medium, "git-config-exec", "git alias that runs a command")
		}
	case harmlessProgram(value.text):
	default:
		w.report(High, "git-config-exec", "git setting "+name+" makes git run a command or go elsewhere")
		if strings.Contains(value.text, " ") {
			w.shellWord(value, c)
		}
	}
}

func harmlessProgram(s string) bool {
	return containsField("cat less more vim vi nano emacs delta true false store cache osxkeychain manager libsecret code", s) || s == "" || s == "code --wait"
}

func (w *walker) gitConfigCommand(args []word, c *call) {
	o := parseOptions(args, "f file blob type default")
	words := o.operands
	if len(words) > 0 && (words[0].literal("set") || words[0].literal("add")) {
		words = words[1:]
	}
	if o.has("get", "list", "l", "get-all", "get-regexp", "show-origin", "unset") || len(words) < 2 {
		return
	}
	w.gitConfig(words[0].text, words[1], c)
	if o.has("global", "system") {
		w.report(Medium, "git-config", "git settings outside this repository")
	}
}

func (w *walker) gitAdd(args []word) {
	for _, x := range parseOptions(args, "").operands {
		if s, ok := w.secretOf(x); ok && !x.glob {
			w.report(Medium, "secret-commit", "git add of "+x.text+", "+s.what)
		}
	}
}

// gitRemote judges what git reaches out with.
func (w *walker) gitRemote(args []word, c *call) {
	o := parseOptions(args, "u upload-pack o origin b branch c config depth reference exec template")
	for _, x := range o.all("u", "upload-pack", "exec") {
		w.report(High, "git-config-exec", "git runs another program at the other end")
		w.shellWord(x, c)
	}
	for _, x := range o.all("c", "config") {
		name, value, _ := strings.Cut(x.text, "=")
		w.gitConfig(name, x.part(value), c)
	}
	for _, x := range o.operands {
		if text, ok := strings.CutPrefix(x.text, "ext::"); ok {
			w.report(High, "git-config-exec", "git runs a command as transport")
			w.shellWord(x.part(text), c)
		}
	}
}

// gitPrograms walks the programs that options name.
func (w *walker) gitPrograms(args []word, c *call) {
	const filters = "env-filter tree-filter index-filter parent-filter msg-filter commit-filter tag-name-filter setup"
	o := parseOptions(args, "x extcmd O t tool "+filters+" smtp-server sendmail-cmd to-cmd cc-cmd e")
	for _, x := range o.flags {
		if x.value.text != "" && (x.name == "x" || x.name == "O" || x.name == "extcmd" || x.name == "open-files-in-pager" || containsField(filters+" sendmail-cmd to-cmd cc-cmd", x.name)) {
			w.shellWord(x.value, c)
		}
	}
}

// gitRuns walks what git bisect run and the like run.
func (w *walker) gitRuns(args []word, c *call) {
	if len(args) == 0 {
		return
	}
	switch {
	case args[0].literal("run"):
		w.run(c.with(args[1:]))
	case args[0].literal("foreach"):
		for len(args) > 1 && strings.HasPrefix(args[1].text, "-") {
			args = args[1:]
		}
		if len(args) > 1 {
			w.shellWord(join(args[1:]), c)
		}
	}
	for _, x := range parseOptions(args, "x exec").all("x", "exec") {
		w.shellWord(x, c)
	}
}

func (w *walker) hg(c *call) {
	o := parseOptions(c.args, "R r")
	switch o.operand(0) {
	case "strip", "histedit":
		w.report(High, "git-history", "hg rewrites history")
	case "push":
		w.report(Medium, "git-push", "hg push publishes commits")
		if o.has("f", "force") {
			w.report(High, "git-force-push", "hg push --force overwrites published commits")
		}
	case "update", "revert":
		if o.has("C", "clean", "all", "a") {
			w.report(High, "git-discard", "hg drops what is not committed")
		}
	case "purge":
		w.report(High, "git-discard", "hg purge removes every file that is not committed")
	}
}
