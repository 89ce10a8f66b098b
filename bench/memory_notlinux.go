//go:build !linux

package bench

import "runtime"

// peakMemory returns what the runtime has got from the system, in MiB, which
// is never less than what was resident of it.
func peakMemory() (float64, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / (1 << 20), nil
}
