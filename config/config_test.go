package config

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/redact"
)

// A keyCase shows one key: the text of a value that is not the default, where
// it arrives, and what it refuses.
type keyCase struct {
	text string // of a good value, as the environment has it
	// want changes the defaults into the Config that the value gives.
	want func(c *Config)
	// options changes the default options into those the value gives; nil
	// for a key that no option is made of.
	options func(o *etch.Options)
	good    []string // other texts that are taken: the edges
	bad     []string // texts that are refused
}

// The directories of the tests: nothing is read from or written to them.
var (
	testHome = abs("/home/u")
	testDir  = abs("/srv/dir")
)

// abs returns an absolute path of this system from one with slashes.
func abs(path string) string {
	if runtime.GOOS == "windows" {
		return "C:" + filepath.FromSlash(path)
	}
	return path
}

func off(text string) []string { return []string{"", text, "yes", "True", "2"} }

var keyCases = map[string]keyCase{
	"security.audit.enabled": {
		text:    "false",
		want:    func(c *Config) { c.Audit.Enabled, c.Tools.Enabled = false, false },
		options: func(o *etch.Options) { o.Disabled = true },
		good:    []string{"true", "0", "1"},
		bad:     off("on"),
	},
	"security.audit.log_path": {
		text: abs("/var/log/a.log"),
		want: func(c *Config) { c.Audit.LogPath = abs("/var/log/a.log") },
		good: []string{"", "a", "~/a", "../a", "a b", "/ä", "x/../a.log", "stdout"},
		bad:  []string{"/", "a/", ".", "..", "~", "~/", "~bob/a", "a/..", "a\x00", "\xff"},
	},
	"security.audit.max_size_mb": {
		text:    "7",
		want:    func(c *Config) { c.Audit.MaxSizeMB = 7 },
		options: func(o *etch.Options) { o.MaxSize = 7 << 20 },
		good:    []string{"1", "1048576"},
		bad:     []string{"", "0", "-1", "1048577", "99999999999999999999", "1.5", "100MB", "0x10"},
	},
	"security.audit.rotate": {
		text:    "weekly",
		want:    func(c *Config) { c.Audit.Rotate = etch.Weekly },
		options: func(o *etch.Options) { o.Rotate = etch.Weekly },
		good:    []string{"daily", "size"},
		bad:     []string{"", "hourly", "Daily", "never"},
	},
	"security.audit.sign_events": {
		text:    "false",
		want:    func(c *Config) { c.Audit.SignEvents = false },
		options: func(o *etch.Options) { o.Unsigned = true },
		bad:     off("no"),
	},
	"security.audit.signing_key_path": {
		text:    abs("/etc/k"),
		want:    func(c *Config) { c.Audit.SigningKeyPath = abs("/etc/k") },
		options: func(o *etch.Options) { o.MACKey = abs("/etc/k") },
		good:    []string{"", "k", "~/k"},
		bad:     []string{"/etc/", "~x", "\x00"},
	},
	"security.audit.log_commands": {
		text:    "false",
		want:    func(c *Config) { c.Audit.LogCommands = false },
		options: func(o *etch.Options) { o.Skip.Commands = true },
		bad:     off("off"),
	},
	"security.audit.log_file_access": {
		text:    "false",
		want:    func(c *Config) { c.Audit.LogFileAccess = false },
		options: func(o *etch.Options) { o.Skip.FileAccess = true },
		bad:     off("off"),
	},
	"security.audit.log_auth_events": {
		text:    "false",
		want:    func(c *Config) { c.Audit.LogAuthEvents = false },
		options: func(o *etch.Options) { o.Skip.AuthEvents = true },
		bad:     off("off"),
	},
	"security.audit.log_policy_violations": {
		text:    "false",
		want:    func(c *Config) { c.Audit.LogPolicyViolations = false },
		options: func(o *etch.Options) { o.Skip.PolicyViolations = true },
		bad:     off("off"),
	},
	"security.audit.on_error": {
		text:    "continue",
		want:    func(c *Config) { c.Audit.OnError = etch.Continue },
		options: func(o *etch.Options) { o.OnError = etch.Continue },
		good:    []string{"block"},
		bad:     []string{"", "spool", "ignore"},
	},
	"security.audit.durability": {
		text:    "100ms",
		want:    func(c *Config) { c.Audit.Durability = 100 * time.Millisecond },
		options: func(o *etch.Options) { o.Durability = 100 * time.Millisecond },
		good:    []string{"always", "1ms", "1h", "60m", "1.5s"},
		bad:     []string{"", "soon", "0", "0s", "-1s", "+1s", "999us", "1h1ns", "100", "Always", "1d"},
	},
	"security.audit.seal_every": {
		text:    "90s",
		want:    func(c *Config) { c.Audit.SealEvery = 90 * time.Second },
		options: func(o *etch.Options) { o.SealEvery = 90 * time.Second },
		good:    []string{"1ms", "1d", "24h", "0.5d"},
		bad:     []string{"", "0s", "-1s", "1us", "25h", "2d", "always", "1000000000000d", "d", "1dd", "1d-1h", "infd"},
	},
	"security.audit.seal_records": {
		text:    "2",
		want:    func(c *Config) { c.Audit.SealRecords = 2 },
		options: func(o *etch.Options) { o.SealRecords = 2 },
		good:    []string{"1000000"},
		bad:     []string{"", "1", "0", "-1", "1000001"},
	},
	"security.audit.epoch": {
		text:    "1d12h",
		want:    func(c *Config) { c.Audit.Epoch = 36 * time.Hour },
		options: func(o *etch.Options) { o.Epoch = 36 * time.Hour },
		good:    []string{"1s", "365d", "8760h"},
		bad:     []string{"", "0s", "-1h", "999ms", "366d", "365d1ns", "1w", "never"},
	},
	"security.audit.keys": {
		text:    abs("/etc/keys"),
		want:    func(c *Config) { c.Audit.Keys = abs("/etc/keys") },
		options: func(o *etch.Options) { o.Keys = abs("/etc/keys") },
		good:    []string{"", ".", "keys/", "~", "/"},
		bad:     []string{"~x/y", "\x00", "\xff"},
	},
	"security.audit.redact": {
		text:    "false",
		want:    func(c *Config) { c.Audit.Redact = false },
		options: func(o *etch.Options) { o.NoRedact = true },
		bad:     off("off"),
	},
	"security.audit.index": {
		text:    "false",
		want:    func(c *Config) { c.Audit.Index = false },
		options: func(o *etch.Options) { o.NoIndex = true },
		bad:     off("off"),
	},
	"security.audit.archive": {
		text:    "false",
		want:    func(c *Config) { c.Audit.Archive = false },
		options: func(o *etch.Options) { o.NoArchive = true },
		bad:     off("off"),
	},
	"security.audit.archive_after": {
		text:    "30d",
		want:    func(c *Config) { c.Audit.ArchiveAfter = 30 * 24 * time.Hour },
		options: func(o *etch.Options) { o.ArchiveAfter = 30 * 24 * time.Hour },
		good:    []string{"1s", "3650d", "12h"},
		bad:     []string{"", "0s", "-1h", "999ms", "3651d", "1w", "never"},
	},
	"policy.deny_risk": {
		text: "high",
		want: func(c *Config) { c.Policy.DenyRisk = etch.RiskHigh },
		good: []string{"", "none", "low", "medium", "critical"},
		bad:  []string{"hihg", "HIGH", "high+", "severe"},
	},
	"hooks.on_error": {
		text: "block",
		want: func(c *Config) { c.Hooks.Block = true },
		good: []string{"spool"},
		bad:  []string{"", "continue", "Spool", "deny"},
	},
	"hooks.spool_max_mb": {
		text:    "1",
		want:    func(c *Config) { c.Hooks.SpoolMaxMB = 1 },
		options: func(o *etch.Options) { o.SpoolMax = 1 << 20 },
		good:    []string{"65536"},
		bad:     []string{"", "0", "-1", "65537"},
	},
	"hooks.record_output": {
		text: "true",
		want: func(c *Config) { c.Hooks.RecordOutput = true },
		bad:  off("on"),
	},
	"hooks.record_prompts": {
		text: "true",
		want: func(c *Config) { c.Hooks.RecordPrompts = true },
		bad:  off("on"),
	},
	"hooks.record_content": {
		text: "true",
		want: func(c *Config) { c.Hooks.RecordContent = true },
		bad:  off("on"),
	},
	"hooks.reconcile": {
		text: "off",
		want: func(c *Config) { c.Hooks.Reconcile = false },
		good: []string{"session_end"},
		bad:  []string{"", "continue", "Spool", "deny"},
	},
	"redact.rules": {
		text: "acme-token: acme_[0-9a-f]{32}\npin: (?i)pin=(\\d+)",
		want: func(c *Config) { c.Redact.Rules = []string{"acme-token: acme_[0-9a-f]{32}", `pin: (?i)pin=(\d+)`} },
		options: func(o *etch.Options) {
			o.Redact.Rules = []redact.Rule{{Name: "acme-token", Pattern: "acme_[0-9a-f]{32}"}, {Name: "pin", Pattern: `(?i)pin=(\d+)`}}
		},
		good: []string{"a:b", "a : b:c"},
		bad:  []string{"acme_[0-9a-f]{32}", "Acme: x", "acme: x(", "acme: x*", "password: x", ": x"},
	},
	"redact.allow": {
		text:    "AKIAIOSFODNN7EXAMPLE",
		want:    func(c *Config) { c.Redact.Allow = []string{"AKIAIOSFODNN7EXAMPLE"} },
		options: func(o *etch.Options) { o.Redact.Allow = []string{"AKIAIOSFODNN7EXAMPLE"} },
		good:    []string{"a\nb", "public-.*"},
		bad:     []string{"x(", "a\nb("},
	},
	"server.socket": {
		text: abs("/run/etch/etch.sock"),
		want: func(c *Config) { c.Server.Socket, c.Server.Connect = abs("/run/etch/etch.sock"), ConnectAlways },
		good: []string{"", "etch.sock", "~/etch.sock"},
		bad:  []string{"/", "run/", "~bob/x", "a\x00", "\xff"},
	},
	"server.listen": {
		text: "127.0.0.1:4390",
		want: func(c *Config) { c.Server.Listen = "127.0.0.1:4390" },
		good: []string{"", "127.0.0.1:0", "127.1.2.3:65535", "[::1]:4390", "localhost:80", "[127.0.0.1]:80"},
		bad: []string{
			"[127.0.0.1:80", "127.0.0.1]:80", "[127.0.0.1]80", "[[::1]]:80", "::1:80", ":",
			"4390", ":4390", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http", "127.0.0.1:+1", "0.0.0.0:4390",
			"[::]:4390", "10.0.0.1:4390", "example.com:4390", "localhost.example.com:4390", "[fe80::1%lo]:80", "[::1%lo]:80",
		},
	},
	"server.tokens": {
		text: abs("/etc/etch/tokens"),
		want: func(c *Config) { c.Server.Tokens = abs("/etc/etch/tokens") },
		good: []string{"", "tokens"},
		bad:  []string{"/", "a/", "\xff"},
	},
	"server.allow_users": {
		text: "alice\n1000",
		want: func(c *Config) { c.Server.AllowUsers = []string{"alice", "1000"} },
		good: []string{"a", "svc-1$"},
		bad:  []string{"alice bob", "alice,bob", "a:b", "a\nb c"},
	},
	"server.allow_groups": {
		text: "agents",
		want: func(c *Config) { c.Server.AllowGroups = []string{"agents"} },
		bad:  []string{"a b"},
	},
	"server.read_users": {
		text: "auditor",
		want: func(c *Config) { c.Server.ReadUsers = []string{"auditor"} },
		bad:  []string{"a b"},
	},
	"server.socket_mode": {
		text: "0666",
		want: func(c *Config) { c.Server.SocketMode = 0o666 },
		good: []string{"0600", "0660"},
		bad:  []string{"", "660", "0777", "0644", "rw"},
	},
	"server.max_event_kb": {
		text: "64",
		want: func(c *Config) { c.Server.MaxEventKB = 64 },
		good: []string{"1", "65536"},
		bad:  []string{"", "0", "65537", "-1", "1k"},
	},
	"server.rate": {
		text: "500",
		want: func(c *Config) { c.Server.Rate = 500 },
		good: []string{"0", "10000000"},
		bad:  []string{"", "-1", "10000001", "0.5"},
	},
	"server.burst": {
		text: "1000",
		want: func(c *Config) { c.Server.Burst = 1000 },
		good: []string{"0", "10000000"},
		bad:  []string{"", "-1", "10000001"},
	},
	"server.max_connections": {
		text: "64",
		want: func(c *Config) { c.Server.MaxConnections = 64 },
		good: []string{"1", "1000000"},
		bad:  []string{"", "0", "1000001"},
	},
	"server.max_per_sender": {
		text: "8",
		want: func(c *Config) { c.Server.MaxPerSender = 8 },
		good: []string{"1", "1000000"},
		bad:  []string{"", "0", "1000001"},
	},
	"server.idle": {
		text: "90s",
		want: func(c *Config) { c.Server.Idle = 90 * time.Second },
		good: []string{"1s", "30d"},
		bad:  []string{"", "0s", "999ms", "31d", "5"},
	},
	"server.connect": {
		text: "always",
		want: func(c *Config) { c.Server.Connect = ConnectAlways },
		good: []string{"auto", "never"},
		bad:  []string{"", "Auto", "yes"},
	},
	"tools.audit.enabled": {
		text:    "false",
		want:    func(c *Config) { c.Audit.Enabled, c.Tools.Enabled = false, false },
		options: func(o *etch.Options) { o.Disabled = true },
		bad:     off("off"),
	},
	"tools.audit.destination": {
		text: "stderr",
		want: func(c *Config) { c.Audit.LogPath, c.Tools.Destination = "", "stderr" },
		good: []string{"", "stdout", "./Stdout", "a.log", "~/a.log"},
		bad:  []string{"Stdout", "STDERR", "a/", "~", "~x", "\xff"},
	},
	"tools.audit.tool_risk_summary": {
		text: "true",
		want: func(c *Config) { c.Tools.ToolRiskSummary = true },
		bad:  off("on"),
	},
}

