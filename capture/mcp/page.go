package mcp

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etch-audit/etch"
)

// Any page in a browser of this machine can send requests to its loopback, and one to
// this machine's address has the right name in Host. A browser says whose page it was:
// in Origin, of all that a script or a form sends, and in Sec-Fetch-Site. What no page
// sends has neither.

// foreign returns why a request is not passed on for whose it seems to be, "" where it
// is, and whose.
func (p *Proxy) foreign(r *http.Request) (why, whose string) {
	if !p.isHost(r.Host) {
		return "the MCP proxy is not called " + strconv.Quote(r.Host), r.Host
	}
	origins := r.Header.Values("Origin")
	for _, origin := range origins {
		if !p.isOwn(origin, r.Host) {
			return "the MCP proxy takes nothing of web pages of other machines: Origin " + strconv.Quote(origin), origin
		}
	}
	if len(origins) == 0 && slices.Contains(r.Header.Values("Sec-Fetch-Site"), "cross-site") && !isVisit(r) {
		return "the MCP proxy takes nothing of web pages of other machines: Sec-Fetch-Site cross-site", "cross-site"
	}
	return "", ""
}

// isHost reports whether the proxy may be called so.
func (p *Proxy) isHost(host string) bool {
	return p.hosts == nil || p.isListed(nameOf(host))
}

func (p *Proxy) isListed(name string) bool {
	return slices.ContainsFunc(p.hosts, func(host string) bool { return strings.EqualFold(host, name) })
}

// nameOf returns a Host header without its port.
func nameOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.Trim(host, "[]")
}

// isOwn reports whether a page of an origin may use the proxy: one of this machine, or,
// where it may be called by any name, of the host that it was called by.
func (p *Proxy) isOwn(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // null, too: a page that does not say whose it is
	}
	if isLoopback(u.Hostname()) {
		return true
	}
	if p.hosts == nil {
		return strings.EqualFold(u.Hostname(), nameOf(host))
	}
	return p.isListed(u.Hostname())
}

// isVisit reports whether somebody has gone to an address in a browser, as for OAuth: no
// page sees what comes of it.
func isVisit(r *http.Request) bool {
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate"
}

// turnForeigner answers a request that is not passed on for whose it seems to be.
func (p *Proxy) turnForeigner(w http.ResponseWriter, why, whose string) {
	p.w.show(len(whose), func(at time.Time) { p.unnamed(at).noteForeign(whose, at) }, p.opt.Strict)
	turnAway(w, why, http.StatusForbidden)
}

// noteForeign records a request that was not passed on for whose it seems to be.
func (s *session) noteForeign(whose string, at time.Time) {
	o := &s.odd[client][oddForeign]
	if o.count++; o.count > eachOdd {
		return
	}
	s.begin(at)
	e := s.oddEvent(client, oddForeign, at)
	e.Action.Resource = cut(whose, longestMessage)
	s.add(e)
}

// turnedAway fills in that what an event tells was not passed on.
func turnedAway(e *etch.Event, reason string) {
	e.Action.Allowed, e.Action.Approved = false, false
	e.Result = &etch.Result{Type: etch.Blocked, Reason: reason, ErrorCategory: "policy_blocked", ErrorDomain: "action"}
}
