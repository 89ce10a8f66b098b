package config

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTwoDestinations is the rule for what both seeds' tables name.
func TestTwoDestinations(t *testing.T) {
	const both = "[security.audit]\nlog_path = \"/a\"\n[tools.audit]\ndestination = \"stdout\"\n"
	opts := fromFile(t, both)
	_, err := Load(opts)
	e := wantError(t, err)
	want := opts.Path + ":4:15: two destinations: log_path in [security.audit] (file " + opts.Path +
		":2) and destination in [tools.audit] (file " + opts.Path + ":4)"
	if e.Error() != want || e.Hint != "keep one of the two" {
		t.Errorf("got  %v\nwant %s", e, want)
	}
	// The error is at the later one, whichever that is; a stronger setting
	// does not excuse the file.
	opts = fromFile(t, "tools.audit.destination = \"/a\"\nsecurity.audit.log_path = \"/a\"\n")
	opts.Set(auditLogPath, "/c", "flag --log")
	_, err = Load(opts)
	if e := wantError(t, err); e.Line != 2 || e.Key != auditLogPath {
		t.Errorf("the other order: %v", e)
	}
	_, err = Load(LoadOptions{LookupEnv: environ(map[string]string{"ETCH_LOG_PATH": "/a", "ETCH_DESTINATION": "/b"})})
	if e := wantError(t, err); !strings.Contains(e.Msg, "two destinations") {
		t.Errorf("in the environment: %v", e)
	}
}

func TestStrongerDestinationWins(t *testing.T) {
	for _, tc := range []struct {
		name, file   string
		env          map[string]string
		flag         string
		path, stream string
		origins      [2]string // of log_path and destination, without the file
	}{
		{
			"environment over file", "[tools.audit]\ndestination = \"stdout\"\n",
			map[string]string{"ETCH_LOG_PATH": abs("/e")},
			"",
			abs("/e"), "",
			[2]string{"environment ETCH_LOG_PATH", "overruled by log_path, environment ETCH_LOG_PATH"},
		},
		{
			"stream over path", "[security.audit]\nlog_path = \"/a\"\n",
			map[string]string{"ETCH_DESTINATION": "stderr"},
			"",
			"", "stderr",
			[2]string{"overruled by destination, environment ETCH_DESTINATION", "environment ETCH_DESTINATION"},
		},
		{
			"flag over all", "",
			map[string]string{"ETCH_DESTINATION": "stderr"},
			abs("/f"),
			abs("/f"), "",
			[2]string{"flag --log", "overruled by log_path, flag --log"},
		},
		{
			"a path as destination", "",
			map[string]string{"ETCH_DESTINATION": abs("/d")},
			"",
			abs("/d"), "",
			[2]string{"overruled by destination, environment ETCH_DESTINATION", "environment ETCH_DESTINATION"},
		},
		{
			"an empty one names nothing", "security.audit.log_path = \"\"\n",
			map[string]string{"ETCH_DESTINATION": abs("/d")},
			"",
			abs("/d"), "",
			[2]string{"overruled by destination, environment ETCH_DESTINATION", "environment ETCH_DESTINATION"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			opts := fromFile(t, tc.file)
			opts.LookupEnv = environ(tc.env)
			if tc.flag != "" {
				opts.Set(auditLogPath, tc.flag, "flag --log")
			}
			r := load(t, opts)
			if r.LogPath() != tc.path || r.Stream() != tc.stream {
				t.Errorf("path %q, stream %q, want %q, %q", r.LogPath(), r.Stream(), tc.path, tc.stream)
			}
			if diff := cmp.Diff([2]string{r.Origin(auditLogPath), r.Origin(toolsDestination)}, tc.origins); diff != "" {
				t.Errorf("origins (-got +want):\n%s", diff)
			}
			rereads(t, r.Config)
		})
	}
}

