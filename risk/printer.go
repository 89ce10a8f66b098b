package risk

import (
	"slices"
	"strings"
)

// A shellPrinter is a program that, called as here, prints shell text of its own that is
// there to be evaluated: how it is started by a shell, what completes its words, where
// an agent of keys listens.
type shellPrinter struct {
	names string
	words string // the first operand is one of them; none for "", any for "*"
	flags string // options of which one is given, "" for whatever options
}

var shellPrinters = [...]shellPrinter{
	{"ssh-agent gpg-agent dircolors lesspipe lesspipe.sh resize", "", ""},
	{"dircolors", "*", "b c sh csh bourne-shell"},
	{"keychain", "*", "eval"},
	{"thefuck", "*", "alias a"},
	{"fzf", "", "bash zsh fish"},
	{"direnv", "hook export", ""},
	{"starship zoxide atuin mcfly oh-my-posh pyenv rbenv nodenv goenv jenv plenv phpenv tmuxifier scmpuff navi", "init widget virtualenv-init", ""},
	{"brew", "shellenv", ""},
	{"mise rtx", "activate env hook-env", ""},
	{"fnm opam", "env", ""},
	{"luarocks", "path", ""},
	{"conda mamba micromamba", "shell.bash shell.zsh shell.posix shell.fish shell", ""},
	{"minikube", "docker-env podman-env", ""},
	{"docker-machine", "env", ""},
	{"hub", "alias", ""},
	{"register-python-argcomplete", "*", ""},
	{"kubectl helm gh glab docker minikube kind k3d etch npm pnpm yarn deno rustup poetry pdm pip pipx just task flux argocd istioctl velero cilium stern hugo golangci-lint " +
		"goreleaser doctl hcloud flyctl fly supabase stripe ng chezmoi tailscale colima limactl crictl skaffold tilt buf dagger op eksctl tkn kn rclone k6 act mise starship " +
		"skopeo cosign syft grype trivy kustomize k9s lazygit gum glow vhs operator-sdk kubebuilder", "completion completions", ""},
	{"uv uvx ruff", "generate-shell-completion", ""},
}

// printsShell reports whether a call prints shell text of a program's own. A program that
// lies in the working directory or among temporary files may be anybody's.
func (w *walker) printsShell(c *call) bool {
	for i := range shellPrinters {
		if containsField(shellPrinters[i].names, c.name) && shellPrinters[i].matches(parseOptions(c.args, "")) {
			head := c.argv[0].text
			loose := strings.Contains(head, "/") && (head[0] != '/' && head[0] != '~' || within(head, "/tmp") || within(head, "/var/tmp") || within(head, "/dev"))
			return !loose && !w.searchesElsewhere() && !w.fileFlow(c.argv[0]).some
		}
	}
	return false
}

func (x *shellPrinter) matches(o options) bool {
	switch {
	case x.words == "*":
	case x.words == "":
		if len(o.operands) > 0 {
			return false
		}
	case !containsField(x.words, o.operand(0)):
		return false
	}
	return x.flags == "" || slices.ContainsFunc(strings.Fields(x.flags), func(name string) bool { return o.has(name) })
}

// searchesElsewhere reports whether this command line has programs looked for where
// anybody may put them.
func (w *walker) searchesElsewhere() bool {
	for _, value := range w.vars["PATH"].values {
		for dir := range strings.SplitSeq(join(value).text, ":") {
			if dir == "" || strings.IndexByte("/~$", dir[0]) < 0 || within(dir, "/tmp") || within(dir, "/var/tmp") || within(dir, "/dev") {
				return true
			}
		}
	}
	return false
}
