package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/config"
	"github.com/etch-audit/etch/install"
	"github.com/etch-audit/etch/internal/hookenv"
	"github.com/spf13/cobra"
)

type doctorOptions struct {
	place   *place
	agents  []string
	deliver bool
	utc     bool
	json    bool
}

func newDoctor(at *place, std stdio) *cobra.Command {
	opts := doctorOptions{place: at}
	cmd := &cobra.Command{
		Use:   "doctor [AGENT...]",
		Short: "Say whether the calls of coding agents arrive in the log, and why not",
		Example: `  etch doctor
  etch doctor codex --deliver  # start its hook, and see the record arrive`,
		Long: `Looks at every settings file that each agent reads, from this directory and for
this user: whether the hooks are there, what they start, what switches them off,
whether they are trusted; whether the agent was used without a record; and at the
log, its keys, its spool, the clock, and whether it verifies. Nothing is written.

--deliver starts the hooks' command as the agent would, with a payload that says
where it comes from. It is recorded as what it is.

Exit codes: 0 nothing was found, 1 something was, 2 it could not be told.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.agents = args
			return runDoctor(cmd.Context(), opts, std)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return agentNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&opts.deliver, "deliver", false, "start the hooks' command, and see whether its record arrives")
	cmd.Flags().BoolVar(&opts.utc, "utc", false, "times in UTC")
	cmd.Flags().BoolVar(&opts.json, "json", false, "print a JSON object")
	return cmd
}

// A doctorAnswer is how the recording of agents is. Its members are a contract:
// docs/cli-json.md.
type doctorAnswer struct {
	Verdict  string          `json:"verdict"` // fine, findings, unknown
	Log      string          `json:"log,omitempty"`
	Config   string          `json:"config"`
	Binary   string          `json:"binary"`
	Findings []doctorFinding `json:"findings"` // of the log and the machine
	Agents   []doctorAgent   `json:"agents"`
}

// A doctorAgent is how the recording of one agent is.
type doctorAgent struct {
	Agent     string           `json:"agent"`
	Found     bool             `json:"found"`
	Program   string           `json:"program,omitempty"`
	Version   string           `json:"version,omitempty"`
	Observed  bool             `json:"observed"`
	Settings  []doctorSettings `json:"settings"`
	LastEvent *lastEvent       `json:"last_event"`
	LastUse   *lastUse         `json:"last_use"`
	Delivery  *doctorDelivery  `json:"delivery,omitempty"`
	Findings  []doctorFinding  `json:"findings"`

	title string
	waits bool // it is not on this machine, and its hooks are
}

type doctorSettings struct {
	Path  string `json:"path"`
	Scope string `json:"scope"`
	Hooks int    `json:"hooks"`
}

// A lastUse is the newest transcript that the agent itself has written.
type lastUse struct {
	Transcript string `json:"transcript"`
	Timestamp  string `json:"timestamp"`
}

// A doctorDelivery is a hook that was started to see its record arrive.
type doctorDelivery struct {
	Session      string  `json:"session"`
	Arrived      bool    `json:"arrived"`
	Milliseconds float64 `json:"milliseconds"`
}

// A doctorFinding is something that keeps calls from being recorded, or may.
type doctorFinding struct {
	Check string `json:"check"`
	Level string `json:"level"` // problem, warning, unknown
	What  string `json:"what"`
	Where string `json:"where,omitempty"`
	Mend  string `json:"mend,omitempty"`
}

// The verdicts.
const (
	doctorFine     = "fine"
	doctorFound    = "findings"
	doctorUnknown  = "unknown"
	exitUnknowable = 2
)

func runDoctor(ctx context.Context, opts doctorOptions, std stdio) error {
	d, err := newDoctoring(ctx, opts, std)
	if err == nil {
		err = d.examine()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, told := errors.AsType[*failure](err); err != nil && !told {
		return fail(exitUnknowable, hintOf(err), err)
	}
	if err != nil {
		return err
	}
	if opts.json {
		err = printJSON(std, d.doctorAnswer)
	} else {
		err = d.print()
	}
	switch {
	case err != nil || d.Verdict == doctorFine:
		return err
	case d.Verdict == doctorFound:
		return exitWith(exitFailed)
	}
	return exitWith(exitUnknowable)
}

// A doctoring is one examination.
type doctoring struct {
	doctorAnswer
	ctx      context.Context
	opts     doctorOptions
	std      stdio
	m        install.Machine
	resolved *config.Resolved
	own      string       // the log of hooks that name none and heed no environment
	reader   *etch.Reader // nil: there is no log that can be read
	now      time.Time
}

func newDoctoring(ctx context.Context, opts doctorOptions, std stdio) (*doctoring, error) {
	d := &doctoring{ctx: ctx, opts: opts, std: std, now: std.now()}
	d.Findings, d.Agents = []doctorFinding{}, []doctorAgent{}
	var err error
	if d.m, err = newMachine(std); err != nil {
		return nil, err
	}
	if d.m.Binary, err = os.Executable(); err != nil {
		return nil, err
	}
	d.m.Hooks, _ = hookProgram(d.m.Binary) // why one is not taken says its own finding, where hooks start it
	if d.resolved, err = opts.place.load(std); err != nil {
		return nil, err
	}
	d.Binary, d.Config = d.m.Binary, d.resolved.Path
	if d.resolved.Stream() == "" {
		d.Log = d.resolved.LogPath()
	}
	settled := std
	settled.env, settled.err = hookenv.Settled(std.env), io.Discard
	if found, err := (place{}).load(settled); err == nil && found.Stream() == "" {
		d.own = found.LogPath() // else they say in errors.log what is wrong
	}
	return d, nil
}

// examine looks at everything, and sums up.
func (d *doctoring) examine() error {
	chosen, err := d.chosen()
	if err != nil {
		return err
	}
	if err := d.examineLog(); err != nil {
		return err
	}
	for _, a := range chosen {
		agent, err := d.examineAgent(a)
		if err != nil {
			return err
		}
		d.Agents = append(d.Agents, agent)
	}
	all := slices.Clone(d.Findings)
	for _, a := range d.Agents {
		all = append(all, a.Findings...)
	}
	d.Verdict = doctorFine
	for _, f := range all {
		if f.Level != string(install.Unknown) {
			d.Verdict = doctorFound
		} else if d.Verdict == doctorFine {
			d.Verdict = doctorUnknown
		}
	}
	if d.noAgent() && d.Verdict == doctorFine {
		d.Verdict = doctorUnknown
	}
	return nil
}

// noAgent reports whether there is none to be recorded.
func (d *doctoring) noAgent() bool {
	return !slices.ContainsFunc(d.Agents, func(a doctorAgent) bool { return !a.waits })
}

// chosen returns the agents that are meant: without names those that are found,
// or have hooks.
func (d *doctoring) chosen() ([]*install.Agent, error) {
	var chosen []*install.Agent
	for _, name := range d.opts.agents {
		a := install.Named(name)
		if a == nil {
			return nil, unknown("agent", name, agentNames(), "known are "+strings.Join(agentNames(), ", "))
		}
		if !slices.Contains(chosen, a) {
			chosen = append(chosen, a)
		}
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	for _, a := range install.Agents() {
		if a.Found(d.m) || a.Hooked(d.m) {
			chosen = append(chosen, a)
		}
	}
	return chosen, nil
}

func (d *doctoring) examineAgent(a *install.Agent) (doctorAgent, error) {
	state := a.Check(d.m, d.Log, d.own)
	agent := doctorAgent{
		Agent: a.Name, title: a.Title, Found: state.Found, Program: state.Program, Observed: a.Seen,
		Settings: []doctorSettings{}, Findings: []doctorFinding{},
	}
	if state.Program != "" {
		agent.Version = d.version(state.Program)
	}
	for _, s := range state.Sources {
		agent.Settings = append(agent.Settings, doctorSettings{s.Path, string(s.Scope), s.Hooks})
	}
	for _, f := range state.Findings {
		agent.Findings = append(agent.Findings, doctorFinding{f.Check, string(f.Level), f.What, f.Where, f.Mend})
	}
	if err := d.arrivals(&agent, state); err != nil {
		return agent, err
	}
	if agent.waits = !state.Found && agent.LastEvent == nil && agent.LastUse == nil && len(d.opts.agents) == 0; agent.waits {
		agent.Findings = []doctorFinding{} // whatever its hooks want, there is nothing to miss
	}
	if d.opts.deliver {
		return agent, d.deliver(&agent, state)
	}
	return agent, nil
}

func (a *doctorAgent) find(check string, level install.Level, where, mend, format string, args ...any) {
	a.Findings = append(a.Findings, doctorFinding{check, string(level), fmt.Sprintf(format, args...), where, mend})
}

func (d *doctoring) find(check string, level install.Level, where, mend, format string, args ...any) {
	d.Findings = append(d.Findings, doctorFinding{check, string(level), fmt.Sprintf(format, args...), where, mend})
}
