package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
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

// serverSettings are how the daemon takes events.
func serverSettings() []*setting {
	return append(addressSettings(), limitSettings()...)
}

// addressSettings say where the daemon is and who may come.
func addressSettings() []*setting {
	return []*setting{
		{
			serverTable, "socket", "ETCH_SOCKET", "the socket of etch serve; \"\" is audit.sock beside audit.log",
			filePath(func(c *Config) *string { return &c.Server.Socket }),
		},
		{
			serverTable, "listen", "ETCH_SERVER_LISTEN", "HTTP on loopback besides, for instance \"127.0.0.1:4390\"; \"\" is none",
			loopback(func(c *Config) *string { return &c.Server.Listen }),
		},
		{
			serverTable, "tokens", "ETCH_SERVER_TOKENS", "the file of who may come by HTTP, which etch serve token writes\n" +
				"\"\" is the file tokens in the directory of keys",
			filePath(func(c *Config) *string { return &c.Server.Tokens }),
		},
		{
			serverTable, "allow_users", "ETCH_SERVER_ALLOW_USERS", "who may send by the socket, names or numbers; with allow_groups empty too: whom its mode lets in",
			list(func(c *Config) *[]string { return &c.Server.AllowUsers }, checkUser, userAllowed),
		},
		{
			serverTable, "allow_groups", "ETCH_SERVER_ALLOW_GROUPS", "groups whose members may send by the socket",
			list(func(c *Config) *[]string { return &c.Server.AllowGroups }, checkUser, userAllowed),
		},
		{
			serverTable, "read_users", "ETCH_SERVER_READ_USERS", "who may ask by the socket, besides root and the daemon's own user",
			list(func(c *Config) *[]string { return &c.Server.ReadUsers }, checkUser, userAllowed),
		},
		{
			serverTable, "socket_mode", "ETCH_SERVER_SOCKET_MODE", "who gets to the socket: its user (0600), its group too (0660), everybody on the machine (0666)",
			choice(func(c *Config) *fs.FileMode { return &c.Server.SocketMode }, []word[fs.FileMode]{
				{"0600", 0o600}, {"0660", 0o660}, {"0666", 0o666},
			}),
		},
	}
}

// limitSettings say how much the daemon takes, and whether it is looked for.
func limitSettings() []*setting {
	return []*setting{
		{
			serverTable, "max_event_kb", "ETCH_SERVER_MAX_EVENT_KB", "KiB, the longest event; a longer one is refused",
			integer(func(c *Config) *int64 { return &c.Server.MaxEventKB }, 1, maxEventKB),
		},
		{
			serverTable, "rate", "ETCH_SERVER_RATE", "events a second that each sender may have recorded; 0: as many as come",
			integer(func(c *Config) *int64 { return &c.Server.Rate }, 0, maxRate),
		},
		{
			serverTable, "burst", "ETCH_SERVER_BURST", "events that a sender may have recorded at once after a pause; 0: those of one second",
			integer(func(c *Config) *int64 { return &c.Server.Burst }, 0, maxRate),
		},
		{
			serverTable, "max_connections", "ETCH_SERVER_MAX_CONNECTIONS", "connections at a time",
			integer(func(c *Config) *int64 { return &c.Server.MaxConnections }, 1, maxConnections),
		},
		{
			serverTable, "max_per_sender", "ETCH_SERVER_MAX_PER_SENDER", "connections of one sender at a time",
			integer(func(c *Config) *int64 { return &c.Server.MaxPerSender }, 1, maxConnections),
		},
		{
			serverTable, "idle", "ETCH_SERVER_IDLE", "a connection that is silent for longer is closed",
			span(func(c *Config) *time.Duration { return &c.Server.Idle }, minIdle, maxIdle),
		},
		{
			serverTable, "connect", "ETCH_CONNECT", "whether etch log, exec and hook use the daemon: auto (where it answers) | always | never\n" +
				"a socket that is named is \"always\", unless this key says otherwise",
			choice(func(c *Config) *Connect { return &c.Server.Connect }, []word[Connect]{
				{"auto", ConnectAuto}, {"always", ConnectAlways}, {"never", ConnectNever},
			}),
		},
	}
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

// loopback is an address to listen on that nobody outside of the machine
// reaches, or empty. Names but "localhost" are refused: what they mean is for
// somebody else to say.
func loopback(field func(*Config) *string) codec {
	return codec{
		kind: stringKind,
		set: func(c *Config, v any, _ place) error {
			address := v.(string)
			if address != "" {
				if err := checkLoopback(address); err != nil {
					return err
				}
			}
			*field(c) = address
			return nil
		},
		get:     func(c *Config) any { return *field(c) },
		allowed: phrase("an address on loopback with a port, such as \"127.0.0.1:4390\", or \"\""),
	}
}

func checkLoopback(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
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
