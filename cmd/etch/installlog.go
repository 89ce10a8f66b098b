package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/install"
)

// makeLogs makes the logs that the hooks are going to record into, as far as
// they are not there. A hook would do it too, but it has little time and may be
// killed; and where a log cannot be made, whoever installs the hooks is there to
// hear of it. Managed hooks are other people's, who have logs of their own.
func (o *installOptions) makeLogs(m install.Machine, agents []*install.Agent, std stdio) error {
	if o.uninstall || o.dryRun || o.scope == string(install.Managed) && o.place.log == "" {
		return nil
	}
	for _, log := range o.logs(m, agents) {
		at := *o.place
		at.log = cmp.Or(log, at.log)
		resolved, err := at.load(std)
		if err != nil {
			return err
		}
		if resolved.Options().Disabled || resolved.Stream() != "" {
			continue
		}
		if _, err := openReader(resolved); !errors.Is(err, etch.ErrNoLog) && !errors.Is(err, os.ErrNotExist) {
			continue // it is there; how it is, "etch doctor" says
		}
		made, err := openWriter(resolved, std)
		if err == nil {
			err = made.Close()
		}
		if err != nil {
			return fail(exitFailed, hintOf(err), fmt.Errorf("hooks could not record into %s, so none was installed: %w", resolved.LogPath(), err))
		}
	}
	return nil
}

// logs returns the logs that the hooks will name, each once: "" is that of the
// configuration.
func (o *installOptions) logs(m install.Machine, agents []*install.Agent) []string {
	if o.place.log != "" {
		return []string{""}
	}
	var logs []string
	for _, a := range agents {
		named := a.Logs(m, install.Scope(cmp.Or(o.scope, string(install.User))))
		if len(named) == 0 {
			named = []string{""}
		}
		for _, log := range named {
			if !slices.Contains(logs, log) {
				logs = append(logs, log)
			}
		}
	}
	return logs
}
