package verify

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func cpu(who int) time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkCPU(b *testing.B) {
	dir, total := benchLog(b, 200<<20)
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	f := func(name string, opts Options) {
		best := time.Duration(1 << 62)
		for range 8 {
			s := cpu(syscall.RUSAGE_SELF)
			Log(b.Context(), os.DirFS(dir), opts)
			best = min(best, cpu(syscall.RUSAGE_SELF)-s)
		}
		b.Logf("%s: %v cpu, %.2f GB/s per core", name, best, float64(total)/best.Seconds()/1e9)
	}
	best := time.Duration(1 << 62)
	for range 8 {
		s := cpu(syscall.RUSAGE_CHILDREN)
		exec.Command("openssl", append([]string{"dgst", "-sha256"}, files...)...).Run()
		best = min(best, cpu(syscall.RUSAGE_CHILDREN)-s)
	}
	b.Logf("openssl: %v cpu, %.2f GB/s", best, float64(total)/best.Seconds()/1e9)
	f("public w2", outside())
	f("public w1", Options{PublicKey: keys.VKey(), Workers: 1})
	f("mac", Options{PublicKey: keys.VKey(), MACSecret: keys.MAC})
}
