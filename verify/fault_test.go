package verify

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/logtest"
)

// gunzip stands in for the decompressor of archives, which verify only calls.
func gunzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// made returns the files of a log that was made in some way.
func made(opt logtest.Options, with ...func(*logtest.Log)) map[string][]byte {
	opt.Keys = keys
	l := logtest.New(opt)
	for _, f := range with {
		f(l)
	}
	return l.Files()
}

func events(n int) func(*logtest.Log) { return func(l *logtest.Log) { l.Events(n) } }

// TestFaults makes one log for each kind of fault.
func TestFaults(t *testing.T) {
	base := small(logtest.Options{})
	files := base.Files()
	foreign := logtest.NewKeys("another")
	otherHead := func() Options {
		fork := logtest.New(logtest.Options{Keys: keys, SealEvery: 4})
		fork.Events(9)
		opts := outside()
		opts.Head = fork.Head()
		return opts
	}()
	longHead := func() Options {
		long := small(logtest.Options{})
		long.Events(3)
		opts := outside()
		opts.Head = long.Head()
		return opts
	}()
	archive := outside()
	archive.Decompress = gunzip
	twins := with(files, "audit.000001.log.zst", gzipped(t, files["audit.000002.log"]))
	for name, c := range map[string]struct {
		files map[string][]byte
		opts  Options
		want  []Kind
	}{
		"edited line":          {with(files, "audit.000002.log", bytes.Replace(files["audit.000002.log"], []byte("echo"), []byte("Echo"), 1)), atHome(smallEpoch), []Kind{Edited}},
		"edited, no MAC key":   {with(files, "audit.000002.log", bytes.Replace(files["audit.000002.log"], []byte("echo"), []byte("Echo"), 1)), outside(), []Kind{Edited}},
		"torn":                 {without(with(files, "audit.log", append(bytes.Clone(files["audit.log"]), `{"seq":39,"ti`...)), "audit.state"), outside(), []Kind{Torn}},
		"void":                 {made(logtest.Options{}, events(3), func(l *logtest.Log) { l.Void([]byte("{\"seq\":4,\"time")) }, events(2)), atHome(0), []Kind{Torn}},
		"lost lines on record": {made(logtest.Options{}, events(9), func(l *logtest.Log) { l.Lose(3) }, events(2), (*logtest.Log).Seal), atHome(0), []Kind{Missing}},
		"lost state on record": {made(logtest.Options{}, events(9), (*logtest.Log).LoseState, events(2), (*logtest.Log).Seal), atHome(0), []Kind{StateMissing}},
		"forked":               {with(files, "audit.log", rewritten(logtest.Options{})["audit.log"]), atHome(smallEpoch), []Kind{Forked, Edited}},
		"stripped":             {with(files, "audit.000001.log", stripAll(files["audit.000001.log"])), atHome(smallEpoch), []Kind{SignatureStripped}},
		"identity forged":      {made(logtest.Options{IdentityKey: foreign.Identity, SealEvery: 3}, events(10)), outside(), []Kind{BadSignature}},
		"another log":          {otherLog(foreign), outside(), []Kind{UnknownKey}},
		"seal of other size": {made(logtest.Options{}, events(3), func(l *logtest.Log) { l.Control("log_sealed", map[string]any{"epoch": 0, "checkpoint": l.Head()}) }, events(1), func(l *logtest.Log) {
			head := l.Head()
			l.Events(1)
			l.Control("log_sealed", map[string]any{"epoch": 0, "checkpoint": head})
		}), atHome(0), []Kind{BadSeal}},
		"no seals":         {made(logtest.Options{SealRecords: 10}, events(40)), atHome(0), []Kind{SealMissing}},
		"seal too late":    {made(logtest.Options{SealRecords: 10}, events(40), (*logtest.Log).Seal), atHome(0), []Kind{SealMissing}},
		"key of old epoch": {files, atHome(smallEpoch - 1), []Kind{WrongEpoch}},
		"epoch skipped":    {made(logtest.Options{}, events(3), func(l *logtest.Log) { l.AnnounceEpoch(2) }, (*logtest.Log).Seal), atHome(0), []Kind{WrongEpoch}},
		"epoch broken":     {made(logtest.Options{SealEvery: 4}, events(5), func(l *logtest.Log) { l.BreakEpoch("the disk died") }, events(9)), atHome(1), []Kind{EpochBroken}},
		"segment missing":  {without(files, "audit.000002.log"), atHome(smallEpoch), []Kind{SegmentMissing}},
		"first missing":    {without(files, "audit.000001.log"), atHome(smallEpoch), []Kind{SegmentMissing}},
		"active missing":   {without(files, "audit.log"), atHome(smallEpoch), []Kind{SegmentMissing, Truncated}},
		"all gone":         {map[string][]byte{"audit.state": files["audit.state"]}, outside(), []Kind{SegmentMissing}},
		"gone, keys there": {nil, atHome(0), []Kind{SegmentMissing}},
		"twins":            {twins, archive, []Kind{TwinsDiffer}},
		"state missing":    {without(files, "audit.state"), atHome(smallEpoch), []Kind{StateMissing}},
		"state forged":     {with(files, "audit.state", otherState(files["audit.state"])), atHome(smallEpoch), []Kind{StateMissing}},
		"head of a fork":   {files, otherHead, []Kind{HeadMismatch}},
		"head beyond":      {without(files, "audit.state"), longHead, []Kind{HeadMismatch, Truncated}},
		"head of another":  {files, Options{Head: logtest.New(logtest.Options{Keys: foreign}).Head()}, []Kind{HeadMismatch}},
		"exchanged":        {exchanged(files), atHome(smallEpoch), []Kind{Reordered, Reordered}},
		"segment twice":    {with(files, "audit.000003.log", files["audit.log"]), atHome(smallEpoch), []Kind{Duplicate}},
	} {
		t.Run(name, func(t *testing.T) {
			r := judged(t, logtest.FS(c.files), c.opts)
			if got := kindsOf(r); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v: %s", got, c.want, brief(r))
			}
			if r.Verdict != Damaged || r.ExitCode() != 1 {
				t.Errorf("got %s, exit %d", r.Verdict, r.ExitCode())
			}
			var b strings.Builder
			if err := r.WriteText(&b); err != nil || !strings.Contains(b.String(), "\nDAMAGED: ") {
				t.Errorf("text: %v, %s", err, b.String())
			}
		})
	}
}

