package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/site"
)

// examineSpool looks at what waits in the spool, and in the one for a daemon.
func (d *doctoring) examineSpool() {
	places := []string{d.Log}
	if _, beside, err := site.BesideDaemon(d.resolved, d.std.env); err == nil && beside != d.Log {
		places = append(places, beside)
	}
	for _, log := range places {
		d.examineSpoolOf(log)
		d.examineErrors(hookrun.ErrorsFile(log))
	}
}

// examineSpoolOf says of what waits for one log what its next writer could not take, what an
// earlier one has set aside, and what others could take away.
func (d *doctoring) examineSpoolOf(log string) {
	faults, err := etch.CheckSpool(log, d.resolved.Options())
	if err != nil {
		d.find("spool", install.Unknown, log, "see that this user may read the directory of the spool", "the spool cannot be looked at: %v", err)
	}
	for _, f := range faults {
		switch f.Kind {
		case etch.SpoolClosed:
			d.find("spool", install.Problem, f.Path, "sudo chown \"$USER\" "+f.Path+"; chmod 600 "+f.Path+", before a writer sets it aside",
				"%d spooled events are in a file that this user may not read: a writer that may not either records that they are lost", f.Lost)
		case etch.SpoolAside:
			d.find("spool", install.Warning, f.Path, "look at it, and remove it: what of it is lost says \"etch audit --where 'control = log_gap'\"",
				"a file of the spool was set aside: %s", f.Why)
		case etch.SpoolShared:
			d.find("spool", install.Warning, f.Path, "chmod 700 "+f.Path, "others than the owner may look into the spool, or take away what waits there (mode %s)", fmt.Sprintf("%04o", f.Mode))
		default:
			d.find("spool", install.Problem, f.Path, "find out who has written to it. The next writer records what is whole, and that the rest is lost, and sets it aside",
				"%d spooled events cannot be recorded: %s", f.Lost, f.Why)
		}
	}
}

// lossReach is how far back hooks that may have lost an event are told of.
const lossReach = 7 * 24 * time.Hour

// examineErrors looks for what hooks have said that may have lost an event.
func (d *doctoring) examineErrors(path string) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		d.find("errors", install.Unknown, path, "", "what hooks say that went wrong cannot be read: %v", err)
		return
	}
	found, last := 0, ""
	for line := range bytes.Lines(content) {
		at, said, _ := strings.Cut(string(bytes.TrimSpace(line)), " ")
		when, err := time.Parse(control.TimeFormat, at)
		if err != nil || when.Before(d.now.Add(-lossReach)) {
			continue
		}
		_, said, _ = strings.Cut(said, ": ")
		if strings.HasPrefix(said, hookrun.GivenUp) || strings.HasPrefix(said, hookrun.Lost) {
			found, last = found+1, at+" "+said
		}
	}
	if found > 0 {
		d.find("errors", install.Warning, path, "\"etch reconcile --all --fill\" records what is missing; then remove the file",
			"hooks may have lost %d events, the last at %s", found, last)
	}
}
