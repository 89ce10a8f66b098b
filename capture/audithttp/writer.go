package audithttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// A writer counts what is answered.
type writer struct {
	http.ResponseWriter
	status   int // 0 until there is one
	bytes    uint64
	err      error // the first of writing
	hijacked bool
}

// Unwrap lets [http.ResponseController] reach what is below.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader takes the status. Informational ones, of which there may be several,
// are not it, but for the switch to another protocol.
func (w *writer) WriteHeader(code int) {
	if w.status == 0 && (code >= 200 || code == http.StatusSwitchingProtocols) {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

// Write counts what was written.
func (w *writer) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.ResponseWriter.Write(p)
	w.count(int64(n), err)
	return n, err
}

// ReadFrom keeps the fast ways that the writer below has to send a file.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	w.begin()
	n, err := io.Copy(w.ResponseWriter, src)
	w.count(n, err)
	return n, err
}

func (w *writer) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

func (w *writer) count(n int64, err error) {
	w.bytes += uint64(max(n, 0))
	if w.err == nil {
		w.err = err
	}
}

// code returns the status that the client was sent.
func (w *writer) code() int {
	switch {
	case w.status != 0:
		return w.status
	case w.hijacked:
		return http.StatusSwitchingProtocols
	}
	return http.StatusOK
}

func (w *writer) flush() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, buffer, err
}

// shape returns the writer with those methods that the one below has: a handler asks
// by them what it can do.
func (w *writer) shape() http.ResponseWriter {
	flushes := has(w.ResponseWriter, func(w http.ResponseWriter) bool {
		_, ok := w.(http.Flusher)
		_, also := w.(interface{ FlushError() error })
		return ok || also
	})
	hijacks := has(w.ResponseWriter, func(w http.ResponseWriter) bool {
		_, ok := w.(http.Hijacker)
		return ok
	})
	switch {
	case flushes && hijacks:
		return both{w}
	case flushes:
		return flusher{w}
	case hijacks:
		return hijacker{w}
	}
	return w
}

// has reports whether a writer or one that it wraps can do something.
func has(w http.ResponseWriter, can func(http.ResponseWriter) bool) bool {
	for {
		if can(w) {
			return true
		}
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = outer.Unwrap()
	}
}

type flusher struct{ *writer }

// Flush implements [http.Flusher], which has no place for an error.
func (w flusher) Flush() { _ = w.flush() }

// FlushError is what [http.ResponseController] looks for first.
func (w flusher) FlushError() error { return w.flush() }

type hijacker struct{ *writer }

// Hijack implements [http.Hijacker].
func (w hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

type both struct{ *writer }

// Flush implements [http.Flusher], which has no place for an error.
func (w both) Flush() { _ = w.flush() }

// FlushError is what [http.ResponseController] looks for first.
func (w both) FlushError() error { return w.flush() }

// Hijack implements [http.Hijacker].
func (w both) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }
