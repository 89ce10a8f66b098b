package site

import (
	"path/filepath"
	"testing"

	"github.com/etch-audit/etch/internal/segment"
)

// What is kept for a daemon is in no spool of the log's own, whatever the log is called.
func TestBesideDaemonIsAnotherSpool(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"log", "log.log", "audit.jsonl", "a.b", "log.daemon"} {
		log := filepath.Join(dir, name)
		resolved, err := Site{Log: log}.Load(func(name string) (string, bool) { return map[string]string{"HOME": dir}[name], name == "HOME" })
		if err != nil {
			t.Fatal(err)
		}
		path, beside, err := BesideDaemon(resolved, func(string) (string, bool) { return "", false })
		if err != nil || path != log {
			t.Fatalf("%s: beside %s, %v", name, path, err)
		}
		own, err := segment.LayoutOf(log)
		if err != nil {
			t.Fatal(err)
		}
		other, err := segment.LayoutOf(beside)
		if err != nil {
			t.Fatal(err)
		}
		if own.Spool() == other.Spool() || filepath.Dir(beside) != dir {
			t.Errorf("%s: the spool for the daemon is that of %s, which is %s, the log's own", name, beside, other.Spool())
		}
	}
}
