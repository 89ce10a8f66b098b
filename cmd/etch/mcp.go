package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/capture/mcp"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/internal/danger"
	"github.com/etch-audit/etch/internal/shellword"
	"github.com/etch-audit/etch/internal/site"
	"github.com/spf13/cobra"
)

type mcpOptions struct {
	place *place
	argv  []string
	actor etch.Actor // what flags say; the rest is found out

	name    string
	session string
	labels  []string
	strict  bool
	deny    string
	denySet bool
	grace   time.Duration
	url     string
	listen  string
}

func newMCP(at *place, std stdio) *cobra.Command {
	opts := mcpOptions{place: at}
	cmd := &cobra.Command{
		Use:   "mcp [flags] -- SERVER [ARG...]",
		Short: "Stand between an MCP client and a server, and record what they do",
		Example: `  etch mcp --name files -- npx -y @modelcontextprotocol/server-filesystem /srv/data
  etch mcp --url https://example.com/mcp --listen 127.0.0.1:7801
  etch install mcp .mcp.json  # put it in front of every server of a client`,
		Long: `Starts SERVER and passes on what client and server send each other, byte for
byte; what passes is recorded beside: calls of tools and how they ended, resources
read, prompts fetched, what the server asks of the client, cancellations, and what
is none of the protocol. With --url the server speaks HTTP, and the client is given
the address of --listen instead of the server's, with the same path.

A request may reach the server up to a moment before it is on disk: --strict has
it wait. With [policy] deny_risk, calls at or above that risk are refused: they do
not reach the server, and the client is answered with an error. Where something cannot be recorded the session ends, unless on_error is
"continue".

SERVER gets the signals, and its exit code is that of etch: 128+n where signal n
ended it; 127 not found; 126 not executable; 125 where something cannot be
recorded and on_error is "block". A SERVER that goes on, silent for --grace after
its client has closed its input, is ended.`,
		Args: func(_ *cobra.Command, args []string) error {
			if hint := "see \"etch mcp --help\""; opts.url == "" && len(args) == 0 {
				return usagef(hint, "no server given: etch mcp -- SERVER, or --url")
			} else if opts.url != "" && len(args) > 0 {
				return usagef(hint, "--url and a command to start: there is one server")
			} else if (opts.url == "") != (opts.listen == "") {
				return usagef(hint, "--url and --listen go together")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.argv = args
			opts.denySet = cmd.Flags().Changed("deny-risk")
			return runMCP(cmd.Context(), opts, std)
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows SERVER is SERVER's
	f.StringVar(&opts.name, "name", "", "what the server is called in the records; default: what it calls itself")
	f.BoolVar(&opts.strict, "strict", false, "pass a request on only when it is on record")
	f.StringVar(&opts.deny, "deny-risk", "", "refuse calls at or above this `RISK`: low, medium, high, critical; none")
	completes(cmd, "deny-risk", etch.RiskLow, etch.RiskMedium, etch.RiskHigh, etch.RiskCritical, "none")
	f.StringVar(&opts.url, "url", "", "the `URL` of a server that speaks HTTP")
	f.StringVar(&opts.listen, "listen", "", "the `ADDRESS` that its clients shall use, for instance 127.0.0.1:7801")
	f.DurationVar(&opts.grace, "grace", mcp.DefaultGrace, "how long a server may be silent after its client has closed its input")
	addActorFlags(f, &opts.actor)
	f.StringVar(&opts.session, "session", "", "the agent's session `ID`")
	f.StringArrayVar(&opts.labels, "label", nil, "a label `KEY=VALUE`; may be repeated")
	return cmd
}

func runMCP(ctx context.Context, opts mcpOptions, std stdio) error {
	labels, err := parseLabels(opts.labels)
	if err != nil {
		return err
	}
	if opts.grace <= 0 {
		return usagef("", "--grace: %v is no time to wait", opts.grace)
	}
	at := *opts.place
	if opts.denySet {
		at.settings = append(at.settings, site.Setting{Key: "policy.deny_risk", Value: opts.deny, Origin: "flag --deny-risk"})
	}
	resolved, err := at.load(std)
	if err != nil {
		return err
	}
	if resolved.Stream() == "stdout" {
		return usagef("name a log with --log", "the configured destination is stdout, which is the client's")
	}
	log, closing, err := openRecorder(ctx, resolved, std, "")
	if err != nil {
		hint := hintOf(err) + "\n" + consequenceUnopened(resolved.Audit.OnError)
		return fail(mcp.ExitNotRecorded, hint, fmt.Errorf("the MCP server was not started, it cannot be recorded: %w", err))
	}
	recording := opts.recording(resolved, labels, std)
	if opts.url != "" {
		err = serveMCP(ctx, log, opts, recording, std)
	} else {
		err = wrapMCP(ctx, log, opts, recording, std)
	}
	if closing := closing(); closing != nil {
		// What was appended is on disk; what is missing is its seal.
		std.warn("the log was not closed well, the next writer will seal it: %v", closing)
	}
	return err
}

// recording returns how sessions are recorded.
func (o *mcpOptions) recording(resolved *config.Resolved, labels map[string]string, std stdio) mcp.Options {
	cwd, _ := os.Getwd() // where it was removed nobody knows its name: left out
	keep := hook.Recording{Output: resolved.Hooks.RecordOutput, Prompts: resolved.Hooks.RecordPrompts, Content: resolved.Hooks.RecordContent}
	return mcp.Options{
		Name:      o.name,
		Actor:     overlay(execwrap.ActorOf(std.getenv), o.actor),
		SessionID: o.sessionOf(std),
		Command:   shellword.Quote(o.argv),
		Cwd:       cwd,
		Labels:    labels,
		Arguments: func(tool string, arguments json.RawMessage) (json.RawMessage, string) {
			return mcpArguments(tool, arguments, keep)
		},
		Output:  keep.Output,
		Prompts: keep.Prompts,
		Deny:    resolved.Policy.DenyRisk,
		Judge:   danger.Of,
		Strict:  o.strict,
		GoOn:    resolved.Audit.OnError == etch.Continue,
		Now:     std.now,
	}
}

func (o *mcpOptions) sessionOf(std stdio) string {
	if o.session != "" {
		return o.session
	}
	return execwrap.SessionOf(std.getenv)
}

// mcpArguments returns what is recorded of arguments as of those that an agent
// tells its hooks, so that the two records of one call say the same.
func mcpArguments(tool string, arguments json.RawMessage, keep hook.Recording) (json.RawMessage, string) {
	var agent hook.Agent
	e := agent.Attempt(&hook.Call{Tool: tool, Server: "mcp", Input: arguments}, keep)
	return e.Action.Arguments, e.Labels["input_sha256"]
}

// wrapMCP runs a server that is a command.
func wrapMCP(ctx context.Context, log etch.Recorder, opts mcpOptions, recording mcp.Options, std stdio) error {
	out := mcp.Run(ctx, log, &mcp.Command{
		Options: recording, Argv: opts.argv, Stdin: std.in, Stdout: std.out, Stderr: std.err,
		Foreground: inForeground, Gone: inputClosed, Grace: opts.grace,
	})
	tellUnrecorded(out.Unrecorded, std)
	if out.Failure != nil {
		if ctx.Err() != nil {
			return ctx.Err() // exits as the signal says
		}
		std.note("error: %v", out.Failure)
	}
	if out.Unread {
		std.note("error: the client has not read all that the server said; the rest is lost")
	}
	return exitWith(out.Exit)
}

// tellUnrecorded tells what is not on record.
func tellUnrecorded(err error, std stdio) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		std.note("error: not on record: %s", line)
	}
}

// shutdownWithin is how long requests that are under way may take to end.
const shutdownWithin = 2 * time.Second

// serveMCP stands in front of a server that speaks HTTP, until it is told to end.
func serveMCP(ctx context.Context, log etch.Recorder, opts mcpOptions, recording mcp.Options, std stdio) error {
	target, err := url.Parse(opts.url)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return usagef("for instance https://example.com/mcp", "--url: %q is no address of a server that speaks HTTP", opts.url)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return err
	}
	recording.Resource = addressOf(target, std)
	proxy := mcp.NewProxy(log, target, hostsOf(listener.Addr(), opts.listen, std), &recording)
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	std.note("recording %s; its clients shall use http://%s%s", recording.Resource, listener.Addr(), target.EscapedPath())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err = <-ended:
	case <-proxy.Broken():
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWithin)
	defer cancel()
	if server.Shutdown(patience) != nil {
		_ = server.Close() // streams of events end only so
	}
	if lost := proxy.Close(); lost != nil {
		tellUnrecorded(lost, std)
		if !recording.GoOn {
			return exitWith(mcp.ExitNotRecorded)
		}
	}
	return cmp.Or(err, ctx.Err())
}

// addressOf returns what the records call a server: its address without what is not sent
// to it, and may be as good as a key. It tells where there is such a thing.
func addressOf(target *url.URL, std stdio) string {
	bare := *target
	bare.User, bare.RawQuery, bare.ForceQuery, bare.Fragment = nil, "", false, ""
	if bare != *target {
		std.warn("a user, a query and a fragment of --url are not sent to the server: %s", bare.String())
		std.hint("give them to its clients; etch passes on what they send")
	}
	return bare.String()
}

// hostsOf returns the names by which clients may call a proxy: of one that only
// this machine reaches, those of this machine, so that no web page can use it.
func hostsOf(address net.Addr, listen string, std stdio) []string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() {
		std.warn("other machines reach %s too: whoever does can use the server", address)
		return nil
	}
	hosts := []string{"localhost", "127.0.0.1", "::1", tcp.IP.String()}
	if name, _, err := net.SplitHostPort(listen); err == nil && name != "" {
		hosts = append(hosts, name)
	}
	return hosts
}
