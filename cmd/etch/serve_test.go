package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/site"

	"github.com/etch-audit/etch"
)

func init() { programs["fetch"] = fetchMain }

// fetchMain is "fetch METHOD URL [TOKEN [BODY]]": it prints the status and the
// body of what is answered. A URL "unix:SOCKET:/path" goes to a socket.
func fetchMain() {
	args := append(os.Args[1:], "", "")
	client := http.DefaultClient
	if rest, ok := strings.CutPrefix(args[1], "unix:"); ok {
		socket, path, _ := strings.Cut(rest, ":")
		client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}}
		args[1] = "http://daemon" + path
	}
	req, err := http.NewRequest(args[0], args[1], strings.NewReader(args[3]))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		if args[2] != "" {
			req.Header.Set("Authorization", "Bearer "+args[2])
		}
		var resp *http.Response
		if resp, err = client.Do(req); err == nil {
			fmt.Println(resp.StatusCode)
			_, err = io.Copy(os.Stdout, resp.Body)
			err = errors.Join(err, resp.Body.Close())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// unitOf returns the settings of a file of systemd's form, by section.
func unitOf(t *testing.T, text string) map[string][]string {
	t.Helper()
	sections := map[string][]string{}
	var section string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']':
			section = line[1 : len(line)-1]
		case section == "" || !strings.Contains(line, "="):
			t.Errorf("a line outside of a section, or without a name: %s", line)
		default:
			sections[section] = append(sections[section], line)
		}
	}
	return sections
}

// unitFiles splits what --unit systemd prints as its own head says.
func unitFiles(t *testing.T, text string) map[string]string {
	t.Helper()
	files := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if path, ok := strings.CutPrefix(line, "# /etc/"); ok {
			name = filepath.Base(strings.TrimSpace(path))
		}
		if name != "" {
			files[name] += line
		}
	}
	return files
}

// unit returns what --unit prints with a configuration.
func unit(t *testing.T, system, toml string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	std, out, _ := console(time.Now())
	std.env = func(name string) (string, bool) {
		return map[string]string{"HOME": "/nonexistent"}[name], name == "HOME"
	}
	if err := runServe(t.Context(), serveOptions{place: &place{config: file}, unit: system}, std); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestUnitSystemd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such paths")
	}
	text := unit(t, "systemd", "[security.audit]\nlog_path = \"/srv/au dit/100%$x.log\"\nkeys = \"/var/lib/etch/keys\"\n[server]\nsocket_mode = \"0666\"\nsocket = \"/run/x y/s.sock\"\nmax_connections = 3000\n")
	files := unitFiles(t, text)
	service, socket := unitOf(t, files["etch.service"]), unitOf(t, files["etch.socket"])
	for _, want := range []string{
		"Type=notify", "User=etch", "StateDirectory=etch", "StateDirectoryMode=0700", "NoNewPrivileges=yes", "ProtectSystem=strict",
		"CapabilityBoundingSet=", "MemoryDenyWriteExecute=yes", `ReadWritePaths="/srv/au dit"`,
		"MemoryMax=2G", "Environment=GOMEMLIMIT=1536MiB", "TasksMax=512", "LimitNOFILE=7024", "LimitCORE=0",
	} {
		if !slices.Contains(service["Service"], want) {
			t.Errorf("the service has no %s:\n%s", want, text)
		}
	}
	for _, want := range []string{"ListenStream=/run/x y/s.sock", "SocketMode=0666", "SocketUser=root", "SocketGroup=etch"} {
		if !slices.Contains(socket["Socket"], want) {
			t.Errorf("the socket has no %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "ReadWritePaths=/var/lib/etch") {
		t.Error("the state directory is named twice")
	}
	// Where no place is named, the daemon's log is not that of whoever asks.
	if text := unit(t, "systemd", ""); !strings.Contains(text, " --log /var/lib/etch/audit.log\n") || strings.Contains(text, "ReadWritePaths") {
		t.Errorf("without a place of the log:\n%s", text)
	}
	systemdAccepts(t, files)
}

// systemdAccepts has systemd judge the files, where it is there.
func systemdAccepts(t *testing.T, files map[string]string) {
	t.Helper()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return // the parser above has read them
	}
	dir := t.TempDir()
	var paths []string
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if said, err := exec.Command(program, append([]string{"verify"}, paths...)...).CombinedOutput(); err != nil || strings.Contains(string(said), "etch.s") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, said)
	}
}

