package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/etch-audit/etch/internal/broken"
	"github.com/etch-audit/etch/internal/control"
)

// Indexes says what an index is, which this package does not know. Its functions
// are called by several goroutines.
type Indexes struct {
	// Made returns the digest of the index that a segment gives. The segment ends
	// where reading ends, after at most size bytes.
	Made func(segment io.ReaderAt, size int64) (digest [32]byte, err error)

	// Digest reads all of an index file and returns the digest that readers go
	// by. It returns the digest with the error where readers would use the
	// index, and notice only later that a part of it is damaged; else the error
	// says why they do not use it, being [errors.ErrUnsupported] where it is of
	// another version.
	Digest func(index io.ReaderAt, size int64) (digest [32]byte, err error)
}

// mostMade bounds the memory of making indexes, some 20 MiB for each.
const mostMade = 8

// mostIndex is the size from which on a file is no index of any segment. What is
// kept in memory of a smaller one is little.
const mostIndex = 1 << 30

// An indexFile is an index that lies beside the log, as it was found.
type indexFile struct {
	number  uint32
	name    string
	digest  [32]byte // zero: readers do not use it
	err     error    // why readers do not use all of it
	vouched *uint64  // seq of the first record of the log that has the digest

	segment *file
	made    [32]byte // of the segment
	madeErr error
	readErr error // the segment cannot be read
}

// findIndexes reads the indexes, before the log is: whatever is on record of one
// later is known to concern it or not, and nothing else has to be remembered.
func (v *verifier) findIndexes() {
	entries, err := fs.ReadDir(v.fsys, v.layout.Index())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		v.report.notChecked("The indexes beside the log: they cannot be listed: %v.", err)
		return
	}
	v.indexes = make(map[uint32]*indexFile)
	for _, e := range entries {
		n, ok := v.indexOf(e.Name())
		if !ok {
			continue
		}
		x := &indexFile{number: n, name: path.Join(v.layout.Index(), e.Name())}
		if v.opts.Indexes != nil {
			x.digest, x.err = v.digestOf(x.name)
		}
		if !errors.Is(x.err, fs.ErrNotExist) { // taken away since it was listed
			v.indexes[n] = x
		}
	}
	for _, f := range v.segments {
		if v.opts.Indexes != nil && v.indexes[f.number] != nil {
			v.total += f.size // it is read again
		}
	}
}

// indexOf returns the number of the segment that the name of an index is made of.
func (v *verifier) indexOf(name string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, filepath.Ext(v.layout.IndexOf(1)))
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && n > 0 && filepath.Base(v.layout.IndexOf(uint32(n))) == name
}

