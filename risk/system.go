package risk

import (
	"strings"
)

func systemRules() []entry[rule] {
	return []entry[rule]{
		{"kill", (*walker).kill},
		{"pkill killall skill", (*walker).killByName},
		{"crontab", (*walker).crontab},
		{"mount", (*walker).mount},
		{"sysctl", (*walker).sysctl},
		{"mkfifo mknod", (*walker).namedPipe},
		{"usermod gpasswd adduser", (*walker).groups},
		{"parted fdisk sfdisk gdisk sgdisk cfdisk", (*walker).partition},
		{"fuser", (*walker).fuser},
		{"make gmake", (*walker).makeRules},
	}
}

// systemPatterns are commands on the machine itself.
var systemPatterns = []pattern{
	{"mkfs|mke2fs|mkswap|newfs|newfs_apfs", "", Critical, "disk-format", "makes a new file system on a device"},
	{"wipefs", "a|all|o", Critical, "disk-format", "wipefs removes a device's signatures"},
	{"blkdiscard", "", Critical, "disk-format", "blkdiscard empties a device"},
	{"badblocks", "w", Critical, "disk-write", "badblocks -w overwrites a device"},
	{"hdparm", "security-erase|security-erase-enhanced|trim-sector-ranges|write-sector", Critical, "disk-format", "hdparm erases a device"},
	{"nvme format|sanitize", "", Critical, "disk-format", "nvme erases a device"},
	{"cryptsetup luksFormat|erase|luksErase|reencrypt", "", Critical, "disk-format", "cryptsetup makes a device unreadable"},
	{"diskutil eraseDisk|eraseVolume|partitionDisk|zeroDisk|secureErase|reformat", "", Critical, "disk-format", "diskutil erases a disk"},
	{"diskutil apfs deleteContainer|deleteVolume", "", Critical, "disk-format", "diskutil removes a volume"},
	{"lvremove|vgremove|pvremove", "", Critical, "disk-format", "removes a logical volume"},
	{"zpool destroy|labelclear", "", Critical, "disk-format", "zpool removes a pool"},
	{"zfs destroy|rollback", "", High, "disk-format", "zfs removes data"},
	{"btrfs subvolume delete", "", High, "disk-format", "btrfs removes a subvolume"},
	{"mdadm", "zero-superblock|stop", High, "disk-format", "mdadm takes an array apart"},
	{"tmutil delete|disable|deletelocalsnapshots", "", High, "backup-delete", "tmutil removes backups"},
	{"vssadmin delete", "", Critical, "backup-delete", "vssadmin removes backups"},
	{"wbadmin delete", "", Critical, "backup-delete", "wbadmin removes backups"},
	{"restic|borg forget|prune|delete", "", High, "backup-delete", "removes backups"},
	{"shutdown|reboot|halt|poweroff", "", High, "system-shutdown", "stops the machine"},
	{"init|telinit 0|1|6", "", High, "system-shutdown", "stops the machine"},
	{"systemctl reboot|poweroff|halt|kexec|suspend|hibernate|rescue|emergency", "", High, "system-shutdown", "stops the machine"},
	{"kexec", "", High, "system-shutdown", "starts another kernel"},
	{"systemctl enable|link|preset|set-default|edit|reenable", "", High, "persistence", "systemctl changes what starts by itself"},
	{"systemctl stop|disable|mask|kill auditd*|firewalld*|ufw*|apparmor*|fail2ban*|rsyslog*|falcon-sensor*|clamav*|unattended-upgrades*|systemd-journald*|crowdstrike*|osqueryd*|wazuh*|etch*", "", High, "security-off", "systemctl stops what guards the machine"},
	{"systemctl stop|disable|mask|kill", "", Medium, "service-stop", "systemctl stops a service"},
	{"systemctl start|restart|reload|daemon-reload|try-restart", "", Medium, "service-change", "systemctl changes what runs"},
	{"service * stop", "", Medium, "service-stop", "stops a service"},
	{"service auditd|ufw|firewalld|rsyslog|apparmor|fail2ban stop", "", High, "security-off", "stops what guards the machine"},
	{"service * start|restart|reload", "", Medium, "service-change", "changes what runs"},
	{"brew services", "", Medium, "service-change", "changes what runs"},
	{"launchctl load|bootstrap|enable|submit|bootout|unload|remove", "", High, "persistence", "launchctl changes what starts by itself"},
	{"update-rc.d|chkconfig|rc-update", "", High, "persistence", "changes what starts by itself"},
	{"loginctl enable-linger", "", High, "persistence", "lets services outlive the login"},
	{"schtasks", "create|change", High, "persistence", "schtasks runs commands later"},
	{"schtasks /create", "", High, "persistence", "schtasks runs commands later"},
	{"reg add|delete|import", "", High, "system-config", "changes the registry"},
	{"iptables|ip6tables|iptables-restore|ebtables", "F|flush|X|P|policy|D|Z", High, "firewall-off", "opens the firewall"},
	{"iptables|ip6tables", "A|I|append|insert|R", High, "firewall-change", "changes the firewall"},
	{"nft flush|delete|add|insert", "", High, "firewall-change", "changes the firewall"},
	{"ufw disable|reset", "", High, "firewall-off", "switches the firewall off"},
	{"ufw allow|delete|default|deny|insert", "", High, "firewall-change", "changes the firewall"},
	{"firewall-cmd", "add-port|add-service|remove-service|panic-off|add-rich-rule|add-source|set-default-zone|zone", High, "firewall-change", "changes the firewall"},
	{"pfctl", "d|F", High, "firewall-off", "switches the firewall off"},
	{"netsh advfirewall|firewall", "", High, "firewall-change", "changes the firewall"},
	{"setenforce", "", High, "security-off", "changes whether SELinux is enforced"},
	{"setsebool|semanage|semodule", "", High, "security-off", "changes the SELinux policy"},
	{"aa-disable|aa-complain|aa-teardown|apparmor_parser", "", High, "security-off", "changes the AppArmor policy"},
	{"csrutil disable|authenticated-root", "", High, "security-off", "switches system integrity protection off"},
	{"spctl", "master-disable|global-disable|add", High, "security-off", "switches Gatekeeper off"},
	{"xattr", "d|c", Medium, "security-off", "removes the mark of a downloaded file"},
	{"tccutil reset", "", High, "security-off", "resets privacy rights"},
	{"set-mppreference|add-mppreference", "", High, "security-off", "changes the virus scanner"},
	{"pro|ua detach|disable", "", High, "security-off", "stops security updates"},
	{"softwareupdate", "schedule|ignore", High, "security-off", "changes security updates"},
	{"dpkg-reconfigure unattended-upgrades", "", High, "security-off", "changes security updates"},
	{"insmod|modprobe|rmmod|kmod|kextload|kextunload|kldload", "", High, "kernel-module", "changes what the kernel runs"},
	{"umount|swapoff|swapon|losetup", "", Medium, "mount-change", "changes what is mounted"},
	{"useradd|userdel|groupadd|groupdel|deluser|groupmod|newusers|vipw|vigr|dscl|sysadminctl", "", High, "account-change", "changes accounts"},
	{"passwd|chpasswd|chage|chsh", "", High, "account-change", "changes how an account logs in"},
	{"visudo", "", High, "account-change", "changes who may become root"},
	{"hostnamectl|timedatectl|localectl set-hostname|set-time|set-timezone|set-ntp|set-locale", "", Medium, "system-config", "changes the machine's settings"},
	{"hwclock|ntpdate|chronyc", "set|w|s|systohc|hctosys", High, "clock-change", "sets the clock"},
	{"date", "s|set", High, "clock-change", "sets the clock"},
	{"defaults write|delete", "", Medium, "system-config", "changes settings"},
	{"nvram|efibootmgr|bootctl|grub-install|grub-mkconfig|update-grub|bcdedit|bless", "", High, "boot-change", "changes how the machine starts"},
	{"update-alternatives|alternatives", "set|install|config|remove", Medium, "system-config", "changes which program a name means"},
	{"ldconfig|depmod|update-initramfs|dracut", "", Medium, "system-config", "changes the system's tables"},
	{"ip link|addr|route add|del|set|flush|delete", "", High, "network-config", "changes the network"},
	{"ip a|address|r|l add|del|set|flush|delete", "", High, "network-config", "changes the network"},
	{"ip * *", "flush", High, "network-config", "changes the network"},
	{"ifconfig * down|up", "", High, "network-config", "changes the network"},
	{"route add|del|delete", "", High, "network-config", "changes the network"},
	{"nmcli connection|con|device|networking add|delete|modify|off|disconnect", "", High, "network-config", "changes the network"},
	{"networksetup", "setdnsservers|setwebproxy|setautoproxyurl", High, "network-config", "changes the network"},
	{"tcpdump|tshark|dumpcap|ettercap|bettercap|arpspoof|mitmproxy", "", High, "traffic-capture", "reads other programs' traffic"},
	{"nmap|masscan|zmap|nikto|sqlmap|hydra|gobuster|ffuf|msfconsole|msfvenom|john|hashcat|mimikatz|responder", "", High, "attack-tool", "a tool for attacking"},
	{"gdb|lldb", "p|pid|attach-pid", High, "process-access", "looks into another process"},
	{"gcore|ptrace", "", High, "process-access", "looks into another process"},
	{"dmesg", "C|clear|c", High, "log-tamper", "empties the kernel's log"},
	{"powershell|cipher /w:*", "", High, "file-destroy", "overwrites free space"},
}

