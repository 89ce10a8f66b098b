package verify

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
	"github.com/etch-audit/etch/internal/record"
)

// TestSealedLine changes a sealed line of a log that somebody judges who has the
// public key and nothing else.
func TestSealedLine(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys})
	l.Events(4)
	l.Seal()
	l.Events(3)
	l.Seal()
	data := l.Files()["audit.log"]
	at := bytes.LastIndex(data, []byte("echo"))
	data = slices.Concat(data[:at], []byte("Echo"), data[at+4:])
	r := judged(t, logtest.FS(map[string][]byte{"audit.log": data}), outside())
	if !slices.Equal(kindsOf(r), []Kind{Edited}) {
		t.Fatalf("got %v, want an edited line: %s", kindsOf(r), brief(r))
	}
	if f := r.Faults[0]; *f.from() != 5 || *f.to() != 9 || *f.LastGoodSeal != 5 {
		t.Errorf("got lines %d to %d after seal %d, want what lies between the two seals: 5 to 9", *f.from(), *f.to(), *f.LastGoodSeal)
	}
}

// TestClosedEpoch rewrites records of an epoch that is over, with every key
// that is on the machine today.
func TestClosedEpoch(t *testing.T) {
	today := func(uint64) ed25519.PrivateKey { return keys.Epoch(1) }
	for name, c := range map[string]struct {
		opt  logtest.Options
		want Verdict
	}{
		"honest":    {logtest.Options{Keys: keys}, Intact},
		"rewritten": {logtest.Options{Keys: keys, SealKey: today}, Damaged},
	} {
		l := logtest.New(c.opt)
		l.Events(3)
		l.Epoch()
		l.Events(3)
		l.Seal()
		if r := judged(t, logtest.FS(l.Files()), outside()); r.Verdict != c.want {
			t.Errorf("%s: got %s, want %s: %s", name, r.Verdict, c.want, brief(r))
		}
	}
}

// TestCutTail cuts a log at the end of every line. Its state remembers what is
// gone; without it the report says how much it could not know of.
func TestCutTail(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys, SealEvery: 4})
	l.Events(13)
	files := l.Files()
	cuts := 0 // with nothing unsealed left
	for _, cut := range linesOf(t, files) {
		if cut.end == len(files["audit.log"]) {
			break
		}
		log := with(files, "audit.log", files["audit.log"][:cut.end])
		r := judged(t, logtest.FS(log), atHome(0))
		if !slices.Equal(kindsOf(r), []Kind{Truncated}) {
			t.Errorf("cut after %d, at home: got %v, want %v", cut.seq, kindsOf(r), Truncated)
		}
		r = judged(t, logtest.FS(without(log, "audit.state")), outside())
		if r.Verdict != Intact || len(r.NotChecked) == 0 {
			t.Errorf("cut after %d, outside: got %s, %v", cut.seq, r.Verdict, r.NotChecked)
		}
		sealed := record.Control(files["audit.log"][cut.start:cut.end]) == "log_sealed"
		if sealed != (r.Summary.UnsealedTail == 0) {
			t.Errorf("cut after %d, a seal: %v, leaves %d unsealed", cut.seq, sealed, r.Summary.UnsealedTail)
		}
		if sealed {
			cuts++
		}
		head := outside()
		head.Head = l.Head()
		if r = judged(t, logtest.FS(without(log, "audit.state")), head); !slices.Contains(kindsOf(r), HeadMismatch) {
			t.Errorf("cut after %d, head: got %v, want %v", cut.seq, kindsOf(r), HeadMismatch)
		}
	}
	if cuts == 0 {
		t.Error("no cut was at a seal")
	}
}

// TestKeysTold asks for the report in both situations of whoever verifies a
// log: the keys are within reach, and so the log is his to rewrite, or not.
func TestKeysTold(t *testing.T) {
	l := logtest.New(logtest.Options{Keys: keys})
	l.Events(3)
	l.Epoch()
	l.Events(3)
	l.Seal()
	for name, c := range map[string]struct {
		own  bool
		want string
	}{
		"own keys":    {true, "readable by whoever ran this"},
		"not our own": {false, "were not readable here"},
	} {
		opts := atHome(1)
		opts.PublicKey, opts.Home.OwnKeys = keys.VKey(), c.own
		r := judged(t, logtest.FS(l.Files()), opts)
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), c.want) {
			t.Errorf("%s: the report does not say %q:\n%s", name, c.want, text.String())
		}
		if r.Summary.Tier != TierForwardSecure {
			t.Errorf("%s: got tier %q, want %q: an epoch is over and the public key was given", name, r.Summary.Tier, TierForwardSecure)
		}
	}
}
