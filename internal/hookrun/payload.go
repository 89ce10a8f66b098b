package hookrun

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/hook"
)

// A payload is what has come on standard input so far. It may be asked while it
// is read.
type payload struct {
	mu    sync.Mutex
	data  []byte
	hash  hash.Hash // of what was dropped beyond hook.MaxPayload, and all before; nil: nothing was
	size  int64
	ended chan struct{} // closed when no more comes
}

// read reads all of it. What is too much is counted and hashed, so that the agent
// is not left with a pipe that nobody reads.
func (p *payload) read(in io.Reader) error {
	defer close(p.ended)
	buffer := make([]byte, 4<<10) // most payloads are shorter, and fresh memory costs
	for {
		n, err := in.Read(buffer)
		p.add(buffer[:n])
		if n == len(buffer) && n < 64<<10 {
			buffer = make([]byte, 64<<10)
		}
		if errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			continue
		}
		if err != nil {
			return fmt.Errorf("read payload: %w", err)
		}
		return nil
	}
}

func (p *payload) add(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size += int64(len(b))
	if p.hash == nil && p.size <= hook.MaxPayload {
		p.data = append(p.data, b...)
		return
	}
	if p.hash == nil {
		p.hash = sha256.New()
		p.hash.Write(p.data)
		p.data = nil
	}
	p.hash.Write(b)
}

// wait waits for the end of it and reports whether it has come.
func (p *payload) wait(limit time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// whole reports whether what has come is all of it, as far as that can be told:
// some parents keep the pipe open behind it.
func (p *payload) whole() bool {
	_, ok := hook.ParsePayload(p.bytes())
	return ok
}

// over reports whether it is too long to be looked at.
func (p *payload) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hash != nil
}

// bytes returns what has come. Bytes that come later do not change it.
func (p *payload) bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data
}

// sum returns what is known of it without a look: so far, and whether that is all.
func (p *payload) sum() hook.Sum {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hash
	if h == nil {
		h = sha256.New()
		h.Write(p.data)
	}
	sum := hook.Sum{Bytes: p.size, SHA256: hex.EncodeToString(h.Sum(nil))}
	select {
	case <-p.ended:
		sum.Whole = true
	default:
	}
	return sum
}

// delivered returns the event that says no more than that a hook was started,
// with what, and why there is no more to say; "" where the agent or the payload
// is the reason.
func (r *run) delivered(why string) *etch.Event {
	sum, agent := r.payload.sum(), r.known
	switch {
	case why != "":
	case agent == nil:
		why = fmt.Sprintf("no agent of the name %q is known", r.Agent)
	default:
		why = sum.TooLong()
	}
	if agent == nil {
		agent = &hook.Agent{Name: r.Agent}
	}
	d := hook.Delivery{Agent: agent, Event: r.Event, Now: r.began, Actor: r.actor()}
	return d.Unread(sum, why)
}