func (w *walker) kill(c *call) {
	args := c.args
	shown := false
	for len(args) > 0 && strings.HasPrefix(args[0].text, "-") && !args[0].literal("--") {
		switch args[0].text {
		case "-l", "-L":
			return
		case "-0":
			return
		case "-s", "-n":
			args = args[1:]
		}
		if len(args) == 1 && args[0].literal("-1") {
			break
		}
		args = args[min(1, len(args)):]
	}
	for _, x := range args {
		switch {
		case x.literal("-1"):
			w.report(Critical, "process-kill", "signals every process")
		case x.literal("1"):
			w.report(High, "process-kill", "signals the first process")
		case strings.HasPrefix(x.text, "%"), x.literal("--"), x.text == "$!" || x.text == "$$":
		case !shown:
			shown = true
			w.report(Medium, "process-kill", "signals a process")
		}
	}
}

func (w *walker) killByName(c *call) {
	o := parseOptions(c.args, "u U g G P s t signal user")
	if o.has("0", "l", "list") {
		return
	}
	for _, x := range o.operands {
		if x.literal(".") || x.literal("") || x.literal(".*") {
			w.report(Critical, "process-kill", "signals every process")
		}
		if containsField("auditd etch rsyslogd syslogd falcon-sensor osqueryd", x.text) {
			w.report(High, "security-off", "stops what guards the machine: "+x.text)
		}
	}
	if o.has("u", "U", "user") {
		w.report(High, "process-kill", "signals every process of a user")
		return
	}
	w.report(Medium, "process-kill", "signals processes by name")
}

