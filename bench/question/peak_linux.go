package question

import (
	"errors"
	"os"
	"syscall"
)

// peakOf returns the most memory that a process had resident, in MiB.
func peakOf(state *os.ProcessState) (float64, error) {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, errors.New("peak memory: the system does not say")
	}
	return float64(usage.Maxrss) / 1024, nil
}
