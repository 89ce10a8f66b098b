//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func init() { programs["ownsession"] = ownSession }

// ownSession is "ownsession CMD ARG...": without the terminal that the tests may
// have been started from, whose foreground they would be.
func ownSession() {
	_, err := syscall.Setsid()
	if err == nil {
		var path string
		if path, err = exec.LookPath(os.Args[1]); err == nil {
			err = syscall.Exec(path, os.Args[1:], os.Environ())
		}
	}
	fmt.Fprintln(os.Stderr, "ownsession:", err)
	os.Exit(1)
}