func TestEnabledInBothTables(t *testing.T) {
	const audit, tools = "[security.audit]\nenabled = %\n", "[tools.audit]\nenabled = %\n"
	on := func(s string) string { return strings.ReplaceAll(s, "%", "true") }
	not := func(s string) string { return strings.ReplaceAll(s, "%", "false") }
	for _, tc := range []struct {
		file string
		env  map[string]string
		want bool
	}{
		{"", nil, true},
		{on(audit), nil, true},
		{not(audit), nil, false},
		{not(tools), nil, false},
		{not(audit) + not(tools), nil, false},
		{on(audit) + on(tools), nil, true},
		{not(audit), map[string]string{"ETCH_TOOLS_AUDIT_ENABLED": "true"}, true},
		{on(tools), map[string]string{"ETCH_ENABLED": "false"}, false},
	} {
		opts := fromFile(t, tc.file)
		opts.LookupEnv = environ(tc.env)
		r := load(t, opts)
		if r.Audit.Enabled != tc.want || r.Tools.Enabled != tc.want || r.Options().Disabled == tc.want {
			t.Errorf("%q %v: %v, %v, want %v", tc.file, tc.env, r.Audit.Enabled, r.Tools.Enabled, tc.want)
		}
	}
	opts := fromFile(t, on(audit)+not(tools))
	_, err := Load(opts)
	want := opts.Path + ":4:11: enabled is true in [security.audit] (file " + opts.Path +
		":2) and false in [tools.audit] (file " + opts.Path + ":4)"
	if e := wantError(t, err); e.Error() != want {
		t.Errorf("got  %v\nwant %s", e, want)
	}
	r := load(t, fromFile(t, not(tools)))
	if got := r.Origin(auditEnabled); !strings.HasPrefix(got, "enabled in [tools.audit], file ") {
		t.Errorf("origin = %q", got)
	}
}

// TestSeedFiles reads the tables as the seeds print them.
func TestSeedFiles(t *testing.T) {
	r := load(t, fromFile(t, `
[security.sandbox]
enabled = false  # Explicitly disable
backend = "auto"  # auto, landlock, firejail, bubblewrap, docker, none

[security.resources]
max_memory_mb = 512
max_cpu_time_seconds = 60

[security.audit]
enabled = true
log_path = "~/.config/zeroclaw/audit.log"
max_size_mb = 100
rotate = "daily"  # daily | weekly | size

# Tamper evidence
sign_events = true
signing_key_path = "~/.config/zeroclaw/audit.key"

# What to log
log_commands = true
log_file_access = true
log_auth_events = true
log_policy_violations = true
`))
	want := effective()
	want.Audit.LogPath = filepath.Join(testHome, ".config/zeroclaw/audit.log")
	want.Audit.SigningKeyPath = filepath.Join(testHome, ".config/zeroclaw/audit.key")
	if diff := cmp.Diff(r.Config, want); diff != "" {
		t.Errorf("ZeroClaw's (-got +want):\n%s", diff)
	}
	r = load(t, fromFile(t, "[tools.audit]\nenabled = true\ndestination = \"stdout\"\ntool_risk_summary = true\n"))
	if r.Stream() != "stdout" || r.LogPath() != "" || !r.Tools.ToolRiskSummary || r.DefaultPlace {
		t.Errorf("Zeph's: %+v", r.Config)
	}
}

