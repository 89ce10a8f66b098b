package hook

import (
	"bytes"
	"strconv"
)

// lookProcess reads the process table.
func lookProcess(id int) (processEntry, bool) {
	stat, err := readFile("/proc/"+strconv.Itoa(id)+"/stat", 4<<10)
	if err != nil {
		return processEntry{}, false
	}
	return parseStat(id, stat)
}

// parseStat reads a stat file of proc_pid_stat(5): the name stands in
// parentheses and may hold any bytes, the parent is field 4, the start 22.
func parseStat(id int, stat []byte) (processEntry, bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return processEntry{}, false
	}
	fields := bytes.Fields(stat[end+1:])
	const state, parent, start = 0, 1, 19 // fields 3, 4 and 22
	if len(fields) <= start || string(fields[state]) == "Z" {
		return processEntry{}, false // a zombie has ended
	}
	ppid, err := strconv.Atoi(string(fields[parent]))
	if err != nil {
		return processEntry{}, false
	}
	at, err := strconv.ParseUint(string(fields[start]), 10, 64)
	if err != nil {
		return processEntry{}, false
	}
	return processEntry{process{id, at}, ppid, string(stat[open+1 : end])}, true
}
