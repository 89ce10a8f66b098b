package peer_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
	"github.com/etch-audit/etch/bench/peer"
)

const callers, each = 8, 25

// TestPeersStoreTheSame appends the same events to each peer, from several
// callers, and compares what is in its files with what the log has stored.
func TestPeersStoreTheSame(t *testing.T) {
	made := events.New(events.Options{Seed: 11}).Take(callers * each)
	want := stored(t, "etch", made)
	if len(want) != len(made) {
		t.Fatalf("the log has %d events, want %d", len(want), len(made))
	}
	for _, name := range peer.Names() {
		t.Run(name, func(t *testing.T) {
			got := stored(t, name, made)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the stored events differ (-etch +%s):\n%s", name, diff)
			}
		})
	}
}

func TestOpenUnknown(t *testing.T) {
	if _, err := peer.Open("paper", t.TempDir()); err == nil {
		t.Error("a peer that is not there was opened")
	}
}

// stored returns what a peer has stored, decoded, by event id. What only some
// of them write, number and signature, is left out.
func stored(t *testing.T, name string, made []*etch.Event) map[string]map[string]any {
	t.Helper()
	dir := t.TempDir()
	p, err := peer.Open(name, dir)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for _, ev := range made[c*each : (c+1)*each] {
				if err := p.Append(t.Context(), ev); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, line := range lines(t, name, dir) {
		var members map[string]any
		if err := json.Unmarshal(line, &members); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		id, ok := members["event_id"].(string)
		if !ok {
			continue // a control record
		}
		delete(members, "seq")
		delete(members, "signature")
		delete(members, "timestamp") // as many digits as each likes
		all[id] = members
	}
	return all
}

func lines(t *testing.T, name, dir string) [][]byte {
	t.Helper()
	switch name {
	case "bbolt":
		return boltLines(t, filepath.Join(dir, "audit.bolt"))
	case "sqlite":
		return sqliteLines(t, filepath.Join(dir, "audit.sqlite"))
	}
	f, err := os.Open(filepath.Join(dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	var all [][]byte
	s := bufio.NewScanner(f)
	for s.Scan() {
		all = append(all, bytes.Clone(s.Bytes()))
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func boltLines(t *testing.T, path string) [][]byte {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("events")).ForEach(func(_, line []byte) error {
			all = append(all, bytes.Clone(line))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func sqliteLines(t *testing.T, path string) [][]byte {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // it was only read
	rows, err := db.Query(`select line from events`)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for rows.Next() {
		var line []byte
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
