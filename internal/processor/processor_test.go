//go:build amd64 && !purego

package processor

import (
	"os"
	"strings"
	"testing"
)

// TestFeatures compares with what the system says of its processor.
func TestFeatures(t *testing.T) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip("needs /proc/cpuinfo")
	}
	_, line, _ := strings.Cut(string(text), "\nflags")
	line, _, _ = strings.Cut(line, "\n")
	flags := " " + line + " "
	for name, got := range map[string]bool{" sha_ni ": SHA(), " avx2 ": AVX2()} {
		if want := strings.Contains(flags, name); got != want {
			t.Errorf("%s: got %v, the system says %v", name, got, want)
		}
	}
}
