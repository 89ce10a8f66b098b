package bench

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

// peakMemory returns the most memory this process has had resident, in MiB.
// It is read from /proc: what getrusage(2) says counts the parent's memory of
// before the exec.
func peakMemory() (float64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	s := bufio.NewScanner(f)
	for s.Scan() {
		if text, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			var kib float64
			if _, err := fmt.Sscanf(text, "%f kB", &kib); err != nil {
				return 0, fmt.Errorf("peak memory: %w", err)
			}
			return kib / 1024, nil
		}
	}
	return 0, errors.Join(errors.New("peak memory: the system does not say"), s.Err())
}
