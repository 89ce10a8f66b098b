package install

import (
	"os"
	"path/filepath"
	"time"
)

// A session is an agent that is running.
type session struct {
	pid   int
	start time.Time
}

// concludeSessions looks for sessions that began before their hooks were
// written, of an agent that reads them at the start only.
func (c *checking) concludeSessions() {
	if !c.a.Restart {
		return
	}
	var written time.Time
	var path string
	for _, f := range c.seen {
		if info, err := os.Stat(f.path); err == nil && info.ModTime().After(written) {
			written, path = info.ModTime(), f.path
		}
	}
	for _, s := range running(filepath.Join(c.m.Root, "/proc"), c.a.programs) {
		if s.start.Before(written) {
			c.add("session", Warning, path, "end it, and start it again",
				"%s runs as process %d since before its hooks were written: it does not know them", c.a.Title, s.pid)
		}
	}
}
