package hook

import (
	"io"
	"os"

	"github.com/etch-audit/etch/internal/vfs"
)

// A process is one that ran on this machine: the same id with another start is another one.
type process struct {
	ID    int    `json:"i,omitempty"`
	Start uint64 `json:"s,omitempty"` // in the system's own unit; 0: unknown
}

// A processEntry is what the system says of a process now.
type processEntry struct {
	process
	parent int
	name   string
}

// agentProcess returns the agent's process by that of a hook's parent: the
// shell that an agent starts a hook through may be gone when the hook is.
func agentProcess(parent int) process {
	for range 4 {
		if parent <= 1 {
			return process{}
		}
		entry, ok := lookProcess(parent)
		if !ok {
			return process{}
		}
		if !isShell(entry.name) {
			return entry.process
		}
		parent = entry.parent
	}
	return process{}
}

func isShell(name string) bool {
	switch name {
	case "sh", "bash", "dash", "zsh", "ash", "ksh", "fish", "busybox", "env", "timeout", "nice":
		return true
	}
	return false
}

// gone reports whether the process has surely ended. One that is not known never has.
func (p process) gone() bool {
	if p.ID == 0 || p.Start == 0 {
		return false
	}
	entry, ok := lookProcess(p.ID)
	return !ok || entry.Start != p.Start
}

// readFile returns the content of a file of at most limit bytes, and of a
// longer one its beginning.
func readFile(name string, limit int) (content []byte, err error) {
	return readPart(name, limit, false)
}

func readPart(name string, limit int, tail bool) (content []byte, err error) {
	file, err := vfs.OS().OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
	}()
	var from int64
	if tail {
		size, err := file.Size()
		if err != nil {
			return nil, err
		}
		from = max(0, size-int64(limit))
	}
	// Read until the end and not by the size: the files of /proc have none.
	return io.ReadAll(io.NewSectionReader(file, from, int64(limit)))
}