// environ returns a lookup over vars and a home.
func environ(vars map[string]string) func(string) (string, bool) {
	all := map[string]string{"HOME": testHome, "USERPROFILE": testHome}
	maps.Copy(all, vars)
	return func(name string) (string, bool) {
		v, ok := all[name]
		return v, ok
	}
}

// writeFile writes a config file and returns its path.
func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fromFile returns the options that read a file of that content.
func fromFile(t *testing.T, content string) LoadOptions {
	t.Helper()
	return LoadOptions{Path: writeFile(t, content), LookupEnv: environ(nil), Dir: testDir}
}

// effective returns the defaults as Load gives them.
func effective() Config {
	c := Default()
	c.Audit.LogPath = filepath.Join(testHome, ".local/state/etch/audit.log")
	return c
}

// fileText returns the value of a keyCase as TOML.
func fileText(s *setting, text string) string {
	switch s.kind() {
	case stringKind:
		return quote(text)
	case listKind:
		return literal(strings.Split(text, "\n"))
	default:
		return text
	}
}

func TestEveryKeyHasACase(t *testing.T) {
	var keys []string
	for _, s := range settings {
		keys = append(keys, s.key())
	}
	got := slices.Sorted(maps.Keys(keyCases))
	if diff := cmp.Diff(got, slices.Sorted(slices.Values(keys))); diff != "" {
		t.Errorf("cases and keys differ (-cases +keys):\n%s", diff)
	}
}