func TestUnitLaunchd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such paths")
	}
	text := unit(t, "launchd", "[security.audit]\nlog_path = \"/srv/a&b/<x>.log\"\n")
	d := xml.NewDecoder(strings.NewReader(text))
	var words []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if chars, ok := token.(xml.CharData); ok && strings.TrimSpace(string(chars)) != "" {
			words = append(words, string(chars))
		}
	}
	for _, want := range []string{"ProgramArguments", "serve", "--config", "--socket", launchdSocket, "UserName", "_etch"} {
		if !slices.Contains(words, want) {
			t.Errorf("%q is not among %q", want, words)
		}
	}
}

func TestUnitText(t *testing.T) {
	for text, want := range map[string]string{
		"/a/b": "/a/b", "/a b": `"/a b"`, "100%": "100%%", "$x": "$$x", `a"b`: `"a\"b"`, `a\b`: `"a\\b"`, "": `""`, "a\nb": `"a\nb"`,
	} {
		if got := unitText(text); got != want {
			t.Errorf("unitText(%q) = %s, want %s", text, got, want)
		}
	}
}

// TestActivated shows that sockets which a service manager hands over are taken,
// and those of another process are not. The file descriptors are this process's.
func TestActivated(t *testing.T) {
	std, _, _ := console(time.Now())
	vars := map[string]string{"LISTEN_PID": "1", "LISTEN_FDS": "1"}
	std.env = func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	if got, err := activated(std); err != nil || got != nil {
		t.Errorf("those of another process: %v, %v", got, err)
	}
	vars["LISTEN_PID"] = strconv.Itoa(os.Getpid())
	for _, bad := range []string{"", "x", "-1", "1000"} {
		vars["LISTEN_FDS"] = bad
		if got, err := activated(std); err == nil {
			t.Errorf("LISTEN_FDS=%q: %v", bad, got)
		}
	}
}

func TestNotifyManager(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such sockets")
	}
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	std, _, _ := console(time.Now())
	vars := map[string]string{}
	std.env = func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	if err := notifyManager(std, "READY=1"); err != nil {
		t.Errorf("nobody wants to know, and: %v", err)
	}
	vars["NOTIFY_SOCKET"], vars["WATCHDOG_USEC"] = path, "2000"
	stop := startWatchdog(std, func(err error) { t.Error(err) })
	heard, quiet := make(chan string, 2), make(chan struct{})
	go func() { // to its end: who tells waits where nobody reads, and stop waits for that
		defer close(quiet)
		defer close(heard)
		for buf := make([]byte, 100); ; {
			n, err := l.Read(buf)
			if err != nil || string(buf[:n]) == "STOPPING=1" {
				return
			}
			select {
			case heard <- string(buf[:n]):
			default:
			}
		}
	}()
	for range 2 {
		if told := <-heard; told != "WATCHDOG=1" {
			t.Errorf("told %q", told)
		}
	}
	stop()
	if err := notifyManager(std, "STOPPING=1"); err != nil {
		t.Error(err)
	}
	<-quiet
	vars["WATCHDOG_PID"] = "1"
	startWatchdog(std, func(err error) { t.Error(err) })()
	vars["NOTIFY_SOCKET"] = path + ".gone"
	if err := notifyManager(std, "READY=1"); err == nil {
		t.Error("nobody is there, and that is no error")
	}
}

