package mcp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
)

// mostAgain bounds what is kept of a request to be sent again. Most are shorter.
const mostAgain = 64 << 10

// A repeatable is the body of a request, which can be sent again where the server has said
// that it did nothing about it: it was about to close the connection, for instance. Who
// sends it on does so by itself, and never where the server may have begun with it. It was
// looked at when it was read first.
type repeatable struct {
	io.ReadCloser

	mu    sync.Mutex // guards what follows
	kept  []byte
	long  bool // it is more than is kept
	whole bool // all of it was read
}

// repeat lets a request be sent again. Of one that says that it may be done twice, by a
// header or its method, http.Transport would do so where the server may have begun with it,
// too: each of those would be a call.
func repeat(r *http.Request) {
	if r.Method != http.MethodPost || r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil {
		return
	}
	body := &repeatable{ReadCloser: r.Body}
	r.Body, r.GetBody = body, body.again
}

// Read reads the body.
func (r *repeatable) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.long = r.long || len(r.kept)+n > mostAgain; r.long {
		r.kept = nil
	} else {
		r.kept = append(r.kept, p[:n]...)
	}
	r.whole = r.whole || errors.Is(err, io.EOF)
	return n, err
}

var errNotAgain = errors.New("the server has not taken the request, which is too long to be sent again, or did not come whole")

// again returns the body once more.
func (r *repeatable) again() (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.long || !r.whole {
		return nil, errNotAgain
	}
	return io.NopCloser(bytes.NewReader(r.kept)), nil
}
