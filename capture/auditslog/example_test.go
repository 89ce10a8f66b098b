package auditslog_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/auditslog"
)

// record makes a logger whose records with an event_type are events too.
func record(audit etch.Recorder, usual *slog.Logger) *slog.Logger {
	return slog.New(auditslog.New(audit, &auditslog.Options{
		Next:    usual.Handler(),
		OnError: func(err error) { usual.Error("not on record", "err", err) },
	}))
}

// One logger serves for both: what has an event type is recorded, the rest is logged
// as ever.
func Example() {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // an example's own directory
	path := filepath.Join(dir, "audit.log")
	audit, err := etch.Create(path, nil)
	if err != nil {
		log.Fatal(err)
	}

	logger := record(audit, slog.New(slog.DiscardHandler)).With("user", "@alice", "agent", "helper")
	logger.Info("starting") // no event
	logger.Info("ran the tests", "event_type", "command_execution", "command", "go test ./...", "exit_code", 0,
		"success", true, "duration", 2*time.Second, "attempts", 3)
	logger.Error("no page", "event_type", "tool_call", "tool", "fetch", "err", errors.New("404 Not Found"))

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
		e := rec.Event
		fmt.Println(e.Type, e.Action.Tool+e.Action.Command, e.Result.Type, e.Result.Message, e.Result.Duration, e.Labels)
	}
	// Output:
	// command_execution go test ./... success  2s map[attempts:3 level:INFO msg:ran the tests]
	// tool_call fetch error 404 Not Found 0s map[level:ERROR msg:no page]
}
