package mcp

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch"
)

// A server can send its client to another address, by Location of an answer or by the
// endpoint of the older transport. Where that has the server's own name, which leads
// past the proxy, the name is left out; where it leads to another server, that is on
// record.

// A redirection is where the server has sent a client by an answer.
type redirection struct {
	status int
	away   string // the place that is not seen; "" where the client stays
	asked  bool   // the request was for a stream, whose messages are missed
}

// text says it, as the end of a call.
func (d *redirection) text() string {
	if d.away != "" {
		return short(fmt.Sprintf("HTTP %d: the client is sent to %s, and what became of the call is not seen", d.status, d.away))
	}
	return short(fmt.Sprintf("HTTP %d: the client is sent to another address of the server, and asks again there", d.status))
}

// keepHere leaves the name of the server out of the Location of an answer; nil where the
// answer sends its client nowhere.
func (p *Proxy) keepHere(r *http.Response) *redirection {
	locations := r.Header.Values("Location")
	if r.StatusCode < 300 || r.StatusCode > 399 || len(locations) == 0 {
		return nil
	}
	d := &redirection{status: r.StatusCode, asked: r.Request.Method == http.MethodGet && accepts(r.Request, eventStream)}
	for i, address := range locations {
		address = asRead(address)
		if path, ok := pathOf(address, p.target); ok {
			locations[i] = path
		} else if away := leadsTo(address); away != "" {
			d.away = away
		}
	}
	return d
}

// accepts reports whether a request asks for answers of a type.
func accepts(r *http.Request, kind string) bool {
	return slices.ContainsFunc(r.Header.Values("Accept"), func(line string) bool { return strings.Contains(strings.ToLower(line), kind) })
}

// leadsTo returns which server an address names, "" where it names none, and so is one of
// the proxy to its client.
func leadsTo(address string) string {
	u, err := url.Parse(address)
	switch {
	case err == nil && u.Host != "":
		return strings.TrimPrefix(u.Scheme+"://"+u.Host, ":")
	case err != nil || u.Scheme != "" || strings.HasPrefix(address, "//"):
		address, _, _ = strings.Cut(address, "?")
		return cut(address, longestMessage)
	}
	return ""
}

// asRead returns an address as clients read it, who do as browsers do: line ends and tabs
// count for nothing, nor does white space around it, and a backslash is a slash (URL
// Standard, sections 4.3 and 4.4).
func asRead(address string) string {
	return strings.Trim(strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(address), " ")
}

// nowhere records that a client is sent where it is not seen.
func (s *session) nowhere(how, to string, at time.Time) {
	s.begin(at)
	e := s.event(etch.SecurityEvent, at)
	e.Action.Resource = to
	e.Labels["from"], e.Labels["payload"] = server.String(), how
	e.Action.Risk = etch.RiskMedium
	e.Action.RiskReasons = []string{"mcp-" + how + ": the server sends its client to another address, and what is sent there is not recorded"}
	s.add(e)
}

// redirected records that the server has sent the client of an exchange where it is not
// seen, where that was to do something there.
func (e *exchange) redirected(at time.Time) {
	d := e.sent
	if d == nil || d.away == "" {
		return
	}
	switch {
	case e.s != nil:
		e.s.nowhere("redirect", d.away, at)
	case d.asked:
		e.p.unnamed(at).nowhere("redirect", d.away, at)
	}
}
