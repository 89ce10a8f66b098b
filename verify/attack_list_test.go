package verify_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/journal"
	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/memfs"
	"github.com/etch-audit/etch/verify"
)

// lineAttacks change single events, and make all again that follows from it.
func lineAttacks() []attack {
	var list []attack
	for name, change := range map[string]func(int) func(*testing.T, *thief, []sheet) []sheet{"edit": edit, "remove": remove, "insert": insert} {
		list = append(list,
			attack{name: name + " in epoch 0", do: redo(change(inEpoch0)), want: by("FFFF", "FFFF", "FFFF", "FFFF", "---F"), limit: limitEver},
			attack{name: name + " in epoch 1", do: redo(change(inEpoch1)), want: by("FFFF", "FFFF", "FFFF", "FFFF", "---F"), limit: limitEver},
			attack{name: name + " in epoch 2", do: redo(change(inEpoch2)), want: by("FFFF", "FFFF", "---F", "FFFF", "---F"), limit: limitCurrent},
			attack{name: name + " after the last seal", do: redo(change(unsealed)), want: by("FTFT", "TTTT", "TTTT", "TTTT", "TTTT"), limit: limitUnsealed},
		)
	}
	return append(list,
		attack{name: "move to another segment", do: redo(move(inEpoch0, inEpoch1)), want: by("FFFF", "FFFF", "FFFF", "FFFF", "---F"), limit: limitEver},
		attack{name: "move within the epoch to another segment", do: redo(move(inEpoch2, 27)), want: by("FFFF", "FFFF", "---F", "FFFF", "---F"), limit: limitCurrent},
	)
}

// stripAttacks take MACs and seals away, and the promises of them.
func stripAttacks() []attack {
	return []attack{
		{name: "strip MACs, all said to be unsigned", do: redo(func(t *testing.T, th *thief, all []sheet) []sheet {
			for i := range all {
				all[i].unsigned = true
			}
			return each(func(_ int, r row) row {
				r.body = strings.Replace(r.body, `"sign_events":true`, `"sign_events":false`, 1)
				return r
			})(t, th, all)
		}), want: by("FFFF", "FFFF", "FFFF", "FFFF", "---F"), limit: limitEver},
		{name: "strip MACs, still said to be signed", do: redo(func(_ *testing.T, _ *thief, all []sheet) []sheet {
			all[0].unsigned = true
			return all
		}), want: all("FFFF")},
		{name: "strip seals and raise the promise", do: redo(each(func(_ int, r row) row {
			if r.kind() == "log_sealed" && !strings.Contains(r.body, `"reason"`) {
				r.body = ""
			}
			r.body = strings.Replace(r.body, `"seal_records":8`, `"seal_records":4000000000`, 1)
			return r
		})), want: all("FFFF")}, // where no seal follows, a log_epoch is void
		{name: "strip seals of epoch 2 and raise the promise", do: redo(func(t *testing.T, th *thief, all []sheet) []sheet {
			seen := 0
			return each(func(s int, r row) row {
				if strings.Contains(r.body, `"epoch":2`) && r.kind() == "log_sealed" && !strings.Contains(r.body, `"reason"`) {
					if seen++; s == 2 {
						r.body = ""
					}
				}
				if s == 2 {
					r.body = strings.Replace(r.body, `"seal_records":8`, `"seal_records":4000000000`, 1)
				}
				return r
			})(t, th, all)
		}), want: by("FTFF", "TTTF", "TTTF", "TTTF", "TTTF"), limit: limitSeals},
		{name: "strip all seals of the active segment", do: redo(func(_ *testing.T, _ *thief, all []sheet) []sheet {
			all[2].rows = slices.DeleteFunc(all[2].rows, func(r row) bool { return r.kind() == "log_sealed" })
			return all
		}), want: all("FFFF")},
		{name: "active segment made again without seals and MACs", do: redo(func(_ *testing.T, _ *thief, all []sheet) []sheet {
			all[2].unsigned = true
			all[2].rows = slices.DeleteFunc(all[2].rows, func(r row) bool { return r.kind() == "log_sealed" })
			for i, r := range all[2].rows {
				r.body = strings.Replace(r.body, `"sign_events":true`, `"sign_events":false`, 1)
				r.body = strings.Replace(r.body, `"seal_records":8`, `"seal_records":4000000000`, 1)
				all[2].rows[i].body = strings.Replace(r.body, "make", "fake", 1)
			}
			return all
		}), want: by("FTTF", "TTTF", "TTTF", "TTTF", "TTTF"), limit: limitSeals},
	}
}

