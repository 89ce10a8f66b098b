//go:build !linux

package mcp

import "syscall"

// attributes has nothing to say: the server learns of the wrapper's death from
// the end of its input.
func attributes() *syscall.SysProcAttr { return nil }

// bindThread does nothing.
func bindThread() func() { return func() {} }