func stripAll(data []byte) []byte {
	var out []byte
	for line := range bytes.Lines(data) {
		out = append(out, stripped(line)...)
	}
	return out
}

func otherLog(k logtest.Keys) map[string][]byte {
	l := logtest.New(logtest.Options{Keys: k, SealEvery: 3})
	l.Events(10)
	l.Rotate()
	return without(l.Files(), "audit.state")
}

// otherState changes a state as somebody would who has no key, but knows its form.
func otherState(b []byte) []byte {
	forger := keys
	forger.MAC = bytes.Repeat([]byte{7}, 32)
	l := small(logtest.Options{})
	forged := logtest.New(logtest.Options{Keys: forger})
	forged.Events(int(l.Size()) - 1)
	return slices.Concat(forged.State(), b[len(forged.State()):])
}

func exchanged(files map[string][]byte) map[string][]byte {
	out := maps.Clone(files)
	out["audit.000001.log"], out["audit.000002.log"] = files["audit.000002.log"], files["audit.000001.log"]
	return out
}

// TestNoFault makes what is told, but is no fault, and what cannot be decided.
func TestNoFault(t *testing.T) {
	files := small(logtest.Options{}).Files()
	archived := with(without(files, "audit.000001.log"), "audit.000001.log.zst", gzipped(t, files["audit.000001.log"]))
	archive := outside()
	archive.Decompress = gunzip
	more := small(logtest.Options{})
	more.Events(1)
	for name, c := range map[string]struct {
		files map[string][]byte
		opts  Options
		want  Verdict
		notes int
	}{
		"archive":          {archived, archive, Intact, 0},
		"no decompressor":  {archived, outside(), Undecided, 0},
		"no log":           {nil, outside(), Undecided, 0},
		"torn on record":   {made(logtest.Options{}, events(3), func(l *logtest.Log) { l.Control("log_recovered", map[string]any{"found": "torn-tail"}) }), atHome(0), Intact, 1},
		"gap on record":    {made(logtest.Options{}, events(3), func(l *logtest.Log) { l.Control("log_gap", map[string]any{"lost": 7}) }), atHome(0), Intact, 1},
		"void epoch":       {made(logtest.Options{SealEvery: 9}, events(3), func(l *logtest.Log) { l.AnnounceEpoch(1) }, events(1), (*logtest.Log).Epoch, events(2)), atHome(1), Intact, 0},
		"not committed":    {with(more.Files(), "audit.state", files["audit.state"]), atHome(smallEpoch), Intact, 0},
		"half a batch":     {with(files, "audit.log", append(bytes.Clone(files["audit.log"]), `{"seq":39,"ti`...)), atHome(smallEpoch), Intact, 0},
		"rotation halfway": {with(rotated(0), "audit.state", files["audit.state"]), atHome(smallEpoch), Intact, 0},
		"new segment":      {with(rotated(1), "audit.state", files["audit.state"]), atHome(smallEpoch), Intact, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := judged(t, logtest.FS(c.files), c.opts)
			if r.Verdict != c.want || r.NoteCount != c.notes {
				t.Errorf("got %s with %d notes, want %s with %d: %s", r.Verdict, r.NoteCount, c.want, c.notes, text(t, r))
			}
		})
	}
}