// TestEveryKey shows of each key that file, environment and flag set it, that
// nothing else changes with it, where it says it is from, and that it arrives
// in the options.
func TestEveryKey(t *testing.T) {
	for _, s := range settings {
		tc := keyCases[s.key()]
		file := writeFile(t, "# first line\n["+s.table+"]\n"+s.name+" = "+fileText(s, tc.text)+"\n")
		ways := map[string]LoadOptions{
			"file " + file + ":3":   {Path: file, LookupEnv: environ(nil)},
			"environment " + s.env:  {LookupEnv: environ(map[string]string{s.env: tc.text})},
			"flag --" + s.name + "": {LookupEnv: environ(nil)},
		}
		for origin, opts := range ways {
			opts.Dir = testDir
			if strings.HasPrefix(origin, "flag") {
				opts.Set(s.key(), tc.text, origin)
			}
			t.Run(s.key()+"/"+strings.Fields(origin)[0], func(t *testing.T) { tc.check(t, s, opts, origin) })
		}
	}
}

func (tc keyCase) check(t *testing.T, s *setting, opts LoadOptions, origin string) {
	got, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	want := effective()
	tc.want(&want)
	if diff := cmp.Diff(got.Config, want); diff != "" {
		t.Errorf("config (-got +want):\n%s", diff)
	}
	if cmp.Equal(want, effective()) {
		t.Error("the case is the default and shows nothing")
	}
	if got := got.Origin(s.key()); got != origin {
		t.Errorf("origin = %q, want %q", got, origin)
	}
	initial := Default()
	options := initial.Options()
	if tc.options != nil {
		tc.options(options)
	}
	if diff := cmp.Diff(got.Options(), options); diff != "" {
		t.Errorf("options (-got +want):\n%s", diff)
	}
}

