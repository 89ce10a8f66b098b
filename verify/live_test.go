package verify

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// A liveLog is a log that is written in a directory, in the steps and the order
// of docs/spec/log-format.md.
type liveLog struct {
	*logtest.Log
	dir   string
	epoch atomic.Uint64
}

func (l *liveLog) path(name string) string { return filepath.Join(l.dir, name) }

// commit writes what is new in the active segment, and then the state.
func (l *liveLog) commit() error {
	files := l.Files()
	if err := l.extend(files["audit.log"]); err != nil {
		return err
	}
	return l.writeState(files["audit.state"])
}

// extend writes what the active segment lacks of data.
func (l *liveLog) extend(data []byte) error {
	f, err := os.OpenFile(l.path("audit.log"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(data[info.Size():], info.Size())
	}
	return errors.Join(err, f.Close())
}

func (l *liveLog) writeState(b []byte) error {
	f, err := os.OpenFile(l.path("audit.state"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, int64(l.Size()%2)*int64(len(b))) // one slot or the other
	return errors.Join(err, f.Close())
}

// rotate ends the active segment.
func (l *liveLog) rotate() error {
	number := l.Segment()
	l.Rotate()
	files := l.Files()
	numbered := []string{"", "audit.000001.log", "audit.000002.log", "audit.000003.log", "audit.000004.log", "audit.000005.log"}[number]
	if err := l.extend(files[numbered]); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(l.path("audit.log.new"), files["audit.log"], 0o600),
		os.Rename(l.path("audit.log"), l.path(numbered)),
		os.Rename(l.path("audit.log.new"), l.path("audit.log")),
		l.writeState(files["audit.state"]),
	)
}

// run writes records, epochs and segments.
func (l *liveLog) run() error {
	for i := range 400 {
		l.Events(1 + i%4)
		if i%100 == 60 {
			l.Epoch()
		}
		if err := l.commit(); err != nil {
			return err
		}
		if i%100 == 60 {
			l.epoch.Add(1)
		}
		if i%100 == 99 {
			if err := l.rotate(); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestLive judges a log again and again while it is written. It must never be
// found damaged.
func TestLive(t *testing.T) {
	l := &liveLog{Log: logtest.New(logtest.Options{Keys: keys, SealEvery: 20}), dir: t.TempDir()}
	if err := l.commit(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	go func() { stop(l.run()) }()
	opts := Options{PublicKey: keys.VKey(), MACSecret: keys.MAC, Home: &Home{EpochKeys: func() ([]string, error) {
		e := l.epoch.Load() // epoch.next may be there long before
		return []string{keys.EpochVKey(e), keys.EpochVKey(e + 1)}, nil
	}}}
	rounds, records := 0, uint64(0)
	for ; ctx.Err() == nil; rounds++ {
		r, err := Log(t.Context(), os.DirFS(l.dir), opts)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Intact {
			t.Errorf("round %d: %s", rounds, text(t, r))
			break
		}
		if r.Summary.Records < records {
			t.Errorf("round %d: %d records, there were %d before", rounds, r.Summary.Records, records)
		}
		records = r.Summary.Records
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	t.Logf("%d rounds, the last of %d records", rounds, records)
}
