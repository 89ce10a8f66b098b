package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/site"
)

// unitSystems are what --unit prints service files for.
var unitSystems = []string{"systemd", "launchd"}

// The places of a daemon that serves a whole machine.
const (
	unitState = "/var/lib/etch"

	// macOS has no such place, and none below /run that is there after a start.
	launchdState  = "/usr/local/var/etch/log"
	launchdSocket = "/usr/local/var/etch/etch.sock"
)

// A unitPlan is what service files say of this machine.
type unitPlan struct {
	program []string // with its arguments
	state   string   // the directory of the log, where nothing names another
	socket  string
	mode    string
	write   []string // directories besides state
	files   int      // that may be open
	homes   bool     // something of it lies in a home
	passing bool     // something of it lies where temporary files do
}

// stayHint says where what a service needs belongs.
const stayHint = "copy the program to /usr/local/bin and the configuration to /etc/etch, and ask again"

func printUnit(system string, resolved *config.Resolved, std stdio) error {
	if err := oneOf("system", system, unitSystems); err != nil {
		return err
	}
	state, socket := unitState, site.MachineSocket
	if system == "launchd" {
		state, socket = launchdState, launchdSocket
	}
	plan, err := planUnit(resolved, state, socket)
	if err != nil {
		return err
	}
	if plan.homes {
		std.warn("the program, its configuration or its log lies in somebody's home: who can change it there is above the daemon")
		std.hint(stayHint)
	}
	if plan.passing {
		std.warn("the program, its configuration or its log lies in a directory of temporary files: the service has one of its own, and would not find it")
		std.hint(stayHint)
	}
	text := plan.systemd()
	if system == "launchd" {
		text = plan.launchd()
	}
	_, err = std.out.Write([]byte(text))
	return err
}

func planUnit(resolved *config.Resolved, state, socket string) (*unitPlan, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("where this program lies is not known: %w", err)
	}
	p := &unitPlan{program: []string{program, "serve"}, state: state, socket: socket, mode: fmt.Sprintf("%04o", resolved.Server.SocketMode)}
	// Connections of both kinds, and what the log and questions have open.
	p.files = 2*int(resolved.Server.MaxConnections) + 1024
	used := []string{program}
	if resolved.Found {
		path, err := filepath.Abs(resolved.Path)
		if err != nil {
			return nil, err
		}
		p.program = append(p.program, "--config", path)
		used = append(used, path)
	}
	log := resolved.LogPath()
	if resolved.DefaultPlace { // which is another one for another user
		log = state + "/audit.log"
	}
	if !strings.HasPrefix(resolved.Origin("security.audit.log_path"), "file ") && resolved.Tools.Destination == "" {
		p.program = append(p.program, "--log", log)
	}
	for _, dir := range []string{filepath.Dir(log), resolved.Audit.Keys} {
		if dir != "" && !within(dir, state) {
			p.write = append(p.write, dir)
		}
	}
	if resolved.Server.Socket != "" {
		p.socket = resolved.Server.Socket
	}
	for _, path := range append(used, p.write...) {
		p.homes = p.homes || within(path, "/home") || within(path, "/root") || within(path, "/Users")
		p.passing = p.passing || passing(path)
	}
	return p, nil
}

// passing reports whether a path is one of a temporary file, of which a service has a
// directory of its own (PrivateTmp), and a Mac keeps none.
func passing(path string) bool {
	return slices.ContainsFunc([]string{"/tmp", "/var/tmp", "/private/tmp", "/private/var"}, func(dir string) bool { return within(path, dir) })
}

// within reports whether a path is a directory or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// unitText writes a value of a unit as systemd reads it back: systemd.syntax(7),
// and for commands systemd.service(5).
func unitText(s string) string {
	s = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
	if strings.ContainsAny(s, " \t'\";\\#") || s == "" {
		return `"` + s + `"`
	}
	return s
}

// unitPath is unitText where no variable is looked for.
func unitPath(s string) string { return strings.ReplaceAll(unitText(s), "$$", "$") }

const systemdHead = `# etch as a service of its own user, for agents of other users: docs/daemon.md.
#
#   sudo useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin etch
#   etch serve --unit systemd | sudo awk '/^# \/etc\//{f=$2} f{print > f}'
#   sudo systemctl daemon-reload && sudo systemctl enable --now etch.socket etch.service
#   sudo usermod -aG etch ALICE    # whose agents may send: who is in the group gets to the socket
`

