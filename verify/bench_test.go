package verify

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// benchLog writes a log of about size bytes into a directory, in segments of
// 100 MiB, and returns the directory and the exact size.
func benchLog(b *testing.B, size int64) (dir string, total int64) {
	b.Helper()
	l := logtest.New(logtest.Options{Keys: keys, SealEvery: 990})
	for written := int64(0); written < size; {
		for range 990 {
			l.Event(fmt.Sprintf(`"event_id":"evt_%016x","event_type":"command_execution","phase":"completion","call_id":"call_%08x",`+
				`"actor":{"channel":"cli","user_id":"1000","username":"alice","agent":"assistant","model":"large-2","host":"builder"},`+
				`"action":{"tool":"shell","command":"go test ./internal/journal -run TestCommit -count=%d","cwd":"/home/alice/src/project","risk_level":"low","approved":true,"allowed":true},`+
				`"result":{"success":true,"exit_code":0,"duration_ms":%d},"security":{"policy_violation":false,"sandbox_backend":"none"}`,
				l.Size()*0x9e3779b97f4a7c15, l.Size(), l.Size()%97, l.Size()%4099))
		}
		written = int64(l.Size()) * 600
		if l.Offset() > 100<<20 {
			l.Rotate()
		}
	}
	dir = b.TempDir()
	for name, data := range l.Files() {
		total += int64(len(data))
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return dir, total
}

// BenchmarkLog verifies a log, and for comparison lets openssl hash the same
// bytes, which is what a verification cannot do without.
func BenchmarkLog(b *testing.B) {
	dir, total := benchLog(b, 200<<20)
	run := func(name string, opts Options) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(total)
			b.ReportAllocs()
			for b.Loop() {
				r, err := Log(b.Context(), os.DirFS(dir), opts)
				if err != nil || r.Verdict != Intact {
					b.Fatal(err, r)
				}
			}
		})
	}
	b.Run("openssl", func(b *testing.B) {
		openssl, err := exec.LookPath("openssl")
		if err != nil {
			b.Skip("no openssl to compare with")
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.log"))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(total)
		for b.Loop() {
			if out, err := exec.CommandContext(b.Context(), openssl, append(strings.Fields("dgst -sha256"), files...)...).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
	})
	run("key=public", outside())
	run("key=public/workers=1", Options{PublicKey: keys.VKey(), Workers: 1})
	run("key=mac", Options{PublicKey: keys.VKey(), MACSecret: keys.MAC})
}
