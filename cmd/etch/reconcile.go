package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/hookrun"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/vfs"
	"github.com/etch-audit/etch/reconcile"
	"github.com/etch-audit/etch/transcript"
	transcriptclaude "github.com/etch-audit/etch/transcript/claudecode"
	transcriptcodex "github.com/etch-audit/etch/transcript/codex"
	transcriptcopilot "github.com/etch-audit/etch/transcript/copilot"
	transcriptgemini "github.com/etch-audit/etch/transcript/gemini"
	transcriptqwen "github.com/etch-audit/etch/transcript/qwen"
	"github.com/spf13/cobra"
)

// transcripts returns how each agent writes transcripts whose transcripts can be
// read.
func transcripts() []*transcript.Format {
	return []*transcript.Format{
		transcriptclaude.Format(), transcriptcodex.Format(), transcriptgemini.Format(), transcriptqwen.Format(), transcriptcopilot.Format(),
	}
}

// transcribed returns the names of those agents.
func transcribed() []string {
	var names []string
	for _, f := range transcripts() {
		names = append(names, f.Agent)
	}
	return names
}

type reconcileOptions struct {
	place   *place
	agents  []string
	all     bool
	session string
	since   string
	project string
	paths   []string
	fill    bool
	strict  bool
	json    bool
	utc     bool
	wait    time.Duration // for the agent to write the end of its transcript
}

