package execwrap_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/execwrap"
	"github.com/etch-audit/etch/risk"
)

// openAudit opens the log of an agent, and makes it the first time.
func openAudit(path string) (*etch.Log, error) {
	opts := &etch.Options{Classify: classify}
	audit, err := etch.Open(path, opts)
	if errors.Is(err, etch.ErrNoLog) {
		audit, err = etch.Create(path, opts)
	}
	return audit, err
}

// classify judges the commands of events that have no risk yet.
func classify(ev *etch.Event) (etch.Risk, []string) {
	if ev.Action == nil || ev.Type != etch.CommandExecution {
		return "", nil
	}
	judged := risk.Command(ev.Action.Command)
	return etch.Risk(judged.Level.String()), judged.Reasons
}

// run runs a command for an agent: nothing of high risk, and nothing that is not on record.
func run(ctx context.Context, audit etch.Recorder, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	return execwrap.Wrap(ctx, audit, cmd, &execwrap.Options{Deny: etch.RiskHigh}).Output()
}

// An agent's commands are recorded, and refused where they are too risky.
func ExampleWrap() {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // an example's own directory
	path := filepath.Join(dir, "audit.log")
	audit, err := openAudit(path)
	if err != nil {
		log.Fatal(err)
	}

	ctx := etch.WithScope(context.Background(), etch.Scope{Actor: etch.Actor{Username: "@alice", Agent: "helper"}, SessionID: "s1"})
	if _, err := run(ctx, audit, "go", "env", "GOVERSION"); err != nil {
		log.Fatal(err)
	}
	if _, err := run(ctx, audit, "git", "push", "--force"); err != nil {
		fmt.Println(err)
	}

	if err := audit.Close(); err != nil {
		log.Fatal(err)
	}
	reader, err := etch.OpenReader(path)
	if err != nil {
		log.Fatal(err)
	}
	for rec, err := range reader.Records(context.Background(), etch.Query{User: "alice"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Event.Type, rec.Event.Action.Command, rec.Event.Action.Risk, rec.Event.Result.Type)
	}
	// Output:
	// git is refused: risk high is at or above the limit high: git-force-push: git push --force overwrites published commits; git-push: git push publishes commits
	// command_execution go env GOVERSION low success
	// policy_violation git push --force high blocked
}
