package importer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/capture/zeph"
	"github.com/etch-audit/etch/importer"
	"github.com/etch-audit/etch/internal/vfs"
)

// A place is a log that is imported into.
type place struct {
	t    testing.TB
	path string
	log  *etch.Log
}

func newPlace(t testing.TB) *place {
	t.Helper()
	p := &place{t: t, path: filepath.Join(t.TempDir(), "audit.log")}
	log, err := etch.Create(p.path, &etch.Options{SealEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	p.log = log
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *place) options() importer.Options {
	p.t.Helper()
	reader, err := etch.OpenReader(p.path)
	if err != nil {
		p.t.Fatal(err)
	}
	lock, err := vfs.OS().OpenLock(p.path + ".import.lock")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := lock.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return importer.Options{Program: zeph.Program, Reader: reader, Log: p.log, Lock: lock}
}

// bring imports a text as one file.
func bring(ctx context.Context, im *importer.Importer, text string) error {
	parser := zeph.NewParser()
	parser.Begin("f")
	file := im.File()
	lines := source.NewLines(strings.NewReader(text), source.Position{})
	for {
		l, err := lines.Next()
		if err != nil {
			break
		}
		err = parser.Line(&l, func(e *source.Entry) error { return file.Add(ctx, e, len(l.Bytes)) })
		if err != nil {
			return err
		}
	}
	return im.Flush(ctx)
}

// counts imports a text with a new Importer and returns what became of it.
func (p *place) counts(opt importer.Options, text string) importer.Counts {
	p.t.Helper()
	im := importer.New(opt)
	if err := bring(p.t.Context(), im, text); err != nil {
		p.t.Fatal(err)
	}
	return im.Counts()
}

// commands returns the commands of the imported events, in the log's order.
func (p *place) commands() []string {
	p.t.Helper()
	reader, err := etch.OpenReader(p.path)
	if err != nil {
		p.t.Fatal(err)
	}
	var commands []string
	for r, err := range reader.Records(p.t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			p.t.Fatal(err)
		}
		command := r.Event.Labels[source.LabelText]
		if r.Event.Action != nil {
			command = r.Event.Action.Command
		}
		commands = append(commands, command)
	}
	return commands
}

func line(second int, command string) string {
	return fmt.Sprintf(`{"timestamp":"%d","tool":"shell","command":%q,"result":{"type":"success"},"duration_ms":5,"exit_code":0}`+"\n", 1784800000+second, command)
}

func TestOnce(t *testing.T) {
	p := newPlace(t)
	text := line(0, "a") + line(0, "b") + line(0, "b") + line(7, "c") + "garbage\n" + line(3, "d")
	want := []string{"a", "b", "b", "c", "garbage", "d"}
	for _, step := range []struct {
		name, text string
		want       importer.Counts
	}{
		{"the first time", text, importer.Counts{Added: 6}},
		{"again", text, importer.Counts{Present: 6}},
		{"without its beginning", text[len(line(0, "a")):], importer.Counts{Present: 5}},
		{"grown", text + line(8, "e"), importer.Counts{Added: 1, Present: 6}},
		{"the rest alone", line(8, "e"), importer.Counts{Present: 1}},
		{"once more in one file", text + line(8, "e") + line(0, "b"), importer.Counts{Added: 1, Present: 7}},
	} {
		if got := p.counts(p.options(), step.text); got != step.want {
			t.Errorf("%s: got %+v, want %+v", step.name, got, step.want)
		}
	}
	if diff := cmp.Diff(p.commands(), append(want, "e", "b")); diff != "" {
		t.Errorf("commands (-got +want):\n%s", diff)
	}
}

// What has no time of its own is known whatever time it was given.
// TestForeign: what somebody has sent to a daemon or put into the spool keeps nothing
// of a source out of the log, whatever its labels say.
func TestForeign(t *testing.T) {
	p := newPlace(t)
	text := line(0, "a")
	other := newPlace(t)
	if got, want := other.counts(other.options(), text), (importer.Counts{Added: 1}); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	reader, err := etch.OpenReader(other.path)
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range reader.Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"sender_uid", "sender_token_name", etch.LabelSpooled} {
			forged := r.Event
			forged.ID, forged.Labels = "", maps.Clone(r.Event.Labels)
			forged.Labels[name] = "x"
			if _, err := p.log.Append(t.Context(), &forged); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, want := range []importer.Counts{{Added: 1}, {Present: 1}} {
		if got := p.counts(p.options(), text); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestUndated(t *testing.T) {
	p := newPlace(t)
	for _, step := range []struct {
		text string
		want importer.Counts
	}{
		{line(0, "a") + "{}\n", importer.Counts{Added: 2}},
		{line(5000, "b") + "{}\n", importer.Counts{Added: 1, Present: 1}},
	} {
		if got := p.counts(p.options(), step.text); got != step.want {
			t.Errorf("got %+v, want %+v", got, step.want)
		}
	}
}

func TestHosts(t *testing.T) {
	p := newPlace(t)
	opt := p.options()
	for _, step := range []struct {
		host string
		want importer.Counts
	}{
		{"", importer.Counts{Added: 1}},
		{"alpha", importer.Counts{Added: 1}},
		{"beta", importer.Counts{Added: 1}},
		{"alpha", importer.Counts{Present: 1}},
	} {
		opt.Host = step.host
		if got := p.counts(opt, line(0, "a")); got != step.want {
			t.Errorf("host %q: got %+v, want %+v", step.host, got, step.want)
		}
	}
}

func TestDryRun(t *testing.T) {
	p := newPlace(t)
	opt := p.options()
	if got, want := p.counts(opt, line(0, "a")), (importer.Counts{Added: 1}); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	opt.Log = nil
	if got, want := p.counts(opt, line(0, "a")+line(0, "b")), (importer.Counts{Added: 1, Present: 1}); got != want {
		t.Errorf("dry: got %+v, want %+v", got, want)
	}
	if got := p.commands(); len(got) != 1 {
		t.Errorf("a dry run recorded something: %q", got)
	}
}

// An interrupted is a log that takes so many batches and then fails.
type interrupted struct {
	importer.Log
	left int
}

var errInterrupted = errors.New("interrupted")

func (l *interrupted) AppendBatch(ctx context.Context, events []*etch.Event) ([]etch.Receipt, error) {
	if l.left--; l.left < 0 {
		return nil, errInterrupted
	}
	return l.Log.AppendBatch(ctx, events)
}

// An import that ends anywhere between two batches is made whole by the next.
func TestInterrupted(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var text strings.Builder
	var want []string
	for i := range 5000 {
		command := fmt.Sprint(random.IntN(100))
		text.WriteString(line(i/50, command))
		want = append(want, command)
	}
	for batches := range 4 {
		p := newPlace(t)
		opt := p.options()
		opt.Log = &interrupted{p.log, batches}
		err := bring(t.Context(), importer.New(opt), text.String())
		if ended := batches < 3; ended != errors.Is(err, errInterrupted) {
			t.Fatalf("after %d batches: %v", batches, err)
		}
		got := p.counts(p.options(), text.String())
		if got.Added+got.Present != len(want) || got.Present != min(batches*2000, len(want)) {
			t.Errorf("after %d batches the next import has %+v", batches, got)
		}
		if diff := cmp.Diff(p.commands(), want); diff != "" {
			t.Errorf("after %d batches (-got +want):\n%s", batches, diff)
		}
	}
}

// Imports of one file at the same time add each entry once.
func TestTogether(t *testing.T) {
	p := newPlace(t)
	var text strings.Builder
	for i := range 3000 {
		text.WriteString(line(i/10, fmt.Sprint(i%7)))
	}
	counts := make([]importer.Counts, 4)
	errs := make(chan error, len(counts))
	for i := range counts {
		opt := p.options()
		go func() {
			im := importer.New(opt)
			err := bring(t.Context(), im, text.String())
			counts[i] = im.Counts()
			errs <- err
		}()
	}
	added := 0
	for range counts {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range counts {
		added += c.Added
		if c.Added+c.Present != 3000 {
			t.Errorf("got %+v, want 3000 in all", c)
		}
	}
	if added != 3000 || len(p.commands()) != 3000 {
		t.Errorf("%d added, %d in the log, want 3000", added, len(p.commands()))
	}
}

// Who waits for the lock is told, and gives up when asked to.
func TestWaiting(t *testing.T) {
	p := newPlace(t)
	holder, opt := p.options(), p.options()
	if err := holder.Lock.Acquire(time.Second); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	opt.Waiting = cancel
	im := importer.New(opt)
	if err := bring(ctx, im, line(0, "a")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if err := holder.Lock.Release(); err != nil {
		t.Fatal(err)
	}
	if err := im.Flush(t.Context()); err != nil || im.Counts().Added != 1 {
		t.Errorf("afterwards %v, %+v", err, im.Counts())
	}
}

// What the configuration leaves out is counted as that.
func TestSkipped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, &etch.Options{Skip: etch.Skip{Commands: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}()
	im := importer.New(importer.Options{Program: zeph.Program, Log: log})
	text := line(0, "a") + strings.Replace(line(1, "b"), "shell", "fetch", 1)
	if err := bring(t.Context(), im, text); err != nil {
		t.Fatal(err)
	}
	if err := bring(t.Context(), im, line(2, "c")); err != nil {
		t.Fatal(err)
	}
	if got, want := im.Counts(), (importer.Counts{Added: 1, Skipped: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// BenchmarkImport imports a hundred thousand lines of Zeph's, and then the same
// again. Both figures are of the time for all of them.
func BenchmarkImport(b *testing.B) {
	const lines = 100_000
	var text strings.Builder
	for i := range lines {
		text.WriteString(line(i/3, fmt.Sprintf("go test ./internal/pkg%d", i%1000)))
	}
	for _, again := range []bool{false, true} {
		b.Run(fmt.Sprintf("lines=100k/again=%v", again), func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				b.StopTimer()
				p := newPlace(b)
				if again {
					p.counts(p.options(), text.String())
				}
				b.StartTimer()
				want := importer.Counts{Added: lines}
				if again {
					want = importer.Counts{Present: lines}
				}
				if got := p.counts(p.options(), text.String()); got != want {
					b.Fatalf("got %+v, want %+v", got, want)
				}
			}
		})
	}
}
