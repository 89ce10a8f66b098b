package mcp

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
)

// What is refused is answered on the stream of the client, which reads answers
// there alone.
func TestDenyTwoAddresses(t *testing.T) {
	opt := strict()
	to, stream, recorded, hangUp := twoWayClient(t, &opt, func(*http.Request) string { return "/messages?session_id=5" })
	for _, id := range []string{"1", `"x"`} {
		if response, _ := post(t, to, "", fmt.Sprintf(toolCall, id, "bad")); response.StatusCode != http.StatusAccepted {
			t.Errorf("got %s", response.Status)
		}
		if got, want := nextData(t, stream), fmt.Sprintf(refusedText, id); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	post(t, to, "", fmt.Sprintf(toolCall, "1", "good"))
	if got, want := nextData(t, stream), fmt.Sprintf(toolEnd, "1"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	hangUp()
	if got := recorded(); len(got) != 8 || got[2] != "tool_call completion bad blocked "+refusedWhy {
		t.Errorf("got %q", got)
	}
}

// What the client is told stands between events, whatever the pieces of the stream.
func TestTellable(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const told = "event: message\ndata: {}\n\n"
	for _, end := range []string{"\n", "\r\n", "\r"} {
		front, back := io.Pipe()
		s := newTellable(front)
		s.begin()
		var sent strings.Builder
		go func() {
			for n := range 200 {
				event := fmt.Sprintf("id: %d%sdata: said%s%s", n, end, end, end)
				sent.WriteString(event)
				for event != "" {
					k := 1 + random.IntN(len(event))
					if _, err := io.WriteString(back, event[:k]); err != nil {
						t.Error(err)
					}
					event = event[k:]
					if k%3 == 0 && !s.tell([]byte("{}\n")) {
						t.Error("it is not told")
					}
				}
			}
			_ = back.Close() // of a pipe, which has no error
		}()
		got, err := io.ReadAll(s)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ReplaceAll(string(got), told, "") != sent.String() || !strings.Contains(string(got), told) {
			t.Errorf("ends of lines %q: got %.300q", end, got)
		}
	}
}

// A stream that is closed ends, and so does who reads it ahead.
func TestTellableCloses(t *testing.T) {
	front, back := io.Pipe()
	s := newTellable(front)
	s.begin()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n, err := s.Read(make([]byte, 8)); n != 0 || err == nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := io.WriteString(back, "x"); err == nil {
		t.Error("the server's stream goes on")
	}
	for range 3 {
		s.tell(make([]byte, mostWaiting))
	}
	if s.tell([]byte("{}\n")) {
		t.Error("it is told without end")
	}
}
