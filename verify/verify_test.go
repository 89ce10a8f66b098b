package verify

import (
	"encoding/json"
	"io/fs"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/logtest"
)

// keys are those of all logs of these tests.
var keys = logtest.NewKeys("verify")

// judged returns the report on fsys. It reads the log both ways, all cores and
// with care, and they must agree.
func judged(t testing.TB, fsys fs.FS, opts Options) *Report {
	t.Helper()
	r, err := Log(t.Context(), fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	careful, err := newVerifier(fsys, opts)
	if err != nil {
		t.Fatal(err)
	}
	careful.careful = true
	careful.run(t.Context())
	careful.conclude()
	// How many signatures were checked depends on the way.
	got, want := *r, *careful.report
	got.Summary.SealSignatures, want.Summary.SealSignatures = Checked{}, Checked{}
	if diff := cmp.Diff(text(t, &want), text(t, &got)); diff != "" {
		t.Fatalf("the quick way finds something else (-careful +quick):\n%s", diff)
	}
	return r
}

func text(t testing.TB, r *Report) string {
	t.Helper()
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// atHome are the options of a log among its keys, whose epoch is number.
func atHome(number uint64) Options {
	return Options{
		Found: keys.VKey(), MACSecret: keys.MAC,
		Home: &Home{EpochKeys: func() ([]string, error) { return []string{keys.EpochVKey(number)}, nil }},
	}
}

// outside are the options of somebody who holds the public key only.
func outside() Options { return Options{PublicKey: keys.VKey()} }

// small returns a log of three segments and three epochs.
func small(opt logtest.Options) *logtest.Log {
	opt.Keys, opt.SealRecords, opt.SealEvery = keys, 8, 5
	l := logtest.New(opt)
	l.Events(8)
	l.Epoch()
	l.Events(3)
	l.Rotate()
	l.Events(6)
	l.Epoch()
	l.Events(2)
	l.Rotate()
	l.Events(4)
	l.Seal()
	l.Events(2)
	return l
}

// smallEpoch is the epoch that small ends in.
const smallEpoch = 2

func without(files map[string][]byte, names ...string) map[string][]byte {
	files = maps.Clone(files)
	for _, name := range names {
		delete(files, name)
	}
	return files
}

func with(files map[string][]byte, name string, data []byte) map[string][]byte {
	files = maps.Clone(files)
	files[name] = data
	return files
}

func TestCleanLog(t *testing.T) {
	large := logtest.New(logtest.Options{Keys: keys, SealEvery: 990})
	for range 3 {
		large.Events(2500)
		large.Seal()
		large.Rotate()
	}
	one := logtest.New(logtest.Options{Keys: keys})
	for name, l := range map[string]*logtest.Log{
		"small": small(logtest.Options{}), "unsigned": small(logtest.Options{Unsigned: true}), "large": large, "one line": one,
	} {
		files := l.Files()
		epoch := uint64(0)
		if name != "large" && name != "one line" {
			epoch = smallEpoch
		}
		head := outside()
		head.Head = l.Head()
		for who, opts := range map[string]Options{"home": atHome(epoch), "outside": outside(), "nothing": {}, "head": head} {
			for where, files := range map[string]map[string][]byte{"all": files, "stateless": without(files, "audit.state")} {
				t.Run(name+"/"+who+"/"+where, func(t *testing.T) {
					r := judged(t, logtest.FS(files), opts)
					if who == "home" && where == "stateless" {
						if len(r.Faults) != 1 || r.Faults[0].Kind != StateMissing {
							t.Errorf("got %s, want only a missing state", text(t, r))
						}
						return
					}
					if r.Verdict != Intact || r.ExitCode() != 0 {
						t.Errorf("got %s, want an intact log", text(t, r))
					}
					if r.Summary.Records != l.Size() {
						t.Errorf("got %d records, want %d", r.Summary.Records, l.Size())
					}
				})
			}
		}
	}
}
