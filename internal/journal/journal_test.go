package journal

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/vfs"
)

func testOptions(dir string) Options {
	return Options{
		FS: vfs.OS(), Path: filepath.Join(dir, "audit.log"), Keys: filepath.Join(dir, "audit.keys"),
		Signed: true, MaxSize: 1 << 20, SealEvery: time.Second, SealRecords: 100, Epoch: time.Hour,
		LockWait: 5 * time.Second, Writer: "etch/test", Now: time.Now,
		Notify: func(Notice) {},
	}
}

const testBody = `"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"evt_1","event_type":"command_execution","action":{"command":"ls -la","approved":false,"allowed":true}`

func TestSmoke(t *testing.T) {
	opt := testOptions(t.TempDir())
	j, err := Create(opt)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 100 {
				if _, err := j.Append(t.Context(), []byte(testBody)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := j.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j, err = Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	r, err := j.Append(t.Context(), []byte(testBody))
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Seq, r.Checkpoint.Size)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