// controlAttacks change or forge what the log writes about itself.
func controlAttacks() []attack {
	const opened = `"event_type":"log_opened"`
	forgedKey := logtest.NewKeys("thief").VKey()
	return []attack{
		{name: "insert log_epoch", do: redo(func(t *testing.T, th *thief, all []sheet) []sheet {
			s, r := event(t, all, 27)
			head, _, _ := strings.Cut(all[s].rows[r].body, `"event_id"`)
			seal := all[s].rows[slices.IndexFunc(all[s].rows, func(r row) bool { return r.kind() == "log_sealed" })]
			epoch := row{body: head + `"event_type":"log_epoch","log":{"epoch":3,"epoch_key":"` + th.vkey() + `"}`}
			if th.epochs != nil {
				th.epochs = maps.Clone(th.epochs)
				th.epochs[3] = th.own
			}
			all[s].rows = slices.Insert(all[s].rows, r, epoch, row{body: seal.body})
			return all
		}), want: by("FFFF", "FFFF", "F--F", "FFFF", "F--F"), limit: limitCurrent},
		{name: "break the epoch", do: redo(func(t *testing.T, th *thief, all []sheet) []sheet {
			s, r := event(t, all, inEpoch1)
			head, _, _ := strings.Cut(all[s].rows[r].body, `"event_id"`)
			all[s].rows = slices.Insert(all[s].rows, r, row{body: head +
				fmt.Sprintf(`"event_type":"log_epoch_broken","log":{"epoch":2,"epoch_key":"%s","cause":"the disk died","note":""}`, th.vkey())})
			return all
		}), want: all("FFFF")},
		{name: "identity exchanged", do: redo(each(func(_ int, r row) row {
			if strings.Contains(r.body, opened) {
				_, rest, _ := strings.Cut(r.body, `"identity_key":"`)
				key, _, _ := strings.Cut(rest, `"`)
				r.body = strings.Replace(r.body, key, forgedKey, 1)
			}
			return r
		})), want: all("FFFF"), kinds: []verify.Kind{verify.UnknownKey, verify.Edited}},
		{name: "new log by his own keys", do: func(*testing.T, *lab, *thief) damage {
			own := logtest.New(logtest.Options{Keys: logtest.NewKeys("thief"), SealEvery: 5})
			own.Events(20)
			return damage{files: own.Files()}
		}, want: all("FFFF"), kinds: []verify.Kind{verify.UnknownKey}},
		secondLine("void"), secondLine("damage"), secondLine("state-lost"),
	}
}

// vkey returns the verifier key of the thief's own under the log's name.
func (th *thief) vkey() string { return vkeyUnder(th.origin, th.own) }

// secondLine begins the last segment with a recovery that was none, to hide
// sealed lines of the segment before: it is on record for ever, and so a fault.
func secondLine(found string) attack {
	return attack{name: "hide lines by a forged " + found, do: func(t *testing.T, l *lab, th *thief) damage {
		all := sheets(t, l.files)
		cut := len(all[1].rows) / 2
		hidden := all[1].rows[cut:]
		all[1].rows = all[1].rows[:cut]
		head, _, _ := strings.Cut(all[2].rows[0].body, `"event_type"`)
		offset := 0
		for _, r := range all[1].rows {
			offset += len(r.old) + 1
		}
		all[2].rows = slices.Insert(all[2].rows, 1, row{body: head + fmt.Sprintf(
			`"event_type":"log_recovered","log":{"found":"%s","segment":2,"offset":%d,"bytes":1,"detail":"fsync: input/output error"}`, found, offset)})
		files, f := th.remake(t, all)
		for _, r := range hidden {
			files["audit.000002.log"] = append(files["audit.000002.log"], r.old+"\n"...)
		}
		files["audit.state"] = f.state(l.files["audit.state"], len(files["audit.log"]))
		return damage{files: files}
	}, want: all("FFFF")}
}

