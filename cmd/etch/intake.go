package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/etch-audit/etch"
)

// Limits of what is read ahead of the disk. A line may alone be larger than
// intakeBytes; one larger than maxInputLine is an error of its own, for it would
// be cut to 64 KiB in any case and nobody writes such events on purpose.
const (
	intakeLines  = 4096
	intakeBytes  = 8 << 20
	maxInputLine = 64 << 20
)

// An inputLine is one line of stdin, an event or the reason why it is none.
type inputLine struct {
	number int
	event  *etch.Event
	err    error
}

// An intake reads lines while those before them are being recorded.
type intake struct {
	ctx context.Context

	mu    sync.Mutex // guards what follows
	moved sync.Cond  // lines came or went, or the end did
	lines []inputLine
	bytes int
	ended error // io.EOF, or why reading ended
}

// newIntake begins to read. Its goroutine ends with the input or soon after ctx;
// a read that blocks keeps it until the process ends, as no reader can be
// interrupted.
func newIntake(ctx context.Context, r io.Reader) *intake {
	in := &intake{ctx: ctx}
	in.moved.L = &in.mu
	go in.read(bufio.NewReaderSize(r, 256<<10))
	context.AfterFunc(ctx, func() { in.finish(ctx.Err()) })
	return in
}

// take waits for lines and returns all that have come. With the last ones comes
// the error that ended the input, [io.EOF] where nothing went wrong.
func (in *intake) take() ([]inputLine, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.lines) == 0 && in.ended == nil {
		in.moved.Wait()
	}
	lines := in.lines
	in.lines, in.bytes = nil, 0
	in.moved.Broadcast()
	return lines, in.ended
}

// put adds a line once there is room, and reports whether to go on.
func (in *intake) put(line inputLine, size int) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.ended == nil && len(in.lines) > 0 && (len(in.lines) >= intakeLines || in.bytes+size > intakeBytes) {
		in.moved.Wait()
	}
	if in.ended != nil {
		return false
	}
	in.lines = append(in.lines, line)
	in.bytes += size
	in.moved.Broadcast()
	return true
}

func (in *intake) finish(why error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended == nil {
		in.ended = why
	}
	in.moved.Broadcast()
}

func (in *intake) read(r *bufio.Reader) {
	var buffer []byte
	for number := 1; ; number++ {
		line, tooLong, err := readLine(r, buffer[:0])
		buffer = line
		switch {
		case tooLong:
			err := fmt.Errorf("longer than %d bytes", maxInputLine)
			if !in.put(inputLine{number: number, err: err}, 0) {
				return
			}
		case len(bytes.TrimSpace(line)) > 0:
			event, err := etch.ParseInput(line)
			if !in.put(inputLine{number, event, err}, len(line)) {
				return
			}
		}
		if err != nil {
			in.finish(err)
			return
		}
		if cap(buffer) > intakeBytes {
			buffer = nil // one giant shall not stay for ever
		}
	}
}

// readLine appends the next line to buffer. The error is that of the reader
// after the last line, which needs no line feed.
func readLine(r *bufio.Reader, buffer []byte) (line []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(buffer)+len(part) > maxInputLine {
			buffer, tooLong = buffer[:0], true
		}
		if !tooLong {
			buffer = append(buffer, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return buffer, tooLong, err
		}
	}
}

// end returns what the command fails with once the input has ended: with what
// ended it, with bad lines, with receipts that nobody reads.
func (in *intake) end(why error, bad int, acks *receipts) error {
	switch {
	case !errors.Is(why, io.EOF):
		return errors.Join(why, acks.err)
	case bad > 0:
		return exitWith(exitFailed) // each line has been told
	}
	return acks.err
}
