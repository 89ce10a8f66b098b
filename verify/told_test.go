package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// told reports whether the report says, among what it does not cover, something.
func told(r *Report, what string) bool {
	return slices.ContainsFunc(r.NotChecked, func(text string) bool { return strings.Contains(text, what) })
}

// TestLaterVersion gives the last segment a form that is not known yet. Only
// where one that is known follows is it an edit.
func TestLaterVersion(t *testing.T) {
	files := small(logtest.Options{}).Files()
	later := func(name string) map[string][]byte {
		data := bytes.Replace(files[name], []byte(`"version":0,`), []byte(`"version":1,`), 1)
		data = bytes.Replace(data, []byte(`"frontier":[`), []byte(`"frontier":"elsewhere","roots":[`), 1)
		if len(data) != len(files[name])+len(`"elsewhere","roots":`) || !bytes.Contains(data, []byte(`"version":1,`)) {
			t.Fatal("the first line has another form than the test expects")
		}
		return with(files, name, data)
	}
	for who, opts := range map[string]Options{"home": atHome(smallEpoch), "outside": outside()} {
		r := judged(t, logtest.FS(later("audit.log")), opts)
		if r.Verdict != Undecided || r.ExitCode() != 2 || !strings.Contains(strings.Join(r.Undecided, "\n"), "version 1") {
			t.Errorf("%s: got %s, want it undecided: %s %v", who, r.Verdict, brief(r), r.Undecided)
		}
		forged := later("audit.log")
		forged["audit.state"] = []byte("another form of state")
		if r := judged(t, logtest.FS(forged), opts); r.Verdict != Undecided {
			t.Errorf("%s, another state: got %s: %s", who, r.Verdict, brief(r))
		}
		if r := judged(t, logtest.FS(later("audit.000002.log")), opts); !slices.Contains(kindsOf(r), Edited) {
			t.Errorf("%s: a segment in the middle got %v, want %s", who, kindsOf(r), Edited)
		}
	}
	head := outside()
	head.Head = small(logtest.Options{}).Head()
	if r := judged(t, logtest.FS(later("audit.log")), head); r.Verdict != Undecided || r.Summary.Tier == TierAnchored {
		t.Errorf("with a head: got %s, %s: %s", r.Verdict, r.Summary.Tier, brief(r))
	}
	state := without(later("audit.log"), "audit.state")
	if r := judged(t, logtest.FS(state), atHome(smallEpoch)); !slices.Contains(kindsOf(r), StateMissing) {
		t.Errorf("without a state at home: got %v", kindsOf(r))
	}
}

// TestHeadOfNothing compares with a head that was taken before anything was
// written: it fits every log of its name.
func TestHeadOfNothing(t *testing.T) {
	l := small(logtest.Options{})
	opts := outside()
	root := sha256.Sum256(nil)
	opts.Head = logtest.Note(fmt.Sprintf("%s\n0\n%s\n", keys.Origin(), base64.StdEncoding.EncodeToString(root[:])), keys.Origin(), keys.Identity)
	r := judged(t, logtest.FS(l.Files()), opts)
	if r.Verdict != Intact || r.Summary.Tier == TierAnchored || !told(r, "size 0") {
		t.Errorf("got %s, tier %s, %v: want an intact log that is not anchored", r.Verdict, r.Summary.Tier, r.NotChecked)
	}
	if n := r.Summary.UnanchoredTail; n == nil || *n != l.Size() {
		t.Errorf("got %v records after the head, want all %d", n, l.Size())
	}
	opts.Head = l.Head()
	if r := judged(t, logtest.FS(l.Files()), opts); r.Summary.Tier != TierAnchored || told(r, "rolled back") {
		t.Errorf("a head of all: got tier %s, %v", r.Summary.Tier, r.NotChecked)
	}
}

