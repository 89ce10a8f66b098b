package main

import (
	"errors"
	"syscall"
)

// exitBrokenPipe is that of unix: a script need not know the system.
const exitBrokenPipe = 128 + int(syscall.SIGPIPE)

// errNoData is what a write to a pipe gets whose reader is about to go.
const errNoData = syscall.Errno(232) // ERROR_NO_DATA

// brokenPipe reports whether err says that the reader of a pipe is gone.
func brokenPipe(err error) bool {
	return errors.Is(err, syscall.ERROR_BROKEN_PIPE) || errors.Is(err, errNoData)
}
