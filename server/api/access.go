package api

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/token"
)

// Why a request is refused, as the log has it.
const (
	causeBrowser = "a web page sent the request"
	causeHost    = "the request was for another host"
	causeNoToken = "no token"
	causeToken   = "an unknown token"
	causeSend    = "the token may not send"
	causeRead    = "the token may not read"
	causeMany    = "too many connections of one token"
	causeReader  = "it is not among those who may read"
)

// admit finds out who asks, and returns nil where it may have what it asks for.
func (h *Handler) admit(c *call, e endpoint) error {
	if c.r.Method != e.method && e.method != "" {
		c.w.Header().Set("Allow", e.method)
		return &problem{status: http.StatusMethodNotAllowed, code: "method", text: e.method + " only"}
	}
	bySocket, ok := server.SenderFrom(c.r.Context())
	if err := h.local(c, ok); err != nil || e.open {
		return err
	}
	if ok && (bySocket.UID >= 0 || c.r.Header.Get("Authorization") == "") {
		return h.admitSocket(c, e, bySocket)
	}
	return h.admitToken(c, e)
}

// unknownSender is who has not said who it is.
var unknownSender = server.Sender{Transport: server.TransportHTTP, UID: -1, GID: -1, PID: -1}

// local refuses what a web page makes a browser send. A page of another origin
// says so; one that has given its own name this machine's address asks for that
// name. A browser does not get to a socket.
func (h *Handler) local(c *call, bySocket bool) error {
	switch {
	case len(c.r.Header.Values("Origin")) > 0:
		return h.refuse(c, unknownSender, causeBrowser, &problem{
			status: http.StatusForbidden, code: "refused", text: "requests of web pages are refused", hint: "send no Origin header",
		})
	case !bySocket && !isLoopback(c.r.Host):
		return h.refuse(c, unknownSender, causeHost, &problem{
			status: http.StatusForbidden, code: "refused", text: "the Host header does not name this machine's loopback",
			hint: "ask for http://127.0.0.1 or http://localhost",
		})
	}
	return nil
}

// isLoopback reports whether a Host header names this machine, as only itself
// sees it.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// refuse records a refusal and returns what its sender is told.
func (h *Handler) refuse(c *call, sender server.Sender, cause string, p *problem) error {
	_ = h.opt.Server.Refuse(c.context(), sender, cause) // the refusal itself: p says it
	return p
}

// admitSocket admits whom the kernel named.
func (h *Handler) admitSocket(c *call, e endpoint, sender server.Sender) error {
	c.sender = sender
	if e.right == token.Send {
		return h.enter(c, e)
	}
	if h.opt.Server.MayRead(sender) {
		return nil
	}
	return h.refuse(c, sender, causeReader, &problem{
		status: http.StatusForbidden, code: "refused", text: "this user may not read the log", hint: "read_users in [server] says who may",
	})
}

// admitToken admits who shows a token.
func (h *Handler) admitToken(c *call, e endpoint) error {
	list, err := h.opt.Tokens.List()
	if err != nil {
		h.tell(err)
		return &problem{status: http.StatusServiceUnavailable, code: "tokens", text: "the daemon cannot read who may come in", hint: "the daemon's own messages say why"}
	}
	secret, ok := bearer(c.r)
	if !ok {
		return h.unauthorized(c, causeNoToken, "a token is needed: Authorization: Bearer TOKEN")
	}
	found, ok := list.Find(secret)
	if !ok {
		return h.unauthorized(c, causeToken, "the token is not known")
	}
	c.sender = unknownSender
	c.sender.Token = found.Name
	if err := h.guest(c, secret); err != nil {
		return err
	}
	if found.Rights&e.right == 0 {
		cause := causeSend
		if e.right == token.Read {
			cause = causeRead
		}
		return h.refuse(c, c.sender, cause, &problem{
			status: http.StatusForbidden, code: "refused", text: "this token is not for that: it is good for " + found.Rights.String(),
			hint: "\"etch serve token NAME --rights " + e.right.String() + "\" makes one that is",
		})
	}
	return h.enter(c, e)
}

// enter has it recorded that a sender was let in, if that is not on record. What
// need not get into the log at once need not wait for it either.
func (h *Handler) enter(c *call, e endpoint) error {
	err := h.opt.Server.Admit(c.context(), c.sender)
	if e.spools && !errors.Is(err, server.ErrRefused) {
		return nil
	}
	return err
}

// unauthorized refuses who has shown no good token. The connection ends with it: it may
// have a place from when its token was good.
func (h *Handler) unauthorized(c *call, cause, text string) error {
	c.w.Header().Set("WWW-Authenticate", `Bearer realm="etch"`)
	c.w.Header().Set("Connection", "close")
	return h.refuse(c, unknownSender, cause, &problem{
		status: http.StatusUnauthorized, code: "unauthorized", text: text, hint: "\"etch serve token NAME\" makes one",
	})
}

// bearer returns the token of a request. Two of them are none.
func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, secret, _ := strings.Cut(values[0], " ")
	return strings.TrimSpace(secret), strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(secret) != ""
}