func newReconcile(at *place, std stdio) *cobra.Command {
	opts := reconcileOptions{place: at}
	cmd := &cobra.Command{
		Use:   "reconcile AGENT [flags]",
		Short: "Compare an agent's own transcripts with the log, and record what is missing",
		Example: `  etch reconcile claude-code --since yesterday
  etch reconcile --all --fill  # record what the hooks missed`,
		Long: fmt.Sprintf(`Reads the files in which AGENT keeps its sessions, and says which calls the log
lacks, which the transcripts lack, which differ, which prompts the log lacks, and in
which sessions hooks were silent. A transcript is a second opinion: the agent could
write it.

--fill records the missing calls and prompts, and the ends of calls that stand open,
from the transcript, with the label capture=transcript, also behind ends that hooks
inferred, in whose place they count. It changes nothing that is on
record, and run again it adds nothing.

Exit codes: 0 nothing is missing (with --fill: any more), 1 something is, 2 it could
not be told: no transcript, no log, or one that could not be read. With --strict
calls that differ or are on record twice count as missing too. An end that hooks inferred
counts as missing where the transcript tells another one.

Agents: %s.`, strings.Join(transcribed(), ", ")),
		ValidArgs: transcribed(),
		Args: func(_ *cobra.Command, args []string) error {
			if (len(args) == 0) == opts.all && len(args) < 2 {
				return nil
			}
			return usagef("agents are "+strings.Join(transcribed(), ", "), "etch reconcile wants one AGENT or --all")
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseEmpty(cmd.Flags(), forAll); err != nil {
				return err
			}
			opts.agents = args
			return runReconcile(cmd.Context(), opts, std)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&opts.all, "all", false, "every agent whose transcripts can be read")
	f.StringVar(&opts.session, "session", "", "only the session of this `ID`")
	f.StringVar(&opts.since, "since", "", "only transcripts changed from this `TIME` on")
	f.StringVar(&opts.project, "project", "", "only sessions that worked in this `DIR`")
	f.StringArrayVar(&opts.paths, "transcripts", nil, "a `PATH` of transcripts, in place of the agent's own; can be given again")
	f.BoolVar(&opts.fill, "fill", false, "record what is missing")
	f.BoolVar(&opts.strict, "strict", false, "exit 1 also where calls differ or are on record twice")
	f.BoolVar(&opts.json, "json", false, "print a JSON object a line")
	f.BoolVar(&opts.utc, "utc", false, "times in UTC")
	once(f, "session", "since", "project")
	f.DurationVar(&opts.wait, hookrun.WaitFlag, 0, "how long to wait before it begins: hooks of a session's end start it")
	if err := f.MarkHidden(hookrun.WaitFlag); err != nil {
		panic("main: " + err.Error())
	}
	return cmd
}

// formats returns those that the options name.
func (o *reconcileOptions) formats() ([]*transcript.Format, error) {
	if o.all {
		if len(o.paths) > 0 {
			return nil, usagef("name the agent that wrote them", "--transcripts goes with one agent, not with --all")
		}
		return transcripts(), nil
	}
	agent := hookrun.AgentNamed(o.agents[0])
	for _, f := range transcripts() {
		if agent != nil && f.Agent == agent.Name {
			return []*transcript.Format{f}, nil
		}
	}
	if agent != nil {
		return nil, usagef("agents are "+strings.Join(transcribed(), ", "), "transcripts of %s cannot be read", agent.Name)
	}
	return nil, unknown("agent", o.agents[0], transcribed(), "agents are "+strings.Join(transcribed(), ", "))
}

// A reconcileRun is one run of the command.
type reconcileRun struct {
	reconcileOptions
	std      stdio
	resolved *config.Resolved
	log      reconcile.Log
	writer   *etch.Log // nil without --fill
	since    time.Time
	missing  bool
	unclear  bool
	found    bool // sessions with a transcript
}

func runReconcile(ctx context.Context, opts reconcileOptions, std stdio) (err error) {
	formats, err := opts.formats()
	if err != nil {
		return err
	}
	since, err := parseTime("--since", opts.since, std.now())
	if err != nil {
		return err
	}
	if err := sleep(ctx, opts.wait); err != nil {
		return err
	}
	r := &reconcileRun{reconcileOptions: opts, std: std, since: since.From}
	if r.resolved, err = opts.place.loadForReading(std); err != nil {
		return err
	}
	if opts.fill {
		release, err := r.openToFill(ctx)
		if socket := daemonHolding(r.resolved, err); socket != "" {
			return fail(exitUsage, "without --fill it is asked what is missing", fmt.Errorf("--fill records in the log itself, which is for the daemon at %s alone to write: %w", socket, err))
		}
		if err != nil {
			return fail(exitUsage, hintOf(err), err)
		}
		defer func() { err = errors.Join(err, release()) }()
		defer closeLog(r.writer, &err)
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	for _, format := range formats {
		if err := r.agent(ctx, format); err != nil {
			return fail(exitUsage, hintOf(err), err)
		}
	}
	return r.verdict()
}

// open opens the log, or where a daemon of another user holds it asks that.
func (r *reconcileRun) open(ctx context.Context) error {
	reader, err := openReader(r.resolved)
	if err == nil {
		if r.log = reader; !r.fill {
			r.tellSpool(r.resolved.LogPath())
		}
		return nil
	}
	socket := daemonHolding(r.resolved, err)
	if socket == "" {
		return fail(exitUsage, hintOf(err), err)
	}
	log := newDaemonLog(socket)
	if asking := log.mayAsk(ctx); asking != nil {
		hint := "start the daemon, or look at \"etch status\""
		if errors.Is(asking, errNotTold) {
			hint = "who runs the daemon can name you in read_users of [server]"
		}
		return fail(exitUsage, hint, fmt.Errorf("what is missing cannot be known: the log cannot be read (%w), and of the daemon at %s: %w", err, socket, asking))
	}
	r.log = log
	r.std.note("the log is another user's: compared is with what the daemon at %s tells of it", socket)
	if _, spool, err := site.BesideDaemon(r.resolved, r.std.env); err == nil {
		r.tellSpool(spool)
	}
	return nil
}

// sleep waits for so long, or until ctx is done.
func sleep(ctx context.Context, long time.Duration) error {
	if long <= 0 {
		return nil
	}
	select {
	case <-time.After(long):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fillWait is how long another fill is waited for.
const fillWait = time.Minute

// openToFill opens the log to be written to, after what waits in its spool: a
// call that waits there is not missing. It takes the lock that makes this the
// one process that fills.
func (r *reconcileRun) openToFill(ctx context.Context) (release func() error, err error) {
	if err := refuseDisabled(r.resolved); err != nil {
		return nil, err
	}
	opts, err := writerOptions(r.resolved, r.std, nil)
	if err != nil {
		return nil, err
	}
	dir := site.Hooks(r.resolved.LogPath())
	if _, err := os.Stat(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("%w: %s", etch.ErrNoLog, r.resolved.LogPath())
	}
	if err := vfs.OS().Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	lock, err := vfs.OS().OpenLock(filepath.Join(dir, "reconcile.lock"))
	if err != nil {
		return nil, err
	}
	if err := lock.Acquire(fillWait); err != nil {
		return nil, errors.Join(fmt.Errorf("another etch reconcile --fill is at work: %w", err), lock.Close())
	}
	if r.writer, err = etch.Open(r.resolved.LogPath(), opts); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := r.drain(ctx); err != nil {
		return nil, errors.Join(err, r.writer.Close(), lock.Close())
	}
	return lock.Close, nil
}

// spoolWait is how long what waits in the spool is waited for: what a hook was unsure
// of is left alone for two seconds, what a killed one has not finished for ten.
const spoolWait = 15 * time.Second

// drain empties the spool: a call that waits there is not missing.
func (r *reconcileRun) drain(ctx context.Context) error {
	tick := time.NewTicker(spoolWait / 60)
	defer tick.Stop()
	late := time.After(spoolWait)
	for {
		drained, err := r.writer.Drain(ctx)
		if err != nil || !drained.Left {
			return err
		}
		select {
		case <-tick.C:
		case <-late:
			return errors.New("events wait in the spool, and another process is recording them: try again")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// tellSpool says that what waits in the spool of a log counts as missing.
func (r *reconcileRun) tellSpool(log string) {
	info, err := etch.ReadSpoolInfo(log)
	if err == nil && info.Events > 0 {
		r.std.warn("%d events of hooks wait in the spool, and are not in the log yet: the next writer records them", info.Events)
	}
}

// agent compares the transcripts of one agent.
func (r *reconcileRun) agent(ctx context.Context, format *transcript.Format) error {
	agent := hookrun.AgentNamed(format.Agent)
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // then only what variables name is found
	}
	if set := r.std.getenv("HOME"); set != "" {
		home = set
	}
	rows := r.rows()
	bar := r.progress(format.Agent)
	options := reconcile.Options{
		Log: r.log, Agent: agent, Format: format, Recording: hookrun.RecordingOf(&r.resolved.Hooks),
		Environment: transcript.Environment{Getenv: r.std.env, Home: home},
		Select:      transcript.Selection{Session: r.session, Since: r.since, Project: r.project, Paths: r.paths},
		Skip:        r.resolved.Options().Skip, Now: r.std.now(), Prepare: r.actor(agent), Progress: bar.set,
	}
	if r.writer != nil {
		options.Fill = r.writer
		options.Settled = hook.NewSessions(site.Hooks(r.resolved.LogPath())).Settled
	}
	sum, err := reconcile.Run(ctx, options, rows.row)
	bar.stop()
	err = errors.Join(err, rows.end(sum, r.all))
	for _, unreadable := range sum.Unreadable {
		r.std.note("error: %v", unreadable)
	}
	if sum.Damaged > 0 {
		r.std.note("error: %d places of the log cannot be read: \"etch verify\" says where", sum.Damaged)
	}
	if sum.Tally.Lost() {
		r.std.warn("%s: %d lines of transcripts could not be read: calls may have stood in them", format.Agent, sum.Tally.Bad+sum.Tally.Overlong)
	}
	r.missing = r.missing || sum.Lacking() > 0 || r.strict && sum.Differing+sum.Twice > 0
	r.unclear = r.unclear || sum.Uncertain()
	r.found = r.found || sum.Sessions > 0
	return err
}

// actor returns what puts the person and the host into an event of which no hook told
// who acted: who owns the transcript that it was made from, and where the system does not
// know that, who fills. The channel of who fills is not the agent's.
func (r *reconcileRun) actor(agent *hook.Agent) func(ev *etch.Event, file string) {
	self := execwrap.ActorOf(r.std.getenv)
	owners := map[string]etch.Actor{}
	return func(ev *etch.Event, file string) {
		owner, known := owners[file]
		if !known {
			owner = ownerOfTranscript(file, self)
			owners[file] = owner
		}
		if ev.Actor == nil {
			ev.Actor = &etch.Actor{Agent: agent.Name}
		}
		ev.Actor.UserID, ev.Actor.Username, ev.Actor.Host = owner.UserID, owner.Username, self.Host
	}
}

// ownerOfTranscript returns the user who owns a file: self where that is who runs this.
func ownerOfTranscript(file string, self etch.Actor) etch.Actor {
	info, err := os.Stat(file)
	if err != nil {
		return self
	}
	id := ownerID(info)
	if id == "" || id == strconv.Itoa(os.Getuid()) {
		return self
	}
	owner := etch.Actor{UserID: id, Username: ownerOf(info)}
	if owner.Username == id {
		owner.Username = "" // it has no name here
	}
	return owner
}

// progress shows how far the reading is, unless rows show it on the same screen.
func (r *reconcileRun) progress(agent string) *progress {
	std := r.std
	if isTerminal(std.out) {
		std.err = discarded{}
	}
	return newProgress(std, "reconciling "+agent)
}

// discarded is nobody's stderr.
type discarded struct{}

func (discarded) Write(b []byte) (int, error) { return len(b), nil }

// verdict makes an exit code of what was found.
func (r *reconcileRun) verdict() error {
	switch {
	case r.missing:
		return exitWith(exitFailed)
	case !r.found:
		return fail(exitUsage, "--transcripts names another place; agents remove old transcripts", errors.New("no transcript was found, so nothing can be told"))
	case r.unclear:
		return exitWith(exitUsage)
	}
	return nil
}
