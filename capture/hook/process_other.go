//go:build !linux && !darwin && !windows

package hook

// lookProcess knows no process here: sessions end by the time that nothing was heard of them.
func lookProcess(int) (processEntry, bool) { return processEntry{}, false }
