package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"

	"github.com/etch-audit/etch/capture/hook"
	"github.com/etch-audit/etch/internal/httpbody"
)

const (
	// maxPosted bounds how much of a posted payload is read, before and after it is
	// decompressed: one that is too long to be looked at is counted and hashed up to
	// there.
	maxPosted = 256 << 20
	// maxHead is how much is kept of a payload that is not looked at: the name of its
	// event stands there, mostly.
	maxHead = 16 << 10
)

// A payload is what an agent has posted.
type payload struct {
	body    *httpbody.Body // nil where it is not looked at
	problem *problem       // why it is not; nil where it is
	head    []byte         // of one that is not
	sum     hook.Sum       // of one that is not
}

// bytes returns what is there of it.
func (p *payload) bytes() []byte {
	if p.body != nil {
		return p.body.Data
	}
	return p.head
}

func (p *payload) release() {
	if p.body != nil {
		p.body.Release()
	}
}

// tooLong reports whether it is not looked at for its length, in which case all is done
// with it that is to be.
func (p *payload) tooLong() bool {
	return p.problem != nil && p.problem.status == http.StatusRequestEntityTooLarge
}

// why says in its event why it is not looked at.
func (p *payload) why() string {
	if p.tooLong() {
		return p.sum.TooLong()
	}
	return "its payload could not be looked at: " + p.problem.text
}

// payload reads what an agent has posted. An agent does not send it again, whatever it
// is answered: so it always comes to something. What cannot be looked at is counted and
// hashed as far as it comes.
func (h *Handler) payload(c *call) *payload {
	defer h.hurry(c)()
	raw := http.MaxBytesReader(c.w.ResponseWriter, c.r.Body, maxPosted)
	in, err := decompressed(raw, c.r.Header.Values("Content-Encoding"))
	exact := err == nil
	if !exact {
		in = raw
	}
	w := &witness{in: in, hash: sha256.New()}
	var body *httpbody.Body
	if exact {
		body, err = h.readPayload(w, c.sender.Key())
	}
	if err == nil {
		c.unread = false
		return &payload{body: body}
	}
	p := &payload{problem: h.bodyProblem(err, hook.MaxPayload)}
	// What fails here has failed before, or says less than that.
	_, _ = io.Copy(io.Discard, io.LimitReader(w, maxPosted-w.size))
	c.unread = !w.ended
	p.head = w.head
	p.sum = hook.Sum{Bytes: w.size, SHA256: hex.EncodeToString(w.hash.Sum(nil)), Whole: exact && w.ended}
	return p
}

func (h *Handler) readPayload(in io.Reader, sender string) (*httpbody.Body, error) {
	body, err := h.bodies.Read(in, hook.MaxPayload, sender)
	if err == nil && len(body.Data) == 0 {
		body.Release()
		err = errEmpty
	}
	return body, err
}

// A witness is a reader that knows what was read.
type witness struct {
	in    io.Reader
	size  int64
	hash  hash.Hash
	head  []byte
	ended bool // all was read
}

// Read reads, and takes note of it.
func (w *witness) Read(p []byte) (int, error) {
	n, err := w.in.Read(p)
	w.size += int64(n)
	_, _ = w.hash.Write(p[:n]) // a hash never fails
	if room := maxHead - len(w.head); room > 0 {
		w.head = append(w.head, p[:min(n, room)]...)
	}
	w.ended = w.ended || errors.Is(err, io.EOF)
	return n, err
}
