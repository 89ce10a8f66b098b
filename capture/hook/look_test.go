package hook

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

// A torn file system shows half of each session, as of one that is being written, for
// some looks.
type torn struct {
	vfs.FS
	looks int
}

func (f *torn) OpenFile(name string, flag int, perm os.FileMode) (vfs.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil || f.looks == 0 || !strings.HasSuffix(name, fileSuffix) {
		return file, err
	}
	f.looks--
	return half{file}, nil
}

type half struct{ vfs.File }

func (f half) Size() (int64, error) {
	size, err := f.File.Size()
	return size / 2, err
}

// A session that is being written is waited for by who has no lock: of one that cannot be
// read everything would be told once more.
func TestLookBehindAWriter(t *testing.T) {
	dir := t.TempDir()
	agent := &Agent{Name: "agent"} // with the events that agents share
	begin := func(s *Sessions, wait time.Duration) *Turn {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		turn, err := s.Begin(ctx, &Delivery{Agent: agent, Event: "PostToolUse", Payload: []byte(`{"session_id":"s","tool_name":"Bash","tool_use_id":"c","tool_input":{"command":"ls"},"tool_response":{}}`), Now: time.Unix(1e9, 0)})
		if err != nil && !errors.Is(err, vfs.ErrLocked) {
			t.Fatal(err)
		}
		return turn
	}
	first := begin(NewSessions(dir), time.Minute)
	if len(first.Events) == 0 {
		t.Fatal("nothing is told of the first delivery")
	}
	if err := first.Keep(); err != nil {
		t.Fatal(err)
	}
	held, err := NewSessions(dir).take(first.name, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, looks := range []int{0, 6} {
		s := NewSessions(dir)
		s.fs = &torn{s.fs, looks}
		if again := begin(s, 0); len(again.Events) != 0 {
			t.Errorf("%d looks at half a session: %d events are told again", looks, len(again.Events))
		}
	}
	if err := held.release(); err != nil {
		t.Error(err)
	}
}
