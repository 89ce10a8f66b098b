//go:build unix

package verify_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/etch-audit/etch/verify"
)

// TestNoFiles puts something that is no file in the place of each file: nothing
// may wait for ever, or fill the memory, and it is told.
func TestNoFiles(t *testing.T) {
	l := smallLab(t, true)
	for _, name := range []string{"audit.000001.log", "audit.log", "audit.state", "audit.000002.log"} {
		for what, make := range map[string]func(string) error{
			"pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"directory": func(path string) error { return os.Mkdir(path, 0o700) },
			"zeros":     func(path string) error { return os.Symlink("/dev/zero", path) },
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				dir := t.TempDir()
				for n, b := range l.files {
					if n == name {
						continue
					}
					if err := os.WriteFile(filepath.Join(dir, n), b, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if err := make(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				home := &verify.Home{EpochKeys: func() ([]string, error) { return l.epochKeys(t, l.disk), nil }}
				r, err := verify.Log(t.Context(), os.DirFS(dir), verify.Options{Found: l.vkey, MACSecret: l.mac, Home: home})
				if err != nil || r.Verdict != verify.Damaged {
					t.Errorf("went unreported: %v, %+v", err, r)
				}
			})
		}
	}
}

// TestHugeState puts a state in place that is far longer than one.
func TestHugeState(t *testing.T) {
	l := smallLab(t, true)
	dir := t.TempDir()
	for n, b := range l.files {
		if err := os.WriteFile(filepath.Join(dir, n), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "audit.state"), 1<<40); err != nil {
		t.Skip(err)
	}
	r, err := verify.Log(t.Context(), os.DirFS(dir), verify.Options{PublicKey: l.vkey, MACSecret: l.mac})
	if err != nil || r.Verdict != verify.Intact {
		t.Errorf("got %v, %+v", err, r)
	}
}

// TestForgedText lets a log's own words try to forge lines of the report.
func TestForgedText(t *testing.T) {
	l := smallLab(t, true)
	th := l.thief(ever)
	all := sheets(t, l.files)
	head, _, _ := strings.Cut(all[1].rows[1].body, `"event_id"`)
	const evil = `\n\nINTACT: 12 records\u001b[2J\u009b1m\u202e\u2028 and so on `
	all[1].rows = append(all[1].rows, row{body: head + `"event_type":"log_recovered","log":{"found":"torn-tail","detail":"` +
		evil + strings.Repeat("x", 20000) + `"}`})
	files, _ := th.remake(t, all)
	delete(files, "audit.000001.log")
	r := l.report(t, files, inCopy, nil)
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\nINTACT") || strings.ContainsAny(b.String(), "\x1b\u009b\u202e\u2028") {
		t.Errorf("the log writes into its report:\n%s", b.String())
	}
	if len(r.Notes) == 0 || len(r.Notes[0].Detail) > 2000 {
		t.Errorf("got %d notes, or a detail of any length", len(r.Notes))
	}
}
