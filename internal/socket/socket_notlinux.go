//go:build !linux

package socket

import (
	"context"
	"net"
)

// Dial connects to whoever listens at a path. The error is [fs.ErrNotExist] or ECONNREFUSED
// where nobody does.
func Dial(ctx context.Context, path string) (Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}
