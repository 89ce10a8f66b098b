//go:debug decoratemappings=0

// Etch keeps a tamper-evident audit trail of what AI agents do.
//
// Each subcommand is one file: a function newXxx turns flags into an options
// struct, and runXxx(ctx, opts, stdio) does the work; tests call runXxx. A
// command is added by listing its newXxx in root.go.
//
// What is data goes to stdout, everything else to stderr. A failure is
// "etch: error: …", followed by "etch: hint: …" where something can be done.
// Exit codes: 0 done, 1 failed, 2 wrong use (nothing was touched), 128+n ended
// by signal n; exec and verify have their own besides.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/etch-audit/etch/internal/alone"
	"github.com/etch-audit/etch/internal/hookrun"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "hook" {
		// The making of the command tree takes longer than all that a hook does.
		if c, ok := hookrun.Parse(os.Args[2:]); ok {
			os.Exit(hookrun.Run(c, hookProcess()))
		}
	}
	alone.Share(os.Getenv("GOMAXPROCS") != "")
	os.Exit(run(os.Args[1:], processStdio()))
}

// run executes one command line and returns the exit code.
func run(args []string, std stdio) int {
	ctx, stop := interruptible()
	defer stop()
	err := execute(ctx, args, std)
	if err == nil {
		return 0
	}
	return report(ctx, err, std)
}

// An interruption is the cause of a context that a signal ended.
type interruption struct{ signal syscall.Signal }

func (i interruption) Error() string { return i.signal.String() }

// interruptible returns a context that SIGINT, SIGTERM and SIGHUP end with an
// interruption. A second signal kills the process, as if nobody listened.
func interruptible() (context.Context, func()) {
	// A write to a closed pipe shall be an error and not the end: a log that
	// is open wants its seal. Ignoring the signal would do here, but is
	// inherited by the programs that exec starts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	ctx, cancel := context.WithCancelCause(context.Background())
	caught := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup, a background job: it stays so, for exec's command too
			signal.Notify(caught, s)
		}
	}
	go func() {
		select {
		case s := <-caught:
			number, _ := s.(syscall.Signal)
			cancel(interruption{number})
		case <-ctx.Done():
		}
		signal.Stop(caught)
	}()
	return ctx, func() { cancel(nil) }
}
