package etch_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/verify"
)

// A log is made once and then opened; what is on disk when Append returns is
// there whatever happens next.
func Example() {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	l, err := etch.Create(filepath.Join(dir, "audit.log"), nil)
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := l.Append(context.Background(), &etch.Event{
		Type:   etch.CommandExecution,
		Actor:  &etch.Actor{Channel: "telegram", Username: "@alice", Agent: "helper"},
		Action: &etch.Action{Tool: "shell", Command: "ls -la", Risk: etch.RiskLow, Allowed: true},
		Result: &etch.Result{Type: etch.Success, ExitCode: etch.Some[int64](0)},
	})
	if err != nil {
		log.Fatal(err) // not recorded: do not act
	}
	fmt.Println("recorded as number", receipt.Seq)
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: recorded as number 2
}

// Records are read without keys, beside writers.
func ExampleReader_Records() {
	path, done := exampleLog("ls -la", "sudo reboot", "cat notes.txt")
	defer done()

	r, err := etch.OpenReader(path)
	if err != nil {
		log.Fatal(err)
	}
	for rec, err := range r.Records(context.Background(), etch.Query{User: "alice", Risk: etch.RiskHigh, RiskAndAbove: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Seq, rec.Event.Action.Command)
	}
	// Output: 3 sudo reboot
}

// What failed to be recorded is always told, and each outcome is told apart.
func ExampleLog_Append_errors() {
	path, done := exampleLog()
	defer done()
	l, err := etch.Open(path, &etch.Options{Skip: etch.Skip{Commands: true}})
	if err != nil {
		log.Fatal(err)
	}
	_, err = l.Append(context.Background(), &etch.Event{Type: etch.CommandExecution})
	fmt.Println(errors.Is(err, etch.ErrSkipped))
	_, err = l.Append(context.Background(), &etch.Event{Type: "log_sealed"})
	fmt.Println(errors.Is(err, etch.ErrNotRecorded))
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// true
	// true
}

// An outsider verifies a copy with the public key that was kept elsewhere.
func Example_verify() {
	path, done := exampleLog("ls -la", "rm -rf build")
	defer done()
	public, err := os.ReadFile(filepath.Join(filepath.Dir(path), "audit.keys", "log.vkey"))
	if err != nil {
		log.Fatal(err)
	}

	dir := os.DirFS(filepath.Dir(path))
	report, err := verify.Log(context.Background(), dir, verify.Options{PublicKey: string(public[:len(public)-1])})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Verdict, report.ExitCode())

	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	text[len(text)/2]++ // somebody edits one byte
	if err := os.WriteFile(path, text, 0o600); err != nil {
		log.Fatal(err)
	}
	report, err = verify.Log(context.Background(), dir, verify.Options{PublicKey: string(public[:len(public)-1])})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Verdict, report.ExitCode())
	// Output:
	// intact 0
	// damaged 1
}

// exampleLog makes a log in which alice ran the commands; some of them are of
// high risk.
func exampleLog(commands ...string) (path string, done func()) {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "audit.log")
	l, err := etch.Create(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range commands {
		risk := etch.RiskLow
		if c == "sudo reboot" {
			risk = etch.RiskHigh
		}
		_, err := l.Append(context.Background(), &etch.Event{
			Type:   etch.CommandExecution,
			Actor:  &etch.Actor{Username: "@alice"},
			Action: &etch.Action{Command: c, Risk: risk, Allowed: true},
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}
	return path, func() { _ = os.RemoveAll(dir) } // an example's own directory
}