// digestOf returns the digest of an index file.
func (v *verifier) digestOf(name string) (digest [32]byte, err error) {
	info, err := fs.Stat(v.fsys, name)
	if err != nil {
		return digest, err
	}
	if info.Size() > mostIndex {
		return digest, fmt.Errorf("its %d bytes are more than an index has", info.Size())
	}
	src, err := v.openPlain(name, info.Size())
	if err != nil {
		return digest, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	return v.opts.Indexes.Digest(src, src.size)
}

// indexed judges the record of an index, and remembers that it is the one which
// lies beside the log. A record that is not committed in the end does not count:
// so the first one is what is remembered.
func (j *judge) indexed(data []byte) error {
	var on control.IndexedLog
	if err := parse(data, &on); err != nil {
		return err
	}
	digest, err := on.Check(j.segment.number)
	if err != nil {
		return err
	}
	x := j.indexes[on.Segment]
	if x != nil && x.digest == digest && (x.vouched == nil || j.seq < *x.vouched) {
		x.vouched = new(j.seq)
	}
	return nil
}

// judgeIndexes compares the indexes that readers use with their segments, and
// says which ones they do not use.
func (v *verifier) judgeIndexes(ctx context.Context, j *judge) {
	sum := &v.report.Summary.Indexes
	sum.Of = uint64(len(v.indexes))
	if sum.Of == 0 {
		return
	}
	if v.opts.Indexes == nil {
		sum.Why = "nothing was given that knows what an index is"
		v.report.notChecked("Indexes: not checked. There are %d beside the log, and whether they are those of their segments was not looked at.", sum.Of)
		return
	}
	all := slices.SortedFunc(maps.Values(v.indexes), func(a, b *indexFile) int { return int(int64(a.number) - int64(b.number)) })
	var unused tally
	used := slices.DeleteFunc(slices.Clone(all), func(x *indexFile) bool {
		why := v.unused(j, x)
		unused.add(x, why)
		return why != ""
	})
	v.makeIndexes(ctx, j, used)
	if ctx.Err() != nil {
		return
	}
	for _, x := range used {
		why := v.compareIndex(x)
		if why == "" {
			sum.Checked++
		}
		unused.add(x, why)
	}
	unused.tell(v.report)
	if sum.Checked < sum.Of {
		sum.Why = "those that readers do not use were not compared"
	}
}

// Why an index that lies beside the log is of no use.
const (
	notOnRecord   = "not on record in the log"
	ofNothing     = "of no rotated segment that is here"
	ofVersion     = "of another version of etch"
	damagedIndex  = "damaged"
	ofDamaged     = "not what their segments give, which are damaged themselves"
	cannotCompare = "not to be compared, because their segments cannot be read"
)

// unused returns why readers do not use an index, and "" where they do: they go
// by its digest, and by a record of the log that has it.
func (v *verifier) unused(j *judge, x *indexFile) string {
	i := slices.IndexFunc(v.segments, func(f *file) bool { return f.number == x.number && f.Number != 0 })
	switch {
	case i < 0:
		return ofNothing
	case errors.Is(x.err, errors.ErrUnsupported):
		return ofVersion
	case x.digest == [32]byte{}:
		return damagedIndex
	case x.vouched == nil || *x.vouched >= j.seq:
		return notOnRecord
	}
	if x.segment = v.segments[i]; !x.segment.judged {
		return cannotCompare
	}
	return ""
}

// compareIndex judges an index that readers use, and returns why nothing can be
// said against it although it is of no use, or "".
func (v *verifier) compareIndex(x *indexFile) string {
	differs := x.made != x.digest || x.madeErr != nil
	switch {
	case x.readErr != nil:
		return cannotCompare
	case differs && v.blemished(x.segment):
		return ofDamaged
	case differs && !broken.Is("verify-index"):
		v.indexDiffers(x)
	case x.err != nil:
		return damagedIndex
	}
	return ""
}

// indexDiffers reports an index by which readers answer wrongly.
func (v *verifier) indexDiffers(x *indexFile) {
	detail := fmt.Sprintf("%s is not the index of this segment, although the log has it on record at seq %d: what is asked by it may be answered wrongly", x.name, *x.vouched)
	if x.madeErr != nil {
		detail += fmt.Sprintf(" (the segment gives no index: %v)", x.madeErr)
	}
	v.besides(Fault{
		Kind: IndexDiffers, Segment: x.segment.name, SegmentNumber: x.segment.number, Detail: detail,
		Hint: "remove the index, run \"etch index\", and ask again what was asked: with --no-index nothing is asked of an index",
	})
}

// makeIndexes makes the indexes of segments again, as many at once as there are
// workers.
func (v *verifier) makeIndexes(ctx context.Context, j *judge, used []*indexFile) {
	work := make(chan *indexFile)
	var workers sync.WaitGroup
	read := &meter{v: v, done: j.sum.Bytes}
	for range min(v.opts.Workers, mostMade, len(used)) {
		workers.Go(func() {
			for x := range work {
				v.makeIndex(ctx, read, x)
			}
		})
	}
	for _, x := range used {
		work <- x
	}
	close(work)
	workers.Wait()
}

// makeIndex makes the index of a segment again: of the bytes that were judged.
func (v *verifier) makeIndex(ctx context.Context, read *meter, x *indexFile) {
	src, err := v.open(x.segment)
	if err != nil {
		x.readErr = err
		return
	}
	r := &metered{ctx: ctx, r: src, meter: read}
	size := src.size
	if limit, voided := v.limit(x.segment); voided {
		size = min(size, limit)
	}
	x.made, x.madeErr = v.opts.Indexes.Made(r, size)
	x.readErr = errors.Join(r.err, src.close())
}

// blemished reports whether a fault concerns what a segment holds: an index may
// differ from it then. Faults that tell of keys, of the state, or of bytes that
// do not count, do not. One that has an offset lies in its own segment, whatever
// number is told with it: a line that is not in its place has that of another. Of
// one without, of a run of bad seals, and of a segment that does not go on where the
// one before ended, the numbers tell.
func (v *verifier) blemished(f *file) bool {
	if v.report.FaultCount > len(v.report.Faults) {
		return true // some are not known
	}
	limit, voided := v.limit(f)
	return slices.ContainsFunc(v.report.Faults, func(fault Fault) bool {
		own := fault.Segment == f.name || fault.SegmentNumber == f.number
		switch from := fault.from(); {
		case fault.Kind == EpochBroken || fault.Kind == StateMissing || fault.Kind == IndexDiffers:
			return false
		case fault.Kind == Torn && voided && fault.Segment == f.name && fault.Offset != nil && *fault.Offset == limit:
			return false
		case from != nil && (fault.Offset == nil || fault.Kind.spans()):
			return own && fault.Offset != nil || *from <= f.to && *fault.to() >= f.from
		default:
			return own
		}
	})
}

// spans reports whether a fault of the kind may concern more segments than the one
// that its offset is in.
func (k Kind) spans() bool {
	return k == BadSeal || k == BadSignature || k == WrongEpoch || k == Forked
}

// A meter counts what is read of segments a second time.
type meter struct {
	v    *verifier
	mu   sync.Mutex // progress is told of by one at a time
	done int64
}

func (m *meter) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += int64(n)
	m.v.progress(m.done)
}

// A metered is a segment that is read until ctx is done. It remembers that it
// could not be read.
type metered struct {
	ctx   context.Context
	r     io.ReaderAt
	meter *meter
	err   error
}

// ReadAt implements io.ReaderAt.
func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	err := m.ctx.Err()
	n := 0
	if err == nil {
		n, err = m.r.ReadAt(p, off)
	}
	m.meter.add(n)
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// A tally is indexes that are of no use, by why.
type tally struct {
	reasons []string
	first   map[string]*indexFile
	count   map[string]uint64
}

// add counts an index, where there is a reason.
func (t *tally) add(x *indexFile, why string) {
	if why == "" {
		return
	}
	if t.first == nil {
		t.first, t.count = make(map[string]*indexFile), make(map[string]uint64)
	}
	if t.count[why]++; t.count[why] == 1 {
		t.reasons = append(t.reasons, why)
		t.first[why] = x
	}
}

// tell says which indexes readers do not use, each reason once: there may be as
// many indexes as segments.
func (t *tally) tell(r *Report) {
	for _, why := range t.reasons {
		x := t.first[why]
		which := x.name
		if n := t.count[why]; n > 1 {
			which = fmt.Sprintf("%s and %d more", which, n-1)
		}
		for _, err := range []error{x.err, x.readErr} {
			if err != nil {
				which += fmt.Sprintf(" (%v)", err)
			}
		}
		r.notChecked("Indexes that are %s: %s. Queries do not use them. Once they are removed, \"etch index\" makes what is lacking.", why, clip(which))
	}
}
