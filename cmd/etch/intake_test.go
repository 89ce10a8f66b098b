package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

const tool = `{"event_type":"tool_call"}` + "\n"

// takeAll takes until the end, and returns what came and the error of the end.
func takeAll(in *intake) (lines []inputLine, err error) {
	for err == nil {
		var some []inputLine
		some, err = in.take()
		lines = append(lines, some...)
	}
	return lines, err
}

func TestIntakeNumbersLines(t *testing.T) {
	in := newIntake(t.Context(), strings.NewReader(tool+"\n  \nbad\n"+strings.TrimSuffix(tool, "\n")))
	lines, err := takeAll(in)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("got error %v, want EOF", err)
	}
	want := []struct {
		number int
		bad    bool
	}{{1, false}, {4, true}, {5, false}}
	if len(lines) != len(want) {
		t.Fatalf("got %d lines, want %d", len(lines), len(want))
	}
	for i, w := range want {
		if lines[i].number != w.number || (lines[i].err != nil) != w.bad {
			t.Errorf("got line %d, error %v, want line %d, bad %v", lines[i].number, lines[i].err, w.number, w.bad)
		}
	}
}

// What came before a stall can be taken while the input stalls.
func TestIntakeStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		in := newIntake(t.Context(), r)
		go func() {
			if _, err := io.WriteString(w, tool); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		lines, err := in.take()
		if len(lines) != 1 || err != nil {
			t.Errorf("got %d lines, error %v, want 1, none", len(lines), err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if lines, err := takeAll(in); len(lines) != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("got %d lines, error %v, want the end", len(lines), err)
		}
	})
}

// A slow disk makes the reader wait, not the memory grow.
func TestIntakeIsBounded(t *testing.T) {
	for _, test := range []struct {
		name  string
		line  string
		lines int
		most  int
	}{
		{"many", tool, 3 * intakeLines, intakeLines},
		{"large", `{"event_type":"tool_call","labels":{"x":"` + strings.Repeat("x", intakeBytes/4) + `"}}` + "\n", 8, 3},
		{"giants", `{"event_type":"tool_call","labels":{"x":"` + strings.Repeat("x", 2*intakeBytes) + `"}}` + "\n", 2, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			in := newIntake(t.Context(), strings.NewReader(strings.Repeat(test.line, test.lines)))
			synctest.Wait()
			in.mu.Lock()
			waiting := len(in.lines)
			in.mu.Unlock()
			if waiting != test.most {
				t.Errorf("%s: got %d lines read ahead, want %d", test.name, waiting, test.most)
			}
			if lines, _ := takeAll(in); len(lines) != test.lines {
				t.Errorf("%s: got %d lines in the end, want %d", test.name, len(lines), test.lines)
			}
		})
	}
}

func TestIntakeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		in := newIntake(ctx, r)
		cancel()
		if _, err := takeAll(in); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want %v", err, context.Canceled)
		}
		if err := w.Close(); err != nil { // lets the reading goroutine go
			t.Error(err)
		}
	})
}

func TestIntakeTellsReadErrors(t *testing.T) {
	failed := errors.New("failed")
	in := newIntake(t.Context(), io.MultiReader(strings.NewReader(tool), iotest.ErrReader(failed)))
	lines, err := takeAll(in)
	if len(lines) != 1 || !errors.Is(err, failed) {
		t.Errorf("got %d lines, error %v, want 1, %v", len(lines), err, failed)
	}
}

// A line that is too long is an error of its own; those after it are read.
func TestIntakeTooLong(t *testing.T) {
	giant := io.MultiReader(strings.NewReader(`"`), io.LimitReader(zeros{}, maxInputLine), strings.NewReader("\n"+tool))
	lines, err := takeAll(newIntake(t.Context(), giant))
	if !errors.Is(err, io.EOF) || len(lines) != 2 {
		t.Fatalf("got %d lines, error %v, want 2, EOF", len(lines), err)
	}
	if lines[0].err == nil || !strings.Contains(lines[0].err.Error(), "longer than") {
		t.Errorf("got error %v of line 1, want that it is too long", lines[0].err)
	}
	if lines[1].err != nil || lines[1].number != 2 {
		t.Errorf("got line %d, error %v, want line 2, none", lines[1].number, lines[1].err)
	}
}

// zeros is an endless text without a line feed.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// Lines put together again are the input, whatever it is and however it comes.
func FuzzReadLine(f *testing.F) {
	f.Add([]byte(""), false)
	f.Add([]byte("a\n\nb"), true)
	f.Add([]byte(strings.Repeat("x", 100)+"\n"), false)
	f.Fuzz(func(t *testing.T, input []byte, oneByOne bool) {
		var source io.Reader = bytes.NewReader(input)
		if oneByOne {
			source = iotest.OneByteReader(source)
		}
		r := bufio.NewReaderSize(source, 16)
		var got []byte
		for {
			line, tooLong, err := readLine(r, nil)
			if tooLong {
				t.Fatalf("%d bytes are too long", len(input))
			}
			if i := bytes.IndexByte(line, '\n'); i >= 0 && i != len(line)-1 {
				t.Fatalf("%q holds a line feed within", line)
			}
			got = append(got, line...)
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, input) {
			t.Fatalf("got %q, want %q", got, input)
		}
	})
}
