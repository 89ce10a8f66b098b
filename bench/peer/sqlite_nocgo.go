//go:build !cgo

package peer

import "errors"

// openSQLite says why there is no SQLite: its library is in C.
func openSQLite(string) (Peer, error) {
	return nil, errors.New("SQLite needs a C compiler and CGO_ENABLED=1")
}
