package hook

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// lookProcess reads the process table.
func lookProcess(id int) (processEntry, bool) {
	var room [2 << 10]byte // a line of proc_pid_stat(5) is shorter
	stat, err := readOnce("/proc/"+strconv.Itoa(id)+"/stat", room[:])
	if err != nil {
		return processEntry{}, false
	}
	return parseStat(id, stat)
}

// readOnce reads the beginning of a file of /proc, which one call gives: this is asked
// of every delivery.
func readOnce(name string, room []byte) ([]byte, error) {
	fd, err := again(func() (int, error) { return unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(fd) }() // it was only read
	n, err := again(func() (int, error) { return unix.Read(fd, room) })
	if err != nil {
		return nil, err
	}
	return room[:n], nil
}

// again calls until no signal interrupts.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

// parseStat reads a stat file of proc_pid_stat(5): the name stands in
// parentheses and may hold any bytes, the parent is field 4, the start 22.
func parseStat(id int, stat []byte) (processEntry, bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return processEntry{}, false
	}
	const state, parent, start = 0, 1, 19 // fields 3, 4 and 22
	entry, at := processEntry{process: process{ID: id}, name: string(stat[open+1 : end])}, 0
	var err error
	for field := range bytes.FieldsSeq(stat[end+1:]) {
		switch at {
		case state:
			if string(field) == "Z" {
				return processEntry{}, false // a zombie has ended
			}
		case parent:
			entry.parent, err = strconv.Atoi(string(field))
		case start:
			entry.Start, err = strconv.ParseUint(string(field), 10, 64)
			return entry, err == nil
		}
		if err != nil {
			return processEntry{}, false
		}
		at++
	}
	return processEntry{}, false
}