func (w *walker) crontab(c *call) {
	o := parseOptions(c.args, "u s")
	switch {
	case o.has("l", "V"):
	case o.has("r"):
		w.report(High, "persistence", "crontab -r removes every scheduled job")
	default:
		w.report(High, "persistence", "crontab changes what runs by schedule")
		if c.in.net {
			w.report(Critical, "pipe-to-shell", "a downloaded schedule is run by cron")
		}
		for line := range strings.SplitSeq(c.in.text, "\n") {
			f := strings.Fields(line)
			times := 5
			if strings.HasPrefix(line, "@") {
				times = 1
			}
			if len(f) > times {
				w.shellIfRead(strings.Join(f[times:], " "))
			}
		}
	}
}

func (w *walker) mount(c *call) {
	o := parseOptions(c.args, "t o types options")
	if len(c.args) == 0 || o.has("l", "V") && len(o.operands) == 0 {
		return
	}
	w.report(High, "mount-change", "mount changes what is where")
}

func (w *walker) sysctl(c *call) {
	o := parseOptions(c.args, "")
	for _, x := range o.operands {
		if strings.Contains(x.text, "=") || o.has("w", "write", "p", "system", "load") {
			w.report(High, "kernel-control", "sysctl changes the kernel's settings")
			return
		}
	}
	if o.has("p", "system", "load") {
		w.report(High, "kernel-control", "sysctl changes the kernel's settings")
	}
}

