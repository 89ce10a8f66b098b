package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/vfs"
)

// A place says where the log and its configuration are: the flags that every
// command takes.
type place struct {
	log      string
	config   string
	settings []site.Setting // what other flags say
	mayMiss  bool           // the file that config names need not be there
}

// load returns the configuration in effect. What is no error but surely a slip
// is told on stderr.
func (p place) load(std stdio) (*config.Resolved, error) {
	resolved, err := site.Site{Log: p.log, Config: p.config, MayMiss: p.mayMiss, Settings: p.settings}.Load(std.env)
	if err != nil {
		return nil, err
	}
	for _, w := range resolved.Warnings {
		std.warn("%s", w)
		if w.Hint != "" {
			std.hint("%s", w.Hint)
		}
	}
	return resolved, nil
}

// loadForReading is load, of a log that is to be read. A stream is none: that is
// exit 2, as nothing can be said about it.
func (p place) loadForReading(std stdio) (*config.Resolved, error) {
	resolved, err := p.load(std)
	if err != nil {
		return nil, err
	}
	if stream := resolved.Stream(); stream != "" {
		return nil, usagef("name a log with --log", "the configured destination is %s: it cannot be read back", stream)
	}
	return resolved, nil
}

// refuseDisabled returns an error where the configuration says that nothing is
// recorded: who makes or arranges a log then would believe otherwise.
func refuseDisabled(resolved *config.Resolved) error {
	if !resolved.Options().Disabled {
		return nil
	}
	return fail(exitFailed, "set it to true; \"etch config show --origin\" says where it comes from", errors.New(switchedOff(resolved)))
}

// switchedOff says by what recording is switched off.
func switchedOff(resolved *config.Resolved) string {
	return fmt.Sprintf("recording is switched off: enabled = false (%s)", resolved.Origin("security.audit.enabled"))
}

// keysOf returns where the keys of the configured log are.
func keysOf(resolved *config.Resolved) (*keys.Dir, error) {
	dir := resolved.Audit.Keys
	if dir == "" {
		layout, err := segment.LayoutOf(resolved.LogPath())
		if err != nil {
			return nil, fail(exitUsage, "", err)
		}
		dir = layout.Path(layout.Keys())
	}
	return keys.At(vfs.OS(), dir, resolved.Audit.SigningKeyPath), nil
}

// openReader opens the configured log for reading. That there was one is also
// known where its keys lie elsewhere, of which the library's reader, which needs
// no keys, has not been told.
func openReader(resolved *config.Resolved) (*etch.Reader, error) {
	reader, err := etch.OpenReader(resolved.LogPath())
	if !errors.Is(err, etch.ErrNoLog) {
		return reader, err
	}
	held, keysErr := keysOf(resolved)
	if keysErr != nil {
		return nil, keysErr
	}
	public := held.Path(keys.PublicFile)
	if _, statErr := os.Stat(public); statErr == nil {
		return nil, fmt.Errorf("%w: %s says that there was one at %s", etch.ErrLogGone, public, resolved.LogPath())
	}
	return nil, err
}
