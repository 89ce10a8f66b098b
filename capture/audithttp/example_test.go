package audithttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/audithttp"
)

// handler serves requests, recorded as those of whom the proxy before it names.
func handler(audit etch.Recorder, next http.Handler) http.Handler {
	return audithttp.NewHandler(audit, next, &audithttp.HandlerOptions{
		Describe: func(r *http.Request, ev *etch.Event) { ev.Actor.Username = r.Header.Get("X-Forwarded-User") },
		OnError: func(_ *http.Request, err error) error {
			slog.Error("not on record", "err", err)
			return err // the request is refused
		},
	})
}

// client sends requests, recorded, and none to the addresses of the cloud's metadata.
func client(audit etch.Recorder) *http.Client {
	return &http.Client{Transport: audithttp.NewTransport(audit, http.DefaultTransport, &audithttp.TransportOptions{
		Deny: func(r *http.Request) error {
			if strings.HasPrefix(r.URL.Hostname(), "169.254.") {
				return errors.New("metadata address")
			}
			return nil
		},
	})}
}

// What a request leads to is recorded as of the same user.
func Example() {
	dir, err := os.MkdirTemp("", "etch-example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // an example's own directory
	path := filepath.Join(dir, "audit.log")
	audit, err := etch.Create(path, nil)
	if err != nil {
		log.Fatal(err)
	}

	// An agent that fetches what it is told to.
	agent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.FormValue("url"), nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		resp, err := client(audit).Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		defer func() { _ = resp.Body.Close() }() // it was read
		_, _ = io.Copy(w, resp.Body)             // a client that is gone
	})
	r := httptest.NewRequest(http.MethodGet, "/fetch?url=http://169.254.169.254/latest/meta-data/", nil)
	r.Header.Set("X-Forwarded-User", "alice")
	handler(audit, agent).ServeHTTP(httptest.NewRecorder(), r)

	if err := audit.Close(); err != nil {
		log.Fatal(err)
	}
	reader, err := etch.OpenReader(path)
	if err != nil {
		log.Fatal(err)
	}
	for rec, err := range reader.Records(context.Background(), etch.Query{User: "alice"}) {
		if err != nil {
			log.Fatal(err)
		}
		switch e := rec.Event; e.Type {
		case etch.NetworkEgress:
			fmt.Println(e.Type, e.Egress.Method, e.Egress.URL, e.Result.Type, e.Result.Reason)
		default:
			fmt.Println(e.Type, e.Labels[audithttp.LabelMethod], e.Action.Resource, e.Result.Type, e.Result.Reason)
		}
	}
	// Output:
	// network_egress GET http://169.254.169.254/latest/meta-data/ blocked metadata address
	// tool_call GET http://example.com/fetch?url=http://169.254.169.254/latest/meta-data/ blocked 403 Forbidden
}
