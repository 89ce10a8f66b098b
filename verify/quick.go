package verify

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/merkle"
)

// ahead is how many blocks the workers may be further than the judge.
const ahead = 2

// quick judges a segment with all cores, and reports whether nothing was odd.
// If something was, the judge must go back to where it was.
func (v *verifier) quick(ctx context.Context, j *judge, f *file) (clean bool, err error) {
	src, err := v.open(f)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, src.close()) }()
	in := src.from(0)
	if limit, voided := v.limit(f); voided {
		in = io.LimitReader(in, limit)
	}
	j.quick, j.odd = true, false
	j.eager = v.opts.AllSignatures
	defer func() { j.quick = false }()
	s := sequence{v: v, j: j, file: f, fed: &feed{r: in}, tail: v.tailOf(f), best: j.chain}
	if err := s.run(ctx); err != nil || j.odd {
		return false, err
	}
	end, clean := s.finish()
	if clean && !f.signed {
		clean, err = allWellFormed(src, s.sealedAt, end)
	}
	if !clean || err != nil {
		return false, err
	}
	v.leave(j, end)
	return true, nil
}

// A sequence puts the blocks of a segment in their order, for the judge.
type sequence struct {
	v    *verifier
	j    *judge
	file *file
	fed  *feed

	tail   tail
	best   chain // at the end of what is known to be committed
	bestAt int64
	at     int64 // end of what was judged

	sealedAt int64 // end of the last seal
}

// run passes the segment's blocks from the workers to the judge.
func (s *sequence) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	n := int(min(int64(s.v.opts.Workers), s.file.size/blockSize+1))
	free := make(chan *block, n+ahead)
	done := make(chan *block, n+ahead)
	for range n + ahead {
		free <- &block{}
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	defer stop()
	for i := range n {
		w := s.v.worker(i, s.file, s.j.origin)
		workers.Go(func() { w.work(ctx, s.fed, free, done) })
	}
	go func() { workers.Wait(); close(done) }()
	return s.collect(free, done)
}

// collect judges the blocks in their order. There are as many blocks as the
// channels hold, so that nobody waits for ever.
func (s *sequence) collect(free chan<- *block, done <-chan *block) error {
	early := make(map[int]*block)
	next := 0
	for b := range done {
		early[b.index] = b
		for {
			b, ok := early[next]
			if !ok {
				break
			}
			delete(early, next)
			next++
			if !s.judge(b) {
				s.j.odd = true
				return nil
			}
			free <- b
		}
	}
	s.fed.mu.Lock()
	defer s.fed.mu.Unlock()
	return s.fed.err
}

// judge judges a block, and reports whether all is well with it.
func (s *sequence) judge(b *block) bool {
	j := s.j
	if b.odd {
		return false
	}
	done := 0
	j.place = b.offset
	for i := range b.parts {
		p := &b.parts[i]
		if p.from != j.seq && (j.inside || p.kind != control.Opened) {
			return false
		}
		if p.to > p.from {
			j.events(p.to-p.from, b.roots[done:p.roots])
		}
		done = p.roots
		j.place = p.offset
		if p.kind != "" {
			s.control(p)
		} else if j.inside {
			j.reached()
			s.commit(false, p.offset)
		}
		if j.odd {
			return false
		}
		j.place += p.size()
	}
	s.at = b.end
	s.v.progress(j.sum.Bytes + s.at)
	return true
}

// events adds lines that are no control records.
func (j *judge) events(n uint64, roots []merkle.Root) {
	if !j.inside {
		j.odd = true
		return
	}
	for i := range roots {
		j.grow(roots[i].Level, roots[i].Hash)
	}
	j.seq += n
	j.since += n
	j.sum.Events += n
	j.announced, j.ended = nil, false
}

// control judges a control record.
func (s *sequence) control(p *part) {
	j := s.j
	if j.inside {
		j.reached()
		s.commit(false, p.offset)
	}
	if j.control(p.kind, p.line, p.offset); j.odd {
		return
	}
	j.add(p.leaf)
	end := p.offset + int64(len(p.line)) + 1
	if p.kind == control.Sealed {
		s.sealedAt = end
	}
	s.commit(p.kind == control.Sealed, end)
}

// commit remembers the chain where what was read is known to be committed.
func (s *sequence) commit(sealed bool, at int64) {
	if s.tail.committed(s.j.seq, sealed) {
		s.best, s.bestAt = s.j.chain, at
	}
}

// finish ends the segment. It returns where what was judged ends, and whether
// all was well to there.
func (s *sequence) finish() (end int64, clean bool) {
	j := s.j
	if !j.inside {
		return 0, false
	}
	end = s.at
	if s.tail.all || j.seq < s.tail.size {
		if len(s.fed.carry) > 0 {
			return end, false
		}
	} else {
		seen := j.headSeen
		j.chain, end = s.best, s.bestAt
		j.headSeen = seen
		j.sum.NotYetCommitted = s.file.size - end
	}
	j.settle()
	return end, !j.odd
}
