package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/danger"
	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/api"
	"github.com/etch-audit/etch/server/token"
	"github.com/spf13/cobra"
)

type serveOptions struct {
	place  *place
	socket string
	listen string
	unit   string
}

func newServe(at *place, std stdio) *cobra.Command {
	opts := serveOptions{place: at}
	cmd := &cobra.Command{
		Use: "serve",

		Annotations: map[string]string{aloneToo: "yes"},
		Short:       "Be the one writer of a machine's log, for agents of other users",
		Example: `  etch serve                              # on the socket beside the log
  etch serve --listen 127.0.0.1:4390      # by HTTP too, with tokens
  etch serve token ci                     # make one
  etch serve --unit systemd               # how it is installed under its own user`,
		Long: `Records what others send: "etch log", "etch exec", the hooks of agents and the
library find the socket and use it, and HTTP and OpenTelemetry come in too. Who
sends is what the kernel says, or a token, and is on each record. An event is
answered when it is on disk.

Run as a user of its own it keeps the log out of the agents' reach: they can add,
and nothing else. docs/daemon.md says step by step how.

SIGTERM ends it: what was taken is recorded and answered, the log is sealed. A
second one ends it at once.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), opts, std) },
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&opts.socket, "socket", "", "the socket, instead of the one beside the log: `PATH` (env ETCH_SOCKET)")
	cmd.Flags().StringVar(&opts.listen, "listen", "", "serve HTTP on this `ADDRESS` of loopback, for instance 127.0.0.1:4390")
	cmd.Flags().StringVar(&opts.unit, "unit", "", "print the service files for this `SYSTEM`, and serve nothing: systemd, launchd")
	completes(cmd, "unit", unitSystems...)
	cmd.AddCommand(newServeToken(at, std))
	return cmd
}

// load returns the configuration with what the flags say.
func (o *serveOptions) load(std stdio) (*config.Resolved, error) {
	at := *o.place
	if o.socket != "" {
		at.settings = append(at.settings, site.Setting{Key: "server.socket", Value: o.socket, Origin: "flag --socket"})
	}
	if o.listen != "" {
		at.settings = append(at.settings, site.Setting{Key: "server.listen", Value: o.listen, Origin: "flag --listen"})
	}
	resolved, err := at.load(std)
	if err != nil {
		return nil, err
	}
	if stream := resolved.Stream(); stream != "" {
		return nil, usagef("name a log with --log", "the configured destination is %s: a daemon serves a log in a file", stream)
	}
	return resolved, refuseDisabled(resolved)
}

func runServe(ctx context.Context, opts serveOptions, std stdio) (err error) {
	resolved, err := opts.load(std)
	if err != nil {
		return err
	}
	if opts.unit != "" {
		return printUnit(opts.unit, resolved, std)
	}
	d := &daemon{resolved: resolved, std: std}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(); err != nil {
		return err
	}
	return d.serve(ctx)
}

// A daemon is one run of the command.
type daemon struct {
	resolved *config.Resolved
	std      stdio
	lock     vfs.Lock
	sockets  []net.Listener
	web      []net.Listener // loopback
	doors    []*api.Door    // in front of them, while they are served
	log      *etch.Log
	server   *server.Server
	handler  *api.Handler
	tell     func(error)
}

// daemonLockWait is how long another daemon may take to be gone.
const daemonLockWait = 500 * time.Millisecond

// open makes everything ready. Nobody is served yet; who connects waits. Order:
// the lock, without which nothing of another daemon is touched; the listeners,
// which fail for want of rights before anything is written; the log.
func (d *daemon) open() error {
	d.tell = d.teller()
	if err := site.Make(d.resolved); err != nil {
		return err
	}
	if err := d.alone(); err != nil {
		return err
	}
	if err := d.listen(); err != nil {
		return err
	}
	tokens, err := d.tokens()
	if err != nil {
		return err
	}
	if d.log, err = d.openLog(); err != nil {
		return err
	}
	s := &d.resolved.Server
	d.server, err = server.New(d.log, &server.Options{
		Limits:     d.limits(),
		AllowUsers: s.AllowUsers, AllowGroups: s.AllowGroups, ReadUsers: s.ReadUsers,
		HTTP:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }),
		About: d.about, Notify: d.tell, Now: d.std.now,
	})
	if err != nil {
		return fail(exitUsage, "allow_users, allow_groups and read_users in [server] take names of this machine, or numbers", err)
	}
	d.handler, err = d.newHandler(tokens)
	return err
}

// about says how the daemon is. It is asked when everything is open.
func (d *daemon) about() etch.DaemonStatus {
	about := etch.DaemonStatus{Log: d.resolved.LogPath(), UID: strconv.Itoa(os.Getuid()), Version: version().Version}
	if u, err := user.LookupId(about.UID); err == nil {
		about.User = u.Username
	}
	if err := d.handler.Failing(); err != nil {
		about.Problem = err.Error()
	}
	return about
}

// limits returns the limits of senders: those of the configuration, as far as the system
// lets this process have so many connections.
func (d *daemon) limits() server.Limits {
	s := &d.resolved.Server
	limits := server.Limits{
		MaxEvent: int(s.MaxEventKB) << 10, Rate: float64(s.Rate), Burst: int(s.Burst),
		MaxConnections: int(s.MaxConnections), MaxPerSender: int(s.MaxPerSender), Idle: s.Idle,
	}
	files := openFiles()
	if most := connectionsOf(files, len(d.web) > 0); limits.MaxConnections > most {
		limits.MaxConnections = most
		d.std.warn("at most %d connections instead of %d: this process may have %d files open, and the log needs some", most, s.MaxConnections, files)
		d.std.hint("raise the limit of open files (ulimit -n, LimitNOFILE=), or lower max_connections in [server]")
	}
	return limits
}

// keptFiles is how many open files connections leave to the log, the spool and questions
// about archived segments.
const keptFiles = 256

// connectionsOf returns how many connections of each kind a process may have that may
// have so many open files: where it may have few, half of them are for connections.
func connectionsOf(files uint64, web bool) int {
	most := files - min(files/2, keptFiles)
	if web {
		most /= 2
	}
	return int(min(max(most, 1), 1<<30))
}

// alone takes the lock that only one daemon of a log has.
func (d *daemon) alone() error {
	layout, err := segment.LayoutOf(d.resolved.LogPath())
	if err != nil {
		return fail(exitUsage, "", err)
	}
	if d.lock, err = vfs.OS().OpenLock(layout.Path(layout.DaemonLock())); err != nil {
		return fmt.Errorf("lock of the daemon: %w", err)
	}
	err = d.lock.Acquire(daemonLockWait)
	if errors.Is(err, vfs.ErrLocked) {
		return fail(exitFailed, "\"etch status\" says where it listens", fmt.Errorf("another daemon serves %s", d.resolved.LogPath()))
	}
	return err
}

// openLog opens the log. Its seals say that a daemon made them, and of which user.
func (d *daemon) openLog() (*etch.Log, error) {
	opts, err := writerOptions(d.resolved, d.std, nil)
	if err != nil {
		return nil, err
	}
	opts.Daemon = strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		opts.Daemon = u.Uid // where users have no numbers
	}
	return openOrCreate(d.resolved, opts, d.std)
}

// tokens returns the file of tokens. Where HTTP is served it must be one that can
// be used; without a token in it nobody gets in.
func (d *daemon) tokens() (*token.File, error) {
	tokens := token.Open(d.resolved.TokensPath())
	if len(d.web) == 0 {
		return tokens, nil
	}
	list, err := tokens.List()
	if err != nil {
		hint := ""
		if errors.Is(err, token.ErrPermissions) {
			hint = "run chmod 600 " + tokens.Path() + "; what others have read, revoke: \"etch serve token --revoke NAME\""
		}
		return nil, fail(exitFailed, hint, err)
	}
	if len(list.Tokens()) == 0 {
		d.std.warn("there is no token yet, so nobody gets in by HTTP but for /healthz")
		d.std.hint("\"etch serve token NAME\" makes one")
	}
	return tokens, nil
}

func (d *daemon) newHandler(tokens *token.File) (*api.Handler, error) {
	opts, err := writerOptions(d.resolved, d.std, nil)
	if err != nil {
		return nil, err
	}
	log := d.resolved.LogPath()
	layout, err := segment.LayoutOf(log)
	if err != nil {
		return nil, err
	}
	masks, err := etch.OpenSpool(log, opts)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname() // without a name it is left out
	return api.New(&api.Options{
		Server: d.server, Log: log, Tokens: tokens, Now: d.std.now, Agent: hookrun.AgentNamed,
		Recording: hookrun.RecordingOf(&d.resolved.Hooks), Sessions: site.Hooks(log), Host: host,
		Classify: danger.Of, Masker: masks.Masker, DenyRisk: d.resolved.Policy.DenyRisk, Block: d.resolved.Hooks.Block,
		Spool: func(cause error, events ...*etch.Event) error {
			spool, err := etch.OpenSpool(log, opts) // each time: it knows where the log ends now
			if err != nil {
				return err
			}
			return spool.Put(cause, events...)
		},
		Disk:    func() error { return diskFull(layout.Dir) },
		Version: version().Version,
		Notify:  d.tell,
	}), nil
}

// diskFull returns an error where a directory's disk has no room for a batch.
func diskFull(dir string) error {
	free, err := freeSpace(dir)
	if err == nil && free < fullBelow {
		return fmt.Errorf("the disk is full: %s left in %s", byteCount(free), dir)
	}
	return nil // what is not known is no failure
}

// tellEvery is how often the same words are told again.
const tellEvery = time.Minute

// teller returns what tells failures on stderr, each at most once a minute.
func (d *daemon) teller() func(error) {
	var mu sync.Mutex
	told := map[string]time.Time{}
	return func(err error) {
		text, now := err.Error(), d.std.now()
		mu.Lock()
		defer mu.Unlock()
		if last, ok := told[text]; ok && now.Sub(last) < tellEvery {
			return
		}
		if len(told) > 1000 {
			clear(told)
		}
		told[text] = now
		d.std.warn("%s", text)
	}
}

// drainWait is how long a daemon that ends waits for what it has taken: less than
// what service managers give it.
const drainWait = 20 * time.Second

// serve serves until ctx is done or a listener fails.
func (d *daemon) serve(ctx context.Context) error {
	failed := make(chan error, len(d.sockets)+len(d.web))
	web := d.webServer()
	for _, l := range d.sockets {
		go func() { failed <- d.server.ServeSocket(context.Background(), l) }()
	}
	for _, l := range d.web {
		door := api.NewDoor(l, d.server.Limits())
		d.doors = append(d.doors, door)
		go func() { failed <- web.Serve(door) }()
	}
	d.announce()
	stopWatchdog := startWatchdog(d.std, d.tell)
	var err error
	select {
	case <-ctx.Done():
		d.std.note("ending: %s", context.Cause(ctx))
	case err = <-failed:
		err = fmt.Errorf("listen: %w", err)
	}
	stopWatchdog()
	d.tellManager("STOPPING=1")
	return errors.Join(err, d.drain(web))
}

// drain answers what was taken, and seals.
func (d *daemon) drain(web *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainWait)
	defer cancel()
	d.handler.Drain()
	shut := web.Shutdown(ctx)
	drained := d.server.Drain(ctx)
	d.handler.Wait()
	if shut == nil { // else connections are open that nobody waits for any more
		for _, door := range d.doors {
			door.Wait()
		}
	}
	return drainFailure(ctx, errors.Join(shut, drained))
}

// drainFailure says why not all has ended well: within the time, or at all.
func drainFailure(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("not all that was under way has ended within %v: %w", drainWait, err)
	}
	return fmt.Errorf("not all could be brought to an end: %w", err)
}

// webServer returns the server of loopback. Bodies and answers have times of their
// own: see package api.
func (d *daemon) webServer() *http.Server {
	return &http.Server{
		Handler: d.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: d.resolved.Server.Idle, ConnContext: api.ConnContext,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // that clients misbehave
	}
}

// announce says that the daemon serves, to people and to who has started it.
func (d *daemon) announce() {
	var at []string
	for _, l := range d.sockets {
		at = append(at, l.Addr().String())
	}
	for _, l := range d.web {
		at = append(at, "http://"+l.Addr().String())
	}
	d.std.note("serving %s on %s", d.resolved.LogPath(), strings.Join(at, " and "))
	d.tellManager("READY=1\nSTATUS=serving " + d.resolved.LogPath())
}

func (d *daemon) tellManager(state string) {
	if err := notifyManager(d.std, state); err != nil {
		d.tell(err)
	}
}

// close closes what is open.
func (d *daemon) close() error {
	var errs []error
	for _, l := range append(d.sockets, d.web...) {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if d.log != nil {
		errs = append(errs, d.log.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}