func TestEveryKeyEdges(t *testing.T) {
	for _, s := range settings {
		tc := keyCases[s.key()]
		for _, text := range append(tc.good, tc.text) {
			opts := LoadOptions{LookupEnv: environ(nil), Dir: testDir}
			opts.Set(s.key(), text, "flag")
			if _, err := Load(opts); err != nil {
				t.Errorf("%s = %q: %v", s.key(), text, err)
			}
		}
		for _, text := range tc.bad {
			opts := LoadOptions{LookupEnv: environ(nil), Dir: testDir}
			opts.Set(s.key(), text, "flag --x")
			_, err := Load(opts)
			e := wantError(t, err)
			if e.Key != s.key() || e.Origin != "flag --x" || !strings.HasPrefix(e.Hint, "allowed: ") {
				t.Errorf("%s = %q: error %#v has not its key, origin or hint", s.key(), text, e)
			}
		}
	}
}

// TestEveryKeyEdgesInFile puts the values that TOML can hold into a file: each
// is refused at its own line and column.
func TestEveryKeyEdgesInFile(t *testing.T) {
	for _, s := range settings {
		if s.kind() == boolKind {
			continue // there is no bad value, only a wrong type
		}
		for _, text := range keyCases[s.key()].bad {
			if s.kind() == integerKind && (text == "" || text == "0x10") || invalidUTF8([]byte(text)) >= 0 {
				continue // no TOML, or good TOML
			}
			_, err := Load(fromFile(t, "["+s.table+"]\n\n  "+s.name+"  =  "+fileText(s, text)+"\n"))
			e := wantError(t, err)
			if e.Line != 3 {
				t.Errorf("%s = %q: line %d, want 3: %v", s.key(), text, e.Line, err)
			}
		}
	}
}

