//go:build !windows

package main

import (
	"errors"
	"syscall"
)

// exitBrokenPipe is what a shell shows of a program that SIGPIPE ended.
const exitBrokenPipe = 128 + int(syscall.SIGPIPE)

// brokenPipe reports whether err says that the reader of a pipe is gone.
func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
