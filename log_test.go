package etch_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/etch-audit/etch"
)

func command(text string) *etch.Event {
	return &etch.Event{
		Type:   etch.CommandExecution,
		Actor:  &etch.Actor{Channel: "telegram", UserID: "123456789", Username: "@alice"},
		Action: &etch.Action{Command: text, Risk: etch.RiskLow, Allowed: true},
		Result: &etch.Result{Type: etch.Success, ExitCode: etch.Some[int64](0)},
	}
}

func TestLogEndToEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				if _, err := l.Append(t.Context(), command("ls -la")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r, err := l.Append(t.Context(), command("curl -u bob:secret123 https://x.example"))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Seq, r.EventID(), r.Sealed())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	rd, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range rd.Records(t.Context(), etch.Query{User: "alice"}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		_ = rec
	}
	if n != 801 {
		t.Fatalf("%d records, want 801", n)
	}
	b, _ := os.ReadFile(path)
	t.Logf("%s", b[len(b)-2000:])
}
