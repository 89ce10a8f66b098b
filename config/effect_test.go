package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/vfs"
)

// These tests show what each key does to a log. The keys that concern the
// command alone (deny_risk, destination, tool_risk_summary) are shown by the
// scripts in cmd/etch/testdata/script.

// A bench is a log made by a configuration.
type bench struct {
	t    *testing.T
	dir  string
	now  time.Time // of the log's clock
	log  *etch.Log
	path string
}

// open makes a log as the configuration file says.
func open(t *testing.T, lines ...string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), now: time.Date(2026, 2, 16, 12, 0, 0, 0, time.UTC)} // a Monday
	file := filepath.Join(b.dir, "config.toml")
	text := "[security.audit]\nlog_path = \"audit.log\"\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.LoadOptions{Path: file, LookupEnv: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	opts := cfg.Options()
	opts.Now = func() time.Time { return b.now }
	opts.LockWait = 50 * time.Millisecond
	b.path = cfg.LogPath()
	if b.log, err = etch.Create(b.path, opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.log.Close(); err != nil && !errors.Is(err, etch.ErrClosed) {
			t.Error(err)
		}
	})
	return b
}

// add appends an event of a type.
func (b *bench) add(kind etch.EventType, command string) (etch.Receipt, error) {
	return b.log.Append(b.t.Context(), &etch.Event{
		Timestamp: b.now, Type: kind, Action: &etch.Action{Command: command, Allowed: true},
	})
}

// mustAdd appends a command.
func (b *bench) mustAdd(command string) etch.Receipt {
	b.t.Helper()
	r, err := b.add(etch.CommandExecution, command)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// lines returns the stored lines of all segments that hold text.
func (b *bench) lines(text string) []string {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(b.path), "audit*.log"))
	if err != nil {
		b.t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		stored, err := os.ReadFile(file)
		if err != nil {
			b.t.Fatal(err)
		}
		for line := range strings.Lines(string(stored)) {
			if strings.Contains(line, text) {
				found = append(found, line)
			}
		}
	}
	return found
}

func (b *bench) exists(name string) bool {
	_, err := os.Stat(filepath.Join(b.dir, name))
	return err == nil
}

func TestEffectEnabled(t *testing.T) {
	b := open(t, "enabled = false")
	if _, err := b.add(etch.CommandExecution, "ls"); !errors.Is(err, etch.ErrSkipped) {
		t.Errorf("Append = %v, want %v", err, etch.ErrSkipped)
	}
	if b.exists("audit.log") || b.exists("audit.keys") {
		t.Error("a disabled log has made files")
	}
}

func TestEffectPaths(t *testing.T) {
	b := open(t, `keys = "secret"`, `signing_key_path = "signing.key"`)
	b.mustAdd("ls")
	for _, name := range []string{"audit.log", "secret/identity.key", "secret/log.vkey", "signing.key"} {
		if !b.exists(name) {
			t.Errorf("%s is not there, relative to the configuration file", name)
		}
	}
	if b.exists("secret/mac.key") || b.exists("audit.keys") {
		t.Error("a key lies in its default place too")
	}
}