// fileAttacks do something to whole files.
func fileAttacks() []attack {
	const first, second, active = "audit.000001.log", "audit.000002.log", "audit.log"
	rename := func(from, to string) func(map[string][]byte) {
		return func(files map[string][]byte) { files[to] = files[from]; delete(files, from) }
	}
	return []attack{
		{name: "first segment removed", do: swapFiles(func(f map[string][]byte) { delete(f, first) }), want: all("FFFF"), kinds: []verify.Kind{verify.SegmentMissing}},
		{name: "second segment removed", do: swapFiles(func(f map[string][]byte) { delete(f, second) }), want: all("FFFF"), kinds: []verify.Kind{verify.SegmentMissing}},
		{name: "active segment removed", do: swapFiles(func(f map[string][]byte) { delete(f, active) }), want: all("F--F"), limit: limitCut},
		{name: "all segments removed", do: swapFiles(func(f map[string][]byte) { delete(f, first); delete(f, second); delete(f, active) }), want: all("FUUF")},
		{name: "segments exchanged", do: swapFiles(func(f map[string][]byte) { f[first], f[second] = f[second], f[first] }), want: all("FFFF"), kinds: []verify.Kind{verify.Reordered}},
		{name: "active exchanged", do: swapFiles(func(f map[string][]byte) { f[active], f[second] = f[second], f[active] }), want: all("FFFF")},
		{name: "second segment renumbered", do: swapFiles(rename(second, "audit.000007.log")), want: all("FFFF"), kinds: []verify.Kind{verify.Reordered, verify.SegmentMissing}},
		{name: "last number there is", do: swapFiles(rename(second, "audit.4294967295.log")), want: all("FFFF"), kinds: []verify.Kind{verify.Reordered, verify.SegmentMissing}},
		{name: "segment twice", do: swapFiles(func(f map[string][]byte) { f["audit.000003.log"] = f[second] }), want: all("FFFF"), kinds: []verify.Kind{verify.Duplicate}},
		{name: "segment made an archive", do: swapFiles(rename(first, first+".zst")), want: all("UUUU")},
		{name: "twin", do: swapFiles(func(f map[string][]byte) { f[first+".zst"] = f[second] }), want: all("====")},
		{name: "empty segment", do: swapFiles(func(f map[string][]byte) { f["audit.000003.log"] = nil }), want: all("FFFF")},
		{name: "emptied segment", do: swapFiles(func(f map[string][]byte) { f[second] = nil }), want: all("FFFF")},
		{name: "segment rolled back", do: func(t *testing.T, l *lab, _ *thief) damage {
			files := filesOf(t, l.disk)
			files[second] = filesOf(t, l.past[1])[active]
			return damage{files: files}
		}, want: all("FFFF")},
		{name: "active rolled back to the segment before", do: func(t *testing.T, l *lab, _ *thief) damage {
			files := filesOf(t, l.disk)
			files[active] = filesOf(t, l.past[1])[active]
			return damage{files: files}
		}, want: all("FFFF"), kinds: []verify.Kind{verify.Duplicate}},
	}
}

// cutAt cuts the active segment behind its n-th line from the end, and leaves
// some bytes of the next.
func cutAt(lines, rest int) func(map[string][]byte) {
	return func(files map[string][]byte) {
		all := bytes.SplitAfter(files["audit.log"], []byte("\n"))
		all = all[:len(all)-1]
		kept := bytes.Join(all[:len(all)-lines], nil)
		files["audit.log"] = slices.Concat(kept, all[len(all)-lines][:rest])
	}
}

// tailAttacks cut the log's end, or go on from an earlier one.
func tailAttacks() []attack {
	forged := func(lines int) func(*testing.T, *lab, *thief) damage {
		return redo(func(_ *testing.T, _ *thief, all []sheet) []sheet {
			all[2].rows = all[2].rows[:len(all[2].rows)-lines]
			return all
		})
	}
	return []attack{
		{name: "cut the last line", do: swapFiles(cutAt(1, 0)), want: all("FTTT"), limit: limitHead, kinds: []verify.Kind{verify.Truncated}},
		{name: "cut within a line", do: swapFiles(cutAt(1, 40)), want: all("FFFF")},
		{name: "cut many lines", do: swapFiles(cutAt(9, 0)), want: all("F--F"), limit: limitCut},
		{name: "cut, state forged", do: forged(1), want: by("FTTT", "TTTT", "TTTT", "TTTT", "TTTT"), limit: limitHead},
		{name: "cut many lines, state forged", do: forged(9), want: by("F--F", "---F", "---F", "---F", "---F"), limit: limitState},
		{name: "cut back to epoch 1 and go on with the keys there are", do: func(t *testing.T, l *lab, th *thief) damage {
			all := sheets(t, filesOf(t, l.past[1]))
			last := &all[len(all)-1]
			more := last.rows[1:4]
			for _, r := range more {
				r.old = ""
				last.rows = append(last.rows, r)
			}
			files, f := th.remake(t, all)
			files["audit.state"] = f.state(l.files["audit.state"], len(files["audit.log"]))
			return damage{files: files}
		}, want: by("FFFF", "FFFF", "FFFF", "F--F", "F--F"), limit: limitEver},
		{name: "log and state rolled back", do: func(t *testing.T, l *lab, _ *thief) damage {
			return damage{files: filesOf(t, l.past[1])}
		}, want: all("F--F"), limit: limitBack, kinds: []verify.Kind{verify.WrongEpoch, verify.HeadMismatch}},
		{name: "log, state and keys rolled back, and gone on from", do: func(t *testing.T, l *lab, _ *thief) damage {
			disk := revived(t, l)
			return damage{files: filesOf(t, disk), epochs: l.epochKeys(t, disk)}
		}, want: by("---F", "---F", "---F", "---F", "---F"), limit: limitBack},
		{name: "line past the synced position, taken over", do: func(t *testing.T, l *lab, th *thief) damage {
			disk := takenOver(t, l, th)
			return damage{files: filesOf(t, disk), epochs: l.epochKeys(t, disk)}
		}, want: by("====", "----", "----", "----", "----"), limit: limitTakeover},
	}
}

