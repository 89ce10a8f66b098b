package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/segment"
)

// ownersOf returns the user ids of whom the files and keys of a log are, and the
// directories that they are in, in order; none where the system does not tell.
func ownersOf(path string, held *keys.Dir) []string {
	layout, err := segment.LayoutOf(path)
	if err != nil {
		return []string{}
	}
	at := []string{layout.Dir, layout.Path(layout.State()), layout.Path(layout.Commit())}
	entries, err := os.ReadDir(layout.Dir)
	if err != nil {
		entries = nil // what cannot be listed may still be asked for by its name
		at = append(at, path)
	}
	for _, e := range entries {
		if _, err := layout.Parse(e.Name()); err == nil {
			at = append(at, layout.Path(e.Name()))
		}
	}
	for _, name := range []string{keys.MACFile, keys.IdentityFile, keys.EpochFile} {
		at = append(at, held.Path(name))
	}
	at = append(at, filepath.Dir(held.Path(keys.EpochFile)))
	owners := []string{}
	for _, path := range at {
		info, err := os.Stat(path)
		if err != nil {
			continue // it need not be there, or is out of reach
		}
		if id := ownerID(info); id != "" && !slices.Contains(owners, id) {
			owners = append(owners, id)
		}
	}
	slices.SortFunc(owners, func(a, b string) int {
		one, _ := strconv.Atoi(a) // ids are numbers here
		other, _ := strconv.Atoi(b)
		return one - other
	})
	return owners
}

// sentBy returns what reports whether a user has sent events to a daemon, by the word of
// a log.
func sentBy(ctx context.Context, path string) func(uid string) (bool, error) {
	return func(uid string) (bool, error) {
		where, err := etch.ParseFilter("type = auth_success and label.sender_uid = "+strconv.Quote(uid), time.Now())
		if err != nil {
			return false, err
		}
		reader, err := etch.OpenReader(path)
		if err != nil {
			return false, err
		}
		for _, err := range reader.Records(ctx, etch.Query{Where: where, Reverse: true, Limit: 1}) {
			if _, damage := errors.AsType[*etch.CorruptionError](err); damage {
				continue // that it is there is told besides
			}
			return err == nil, err
		}
		return false, nil
	}
}
