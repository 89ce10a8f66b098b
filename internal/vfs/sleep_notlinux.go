//go:build !linux

package vfs

import "time"

func sleep(d time.Duration) { time.Sleep(d) }