func (p *unitPlan) systemd() string {
	command := make([]string, len(p.program))
	for i, word := range p.program {
		command[i] = unitText(word)
	}
	var b strings.Builder
	b.WriteString(systemdHead)
	fmt.Fprintf(&b, `
# /etc/systemd/system/etch.socket
[Unit]
Description=Socket of etch, the audit trail of AI agents
Documentation=https://github.com/etch-audit/etch

[Socket]
ListenStream=%s
SocketMode=%s
# The socket is root's, so that nobody else can put another in its place.
SocketUser=root
SocketGroup=etch
DirectoryMode=0755

[Install]
WantedBy=sockets.target

# /etc/systemd/system/etch.service
[Unit]
Description=etch, the audit trail of AI agents
Documentation=https://github.com/etch-audit/etch
Requires=etch.socket
After=etch.socket

[Service]
Type=notify
ExecStart=%s
User=etch
Group=etch
StateDirectory=etch
# Nobody of the group, which is who may send, gets to the log itself.
StateDirectoryMode=0700
UMask=0077
Restart=on-failure
WatchdogSec=30s
TimeoutStopSec=30s
`, strings.ReplaceAll(p.socket, "%", "%%"), p.mode, strings.Join(command, " "))
	for _, dir := range p.write {
		fmt.Fprintf(&b, "ReadWritePaths=%s\n", unitPath(dir))
	}
	home := "yes"
	if p.homes {
		home = "read-only"
	}
	fmt.Fprintf(&b, limits, p.files)
	fmt.Fprintf(&b, hardening, home)
	return b.String()
}

// limits are more than the daemon takes when everybody who may send does so as fast, and
// with events as long, as they can: what it holds it bounds by itself. The collector of
// memory begins to hurry before the system would end the daemon.
const limits = `# Beyond these something is wrong with the daemon: it is ended, and started again.
MemoryMax=2G
Environment=GOMEMLIMIT=1536MiB
TasksMax=512
LimitNOFILE=%d
LimitCORE=0
`

// hardening takes away what the daemon does not need. The processes of others stay
// visible: whether an agent that has begun a call still runs is seen there.
const hardening = `NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=%s
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
IPAddressDeny=any
IPAddressAllow=localhost
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
Also=etch.socket
`

const launchdHead = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- /Library/LaunchDaemons/io.github.etch-audit.etch.plist: etch as a service of its own user.
     docs/daemon.md says how the user _etch and its directories are made. Put there by root:

     sudo launchctl bootstrap system /Library/LaunchDaemons/io.github.etch-audit.etch.plist
-->
<plist version="1.0">
<dict>
`

func (p *unitPlan) launchd() string {
	var b strings.Builder
	b.WriteString(launchdHead)
	key := func(name, value string) { fmt.Fprintf(&b, "\t<key>%s</key>\n\t%s\n", name, value) }
	var words strings.Builder
	words.WriteString("<array>\n")
	for _, word := range append(p.program, "--socket", p.socket) {
		words.WriteString("\t\t" + plistString(word) + "\n")
	}
	words.WriteString("\t</array>")
	key("Label", plistString("io.github.etch-audit.etch"))
	key("ProgramArguments", words.String())
	key("UserName", plistString("_etch"))
	key("GroupName", plistString("_etch"))
	key("Umask", "<integer>63</integer>") // 077
	key("RunAtLoad", "<true/>")
	key("KeepAlive", "<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>")
	key("ExitTimeOut", "<integer>30</integer>")
	key("StandardErrorPath", plistString(p.state+"/daemon.err"))
	b.WriteString("</dict>\n</plist>\n")
	return b.String()
}

// plistString writes a text of a property list. Package encoding/xml would make its
// tables at the start of every command, hooks too, for this alone.
func plistString(s string) string {
	allowed := func(r rune) rune { // XML 1.0, section 2.2: the others of these cannot be written at all
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}
	text := strings.Map(allowed, strings.ToValidUTF8(s, "\uFFFD"))
	escapes := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
	return "<string>" + escapes.Replace(text) + "</string>"
}