// TestTornSlot tears the second slot of a state at every byte of its checksum
// and MAC, as it was written for lines that are there: that is no forgery. One
// that says anything else is.
func TestTornSlot(t *testing.T) {
	for name, rotate := range map[string]bool{"same segment": false, "next segment": true} {
		l := logtest.New(logtest.Options{Keys: keys})
		l.Events(5)
		first := l.State()
		l.Events(2)
		if rotate {
			l.Rotate()
			l.Events(1)
		}
		files, second := l.Files(), l.State()
		size := len(bytes.TrimRight(second, "\x00"))
		for cut := size - 41; cut < size; cut++ {
			torn := slices.Concat(first, second[:cut], make([]byte, len(second)-cut))
			r := judged(t, logtest.FS(with(files, "audit.state", torn)), atHome(0))
			if r.Verdict != Intact {
				t.Errorf("%s, torn %d bytes before its end: got %s", name, size-cut, brief(r))
			}
		}
	}
	l := logtest.New(logtest.Options{Keys: keys})
	l.Events(3)
	older := l.State()
	l.Events(2)
	first := l.State()
	l.Events(2)
	second := l.State()
	for what, change := range map[string]func(slot []byte){
		"a position":     func(s []byte) { s[31]++ },
		"a segment":      func(s []byte) { s[23]++ },
		"an older slot":  func(s []byte) { copy(s[16:], older[16:]) },
		"another origin": func(s []byte) { s[184+20] ^= 1 },
	} {
		forged := bytes.Clone(second)
		change(forged)
		resum(forged)
		r := judged(t, logtest.FS(with(l.Files(), "audit.state", slices.Concat(first, forged))), atHome(0))
		if !slices.Contains(kindsOf(r), StateMissing) {
			t.Errorf("%s forged: got %v, want %s", what, kindsOf(r), StateMissing)
		}
	}
	// Lines that nobody's MAC proves bear nothing out.
	lines := l.Files()["audit.log"]
	at := bytes.LastIndex(lines, []byte("echo"))
	lines = slices.Concat(lines[:at], []byte("Echo"), lines[at+4:])
	forged := bytes.Clone(second)
	clear(forged[len(bytes.TrimRight(forged, "\x00"))-32:])
	r := judged(t, logtest.FS(map[string][]byte{"audit.log": lines, "audit.state": slices.Concat(first, forged)}), atHome(0))
	if !slices.Contains(kindsOf(r), StateMissing) {
		t.Errorf("a slot for edited lines: got %v, want %s", kindsOf(r), StateMissing)
	}
}

// resum gives a slot the checksum of what it says, as anybody can.
func resum(slot []byte) {
	be := binary.BigEndian
	end := 184 + int(be.Uint16(slot[144:])) + 32*int(be.Uint16(slot[146:]))
	sum := sha256.Sum256(slot[:end])
	copy(slot[end:], sum[:8])
}

// TestNoJSON puts lines that are no JSON after the last seal of a log without
// MACs, where nothing else vouches for a line. Readers refuse them.
func TestNoJSON(t *testing.T) {
	for body, good := range map[string]bool{
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_1","a":{"b":[1,{"c":2}],"c":1},"b":null`: true,
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_1",nonsense`:                             false,
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_1","a":1,"a":2`:                          false,
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_1","a":{"b":[{"c":1,"c":2}]}`:            false,
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_1","a":"` + "\xff" + `"`:                 false,
		`"timestamp":"2026-02-16T12:00:00.000000Z","event_id":"evt_1"}{"a":1`:                               false,
	} {
		l := logtest.New(logtest.Options{Keys: keys, Unsigned: true})
		l.Events(3)
		l.Seal()
		l.Events(2)
		data := fmt.Appendf(bytes.Clone(l.Files()["audit.log"]), "{\"seq\":%d,%s}\n{\"seq\":%d,%s}\n", l.Size(), body, l.Size()+1, `"a":1`)
		r := judged(t, logtest.FS(map[string][]byte{"audit.log": data}), outside())
		switch {
		case good && r.Verdict != Intact:
			t.Errorf("%s: got %s, want an intact log", body, brief(r))
		case !good && (!slices.Equal(kindsOf(r), []Kind{Edited}) || *r.Faults[0].Seq != l.Size()):
			t.Errorf("%s: got %s, want seq %d edited", body, brief(r), l.Size())
		}
	}
	l := logtest.New(logtest.Options{Keys: keys, Unsigned: true})
	l.Event(`"a":1,"a":2`)
	l.Seal()
	l.Events(2)
	if r := judged(t, logtest.FS(l.Files()), outside()); r.Verdict != Intact {
		t.Errorf("a line that a seal proves: got %s", brief(r))
	}
}

// TestRaisedPromise leaves more lines without a seal than the log promised, and
// lets the segment's first line, which nothing seals either, promise fewer seals.
func TestRaisedPromise(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys, SealRecords: 10})
	l.Events(5)
	l.Rotate()
	l.Events(30)
	files := without(l.Files(), "audit.state")
	if r := judged(t, logtest.FS(files), outside()); !slices.Equal(kindsOf(r), []Kind{SealMissing}) {
		t.Errorf("the promise as it was: got %s", brief(r))
	}
	raised := with(files, "audit.log", bytes.Replace(files["audit.log"], []byte(`"seal_records":10,`), []byte(`"seal_records":5000,`), 1))
	if r := judged(t, logtest.FS(raised), outside()); r.Verdict != Intact || !told(r, "than the 10 ") {
		t.Errorf("the promise raised: got %s, %v", brief(r), r.NotChecked)
	}
	if r := judged(t, logtest.FS(small(logtest.Options{}).Files()), outside()); told(r, "that may come without a seal") {
		t.Errorf("a log that keeps its promise: %v", r.NotChecked)
	}
}
