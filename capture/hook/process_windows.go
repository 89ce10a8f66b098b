package hook

import "golang.org/x/sys/windows"

// lookProcess asks for a process. Its name and parent are not looked for: an
// agent starts hooks without a shell here, or through one that is not known.
func lookProcess(id int) (processEntry, bool) {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(id))
	if err != nil {
		return processEntry{}, false
	}
	defer func() { _ = windows.CloseHandle(handle) }() // nothing depends on it
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(handle, &created, &exited, &kernel, &user); err != nil || exited.Nanoseconds() > created.Nanoseconds() {
		return processEntry{}, false
	}
	return processEntry{process: process{id, uint64(created.Nanoseconds())}}, true
}
