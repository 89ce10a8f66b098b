// Package audithttp records HTTP by package net/http: the requests that a server is
// sent, by [NewHandler], and those that a client sends, by [NewTransport]. Of each
// there is the attempt before anything is done, and the completion after it.
//
// Recorded of a URL is what stands before its fragment, without user and password;
// the log masks secrets in its query and its path as it does everywhere. Bodies and
// headers are not recorded, but that a trace id is taken from traceparent.
//
// A handler's context has the [etch.Scope] of its request: what it runs, sends and
// logs with that context is recorded as the same person's in the same session.
package audithttp

import "net/url"

// The labels of what an event has no member for. Their names are those of the
// semantic conventions of OpenTelemetry.
const (
	LabelMethod = "http.request.method"
	LabelStatus = "http.response.status_code"
	LabelRoute  = "http.route"     // the pattern of [net/http.ServeMux]
	LabelClient = "client.address" // without its port
)

// LabelFirstCall is the label of a request that follows a redirect: the call id of
// the request that was redirected first.
const LabelFirstCall = "redirected_call_id"

// shown returns a URL as it is recorded.
func shown(u *url.URL) string {
	own := *u
	own.User, own.Fragment, own.RawFragment = nil, "", ""
	return own.String()
}
