// Package peer is the programs that a log is compared with, each behind the
// same interface, and the log itself.
//
// All of them store the same members of the same events. Those that sign do it
// as the seed does: encoding/json, and an HMAC-SHA256 in the line. Where a peer
// can be set up in several ways, it is the one that is fastest here; the
// comment of its file says which.
package peer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/etch-audit/etch"
)

// A Peer is something that keeps events. It is safe for concurrent use.
type Peer interface {
	// Append keeps one event. A durable peer has it on disk when it returns
	// nil. The event is neither kept nor changed.
	Append(ctx context.Context, ev *etch.Event) error
	// Close writes what is left and gives up the peer's files.
	Close() error
}

// open opens a peer in a directory that it has for itself, or shares with the
// same peer in other processes.
type open func(dir string) (Peer, error)

var peers = map[string]open{
	"etch":          openEtch,
	"etch-interval": openEtchInterval,
	"seed":          openSeed,
	"seed-mutex":    openSeedMutex,
	"bbolt":         openBolt,
	"sqlite":        openSQLite,
	"zerolog":       openZerolog,
}

// Names returns the names of all peers, sorted.
func Names() []string { return slices.Sorted(maps.Keys(peers)) }

// Open opens the named peer in dir.
func Open(name, dir string) (Peer, error) {
	f, ok := peers[name]
	if !ok {
		return nil, fmt.Errorf("no peer %q: there are %s", name, strings.Join(Names(), ", "))
	}
	p, err := f(dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return p, nil
}