// TestServeActivated starts the real program with a socket of a service manager's,
// which it serves and leaves where it is.
func TestServeActivated(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no such service manager")
	}
	unignore()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "etch")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "given.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	given, err := l.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0" serve`, program)
	cmd.Env = []string{"HOME=" + dir, "ETCH_LOG_PATH=" + filepath.Join(dir, "audit.log"), "LISTEN_FDS=1", "NOTIFY_SOCKET=" + told.LocalAddr().String()}
	cmd.ExtraFiles, cmd.Stderr = []*os.File{given}, &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	expect := func(want string) {
		t.Helper()
		buf := make([]byte, 1000)
		if err := told.SetReadDeadline(time.Now().Add(patiently)); err != nil {
			t.Fatal(err)
		}
		if n, err := told.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), want) {
			t.Fatalf("told %q, %v, want %q; it says\n%s", buf[:n], err, want, words.String())
		}
	}
	expect("READY=1\nSTATUS=serving ")
	client, err := etch.Dial(t.Context(), socket, &etch.DialOptions{DialTimeout: patiently})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := client.Append(t.Context(), &etch.Event{Type: etch.SessionStart}); err != nil || !r.Durable {
		t.Errorf("Append = %+v, %v", r, err)
	}
	if err := errors.Join(client.Close(), cmd.Process.Signal(os.Interrupt)); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v; it says\n%s", err, words.String())
	}
	if _, err := os.Lstat(socket); err != nil {
		t.Errorf("the service manager's socket: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "audit.sock")); err == nil {
		t.Error("it listens beside the log too")
	}
	if err := errors.Join(given.Close(), l.Close(), told.Close()); err != nil {
		t.Error(err)
	}
}

// TestConnectionsOf shows that connections leave open files to the log, however few there
// are.
func TestConnectionsOf(t *testing.T) {
	for _, c := range []struct {
		files uint64
		web   bool
		want  int
	}{
		{1, true, 1}, {64, false, 32}, {64, true, 16}, {1024, true, 384}, {1024, false, 768}, {4096, true, 1920}, {1 << 63, true, 1 << 30},
	} {
		if got := connectionsOf(c.files, c.web); got != c.want {
			t.Errorf("of %d files, web %v: got %d, want %d", c.files, c.web, got, c.want)
		}
	}
}

// TestDaemonTells shows that the same words are told once a minute.
func TestDaemonTells(t *testing.T) {
	now := time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)
	std, _, words := console(now)
	std.now = func() time.Time { return now }
	d := &daemon{std: std}
	tell := d.teller()
	for range 3 {
		tell(errors.New("one"))
	}
	tell(errors.New("two"))
	now = now.Add(tellEvery)
	tell(errors.New("one"))
	if got, want := words.String(), "etch: warning: one\netch: warning: two\netch: warning: one\n"; got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
}

// TestOnLoopback shows that what a service manager hands over must be loopback too.
func TestOnLoopback(t *testing.T) {
	for text, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "[::ffff:127.0.0.1]:1": true, "0.0.0.0:1": false, "10.0.0.1:1": false, "[::]:1": false} {
		a, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := onLoopback(a) == nil; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestDaemonFailsWhole shows that a daemon that cannot begin leaves no socket and
// no log.
func TestDaemonFailsWhole(t *testing.T) {
	dir := t.TempDir()
	std, _, _ := console(time.Now())
	resolved, err := place{log: filepath.Join(dir, "audit.log"), config: os.DevNull, settings: []site.Setting{
		{Key: "server.allow_users", Value: "nobody-of-that-name", Origin: "test"},
	}}.load(std)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{resolved: resolved, std: std}
	err = d.open()
	if f, ok := errors.AsType[*failure](err); !ok || f.exit != exitUsage {
		t.Errorf("open = %v, want an error about the name", err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(resolved.SocketPath()); !os.IsNotExist(err) {
		t.Errorf("the socket is there: %v", err)
	}
	if _, err := etch.OpenReader(resolved.LogPath()); err != nil {
		t.Errorf("the log that was made cannot be read: %v", err)
	}
}

// TestHeadlineOfDaemon shows that a log which this user cannot see is not said to
// be none where a daemon has it.
func TestHeadlineOfDaemon(t *testing.T) {
	in := &inspection{statusAnswer: statusAnswer{CanRecord: true, Daemon: daemonRow{Socket: "/s", Running: true, Used: true}}}
	if got, want := in.headline(&pretty{}), "ready: a daemon records what this user sends"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPropertyListText: what package encoding/xml makes of a text, without the package.
func TestPropertyListText(t *testing.T) {
	for _, text := range []string{"/usr/local/bin/etch", `a <b> & "c" 'd'`, "tab\tfeed\nreturn\r", "bell\a nul\x00 bad\xff last\uffff", "größe"} {
		var want strings.Builder
		if err := xml.EscapeText(&want, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := plistString(text); got != "<string>"+want.String()+"</string>" {
			t.Errorf("%q: got %s, want %s", text, got, want.String())
		}
	}
}

// TestUnitOfPassingPlaces shows that it is told where a service would not find what it is
// to run.
func TestUnitOfPassingPlaces(t *testing.T) {
	for path, want := range map[string]bool{
		"/tmp/etch": true, "/var/tmp/bin/etch": true, "/private/tmp/etch": true, "/usr/local/bin/etch": false, "/tmpfs/etch": false, "/srv/tmp/etch": false,
	} {
		if got := passing(path); got != want {
			t.Errorf("%s: got %t, want %t", path, got, want)
		}
	}
}

// A daemon that cannot end well says why, and speaks of its time only where that is why.
func TestDrainFailure(t *testing.T) {
	full := errors.New("no space left on device")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := drainFailure(over, nil); err != nil {
		t.Errorf("all has ended: got %v", err)
	}
	if err := drainFailure(t.Context(), full); !errors.Is(err, full) || strings.Contains(err.Error(), "within") {
		t.Errorf("a full disk: got %v", err)
	}
	if err := drainFailure(over, full); !errors.Is(err, full) || !strings.Contains(err.Error(), "within 20s") {
		t.Errorf("too late: got %v", err)
	}
}