func TestWrongTypes(t *testing.T) {
	values := map[string]kind{
		"true": boolKind, "1": integerKind, `"x"`: stringKind,
		"1.0": -1, "[1]": -1, "{}": -1, "{a = 1}": -1, "2026-01-01": -1, "07:00:00": -1, "nan": -1, "[]": listKind, "[\"x\", 1]": -1,
	}
	for _, s := range settings {
		for text, k := range values {
			if k == s.kind() {
				continue
			}
			_, err := Load(fromFile(t, "["+s.table+"]\n"+s.name+" = "+text+"\n"))
			e := wantError(t, err)
			if e.Key != s.key() || e.Line != 2 || !strings.Contains(e.Msg, "not "+s.kind().String()) {
				t.Errorf("%s = %s: %#v", s.key(), text, e)
			}
		}
	}
}

func TestLogPathAndStream(t *testing.T) {
	for _, tc := range []struct{ path, destination, wantPath, wantStream string }{
		{"", "", "", ""},
		{"/a", "", "/a", ""},
		{"", "/b", "/b", ""},
		{"", "stdout", "", "stdout"},
		{"", "stderr", "", "stderr"},
	} {
		c := Default()
		c.Audit.LogPath, c.Tools.Destination = tc.path, tc.destination
		if c.LogPath() != tc.wantPath || c.Stream() != tc.wantStream {
			t.Errorf("%+v: path %q, stream %q", tc, c.LogPath(), c.Stream())
		}
	}
}

// TestDefaultOptions holds the defaults to those of the library: a program
// with a config file and one without write the same kind of log.
func TestDefaultOptions(t *testing.T) {
	c := Default()
	want := &etch.Options{
		MaxSize:     etch.DefaultMaxSize,
		SealEvery:   etch.DefaultSealEvery,
		SealRecords: etch.DefaultSealRecords,
		Epoch:       etch.DefaultEpoch,

		ArchiveAfter: etch.DefaultArchiveAfter,
		SpoolMax:     etch.DefaultSpoolMax,
	}
	if diff := cmp.Diff(c.Options(), want); diff != "" {
		t.Errorf("options (-got +want):\n%s", diff)
	}
}