func TestValues(t *testing.T) {
	opts := LoadOptions{LookupEnv: environ(map[string]string{"ETCH_ROTATE": "size"})}
	opts.Set("security.audit.epoch", "1d12h", "flag --epoch")
	values := load(t, opts).Values()
	if len(values) != len(settings) {
		t.Fatalf("%d values, want %d", len(values), len(settings))
	}
	var b strings.Builder
	for i, v := range values {
		if v.Key != settings[i].key() || v.Env != settings[i].env {
			t.Errorf("value %d is of %s, %s, want %s, %s", i, v.Key, v.Env, settings[i].key(), settings[i].env)
		}
		if v.Origin != "default" {
			b.WriteString(v.Key + " = " + v.Text + " # " + v.Origin + "\n")
		}
	}
	want := "security.audit.rotate = \"size\" # environment ETCH_ROTATE\n" +
		"security.audit.epoch = \"36h\" # flag --epoch\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// rereads checks that WriteTOML's text gives the Config it was made of.
func rereads(t *testing.T, c Config) {
	t.Helper()
	var b bytes.Buffer
	if err := c.WriteTOML(&b); err != nil {
		t.Fatal(err)
	}
	found, warnings, err := readDocument("w.toml", b.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if len(found) != len(settings) || len(warnings) != 0 {
		t.Errorf("%d of %d keys written, warnings %v", len(found), len(settings), warnings)
	}
	got, err := resolve(found)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if diff := cmp.Diff(got.Config, c); diff != "" {
		t.Errorf("read back (-got +want):\n%s\n%s", diff, b.String())
	}
}

// resolve makes the Config of the settings of one file, with no file read.
func resolve(found []assignment) (*Resolved, error) {
	r := &Resolved{Config: Default(), sets: map[string]assignment{}}
	at := place{dir: testDir, home: testHome}
	if err := r.apply(found, at, at); err != nil {
		return nil, err
	}
	return r, r.reconcile(newSurroundings(environ(nil)))
}

func TestWriteTOMLOfEveryValue(t *testing.T) {
	rereads(t, effective())
	for _, s := range settings {
		tc := keyCases[s.key()]
		for _, text := range append(tc.good, tc.text) {
			opts := LoadOptions{LookupEnv: environ(nil), Dir: testDir}
			opts.Set(s.key(), text, "flag")
			rereads(t, load(t, opts).Config)
		}
	}
}

func TestQuote(t *testing.T) {
	c := effective()
	c.Audit.LogPath = abs("/a") + "\"\\\a\b\t\n\v\f\r\x1b\x7f\u0085\u2028ä🦀'"
	rereads(t, c)
}

func TestTemplate(t *testing.T) {
	c := Default()
	text := string(c.Template())
	r := load(t, fromFile(t, text))
	if diff := cmp.Diff(r.Config, effective()); diff != "" {
		t.Errorf("the template's values are not the defaults (-got +want):\n%s", diff)
	}
	if len(r.Warnings) != 0 || !r.DefaultPlace {
		t.Errorf("warnings %v, default place %v", r.Warnings, r.DefaultPlace)
	}
	for _, s := range settings {
		line := s.name + " = " + literal(s.get(&c)) + "\n"
		if !strings.Contains(text, "\n"+line) && !strings.Contains(text, "\n# "+line) {
			t.Errorf("the template lacks %s", line)
		}
	}
	// A person who takes the sign of comment away has changed nothing yet.
	text = strings.NewReplacer("# enabled =", "enabled =", "# destination =", "destination =").Replace(text)
	if r := load(t, fromFile(t, text)); !cmp.Equal(r.Config, effective()) || r.Origin(toolsEnabled) == "default" {
		t.Errorf("uncommented, the template gives %+v", r.Config)
	}
}

// TestTemplateOfChanges shows that the commented file carries any values, and
// that one changed switch contradicts nothing.
func TestTemplateOfChanges(t *testing.T) {
	c := effective()
	c.Audit.LogPath, c.Tools.Destination = "", "stdout"
	c.Audit.Enabled, c.Tools.Enabled = false, false
	if r := load(t, fromFile(t, string(c.Template()))); !cmp.Equal(r.Config, c) {
		t.Errorf("template gives %+v, want %+v", r.Config, c)
	}
	initial := Default()
	text := strings.Replace(string(initial.Template()), "\nenabled = true\n", "\nenabled = false\n", 1)
	if r := load(t, fromFile(t, text)); !r.Options().Disabled {
		t.Error("the switch of the template does not switch off")
	}
}

func FuzzParse(f *testing.F) {
	initial := Default()
	f.Add(initial.Template())
	f.Add([]byte("security = { audit = { rotate = 'size', keys = \"\\u0007/~\" } }\n[[x]]\n"))
	f.Add([]byte("[tools]\naudit.destination = \"./Stdout\"\n[policy]\ndeny_risk = \"none\""))
	f.Add([]byte("[security.audit]\nlog_path='~/x'\nepoch='1.5d1ns'\ndurability='1h'\n"))
	f.Add([]byte("[[security]]\n[security.audit]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, warnings, err := readDocument("f.toml", data)
		if err == nil {
			var r *Resolved
			if r, err = resolve(found); err == nil {
				rereads(t, r.Config)
				for _, w := range warnings {
					inside(t, w, data)
				}
				return
			}
		}
		inside(t, wantError(t, err), data)
	})
}

// inside checks that an error's place is one of the file.
func inside(t *testing.T, e *Error, data []byte) {
	t.Helper()
	lines := strings.Split(string(data), "\n")
	if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > len(lines[e.Line-1])+1 {
		t.Errorf("%v is outside of the file", e)
	}
	if strings.ContainsAny(e.Error(), "\n\r") {
		t.Errorf("%q is not one line", e.Error())
	}
}