func TestEffectMaxSize(t *testing.T) {
	b := open(t, "max_size_mb = 1", `rotate = "size"`)
	for range 40 {
		b.mustAdd(strings.Repeat("x", 60_000))
	}
	info, err := os.Stat(filepath.Join(b.dir, "audit.000001.log"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 1<<20 || info.Size() < 800<<10 {
		t.Errorf("a rotated segment has %d bytes, want nearly 1 MiB and no more", info.Size())
	}
}

func TestEffectRotate(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		mode    string
		after   time.Duration
		rotates bool
	}{
		{"daily", 11 * time.Hour, false},
		{"daily", 12 * time.Hour, true},
		{"weekly", 6 * day, false},
		{"weekly", 7*day - 12*time.Hour, true},
		{"size", 60 * day, false},
	} {
		b := open(t, fmt.Sprintf("rotate = %q", c.mode))
		b.mustAdd("before")
		b.now = b.now.Add(c.after)
		b.mustAdd("after")
		if got := b.exists("audit.000001.log"); got != c.rotates {
			t.Errorf("%s: rotated %v after Monday noon: %v, want %v", c.mode, c.after, got, c.rotates)
		}
	}
}

func TestEffectSignEvents(t *testing.T) {
	for _, signed := range []bool{true, false} {
		b := open(t, fmt.Sprintf("sign_events = %v", signed))
		b.mustAdd("ls")
		if got := len(b.lines(`"signature":"SHA256:`)) > 0; got != signed {
			t.Errorf("sign_events = %v: lines carry a signature: %v", signed, got)
		}
		if len(b.lines("log_sealed")) == 0 {
			t.Errorf("sign_events = %v: no seal", signed)
		}
	}
}

func TestEffectSwitches(t *testing.T) {
	types := map[string][]etch.EventType{
		"log_commands":          {etch.CommandExecution},
		"log_file_access":       {etch.FileAccess},
		"log_auth_events":       {etch.AuthSuccess, etch.AuthFailure},
		"log_policy_violations": {etch.PolicyViolation},
	}
	for key, dropped := range types {
		b := open(t, key+" = false")
		for _, kind := range etch.EventTypes() {
			_, err := b.add(kind, "ls")
			if got, want := errors.Is(err, etch.ErrSkipped), slices.Contains(dropped, kind); got != want {
				t.Errorf("%s = false: %s skipped: %v (%v), want %v", key, kind, got, err, want)
			}
		}
		if got, want := b.log.Skipped(), uint64(len(dropped)); got != want {
			t.Errorf("%s = false: %d events are counted as skipped, want %d", key, got, want)
		}
		violation := &etch.Event{Type: etch.CommandExecution, Security: &etch.Security{PolicyViolation: true}}
		_, err := b.log.Append(t.Context(), violation)
		if got, want := errors.Is(err, etch.ErrSkipped), key == "log_policy_violations"; got != want {
			t.Errorf("%s = false: a flagged command skipped: %v, want %v", key, got, want)
		}
	}
}

func TestEffectOnError(t *testing.T) {
	for _, policy := range []string{"block", "continue"} {
		b := open(t, fmt.Sprintf("on_error = %q", policy))
		lock, err := vfs.OS().OpenLock(filepath.Join(b.dir, "audit.lock"))
		if err != nil {
			t.Fatal(err)
		}
		if err := lock.Acquire(time.Second); err != nil {
			t.Fatal(err)
		}
		if _, err := b.add(etch.CommandExecution, "lost"); !errors.Is(err, etch.ErrNotRecorded) {
			t.Errorf("%s: Append = %v while another holds the lock, want %v", policy, err, etch.ErrNotRecorded)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		b.mustAdd("kept")
		gaps := b.lines(`"event_type":"log_gap","log":{"lost":1,`)
		if got, want := len(gaps) == 1, policy == "continue"; got != want {
			t.Errorf("%s: %d gaps are recorded", policy, len(gaps))
		}
	}
}

func TestEffectDurability(t *testing.T) {
	b := open(t, `durability = "1h"`)
	if r := b.mustAdd("ls"); r.Durable {
		t.Error("a receipt is durable before the interval is over")
	}
	if n := len(b.lines(`"command":"ls"`)); n != 0 {
		t.Errorf("%d lines are written before the interval is over", n)
	}
	if err := b.log.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.lines(`"command":"ls"`)); n != 1 {
		t.Errorf("%d lines after Sync, want 1", n)
	}
	if r := open(t, `durability = "always"`).mustAdd("ls"); !r.Durable {
		t.Error("a receipt is not durable")
	}
}

func TestEffectSeals(t *testing.T) {
	b := open(t, "seal_records = 10", `seal_every = "1h"`)
	for range 20 {
		b.mustAdd("ls")
	}
	if n := len(b.lines("log_sealed")); n < 3 {
		t.Errorf("%d seals over 22 records, with one at least every 10", n)
	}
	b = open(t, "seal_records = 1000", `seal_every = "20ms"`)
	b.mustAdd("ls")
	for deadline := time.Now().Add(2 * time.Minute); len(b.lines("log_sealed")) < 2; {
		if time.Now().After(deadline) {
			t.Fatal("the record was not sealed although its interval is long over")
		}
	}
}

func TestEffectEpoch(t *testing.T) {
	b := open(t, `epoch = "10m"`)
	b.mustAdd("ls")
	b.now = b.now.Add(9 * time.Minute)
	b.mustAdd("ls")
	if n := len(b.lines(`"event_type":"log_epoch"`)); n != 0 {
		t.Errorf("%d epochs have ended after 9 minutes", n)
	}
	b.now = b.now.Add(2 * time.Minute)
	b.mustAdd("ls")
	if n := len(b.lines(`"event_type":"log_epoch"`)); n != 1 {
		t.Errorf("%d epochs have ended after 11 minutes, want 1", n)
	}
}

func TestEffectRedact(t *testing.T) {
	for _, on := range []bool{true, false} {
		b := open(t, fmt.Sprintf("redact = %v", on))
		b.mustAdd("curl -u bob:hunter2secret https://example.com")
		if got := len(b.lines("hunter2secret")) == 0; got != on {
			t.Errorf("redact = %v: the secret is masked: %v", on, got)
		}
	}
}

// A writer that stays open indexes what is rotated, unless it is told not to.
func TestEffectIndex(t *testing.T) {
	for _, on := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := open(t, fmt.Sprintf("index = %v", on), "archive = false")
			for range 100 {
				b.mustAdd(strings.Repeat("x", 1<<10)) // smaller segments have no index
			}
			if _, err := b.log.Rotate(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := len(b.lines(`"event_type":"log_indexed"`)) == 1; got != on {
				t.Errorf("index = %v: an index is on record: %v", on, got)
			}
			if err := b.log.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// The age of a segment is that of its file.
func TestEffectArchive(t *testing.T) {
	for _, archive := range []bool{true, false} {
		b := open(t, `archive_after = "10d"`, fmt.Sprintf("archive = %v", archive))
		for n := range 3 {
			b.mustAdd(fmt.Sprint("command ", n))
			b.now = b.now.Add(24 * time.Hour)
		}
		b.mustAdd("newest")
		for i, age := range []time.Duration{11, 9, 11} {
			name := filepath.Join(b.dir, fmt.Sprintf("audit.%06d.log", i+1))
			if err := os.Chtimes(name, time.Time{}, b.now.Add(-age*24*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		done, err := b.log.Archive(t.Context(), nil)
		if err != nil || len(done) != 1 || done[0].Segment != 1 {
			t.Errorf("archive = %v: archived %v, %v; want segment 1: the second is too young, the third the newest", archive, done, err)
		}
		for name, want := range map[string]bool{
			"audit.000001.log": false, "audit.000001.log.zst": true,
			"audit.000002.log": true, "audit.000002.log.zst": false, "audit.000003.log": true, "audit.000003.log.zst": false,
		} {
			if b.exists(name) != want {
				t.Errorf("archive = %v: %s is there: %v, want %v", archive, name, !want, want)
			}
		}
	}
}

func TestEffectRedactTable(t *testing.T) {
	b := open(t, "[redact]", `rules = ["acme-token: acme_[0-9a-f]{8}"] # ours`, `allow = [`, `  "hunter2", # the manual's`, `]`)
	b.mustAdd("curl -u me:acme_01234567 https://example.com && PASSWORD=hunter2 make && say acme_01234567")
	if got := b.lines("acme_01234567"); got != nil {
		t.Errorf("a rule of the user's own has not masked: %q", got)
	}
	if got := b.lines("[REDACTED:acme-token:"); len(got) != 1 {
		t.Errorf("got %d lines with the name of the user's rule, want 1", len(got))
	}
	if got := b.lines("PASSWORD=hunter2"); len(got) != 1 {
		t.Errorf("got %d lines with the text that is allowed, want 1", len(got))
	}
}
