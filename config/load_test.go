package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
)

// wantError returns err as an *Error.
func wantError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error is %v, want an *Error", err)
	}
	return e
}

// load returns what opts give, which must be no error.
func load(t *testing.T, opts LoadOptions) *Resolved {
	t.Helper()
	r, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestMessages pins the text that people read.
func TestMessages(t *testing.T) {
	for _, tc := range []struct{ content, want, hint string }{
		{"[security.audit]\nrotat = \"daily\"", `:2:1: unknown key "rotat" in [security.audit]`, `did you mean "rotate"?`},
		{"[security.audit]\nRotate = \"daily\"", `:2:1: unknown key "Rotate" in [security.audit]`, `did you mean "rotate"?`},
		{"[security.audit]\n  \"sign-events\" = true", `:2:3: unknown key "sign-events" in [security.audit]`, `did you mean "sign_events"?`},
		{"[security]\naudit.max_size_md = 1", `:2:7: unknown key "max_size_md" in [security.audit]`, `did you mean "max_size_mb"?`},
		{"security = { audit = { seal_record = 9 } }", `:1:24: unknown key "seal_record" in [security.audit]`, `did you mean "seal_records"?`},
		{"[security.audit]\ndeny_risk = \"low\"", `:2:1: unknown key "deny_risk" in [security.audit]`, `deny_risk is a key of [policy]`},
		{"[policy]\ncolour = 1", `:2:1: unknown key "colour" in [policy]`, `the nearest known key is "deny_risk"; all are deny_risk`},
		{"[tools.audit]\n[tools.audit.sinks]", `:2:14: unknown table "sinks" in [tools.audit]`, `the nearest known key is "enabled"; all are destination, enabled, tool_risk_summary`},
		{"[security.audit.redact]", `:1:17: redact in [security.audit] is a table, not a boolean`, "allowed: true or false"},
		{"[security.audit]\nredact.all = true", `:2:1: redact in [security.audit] is a table, not a boolean`, "allowed: true or false"},
		{"[security.audit]\nepoch = 3600", `:2:9: epoch in [security.audit] is an integer, 3600, not a string`, `allowed: a duration from "1s" to "365d", such as "90s" or "1h30m"`},
		{"[security.audit]\nenabled = \"true\"", `:2:11: enabled in [security.audit] is a string, "true", not a boolean`, "allowed: true or false"},
		{"[security.audit]\nkeys = [\"a\"]", `:2:1: keys in [security.audit] is an array, not a string`, `allowed: the path of a directory, or ""`},
		{"[security.audit]\nrotate = \"hourly\"", `:2:10: bad value "hourly" of rotate in [security.audit]`, `allowed: "daily", "weekly" or "size"`},
		{"[security.audit]\nrotate = \"sized\"", `:2:10: bad value "sized" of rotate in [security.audit]`, `allowed: "size", "daily" or "weekly"`},
		{"[security.audit]\ndurability = \"soon\"", `:2:14: bad value "soon" of durability in [security.audit]: not a duration`, `allowed: "always", or a duration from "1ms" to "1h", such as "90s" or "1h30m"`},
		{"[security.audit]\nmax_size_mb = 0", `:2:15: bad value 0 of max_size_mb in [security.audit]`, `allowed: a whole number from 1 to 1048576`},
		{"[policy]\ndeny_risk = \"hihg\"", `:2:13: bad value "hihg" of deny_risk in [policy]`, `allowed: "high", "low", "", "none", "medium" or "critical"`},
		{"[tools.audit]\ndestination = \"STDERR\"", `:2:15: bad value "STDERR" of destination in [tools.audit]`, `allowed: "stderr", "stdout", the path of a file, or ""`},
		{"[security.audit]\nlog_path = \"~bob/a\"", `:2:12: bad value "~bob/a" of log_path in [security.audit]: only one's own home can be written as ~: give the whole path`, `allowed: the path of a file, or ""`},
		{"policy = \"strict\"", `:1:1: policy is a string, not a table`, "write [policy] on a line of its own, and its keys below"},
		{"[[policy]]\ndeny_risk = \"low\"", `:1:3: [[policy]] makes an array of tables`, "write [policy]: there is one such table"},
		{"[[tools]]\n[tools.audit]\nenabled = true", `:2:8: [tools.audit] is inside [[tools]], which is an array of tables`, "write [tools], or keep the two programs' settings in two files"},
		{"[security.audit]\nenabled = true\nenabled = true", `:3:1: key enabled is already defined`, ""},
		{"[security.audit]\nenabled true", `:2:9: expected '=' after key`, ""},
		{"# ä\n[security.audit]\n# ö \xff", `:3:5: the file is not valid UTF-8 here`, ""},
		{"\"ä\" = 1 x", `:1:9: expected newline but got U+0078 'x'`, ""},
	} {
		opts := fromFile(t, tc.content)
		_, err := Load(opts)
		e := wantError(t, err)
		if got := strings.TrimPrefix(e.Error(), opts.Path); got != tc.want || e.Hint != tc.hint {
			t.Errorf("%q:\n got %s\n     %s\nwant %s\n     %s", tc.content, got, e.Hint, tc.want, tc.hint)
		}
	}
}

func TestMessageOfEnvironment(t *testing.T) {
	_, err := Load(LoadOptions{LookupEnv: environ(map[string]string{"ETCH_ROTATE": "dayly"})})
	e := wantError(t, err)
	if got, want := e.Error(), `environment ETCH_ROTATE: bad value "dayly" of rotate in [security.audit]`; got != want {
		t.Errorf("error = %s, want %s", got, want)
	}
	if want := `allowed: "daily", "weekly" or "size"`; e.Hint != want {
		t.Errorf("hint = %s, want %s", e.Hint, want)
	}
}

// TestMessagesAreOneLine feeds what could steer a terminal or fill it.
func TestMessagesAreOneLine(t *testing.T) {
	for _, content := range []string{
		"\"a\\n\\u001b\" = 1\n\"a\\n\\u001b\" = 2",
		"[security.audit]\n\"\\n\\u001b\" = 1",
		"[policy]\ndeny_risk = \"\\u001b[2J\\n\"",
		"[policy]\ndeny_risk = \"" + strings.Repeat("x", 1<<16) + "\"",
		"[security.audit]\nenabled = \"\"\"\n\u009b\n\"\"\"",
		"[security.audit]\nenabled = \"\u009b\"",
		"[security.audit]\nenabled = " + strings.Repeat("9", 18) + "." + strings.Repeat("9", 1<<12),
	} {
		_, err := Load(fromFile(t, content))
		e := wantError(t, err)
		if strings.ContainsFunc(e.Msg+e.Hint, unprintable) || len(e.Msg) > 300 {
			t.Errorf("%.40q: %.400q", content, e.Msg)
		}
	}
	for _, w := range load(t, fromFile(t, "[\"policy\\n\"]")).Warnings {
		if strings.ContainsFunc(w.Msg+w.Hint, unprintable) {
			t.Errorf("warning %q", w.Msg)
		}
	}
}

func TestErrorPlaces(t *testing.T) {
	for _, tc := range []struct {
		err  Error
		want string
	}{
		{Error{Path: "c.toml", Line: 3, Column: 7, Origin: "file c.toml:3", Msg: "m", Hint: "h"}, "c.toml:3:7: m"},
		{Error{Path: "c.toml", Msg: "m"}, "c.toml: m"},
		{Error{Origin: "flag --log", Msg: "m"}, "flag --log: m"},
		{Error{Msg: "m"}, "m"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestUnknownFlagKey(t *testing.T) {
	for key, hint := range map[string]string{
		"security.audit.rotat": `did you mean "security.audit.rotate"?`,
		"rotate":               `did you mean "security.audit.rotate"?`,
	} {
		opts := LoadOptions{LookupEnv: environ(nil)}
		opts.Set(key, "daily", "flag -c")
		_, err := Load(opts)
		e := wantError(t, err)
		if e.Error() != `flag -c: unknown key "`+key+`"` || e.Hint != hint {
			t.Errorf("%s: %v, hint %s", key, e, e.Hint)
		}
	}
}

// TestOtherPrograms shows that whatever is not in the project's tables has no
// effect, however near it is.
func TestOtherPrograms(t *testing.T) {
	r := load(t, fromFile(t, `
title = "mine"
enabled = false
rotate = 9
[security]
level = 3
sandbox = { enabled = false, backend = "auto" }
[security.resources]
max_memory_mb = 512
[security.resources.audit]
enabled = false
[tools.egress]
enabled = true
[[tools.servers]]
audit = { enabled = 1 }
["security.audit"]
enabled = 1
[audit]
rotate = "never"
[[servers]]
policy = "x"
`))
	if diff := cmp.Diff(r.Config, effective()); diff != "" {
		t.Errorf("config (-got +want):\n%s", diff)
	}
	if len(r.Warnings) != 0 && r.Warnings[0].Key != "security.audit" {
		t.Errorf("warnings: %v", r.Warnings)
	}
	for _, content := range []string{"tools = 1", "[[tools]]\nname = 1", "security = [1]", ""} {
		if got := load(t, fromFile(t, content)); !cmp.Equal(got.Config, effective()) {
			t.Errorf("%q changed the config", content)
		}
	}
}

func TestWarnings(t *testing.T) {
	for content, want := range map[string]string{
		"[security.audits]\na = 1\n":      `1:11: table [security.audits] is not read; did you mean [security.audit]?`,
		"[tool.audit]":                    `1:7: table [tool.audit] is not read; did you mean [tools.audit]?`,
		"\n[Policy]":                      `2:2: table [Policy] is not read; did you mean [policy]?`,
		"security.auidt.enabled = true":   `1:10: table [security.auidt] is not read; did you mean [security.audit]?`,
		"polcy = { deny_risk = \"low\" }": `1:1: table [polcy] is not read; did you mean [policy]?`,
		"[security.sandbox]":              "",
		"[policies]":                      "",
		"[tools.adio]\n[tools.aud]\n":     "",
	} {
		opts := fromFile(t, content)
		var got []string
		for _, w := range load(t, opts).Warnings {
			got = append(got, strings.TrimPrefix(w.Error(), opts.Path+":")+"; "+w.Hint)
		}
		if got := strings.Join(got, "\n"); got != want {
			t.Errorf("%q: warnings %q, want %q", content, got, want)
		}
	}
}

// TestForms shows that TOML's ways of writing the same are the same.
func TestForms(t *testing.T) {
	for _, content := range []string{
		"[security.audit]\nrotate = \"size\"\nmax_size_mb = 16",
		"[security.audit]\nrotate = 'size'\nmax_size_mb = 0x10",
		"[security]\naudit.rotate = \"\"\"size\"\"\"\naudit.max_size_mb = 1_6",
		"[security]\naudit = { rotate = \"s\\u0069ze\", max_size_mb = 0b1_0000 }",
		"security.audit.rotate = \"size\"\nsecurity.\"audit\" . max_size_mb = +16",
		"security = { audit.rotate = 'size', audit.max_size_mb = 0o20 }",
		"\ufeff[ security . audit ] # comment\r\nrotate = \"size\" # comment\r\nmax_size_mb = 16\r\n",
	} {
		r := load(t, fromFile(t, content))
		if r.Audit.Rotate != etch.BySize || r.Audit.MaxSizeMB != 16 {
			t.Errorf("%q: rotate %v, size %d", content, r.Audit.Rotate, r.Audit.MaxSizeMB)
		}
	}
}

func TestPrecedence(t *testing.T) {
	key := "security.audit.rotate"
	opts := fromFile(t, "[security.audit]\nrotate = \"weekly\"\n")
	if r := load(t, opts); r.Audit.Rotate != etch.Weekly {
		t.Errorf("file: %v", r.Audit.Rotate)
	}
	opts.LookupEnv = environ(map[string]string{"ETCH_ROTATE": "size", "ETCH_UNKNOWN": "x", "ETCH_EPOCH": ""})
	r := load(t, opts)
	if r.Audit.Rotate != etch.BySize || r.Origin(key) != "environment ETCH_ROTATE" {
		t.Errorf("environment over file: %v from %s", r.Audit.Rotate, r.Origin(key))
	}
	opts.Set(key, "daily", "flag --rotate")
	r = load(t, opts)
	if r.Audit.Rotate != etch.Daily || r.Origin(key) != "flag --rotate" {
		t.Errorf("flag over environment: %v from %s", r.Audit.Rotate, r.Origin(key))
	}
	if got := r.Origin("security.audit.epoch"); got != "default" {
		t.Errorf("origin of a default = %q", got)
	}
	if got := r.Origin("security.audit.nothing"); got != "" {
		t.Errorf("origin of no key = %q", got)
	}
	// What is hidden is checked all the same.
	opts.LookupEnv = environ(map[string]string{"ETCH_ROTATE": "bogus"})
	if _, err := Load(opts); err == nil {
		t.Error("a bad value that a flag hides was accepted")
	}
}

func TestRelativePaths(t *testing.T) {
	opts := fromFile(t, "[security.audit]\nlog_path = \"logs/a.log\"\nkeys = \"~/k\"\nsigning_key_path = \"../mac\"\n")
	beside := filepath.Dir(opts.Path)
	r := load(t, opts)
	got := []string{r.LogPath(), r.Audit.Keys, r.Audit.SigningKeyPath}
	want := []string{filepath.Join(beside, "logs/a.log"), filepath.Join(testHome, "k"), filepath.Join(filepath.Dir(beside), "mac")}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("paths of the file (-got +want):\n%s", diff)
	}
	opts.LookupEnv = environ(map[string]string{"ETCH_LOG_PATH": "logs/b.log"})
	opts.Set("security.audit.keys", "k", "flag")
	r = load(t, opts)
	if diff := cmp.Diff([]string{r.LogPath(), r.Audit.Keys}, []string{filepath.Join(testDir, "logs/b.log"), filepath.Join(testDir, "k")}); diff != "" {
		t.Errorf("paths of environment and flag (-got +want):\n%s", diff)
	}
}

// TestRelativeConfig shows that a relative --config gives an absolute log.
func TestRelativeConfig(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("sub/c.toml", []byte("[security.audit]\nlog_path = \"a.log\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	r := load(t, LoadOptions{Path: "sub/c.toml", LookupEnv: environ(nil)})
	if got, want := r.LogPath(), filepath.Join(wd, "sub", "a.log"); got != want {
		t.Errorf("log = %s, want %s", got, want)
	}
	if got, want := r.Origin(auditLogPath), "file sub/c.toml:2"; got != want {
		t.Errorf("origin = %s, want %s", got, want)
	}
}

func TestDefaultPlace(t *testing.T) {
	for _, tc := range []struct {
		env  map[string]string
		flag string
		path string
		def  bool
	}{
		{nil, "", filepath.Join(testHome, ".local/state/etch/audit.log"), true},
		{nil, "~/.local/state/etch/audit.log", filepath.Join(testHome, ".local/state/etch/audit.log"), true},
		{map[string]string{"XDG_STATE_HOME": abs("/s")}, "", abs("/s/etch/audit.log"), true},
		{map[string]string{"XDG_STATE_HOME": "rel"}, "", filepath.Join(testHome, ".local/state/etch/audit.log"), true},
		{map[string]string{"XDG_STATE_HOME": abs("/s")}, "~/.local/state/etch/audit.log", filepath.Join(testHome, ".local/state/etch/audit.log"), false},
		{nil, abs("/else/audit.log"), abs("/else/audit.log"), false},
		{map[string]string{"ETCH_DESTINATION": "stdout"}, "", "", false},
		{map[string]string{"HOME": "", "USERPROFILE": ""}, abs("/a.log"), abs("/a.log"), false},
	} {
		opts := LoadOptions{LookupEnv: environ(tc.env)}
		opts.Set(auditLogPath, tc.flag, "flag --log")
		r := load(t, opts)
		if r.LogPath() != tc.path || r.DefaultPlace != tc.def {
			t.Errorf("%+v: path %q, default %v", tc, r.LogPath(), r.DefaultPlace)
		}
	}
}

func TestNoHome(t *testing.T) {
	opts := LoadOptions{LookupEnv: environ(map[string]string{"HOME": "", "USERPROFILE": ""})}
	_, err := Load(opts)
	if !errors.Is(err, errNoHome) || wantError(t, err).Key != auditLogPath {
		t.Errorf("without a home: %v", err)
	}
	opts.Set(auditLogPath, "~/a.log", "flag --log")
	if _, err = Load(opts); !strings.Contains(wantError(t, err).Msg, errNoHome.Error()) {
		t.Errorf("~ without a home: %v", err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	given, named := filepath.Join(dir, "given.toml"), filepath.Join(dir, "named.toml")
	standard := filepath.Join(dir, "etch", "config.toml")
	if err := os.Mkdir(filepath.Dir(standard), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, rotate := range map[string]string{given: "size", named: "weekly", standard: "daily"} {
		if err := os.WriteFile(path, []byte("[security.audit]\nrotate = \""+rotate+"\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"XDG_CONFIG_HOME": dir}
	if r := load(t, LoadOptions{LookupEnv: environ(env)}); r.Path != standard || !r.Found {
		t.Errorf("default place: %s, found %v", r.Path, r.Found)
	}
	env["ETCH_CONFIG"] = named
	if r := load(t, LoadOptions{LookupEnv: environ(env)}); r.Path != named || r.Audit.Rotate != etch.Weekly {
		t.Errorf("ETCH_CONFIG: %s", r.Path)
	}
	if r := load(t, LoadOptions{Path: given, LookupEnv: environ(env)}); r.Path != given || r.Audit.Rotate != etch.BySize {
		t.Errorf("--config: %s", r.Path)
	}
	r := load(t, LoadOptions{LookupEnv: environ(map[string]string{"XDG_CONFIG_HOME": filepath.Join(dir, "none")})})
	places := Places(environ(map[string]string{"XDG_CONFIG_HOME": filepath.Join(dir, "none")}))
	if r.Found || r.Path != filepath.Join(dir, "none/etch/config.toml") || r.Path != places[0] || !cmp.Equal(r.Config, effective()) {
		t.Errorf("no file: %s, found %v", r.Path, r.Found)
	}
}

func TestNamedFileMustBeReadable(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.toml")
	_, err := Load(LoadOptions{Path: missing, LookupEnv: environ(nil)})
	if e := wantError(t, err); !errors.Is(err, fs.ErrNotExist) || e.Path != missing || !strings.Contains(e.Hint, "--config") {
		t.Errorf("--config: %v, hint %s", err, e.Hint)
	}
	_, err = Load(LoadOptions{LookupEnv: environ(map[string]string{"ETCH_CONFIG": missing})})
	if e := wantError(t, err); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(e.Hint, "ETCH_CONFIG") {
		t.Errorf("ETCH_CONFIG: %v, hint %s", err, e.Hint)
	}
	if _, err = Load(LoadOptions{Path: dir, LookupEnv: environ(nil)}); wantError(t, err).Path != dir {
		t.Errorf("a directory: %v", err)
	}
	// In the default place, too, only a missing file is none.
	if err := os.MkdirAll(filepath.Join(dir, "etch", "config.toml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err = Load(LoadOptions{LookupEnv: environ(map[string]string{"XDG_CONFIG_HOME": dir})}); err == nil {
		t.Error("a directory in the default place was passed over")
	}
	large := writeFile(t, "# "+strings.Repeat("x", maxFile))
	if _, err = Load(LoadOptions{Path: large, LookupEnv: environ(nil)}); !strings.Contains(wantError(t, err).Msg, "larger than") {
		t.Errorf("a large file: %v", err)
	}
}

func TestCandidates(t *testing.T) {
	home := map[string]string{"AppData": abs("/appdata")}
	for _, tc := range []struct {
		goos string
		env  map[string]string
		want []string
	}{
		{"linux", home, []string{filepath.Join(testHome, ".config/etch/config.toml")}},
		{"darwin", home, []string{filepath.Join(testHome, ".config/etch/config.toml"), filepath.Join(testHome, "Library/Application Support/etch/config.toml")}},
		{"windows", home, []string{filepath.Join(testHome, ".config/etch/config.toml"), abs("/appdata/etch/config.toml")}},
		{"windows", map[string]string{"XDG_CONFIG_HOME": abs("/x"), "AppData": abs("/a")}, []string{abs("/x/etch/config.toml")}},
		{"linux", map[string]string{"XDG_CONFIG_HOME": "rel"}, []string{filepath.Join(testHome, ".config/etch/config.toml")}},
		{"darwin", map[string]string{"HOME": "", "USERPROFILE": ""}, nil},
	} {
		got := newSurroundings(environ(tc.env)).candidates(tc.goos)
		if diff := cmp.Diff(got, tc.want); diff != "" {
			t.Errorf("%s %v (-got +want):\n%s", tc.goos, tc.env, diff)
		}
	}
}