func (w *walker) namedPipe(c *call) {
	o := parseOptions(c.args, "m mode Z")
	if c.name == "mkfifo" || o.operand(1) == "p" {
		w.fifo = true
		for _, x := range o.operands {
			w.files[w.resolve(x)] = flow{some: true}
		}
		return
	}
	if o.operand(1) == "b" || o.operand(1) == "c" {
		w.report(High, "device-write", "mknod makes a device")
	}
}

func (w *walker) groups(c *call) {
	o := parseOptions(c.args, "a G g s d u p e c groups gid uid shell")
	for _, x := range c.args {
		for g := range strings.SplitSeq(x.text, ",") {
			if containsField("sudo wheel root admin docker adm disk shadow lxd libvirt", g) {
				w.report(High, "account-change", "gives an account the rights of group "+g)
				return
			}
		}
	}
	if len(o.operands) > 0 {
		w.report(High, "account-change", c.name+" changes accounts")
	}
}

func (w *walker) partition(c *call) {
	o := parseOptions(c.args, "s a")
	if o.has("l", "list", "p", "print", "V", "v", "verify") && c.name != "parted" || c.name == "parted" && o.has("l", "list") {
		return
	}
	for _, x := range o.operands {
		if x.literal("print") || x.literal("p") {
			return
		}
	}
	w.report(Critical, "disk-format", c.name+" changes the partitions of a disk")
}

func (w *walker) fuser(c *call) {
	if o := parseOptions(c.args, ""); o.has("k", "kill") {
		w.report(Medium, "process-kill", "signals the users of a file")
	}
}

// makeRules walks the shell text that can be handed to make in a variable
// that it expands.
func (w *walker) makeRules(c *call) {
	o := parseOptions(c.args, "C f I j l o W eval directory file")
	for _, x := range o.all("eval") {
		if text := x.text; strings.Contains(text, "$(shell") {
			_, after, _ := strings.Cut(text, "$(shell")
			w.shell(strings.TrimRight(strings.TrimSpace(after), ")"), flow{})
		}
	}
	rules := flow{}
	if f, ok := o.get("f", "file", "makefile"); ok {
		rules = w.fileFlow(f)
		if f.literal("-") || f.literal("/dev/stdin") {
			rules = c.in
		}
	} else {
		for _, name := range []string{"GNUmakefile", "makefile", "Makefile"} {
			rules = rules.merge(w.fileFlow(literalWord(name)))
		}
	}
	w.untrusted(rules, c.name)
	if rules.known {
		w.recipes(rules.text)
	}
	for _, x := range o.operands {
		if name, text, ok := strings.Cut(x.text, "="); ok && name == "SHELL" {
			w.shell(text, flow{})
		}
	}
}

// recipes walks what make runs of a file of rules: the lines behind a tab, and what is
// computed by a shell.
func (w *walker) recipes(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		if recipe, ok := strings.CutPrefix(line, "\t"); ok {
			w.shellIfRead(strings.ReplaceAll(strings.TrimLeft(recipe, "@-+"), "$$", "$"))
			continue
		}
		if _, shell, ok := strings.Cut(line, "$(shell "); ok {
			w.shellIfRead(strings.TrimSuffix(strings.TrimSpace(shell), ")"))
		}
		if _, shell, ok := strings.Cut(line, "!="); ok {
			w.shellIfRead(shell)
		}
	}
}
