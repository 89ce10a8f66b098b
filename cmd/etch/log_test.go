package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
)

// A failingLog takes the first events, and fails those after them.
type failingLog struct {
	takes int
	err   error
	got   int
}

func (l *failingLog) AppendBatch(_ context.Context, events []*etch.Event) ([]etch.Receipt, error) {
	receipts := make([]etch.Receipt, len(events))
	var err error
	for i := range events {
		if l.got < l.takes {
			receipts[i] = etch.Receipt{Seq: uint64(l.got), Durable: true}
			l.got++
		} else {
			err = l.err
		}
	}
	return receipts, err
}

// streamed records so many lines with a policy, and returns the receipts, the
// words, and the exit code.
func streamed(t *testing.T, log batcher, lines int, policy etch.OnError) (out, words string, exit int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	std := stdio{in: strings.NewReader(strings.Repeat(tool, lines)), out: &stdout, err: &stderr}
	err := logStream(t.Context(), log, policy, newReceipts(true, std), std)
	if err != nil {
		exit = report(t.Context(), err, std)
	}
	return stdout.String(), stderr.String(), exit
}

// Of events that were lost nobody gets a receipt, and everybody is told which.
func TestLogStreamLoses(t *testing.T) {
	lost := fmt.Errorf("%w: no space left", etch.ErrNotRecorded)
	for _, test := range []struct {
		name         string
		takes, lines int
		policy       etch.OnError
		words        string
	}{
		// How many lines go together depends on how quickly they are read.
		{"all but one", 1, 4, etch.Block, `(lines from 2 to [34]|line 2): event is not recorded: no space left`},
		{"the last", 3, 4, etch.Block, `line 4: event is not recorded: no space left`},
		{"going on", 1, 3, etch.Continue, `(lines from 2 to 3|line [23]): event is not recorded: no space left`},
	} {
		out, words, exit := streamed(t, &failingLog{takes: test.takes, err: lost}, test.lines, test.policy)
		if exit != exitFailed {
			t.Errorf("%s: got exit %d, want %d", test.name, exit, exitFailed)
		}
		if got := strings.Count(out, "\n"); got != test.takes {
			t.Errorf("%s: got %d receipts, want %d", test.name, got, test.takes)
		}
		if !regexp.MustCompile(test.words).MatchString(words) {
			t.Errorf("%s: got %q, want %q in it", test.name, words, test.words)
		}
		if blocks := strings.Contains(words, `on_error is "block"`); blocks != (test.policy == etch.Block) {
			t.Errorf("%s: got %q, want the consequence of the policy", test.name, words)
		}
	}
}

func TestLogStreamSkips(t *testing.T) {
	out, words, exit := streamed(t, &failingLog{err: etch.ErrSkipped}, 2, etch.Block)
	if want := `{"line":1,"skipped":true}` + "\n" + `{"line":2,"skipped":true}` + "\n"; out != want || words != "" || exit != 0 {
		t.Errorf("got %q, %q, exit %d, want %q", out, words, exit, want)
	}
}

// Nobody reading the receipts stops no recording.
func TestLogStreamUnread(t *testing.T) {
	log := &failingLog{takes: 1e6}
	full := errors.New("full")
	std := stdio{in: strings.NewReader(strings.Repeat(tool, 10)), out: failingWriter{full}, err: new(bytes.Buffer)}
	if err := logStream(t.Context(), log, etch.Block, newReceipts(true, std), std); !errors.Is(err, full) {
		t.Errorf("got error %v, want %v", err, full)
	}
	if log.got == 0 {
		t.Error("got nothing recorded before the receipts failed")
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
