// Package verify judges a log offline: whether every line is the one that was
// written, and none is missing, of all that seals, state and heads can prove.
//
// It reads an [io/fs.FS], writes nothing and shares no code with the log's
// writer beyond the formats (docs/spec/log-format.md). Each segment is read
// once by all cores, which answers only whether anything at all is odd. A
// segment where something is gets read again line by line, to name the fault
// and its place. Memory does not grow with the log.
//
// A root that a good signature covers proves every line before it, earlier
// seals among them. So the signatures of the last seal of each epoch and of
// each segment are checked, and of the other seals the roots
// ([Options.AllSignatures] checks all).
package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"golang.org/x/mod/sumdb/note"

	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/record"
	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/state"
)

// Options say what is known of a log besides its files. The zero value is good
// for a log named audit.log of which nothing else is known.
type Options struct {
	// Name is the file name of the active segment, without directory. Zero
	// means audit.log.
	Name string

	// PublicKey is the log's public key as somebody outside holds it, a note
	// verifier key. Without it the log is judged by the key in Found or in its
	// own first line, which proves nothing about who wrote it.
	PublicKey string
	// Found is the public key that lies beside the log.
	Found string

	// MACSecret is the secret of the line MACs, 32 bytes. Nil means that they
	// are not checked.
	MACSecret []byte

	// Head is a checkpoint of the log that somebody outside holds, a signed note.
	Head string

	// Home is given where the log is read at its own place, among its keys.
	Home *Home

	// Decompress opens an archived segment; closing what it returns does not
	// close the argument. Without it a log that has any can not be decided. An
	// error that is [errors.ErrUnsupported], or that the argument has, leaves it
	// undecided too; any other is damage. Where that has a method Skipped() int64,
	// reading goes on after so many bytes of the segment.
	Decompress func(io.Reader) (io.ReadCloser, error)

	// Indexes is what knows the indexes beside the log. Without it they are not
	// checked, and the report says so where there are any.
	Indexes *Indexes

	// Sealed, where it is not nil, is filled in with what good seals prove.
	Sealed *Sealed

	// AllSignatures asks for the signatures of all seals to be checked.
	AllSignatures bool

	// Workers is how many goroutines hash lines. Zero means one for each processor.
	Workers int

	// Progress, where it is not nil, is called from time to time with the
	// bytes read and those there are.
	Progress func(done, total int64)
}

// A Home says what the place of a log knows that a copy of it does not.
type Home struct {
	// EpochKeys returns the public halves, note verifier keys, of epoch.key
	// and epoch.next as far as they are there. It is called twice, because an
	// epoch may begin meanwhile. Nil means that they could not be read.
	EpochKeys func() ([]string, error)

	// OwnKeys says that whoever runs the verification can read the log's
	// private keys. Then programs of the same user, agents among them, can too.
	OwnKeys bool

	// Owners are the user ids of whom the log's files and keys are; nil where that is
	// not known.
	Owners []string

	// Sent reports whether the log says that a user, by its id, has sent events to a
	// daemon. Nil means that it is not looked for.
	Sent func(uid string) (bool, error)
}

// Log judges the log in fsys. The error is not nil where the options are wrong
// or ctx is done, which says nothing about the log.
func Log(ctx context.Context, fsys fs.FS, opts Options) (*Report, error) {
	v, err := newVerifier(fsys, opts)
	if err != nil {
		return nil, err
	}
	v.run(ctx)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	v.conclude()
	if v.opts.Sealed != nil {
		v.opts.Sealed.conclude(v)
	}
	return v.report, nil
}

// A verifier is one run of [Log].
type verifier struct {
	fsys   fs.FS
	opts   Options
	layout segment.Layout
	report *Report

	head     *merkle.Checkpoint // from Options.Head; its signature is not checked yet
	state    *state.State       // nil: none that can be used
	epochs   []string           // keys of Home
	segments []*file
	active   *file // with its handle, where there is one
	total    int64 // bytes of all segments

	indexes map[uint32]*indexFile // by the number of their segment

	proved    proof  // by good seals, at the end
	firstFile uint32 // the first segment of which a file has a fault; 0: none
	placed    []int  // the faults of files in the report; -1 where it is full
	beside    []int  // the faults of what lies beside them, likewise

	careful bool // for tests: no segment is read the quick way
	workers []*worker
}

