package peer

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/etch-audit/etch"
)

var bucket = []byte("events")

// A bolt keeps signed lines in a bbolt database under rising numbers, by Batch,
// which joins the callers of one millisecond in one transaction. Pages are
// filled to the end, as befits keys that only grow, and the free list is not
// synced: both are in its favour.
type bolt struct{ db *bbolt.DB }

func openBolt(dir string) (Peer, error) {
	db, err := bbolt.Open(filepath.Join(dir, "audit.bolt"), 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	db.MaxBatchDelay = time.Millisecond
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &bolt{db}, nil
}

func (b *bolt) Append(_ context.Context, ev *etch.Event) error {
	line, err := sign(ev)
	if err != nil {
		return err
	}
	return b.db.Batch(func(tx *bbolt.Tx) error {
		events := tx.Bucket(bucket)
		events.FillPercent = 1
		n, err := events.NextSequence()
		if err != nil {
			return err
		}
		var number [8]byte
		binary.BigEndian.PutUint64(number[:], n)
		return events.Put(number[:], line)
	})
}

func (b *bolt) Close() error { return b.db.Close() }
