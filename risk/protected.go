package risk

import (
	"path"
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

// protection is a class of files that are not like others to write.
type protection struct {
	id    string
	level Level
	why   string
	match func(p string) bool
}

// under matches the given directories and what is in them.
func under(dirs string) func(string) bool {
	list := strings.Fields(dirs)
	return func(p string) bool {
		for _, d := range list {
			if within(p, d) {
				return true
			}
		}
		return false
	}
}

// named matches patterns: with a slash against the whole path, without one
// against the base name.
func named(patterns string) func(string) bool {
	list := strings.Fields(patterns)
	return func(p string) bool {
		for _, pattern := range list {
			subject := p
			if !strings.Contains(pattern, "/") {
				subject = path.Base(p)
			}
			if matches(pattern, subject) {
				return true
			}
		}
		return false
	}
}

// inside matches paths that hold a directory of that name.
func inside(parts string) func(string) bool {
	list := strings.Fields(parts)
	return func(p string) bool {
		for _, part := range list {
			if strings.Contains("/"+p+"/", "/"+part+"/") || strings.Contains("/"+p, "/"+part+"/") {
				return true
			}
		}
		return false
	}
}

func anyOf(list ...func(string) bool) func(string) bool {
	return func(p string) bool {
		for _, f := range list {
			if f(p) {
				return true
			}
		}
		return false
	}
}

// protections are looked through in order; the first that matches counts.
var protections = later.Value[[]protection]{Make: func() []protection {
	return []protection{
		{"", Low, "", under("/dev/null /dev/zero /dev/stdout /dev/stderr /dev/stdin /dev/tty /dev/fd /dev/full /dev/shm /dev/pts /dev/random /dev/urandom")},
		{"device-write", Critical, "a block device or memory", anyOf(named("/dev/sd* /dev/hd* /dev/vd* /dev/xvd* /dev/nvme* /dev/mmcblk* /dev/disk* /dev/rdisk* /dev/dm-* /dev/md* /dev/loop* /dev/mem /dev/kmem /dev/port"), under("/dev/mapper /dev/disk"))},
		{"device-write", High, "a device", under("/dev")},
		{"kernel-control", Critical, "a kernel trigger", named("/proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe")},
		{"kernel-control", High, "a kernel setting", under("/proc /sys")},
		{"audit-tamper", Critical, "the audit trail", anyOf(inside("audit.keys audit.index audit.torn .local/state/etch .config/etch /var/log/audit"), named("audit.log audit.[0-9]*.log audit.[0-9]*.log.zst audit.state audit.lock"))},
		{"account-file", Critical, "accounts or rights", anyOf(named("/etc/passwd /etc/shadow /etc/sudoers /etc/group /etc/gshadow"), under("/etc/sudoers.d /etc/pam.d"))},
		{"persistence", Critical, "loaded into every program", named("/etc/ld.so.preload")},
		{"persistence", High, "who may log in", named("~/.ssh/authorized_keys ~/.ssh/authorized_keys2 ~/.ssh/rc authorized_keys")},
		{"persistence", High, "run at every start", anyOf(
			named("~/.bashrc ~/.bash_profile ~/.bash_login ~/.bash_logout ~/.bash_aliases ~/.profile ~/.zshrc ~/.zshenv ~/.zprofile ~/.zlogin ~/.xinitrc ~/.xprofile ~/.config/fish/config.fish ~/.ssh/config ~/.gitconfig ~/.pythonstartup /etc/rc.local /etc/profile /etc/bash.bashrc /etc/crontab /etc/environment"),
			under("~/.config/autostart ~/.config/systemd ~/.bashrc.d ~/.zsh.d ~/Library/LaunchAgents /Library/LaunchAgents /Library/LaunchDaemons /etc/cron.d /etc/cron.daily /etc/cron.hourly /etc/cron.weekly /etc/cron.monthly /var/spool/cron /etc/systemd /lib/systemd /usr/lib/systemd /etc/init.d /etc/profile.d /etc/update-motd.d /etc/xdg/autostart"))},
		{"persistence", High, "run by git", inside(".git/hooks")},
		{"git-internals", High, "the repository's own data", inside(".git")},
		{"agent-config", High, "an agent's own settings", anyOf(named(".claude/settings*.json */.claude/settings*.json ~/.claude/settings*.json ~/.claude.json .mcp.json */.mcp.json ~/.codex/config.toml .codex/config.toml ~/.gemini/settings.json .gemini/settings.json .cursor/hooks.json ~/.cursor/hooks.json .cursor/mcp.json ~/.cursor/mcp.json ~/.codex/hooks.json .codex/hooks.json"), inside(".claude/hooks .codex/hooks .cursor/hooks .gemini/hooks"), settingsAnywhere)},
		{"log-tamper", High, "the system's logs", under("/var/log ~/.bash_history ~/.bash_sessions ~/.zsh_history ~/.zsh_sessions ~/.histfile ~/.history ~/.sh_history ~/.ksh_history ~/.mksh_history ~/.ash_history ~/.local/share/fish/fish_history ~/.config/nushell/history.txt ~/.config/nushell/history.sqlite3 ~/.local/share/powershell/PSReadLine ~/AppData/Roaming/Microsoft/Windows/PowerShell/PSReadLine ~/.local/share/atuin ~/.python_history ~/.node_repl_history ~/.psql_history ~/.mysql_history ~/.sqlite_history ~/.rediscli_history")},
		{"secret-write", High, "a credential file", anyOf(named("~/.aws/credentials ~/.netrc ~/.pgpass ~/.kube/config ~/.git-credentials ~/.docker/config.json"), under("~/.gnupg ~/.ssh"))},
		{"name-resolution", High, "where names lead to", named("/etc/hosts /etc/resolv.conf /etc/nsswitch.conf")},
		{"system-file", High, "a file of the system", anyOf(under("/etc /boot /bin /sbin /lib /lib64 /usr /System /Library /opt /var/lib /root C:/windows C:/programdata /c/Windows"), func(p string) bool { return strings.HasPrefix(p, "C:/program files") })},
		{"ci-config", Medium, "what the build server runs", inside(".github/workflows .gitlab-ci.yml .circleci")},
		{"", Low, "", under("/tmp /var/tmp /var/folders")},
	}
}}

// settingsAnywhere matches the settings of an agent, by which its hooks come and go,
// in any project.
func settingsAnywhere(p string) bool {
	dir, base := path.Base(path.Dir(p)), path.Base(p)
	switch dir {
	case ".claude":
		return strings.HasPrefix(base, "settings")
	case ".gemini", ".qwen", ".factory":
		return base == "settings.json" || base == ".env"
	case ".codex":
		return base == "hooks.json" || base == "config.toml"
	case ".cursor", ".windsurf", "windsurf", ".agents":
		return base == "hooks.json"
	}
	return base == "etch.json" && dir == "hooks" || base == "etch.js" && dir == "plugins" // files of this program's own
}

// protectionOf returns the class of a path that is written or removed.
func protectionOf(p string) (protection, bool) {
	for _, x := range protections.Get() {
		if x.match(p) {
			return x, true
		}
	}
	return protection{}, false
}

// write notes that content goes into a file.
func (w *walker) write(target word, content flow, how string) {
	p := w.resolve(target)
	if p == "" || target.text == "-" {
		return
	}
	w.files[p] = content
	class, ok := protectionOf(p)
	if !ok {
		w.report(Medium, "file-write", how+" "+target.text)
		return
	}
	if class.id == "agent-config" && disablesHooks(content.text) {
		w.report(Critical, "agent-tamper", how+" "+target.text+" switches the agent's hooks off")
		return
	}
	w.report(class.level, class.id, how+" "+target.text+", "+class.why)
}

func disablesHooks(s string) bool {
	return strings.Contains(s, "disableAllHooks") || strings.Contains(s, "bypassPermissions") ||
		strings.Contains(s, "danger-full-access") || strings.Contains(s, "enableHooks")
}

// remove notes that a file goes away or loses its content.
func (w *walker) remove(target word, how string) Level {
	class, ok := protectionOf(w.resolve(target))
	if !ok || class.level <= Medium {
		return Low
	}
	w.report(class.level, class.id, how+" "+target.text+", "+class.why)
	return class.level
}

// secretFile is a file that holds a credential.
type secretFile struct {
	level Level
	what  string
	match func(p string) bool
	// names are paths that a pattern or a directory argument may cover.
	names []string
}

var secretFiles = later.Value[[]secretFile]{Make: func() []secretFile {
	return []secretFile{
		{High, "the system's password hashes", named("/etc/shadow /etc/gshadow /etc/master.passwd /etc/shadow- /etc/sudoers"), []string{"/etc/shadow"}},
		{High, "a private key", privateKey, []string{"~/.ssh/id_rsa", "~/.ssh/id_ed25519"}},
		{High, "an audit key", inside("audit.keys"), nil},
		{High, "AWS credentials", named("~/.aws/credentials .aws/credentials */.aws/credentials ~/.aws/config ~/.aws/sso/cache/* ~/.aws/cli/cache/*"), []string{"~/.aws/credentials"}},
		{High, "cloud credentials", anyOf(named("~/.config/gcloud/*.json ~/.config/gcloud/*.db ~/.azure/*.json ~/.config/doctl/config.yaml ~/.terraform.d/credentials.tfrc.json ~/.vault-token ~/.config/rclone/rclone.conf ~/.oci/config service-account*.json"), under("~/.config/gcloud/legacy_credentials")), []string{"~/.config/gcloud/application_default_credentials.json", "~/.azure/accessTokens.json"}},
		{High, "logins", named("~/.netrc .netrc _netrc ~/.pgpass .pgpass ~/.my.cnf ~/.git-credentials .git-credentials ~/.config/gh/hosts.yml ~/.docker/config.json ~/.cargo/credentials* ~/.gem/credentials ~/.config/hub ~/.subversion/auth/*"), []string{"~/.netrc", "~/.pgpass", "~/.git-credentials", "~/.config/gh/hosts.yml", "~/.docker/config.json"}},
		{High, "a cluster login", named("~/.kube/config .kube/config */.kube/config kubeconfig /etc/kubernetes/admin.conf /etc/rancher/k3s/k3s.yaml /var/run/secrets/kubernetes.io/serviceaccount/token"), []string{"~/.kube/config"}},
		{High, "an agent's login", named("~/.claude/.credentials.json ~/.codex/auth.json ~/.gemini/oauth_creds.json"), []string{"~/.claude/.credentials.json", "~/.codex/auth.json"}},
		{High, "private GnuPG keys", anyOf(under("~/.gnupg/private-keys-v1.d"), named("~/.gnupg/secring.gpg ~/.gnupg")), []string{"~/.gnupg/secring.gpg"}},
		{High, "a password store", anyOf(under("~/Library/Keychains ~/.password-store ~/.local/share/keyrings"), named("*.kdbx *.keychain-db login.keychain")), []string{"~/.local/share/keyrings/login.keyring"}},
		{High, "a browser's logins", browserStore, nil},
		{High, "another process's environment", named("/proc/*/environ /proc/*/mem"), nil},
		{Medium, "a file of secrets", envFile, []string{".env"}},
		{Medium, "registry tokens", named("~/.npmrc .npmrc ~/.pypirc .pypirc ~/.yarnrc.yml"), []string{"~/.npmrc", "~/.pypirc"}},
		{Medium, "secrets by its name", named("secrets.y*ml secrets.json secrets.toml credentials.json client_secret*.json *.pfx *.p12 *.jks htpasswd .htpasswd"), []string{"secrets.yaml"}},
		{Medium, "a shell history", named("~/.bash_history ~/.zsh_history ~/.history ~/.psql_history ~/.mysql_history ~/.python_history"), []string{"~/.bash_history"}},
	}
}}

func privateKey(p string) bool {
	base := path.Base(p)
	if strings.HasSuffix(base, ".pub") {
		return false
	}
	return strings.HasPrefix(base, "id_rsa") || strings.HasPrefix(base, "id_ed25519") || strings.HasPrefix(base, "id_ecdsa") ||
		strings.HasPrefix(base, "id_dsa") || matches("ssh_host_*_key", base) || strings.HasPrefix(p, "~/.ssh/") && strings.HasSuffix(base, ".pem") ||
		base == "private.pem" || base == "private.key" || base == "privkey.pem" || base == "server.key" || matches("*_rsa", base) ||
		matches("*_ed25519", base) || within(p, "/etc/ssl/private") || p == "~/.ssh"
}

func browserStore(p string) bool {
	base := path.Base(p)
	inBrowser := strings.Contains(p, "/Chrome/") || strings.Contains(p, "google-chrome") || strings.Contains(p, "chromium") ||
		strings.Contains(p, "Firefox") || strings.Contains(p, ".mozilla") || strings.Contains(p, "BraveSoftware")
	return inBrowser && (base == "Cookies" || base == "Login Data" || base == "logins.json" || base == "key4.db" || base == "cookies.sqlite")
}

// envFile matches .env and its variants, but not the examples that are
// committed.
func envFile(p string) bool {
	base := path.Base(p)
	if base != ".env" && !strings.HasPrefix(base, ".env.") && base != ".envrc" {
		return false
	}
	for _, harmless := range []string{"example", "sample", "template", "dist", "defaults", "schema"} {
		if strings.Contains(base, harmless) {
			return false
		}
	}
	return true
}

// secretOf returns the class of secret that a word names, looking through
// patterns and at directories that hold one.
func (w *walker) secretOf(x word) (secretFile, bool) {
	p := w.resolve(x)
	if p == "" || x.text == "-" {
		return secretFile{}, false
	}
	for _, s := range secretFiles.Get() {
		if s.match(p) {
			return s, true
		}
		for _, name := range s.names {
			hidden := strings.HasPrefix(p, "~/.") || strings.HasPrefix(p, ".")
			if x.glob && covers(p, name) ||
				hidden && p != "." && p != ".." && strings.HasPrefix(name, p+"/") && p != "~/.config" && p != "~/.local" && p != "~/.local/share" {
				return s, true
			}
		}
	}
	return secretFile{}, false
}

// covers reports whether a pattern matches a path; as in a shell, a wildcard
// does not match a leading dot.
func covers(pattern, name string) bool {
	dotted := strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(path.Base(pattern), ".")
	return !dotted && pattern != "*" && matches(pattern, name)
}

// readFile notes that a file is read and returns what is known of it.
func (w *walker) readFile(x word) flow {
	if f, ok := w.files[w.resolve(x)]; ok && f.some {
		return f
	}
	if x.flow.tainted() || x.flow.known {
		return x.flow
	}
	if netDevice(x) != "" {
		return flow{some: true, net: true}
	}
	if s, ok := w.secretOf(x); ok {
		w.report(s.level, "secret-read", "reads "+x.text+", "+s.what)
		return flow{some: true, secret: x.text}
	}
	return unknownFlow
}

// secretName reports whether a variable's name says that it holds a secret.
func secretName(name string) bool {
	upper := strings.ToUpper(name)
	for _, part := range []string{"SECRET", "TOKEN", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIAL"} {
		if strings.Contains(upper, part) {
			return true
		}
	}
	return false
}