func newVerifier(fsys fs.FS, opts Options) (*verifier, error) {
	if opts.Name == "" {
		opts.Name = "audit.log"
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	layout, err := segment.LayoutOf(opts.Name)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if opts.Sealed != nil {
		*opts.Sealed = Sealed{}
	}
	v := &verifier{fsys: fsys, opts: opts, layout: layout, report: newReport(opts.Home)}
	if n := len(opts.MACSecret); n != 0 && n != record.KeySize {
		return nil, fmt.Errorf("verify: the secret of the line MACs has %d bytes, want %d", n, record.KeySize)
	}
	for _, key := range []string{opts.PublicKey, opts.Found} {
		if key == "" {
			continue
		}
		if _, err := note.NewVerifier(key); err != nil {
			return nil, fmt.Errorf("verify: public key %q: %w", key, err)
		}
	}
	if opts.Head != "" {
		head, err := merkle.PeekNote(opts.Head)
		if err != nil {
			return nil, fmt.Errorf("verify: head: %w", err)
		}
		v.head = &head
	}
	return v, nil
}

// run reads the log. The state comes first, so that a writer at work can only
// be further than it says.
func (v *verifier) run(ctx context.Context) {
	v.readEpochKeys()
	raw, stateErr := v.rawState()
	defer v.closeActive()
	if err := v.find(); err != nil {
		v.undecided("the log cannot be read: %v", err)
		return
	}
	v.readEpochKeys()
	v.findIndexes()
	j := v.newJudge()
	if j == nil {
		v.absent(raw != nil)
		return
	}
	v.judgeState(j, raw, stateErr)
	if last := v.segments[len(v.segments)-1]; last.Number == 0 && last.readable {
		if err := v.fill(last); err != nil {
			v.report.notChecked("%s was not used: %v.", v.layout.Commit(), err)
		}
	}
	v.judgeHead(j)
	v.walk(ctx, j)
	if ctx.Err() == nil {
		v.finish(j)
		v.proved = j.proof()
		v.judgeIndexes(ctx, j)
		v.placeFaults()
	}
}

// walk judges one segment after the other.
func (v *verifier) walk(ctx context.Context, j *judge) {
	for i, f := range v.segments {
		v.missingBefore(j, i)
		if err := v.segment(ctx, j, i); err != nil {
			if ctx.Err() != nil {
				return
			}
			v.undecided("%s cannot be read: %v", f.name, err)
			j.faulty()
			j.loseTrack()
		}
	}
}

// segment judges one segment: the quick way, and where that finds anything
// odd, from its beginning again, with care.
func (v *verifier) segment(ctx context.Context, j *judge, i int) error {
	f := v.segments[i]
	f.before = j.proof()
	if f.archived && v.opts.Decompress == nil {
		return errNoDecompressor
	}
	if v.unknown(f) {
		return newer(f.version)
	}
	defer v.voided(j, f)
	start := j.chain
	j.enter(f)
	if f.readable && !v.careful {
		clean, err := v.quick(ctx, j, f)
		if err != nil || clean && f.sound() {
			return err
		}
		j.chain = start
		j.enter(f)
	}
	err := v.slow(ctx, j, f)
	j.tellSpoiled(f)
	return err
}

var errNoDecompressor = errors.New("it is an archive, and no decompressor was given")

// readEpochKeys adds the epoch keys that are at the log's home now.
func (v *verifier) readEpochKeys() {
	if v.opts.Home == nil || v.opts.Home.EpochKeys == nil {
		return
	}
	keys, err := v.opts.Home.EpochKeys()
	if err != nil {
		v.undecided("the epoch key cannot be read: %v", err)
	}
	v.epochs = append(v.epochs, keys...)
}

func (v *verifier) undecided(format string, args ...any) {
	v.report.Undecided = append(v.report.Undecided, fmt.Sprintf(format, args...))
}