// revived goes on, with the real writer, from what the log was in epoch 1.
func revived(t *testing.T, l *lab) *memfs.FS {
	t.Helper()
	disk := l.past[1].Clone()
	appendTo(t, l, disk, 8)
	return disk
}

func appendTo(t *testing.T, l *lab, disk *memfs.FS, n int) {
	t.Helper()
	opt := l.opt
	opt.FS = disk
	log, err := journal.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		body := fmt.Sprintf(`"timestamp":"2026-02-16T09:00:00.000000Z","event_id":"evt_r%d","event_type":"command_execution"`, i)
		if _, err := log.Append(context.Background(), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// takenOver writes a line behind the log's end, and lets the real writer find it.
func takenOver(t *testing.T, l *lab, th *thief) *memfs.FS {
	t.Helper()
	disk := l.disk.Clone()
	all := sheets(t, l.files)
	last := &all[len(all)-1]
	last.rows = append(last.rows, row{body: strings.Replace(last.rows[len(last.rows)-1].body, "make", "fake", 1)})
	files, _ := th.remake(t, all)
	f, err := disk.OpenFile(labDir+"/audit.log", 2, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(files["audit.log"], 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	appendTo(t, l, disk, 1)
	if kept := bytes.Contains(filesOf(t, disk)["audit.log"], []byte("fake 3")); kept != bytes.Equal(th.mac, l.mac) {
		t.Errorf("the line was taken over: %v", kept)
	}
	return disk
}

// stateAttacks forge or replace the state only.
func stateAttacks() []attack {
	forge := func(change func(*forgery)) func(*testing.T, *lab, *thief) damage {
		return func(t *testing.T, l *lab, th *thief) damage {
			files, f := th.remake(t, sheets(t, l.files))
			change(f)
			files["audit.state"] = slices.Concat(f.state(l.files["audit.state"], len(files["audit.log"])), l.files["audit.state"][4096:])
			return damage{files: files}
		}
	}
	return []attack{
		{name: "state removed", do: swapFiles(func(f map[string][]byte) { delete(f, "audit.state") }), want: all("F==="), kinds: []verify.Kind{verify.StateMissing}},
		{name: "state emptied", do: swapFiles(func(f map[string][]byte) { f["audit.state"] = nil }), want: all("F==="), kinds: []verify.Kind{verify.StateMissing}},
		{
			name: "one slot forged to hide the tail", do: forge(func(f *forgery) { f.leaves = f.leaves[:len(f.leaves)-1] }),
			want: by("F===", "-===", "-===", "-===", "-==="), limit: limitState,
		},
		{name: "one slot forged, of an earlier segment", do: forge(func(f *forgery) { f.segment = 2 }), want: all("F===")},
		{name: "state of a longer log", do: forge(func(f *forgery) { f.leaves = append(f.leaves, f.leaves[0]) }), want: all("F===")},
		{name: "state with a huge length", do: swapFiles(func(f map[string][]byte) {
			f["audit.state"] = bytes.Clone(f["audit.state"]) // the lab's own stays as it is
			for _, at := range []int{144, 146, 4096 + 144, 4096 + 146} {
				binary.BigEndian.PutUint16(f["audit.state"][at:], 65535)
			}
		}), want: all("F===")},
		{name: "state rolled back alone, within the segment", do: func(t *testing.T, l *lab, _ *thief) damage {
			files := filesOf(t, l.disk)
			files["audit.state"] = l.early
			return damage{files: files}
		}, want: all("-==="), limit: limitUnsealed},
		{name: "state rolled back alone", do: func(t *testing.T, l *lab, _ *thief) damage {
			files := filesOf(t, l.disk)
			files["audit.state"] = filesOf(t, l.past[1])["audit.state"]
			return damage{files: files}
		}, want: all("F===")},
	}
}
