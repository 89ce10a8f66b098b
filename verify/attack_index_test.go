package verify_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/etch-audit/etch/verify"
)

// An index of the lab is the hash of its segment, and nothing else.

func hashOf(segment io.ReaderAt, size int64) (digest [32]byte, err error) {
	h := sha256.New()
	_, err = io.Copy(h, io.NewSectionReader(segment, 0, size))
	return [32]byte(h.Sum(nil)), err
}

func hashIn(index io.ReaderAt, size int64) (digest [32]byte, err error) {
	_, err = io.ReadFull(io.NewSectionReader(index, 0, size), digest[:])
	return digest, err
}

const labIndex = "audit.index/000001.idx"

// indexAttacks doctor the index of segment 1, so that what is asked of it is
// answered as the attacker wants.
func indexAttacks() []attack {
	lie := sha256.Sum256([]byte("nothing was found"))
	put := func(do func(*testing.T, *lab, *thief) damage) func(*testing.T, *lab, *thief) damage {
		return func(t *testing.T, l *lab, th *thief) damage {
			d := do(t, l, th)
			d.files[labIndex] = lie[:]
			return d
		}
	}
	differs := []verify.Kind{verify.IndexDiffers}
	return []attack{
		// Nobody uses it: the log says nothing of it.
		{name: "doctor an index", do: put(swapFiles(func(map[string][]byte) {})), want: all("====")},
		// The record is found like every other line that is not the log's. Who can
		// make it one of the log's is betrayed by the index.
		{name: "doctor an index, on record in epoch 0", do: put(redo(onRecord(inEpoch0, lie))), want: all("FFFF")},
		{name: "doctor an index, on record in epoch 2", do: put(redo(onRecord(inEpoch2, lie))), want: all("FFFF")},
		{name: "doctor an index, on record after the last seal", do: put(redo(onRecord(unsealed, lie))), want: all("FFFF"), kinds: differs},
		{
			name: "doctor an index, on record by all keys",
			do:   put(redo(onRecord(inEpoch2, lie))),
			want: map[attacker]string{today: "FFFF", ever: "FFFF"}, kinds: append(differs, verify.HeadMismatch), // which concerns all segments
		},
	}
}

// onRecord puts an index of segment 1 on record before an event.
func onRecord(n int, digest [32]byte) func(*testing.T, *thief, []sheet) []sheet {
	return func(t *testing.T, _ *thief, all []sheet) []sheet {
		s, r := event(t, all, n)
		body := fmt.Sprintf(`%.41s,"event_type":"log_indexed","log":{"segment":1,"lines":9,"bytes":9,"digest":"%s"}`,
			all[s].rows[r].body, hex.EncodeToString(digest[:]))
		all[s].rows = slices.Insert(all[s].rows, r, row{body: body})
		return all
	}
}

// TestTrueIndex is that of the log as the writer made it, on record or not.
func TestTrueIndex(t *testing.T) {
	l := makeLab(t, true)
	sum := sha256.Sum256(l.files["audit.000001.log"])
	l.files[labIndex] = sum[:]
	for where := range situations {
		if r := l.report(t, l.files, where, l.epochKeys(t, l.disk)); r.Verdict != verify.Intact || !told(r, "not on record in the log: "+labIndex) {
			t.Errorf("%v: got %s %+v, %q", where, r.Verdict, r.Faults, r.NotChecked)
		}
	}
}
