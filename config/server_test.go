package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestConnect shows that a socket which somebody named must be reached, unless
// something says otherwise, however weak it is.
func TestConnect(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		vars       map[string]string
		want       Connect
		origin     string // the beginning of
	}{
		{"nothing", "", nil, ConnectAuto, "default"},
		{"file", "socket = 's'", nil, ConnectAlways, "a socket is named, file "},
		{"environment", "", map[string]string{"ETCH_SOCKET": abs("/s")}, ConnectAlways, "a socket is named, environment ETCH_SOCKET"},
		{"nobody", "socket = ''", nil, ConnectAuto, "default"},
		{"both in the file", "socket = 's'\nconnect = 'auto'", nil, ConnectAuto, "file "},
		{"the weaker says otherwise", "connect = 'auto'", map[string]string{"ETCH_SOCKET": abs("/s")}, ConnectAuto, "file "},
		{"the stronger says otherwise", "socket = 's'", map[string]string{"ETCH_CONNECT": "never"}, ConnectNever, "environment ETCH_CONNECT"},
	} {
		opts := fromFile(t, "[server]\n"+tc.file+"\n")
		opts.LookupEnv = environ(tc.vars)
		got := load(t, opts)
		if origin := got.Origin("server.connect"); got.Server.Connect != tc.want || !strings.HasPrefix(origin, tc.origin) {
			t.Errorf("%s: connect %v from %q, want %v from %q", tc.name, got.Server.Connect, origin, tc.want, tc.origin)
		}
	}
}

// TestServerPaths shows where socket and tokens are when nothing names them.
func TestServerPaths(t *testing.T) {
	for _, tc := range []struct{ file, socket, tokens string }{
		{"[security.audit]\nlog_path = 'x/audit.log'", "x/audit.sock", "x/audit.keys/tokens"},
		{"[security.audit]\nlog_path = 'x/a.b.log'\nkeys = 'k'", "x/a.b.sock", "k/tokens"},
		{"[tools.audit]\ndestination = 'z/zeph.jsonl'\n[server]\ntokens = 't'", "z/zeph.sock", "t"},
		{"[server]\nsocket = 's'", "s", ""},
		{"[tools.audit]\ndestination = 'stdout'", "", ""},
		{"[tools.audit]\ndestination = 'stdout'\n[server]\nsocket = 's'\ntokens = 't'", "s", "t"},
		{"[security.audit]\nlog_path = 'x/audit.sock'", "", ""},
	} {
		opts := fromFile(t, tc.file+"\n")
		dir := filepath.Dir(opts.Path)
		in := func(name string) string {
			if name == "" {
				return ""
			}
			return filepath.Join(dir, filepath.FromSlash(name))
		}
		got := load(t, opts)
		if got.SocketPath() != in(tc.socket) {
			t.Errorf("%q: socket %q, want %q", tc.file, got.SocketPath(), in(tc.socket))
		}
		if tc.tokens != "" && got.TokensPath() != in(tc.tokens) {
			t.Errorf("%q: tokens %q, want %q", tc.file, got.TokensPath(), in(tc.tokens))
		}
	}
}