// TestClaimedLoss shows that what somebody says is lost is counted apart from what is
// known to be, and told as his word.
func TestClaimedLoss(t *testing.T) {
	r := judged(t, logtest.FS(made(logtest.Options{}, events(3), func(l *logtest.Log) {
		l.Control("log_gap", map[string]any{"lost": 7})
		l.Control("log_gap", map[string]any{"lost": uint64(math.MaxUint64), "claimed_by": "uid 5"})
		l.Control("log_gap", map[string]any{"lost": 7, "claimed_by": "uid 5"})
	})), atHome(0))
	if s := r.Summary; s.LostEvents != 7 || s.LostAsClaimed != math.MaxUint64 || r.NoteCount != 3 || !strings.HasPrefix(r.Notes[2].Detail, "uid 5 claims that 7 events ") {
		t.Errorf("got %s", text(t, r))
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil || !strings.Contains(out.String(), "which nothing proves") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// rotated returns the small log with its last rotation under way: without the
// new segment, or with it.
func rotated(step int) map[string][]byte {
	l := small(logtest.Options{})
	l.Rotate()
	if step == 0 {
		return without(l.Files(), "audit.log")
	}
	return l.Files()
}

// TestManyFaults makes a log that is all damage.
func TestManyFaults(t *testing.T) {
	var data []byte
	for i := range uint64(20000) {
		data = append(data, forged(i*3%7919, "x")...)
		data = append(data, "\nno line\n"...)
	}
	r := judged(t, logtest.FS(map[string][]byte{"audit.log": data}), outside())
	if r.Verdict != Damaged || len(r.Faults) != maxFaults || r.FaultCount <= maxFaults {
		t.Errorf("got %s, %d of %d faults", r.Verdict, len(r.Faults), r.FaultCount)
	}
}

// TestWrongMACKey must not turn every line into a fault.
func TestWrongMACKey(t *testing.T) {
	opts := outside()
	opts.MACSecret = bytes.Repeat([]byte{1}, 32)
	r := judged(t, logtest.FS(without(small(logtest.Options{}).Files(), "audit.state")), opts)
	if got := kindsOf(r); !slices.Contains(got, BadSignature) || r.FaultCount > 4 {
		t.Errorf("got %v: %s", got, brief(r))
	}
}

func TestBadOptions(t *testing.T) {
	for name, opts := range map[string]Options{
		"key":    {PublicKey: "nonsense"},
		"found":  {Found: "nonsense"},
		"head":   {Head: "nonsense"},
		"secret": {MACSecret: []byte{1}},
		"name":   {Name: "x.state"},
	} {
		if r, err := Log(t.Context(), logtest.FS(nil), opts); err == nil {
			t.Errorf("%s: got %v, want an error", name, r)
		}
	}
}

// A stream is a file that can only be read from its beginning to its end.
type stream struct{ fs.File }

type streams struct{ fs.FS }

func (s streams) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if _, ok := f.(fs.ReadDirFile); ok || err != nil {
		return f, err
	}
	return stream{f}, nil
}

func TestStreams(t *testing.T) {
	files := small(logtest.Options{}).Files()
	if r := judged(t, streams{logtest.FS(files)}, atHome(smallEpoch)); r.Verdict != Intact {
		t.Errorf("got %s", brief(r))
	}
	if r := judged(t, streams{logtest.FS(with(files, "audit.log", files["audit.log"][:700]))}, atHome(smallEpoch)); r.Verdict != Damaged {
		t.Errorf("got %s", r.Verdict)
	}
}

// rewritten returns a log with another first event, made with what keys there are.
func rewritten(opt logtest.Options) map[string][]byte {
	opt.Keys, opt.SealEvery, opt.SealRecords = keys, 5, 8
	l := logtest.New(opt)
	l.Event(`"event_id":"evt_0","event_type":"command_execution","action":{"command":"true"}`)
	l.Events(7)
	l.Epoch()
	l.Events(3)
	l.Rotate()
	l.Events(6)
	l.Epoch()
	l.Events(2)
	l.Rotate()
	l.Events(7)
	return l.Files()
}

// TestAttacks is the matrix of attacks by somebody who holds keys and
// recomputes whatever he can. What nobody can see without a head is asserted
// as such (docs/threat-model.md).
func TestAttacks(t *testing.T) {
	foreign := logtest.NewKeys("attacker")
	today := func(uint64) ed25519.PrivateKey { return keys.Epoch(smallEpoch) } // the only epoch key there is to steal
	honest := small(logtest.Options{})
	head := outside()
	head.Head = honest.Head()
	noKey := logtest.Options{IdentityKey: foreign.Identity, SealKey: foreign.Epoch}
	stolen := logtest.Options{SealKey: today}
	back := logtest.New(logtest.Options{Keys: keys, SealRecords: 8, SealEvery: 5})
	back.Events(8)
	oldState := back.State()
	cutFiles := back.Files()
	cutSealed := func() map[string][]byte {
		l := logtest.New(logtest.Options{Keys: keys, SealRecords: 8, SealEvery: 5})
		l.Events(4)
		return l.Files()
	}()
	for name, c := range map[string]struct {
		files map[string][]byte
		opts  Options
		seen  bool
	}{
		"rewrite, no key":                       {without(rewritten(noKey), "audit.state"), outside(), true},
		"rewrite old epoch, today's keys":       {rewritten(stolen), outside(), true},
		"rewrite old epoch, today's keys, home": {rewritten(stolen), atHome(smallEpoch), true},
		"new epoch 0":                           {otherLog(foreign), outside(), true},
		"new epoch 0, key only found":           {otherLog(foreign), Options{}, false}, // the report says that the key was only found
		"cut to an old epoch, home":             {cutFiles, atHome(smallEpoch), true},
		"cut at a seal with the state":          {cutSealed, outside(), false},
		"cut at a seal with the state, head":    {cutSealed, head, true},
		"state rolled back":                     {with(honest.Files(), "audit.state", oldState), outside(), false},
		"state rolled back, sealed line edited": {with(with(honest.Files(), "audit.state", oldState), "audit.log", bytes.Replace(honest.Files()["audit.log"], []byte("echo"), []byte("Echo"), 1)), outside(), true},
		"rewrite, all keys of all time":         {rewritten(logtest.Options{}), outside(), false},
		"rewrite, all keys of all time, head":   {rewritten(logtest.Options{}), head, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := judged(t, logtest.FS(c.files), c.opts)
			if seen := r.Verdict == Damaged; seen != c.seen {
				t.Errorf("reported: %v, want %v: %s", seen, c.seen, text(t, r))
			}
		})
	}
}
