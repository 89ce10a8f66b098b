package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch/internal/segment"
)

// Server is the table [server]: how "etch serve" takes events, and whether
// clients look for it. Names of users and groups are as they were written; a
// number is an id.
type Server struct {
	Socket         string // empty: [Config.SocketPath]
	Listen         string // an address of the loopback with a port; empty: no HTTP but by the socket
	Tokens         string // empty: [Config.TokensPath]
	AllowUsers     []string
	AllowGroups    []string // both empty: whoever gets through the socket's mode
	ReadUsers      []string // besides root and the daemon's own user
	SocketMode     fs.FileMode
	MaxEventKB     int64 // KiB
	Rate           int64 // events a second and sender; 0: as many as come
	Burst          int64 // 0: those of one second
	MaxConnections int64
	MaxPerSender   int64
	Idle           time.Duration
	Connect        Connect
}

// Connect says whether a client uses the daemon.
type Connect int

const (
	// ConnectAuto: the daemon is used where it answers, else the log is written.
	ConnectAuto Connect = iota
	// ConnectAlways: what cannot reach the daemon has not recorded.
	ConnectAlways
	// ConnectNever: the daemon is not looked for.
	ConnectNever
)

func defaultServer() Server {
	return Server{SocketMode: 0o660, MaxEventKB: 1024, MaxConnections: 1024, MaxPerSender: 256, Idle: 5 * time.Minute}
}

// SocketPath returns the socket that a daemon with c listens on, and that its
// clients look for first: the one that c names, or else "<stem>.sock" beside the
// log. It is empty where the log is a stream.
func (c *Config) SocketPath() string {
	if c.Server.Socket != "" || c.LogPath() == "" {
		return c.Server.Socket
	}
	layout, err := segment.LayoutOf(c.LogPath())
	if err != nil {
		return "" // opening the log says why
	}
	return layout.Path(layout.Socket())
}

// TokensPath returns the file of the tokens by which HTTP requests are let in:
// the one that c names, or else "tokens" in the log's directory of keys. It is
// empty where the log is a stream.
func (c *Config) TokensPath() string {
	if c.Server.Tokens != "" || c.LogPath() == "" {
		return c.Server.Tokens
	}
	dir := c.Audit.Keys
	if dir == "" {
		layout, err := segment.LayoutOf(c.LogPath())
		if err != nil {
			return ""
		}
		dir = layout.Path(layout.Keys())
	}
	return filepath.Join(dir, "tokens")
}

const userAllowed = "names or numbers, each without white space"

// checkUser says what is wrong with one name of a user or group. Whether there is
// such a one the daemon finds out: clients read the same file elsewhere.
func checkUser(text string) error {
	switch {
	case text == "":
		return errors.New("an empty name is nobody's")
	case strings.ContainsAny(text, " \t,:\x00"):
		return fmt.Errorf("%q is not one name", text)
	}
	return nil
}

// A loopback is an address to listen on that nobody outside of the machine
// reaches, or empty. Names but "localhost" are refused: what they mean is for
// somebody else to say.
type loopback struct{ field func(*Config) *string }

func (k loopback) kind() kind { return stringKind }

func (k loopback) set(c *Config, v any, _ place) error {
	address := v.(string)
	if address != "" {
		if err := checkLoopback(address); err != nil {
			return err
		}
	}
	*k.field(c) = address
	return nil
}

func (k loopback) get(c *Config) any { return *k.field(c) }

func (k loopback) allowed(string) string {
	return "an address on loopback with a port, such as \"127.0.0.1:4390\", or \"\""
}

// splitAddress is net.SplitHostPort: every process has a configuration, few have any other
// use for package net, which is made ready in all that it is linked into.
func splitAddress(address string) (host, port string, ok bool) {
	colon := strings.LastIndexByte(address, ':')
	if colon < 0 {
		return "", "", false
	}
	host, port = address[:colon], address[colon+1:]
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		if host, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", "", false
		}
		return host, port, !strings.ContainsAny(host, "[]")
	}
	return host, port, !strings.ContainsAny(host, ":[]")
}

func checkLoopback(address string) error {
	host, port, ok := splitAddress(address)
	if !ok {
		return errors.New("it is not HOST:PORT")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return fmt.Errorf("%q is no port", port)
	}
	if host == "localhost" {
		return nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsLoopback() || ip.Zone() != "" {
		return fmt.Errorf("%q is not loopback, and HTTP is not encrypted: put a proxy that speaks TLS in front", host)
	}
	return nil
}
