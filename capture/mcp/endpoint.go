package mcp

import (
	"bytes"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// The transport of 2024-11-05 (HTTP with SSE) has two addresses: a stream of
// events that a client opens, whose first one, named endpoint, says where the
// client shall send its messages to. Answers come on the stream. A session lasts
// as long as the stream, and has no other name than the address.

// endpointID returns what a session of that transport is remembered by. No header
// can name it.
func endpointID(uri string) string { return "\n" + uri }

// offers says that the server has sent its client to an address. Of the witness's
// goroutine.
func (e *exchange) offers(address string, at time.Time) {
	address = asRead(address)
	if away := leadsTo(address); away != "" {
		e.p.unnamed(at).nowhere("endpoint", away, at)
		return
	}
	to, err := url.Parse(address)
	if err != nil || e.id != "" {
		return // no client can go there, or it has a session by another name
	}
	e.id, e.tag, e.offered = endpointID(e.uri.ResolveReference(to).RequestURI()), "", true
	e.p.forget(e.id, "another stream of its name", at)
	e.join(e.p.begin(at), at)
	if e.stream != nil {
		e.s.tell = e.stream.tell
	}
	e.p.keep(e.id, e.s)
}

// longestEndpoint bounds the address that a client is sent to, and what is held
// back of the beginning of a stream.
const longestEndpoint = 4 << 10

// An endpointReader is a stream of events. Where its first one sends the client to
// an address of the server's with the server's name, which would lead past the
// proxy, the name is left out: the client takes the address as one of the proxy.
// Everything else stays as it is, and is held back no longer than to the end of
// the line.
type endpointReader struct {
	io.ReadCloser
	target *url.URL

	in    []byte // the beginning of a line
	out   []byte // to be read
	err   error  // what comes behind it
	named bool   // the event is an endpoint
	done  bool   // and this is no more looked for
	cr    bool   // the last line has ended with a carriage return
}

// Read reads the stream.
func (r *endpointReader) Read(p []byte) (int, error) {
	for len(r.out) == 0 && r.err == nil && !r.done {
		n, err := r.ReadCloser.Read(p)
		r.in, r.err = append(r.in, p[:n]...), err
		r.lines()
	}
	if len(r.out) > 0 {
		n := copy(p, r.out)
		r.out = r.out[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.ReadCloser.Read(p)
}

// lines moves what need not be held back.
func (r *endpointReader) lines() {
	for !r.done {
		if r.cr && len(r.in) > 0 {
			if r.cr = false; r.in[0] == '\n' {
				r.pass(1)
			}
		}
		end := bytes.IndexAny(r.in, "\r\n")
		if end < 0 {
			r.done = len(r.in) > longestEndpoint || r.err != nil
			break
		}
		r.cr = r.in[end] == '\r'
		r.line(end)
		r.pass(1)
	}
	if r.done {
		r.pass(len(r.in))
	}
}

// pass moves the first n bytes.
func (r *endpointReader) pass(n int) {
	r.out = append(r.out, r.in[:n]...)
	r.in = r.in[n:]
}

// line moves a line of n bytes, but for its end.
func (r *endpointReader) line(n int) {
	name, value, _ := strings.Cut(strings.TrimPrefix(string(r.in[:n]), "\ufeff"), ":")
	switch value = strings.TrimPrefix(value, " "); {
	case name == "event":
		r.named = value == "endpoint"
		r.done = !r.named
	case name == "data" && r.named:
		r.done = true
		if path, ok := pathOf(value, r.target); ok {
			r.out = append(r.out, "data: "+path...)
			r.in = r.in[n:]
			return
		}
	case name == "data":
		r.done = true
	}
	r.pass(n)
}

// pathOf returns the rest of an address that begins with the name of a server.
func pathOf(address string, target *url.URL) (path string, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || !sameServer(u, target) {
		return "", false
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery, Fragment: u.Fragment}).String(), true
}

// sameServer reports whether two addresses are of one server. All names of this
// machine are one.
func sameServer(a, b *url.URL) bool {
	if a.Scheme != "" && a.Scheme != b.Scheme || portOf(a, b.Scheme) != portOf(b, b.Scheme) {
		return false
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) || isLoopback(a.Hostname()) && isLoopback(b.Hostname())
}

func portOf(u *url.URL, scheme string) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[scheme]
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
