package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/server"
)

// longLine is an event of a length.
func longLine(length int) string {
	const head, tail = `{"event_type":"tool_call","session_id":"`, `"}`
	return head + strings.Repeat("x", length-len(head)-len(tail)) + tail
}

// TestHalfLinesAreBounded shows that one sender's lines without an end take no more
// memory than is a sender's, that the others are not read meanwhile, and that they are
// when there is room again.
func TestHalfLinesAreBounded(t *testing.T) {
	const longest, connections, most = 1 << 20, 48, 32 << 20
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxEvent: longest, LineWait: time.Hour}})
	text := longLine(longest)
	var written [connections]chan error
	var lines [connections]*line
	for i := range lines {
		lines[i], written[i] = d.dial(t), make(chan error, 1)
		go func() {
			_, err := lines[i].Write([]byte(text[:longest-1])) // most of it waits in the socket where it is not read
			written[i] <- err
		}()
	}
	full := time.NewTicker(time.Millisecond)
	defer full.Stop()
	for d.Stats().Held < most-longest {
		<-full.C
	}
	for range 50 { // nothing more comes
		<-full.C
		if held := d.Stats().Held; held > most {
			t.Fatalf("%d bytes are held, at most %d are to be", held, most)
		}
	}
	// The lines come to their end one after the other, whoever was read first.
	for i := range lines {
		go func() {
			err := <-written[i]
			if err == nil {
				_, err = lines[i].Write([]byte(text[longest-1:] + "\n"))
			}
			written[i] <- err
		}()
	}
	for i := range lines {
		if got := lines[i].answer(); !strings.Contains(got, `"durable":true`) {
			t.Errorf("line %d: got %.200s", i, got)
		}
		if err := <-written[i]; err != nil {
			t.Error(err)
		}
	}
	for d.Stats().Held > 0 {
		<-full.C
	}
}

// TestNoRoomForLong shows that who is not read for want of room is told so in the end,
// and that who sends short lines is read all the while.
func TestNoRoomForLong(t *testing.T) {
	const longest = 16 << 20 // two of them are too much
	d := startDaemon(t, &server.Options{Limits: server.Limits{MaxEvent: longest, LineWait: 500 * time.Millisecond}})
	text := longLine(longest)
	lines := make([]*line, 8)
	for i := range lines {
		lines[i] = d.greeted(t, someEvent) // it is known what it speaks
		go func() {
			_, _ = lines[i].Write([]byte(text[:longest-1])) // it is cut off
		}()
	}
	short := d.greeted(t, someEvent)
	for range 50 {
		short.send(someEvent)
		if got := short.answer(); !strings.Contains(got, `"durable":true`) {
			t.Fatalf("got %s", got)
		}
	}
	for i := range lines {
		if got := lines[i].answer(); code(t, got) != "idle" {
			t.Errorf("line %d: got %s", i, got)
		}
	}
	ended := time.NewTicker(time.Millisecond)
	defer ended.Stop()
	for d.Stats().Held > 0 { // those of connections that have ended are given back
		<-ended.C
	}
}
