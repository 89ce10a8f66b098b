package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/etch-audit/etch/server"
)

// A client that still sends when the daemon ends reads its answers, why nothing more is
// taken, and the end, which is no reset; one that does not end holds nobody up.
func TestDrainResetsNobody(t *testing.T) {
	d := startDaemon(t, &server.Options{HTTP: http.NotFoundHandler()})
	l, silent, web := d.dial(t), d.dial(t), d.dial(t)
	for _, l := range []*line{l, silent} {
		l.send(someEvent)
		if got := l.answer(); !strings.Contains(got, `"durable":true`) {
			t.Fatalf("got %s", got)
		}
	}
	web.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if got := web.answer(); !strings.Contains(got, "404") {
		t.Fatalf("got %s", got)
	}
	sending := make(chan error, 1)
	go func() {
		var err error
		for err == nil { // beyond what the daemon takes before it ends
			_, err = io.WriteString(l, strings.Repeat(someEvent, 100))
		}
		sending <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patiently)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- d.Drain(ctx) }()
	last := ""
	for {
		text, err := l.in.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("behind the last answer: %v, want the end", err)
			}
			break
		}
		last = text
	}
	if !strings.Contains(last, `"code":"shutting_down"`) {
		t.Errorf("the last answer is %q", last)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-sending; err == nil {
		t.Error("the client could send for ever")
	}
	if err := <-drained; err != nil {
		t.Errorf("it is held up: %v", err)
	}
}
