package main

import (
	"github.com/etch-audit/etch/config"
)

// A place says where the log and its configuration are: the flags that every
// command takes.
type place struct {
	log      string
	config   string
	settings []setting // what other flags say
}

// A setting is a key of the configuration that a flag sets.
type setting struct{ key, value, origin string }

// load returns the configuration in effect. What is no error but surely a slip
// is told on stderr.
func (p place) load(std stdio) (*config.Resolved, error) {
	opts := config.LoadOptions{Path: p.config, LookupEnv: std.env}
	if p.log != "" {
		opts.Set("security.audit.log_path", p.log, "flag --log")
	}
	for _, s := range p.settings {
		opts.Set(s.key, s.value, s.origin)
	}
	resolved, err := config.Load(opts)
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

// logPath returns the path of the log that is to be read. A stream has none:
// that is exit 2, as nothing can be said about it.
func (p place) logPath(std stdio) (string, error) {
	resolved, err := p.load(std)
	if err != nil {
		return "", err
	}
	if stream := resolved.Stream(); stream != "" {
		return "", usagef("name a log with --log", "the configured destination is %s: it cannot be read back", stream)
	}
	return resolved.LogPath(), nil
}
