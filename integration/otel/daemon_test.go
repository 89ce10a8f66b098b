package otel

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
	"github.com/etch-audit/etch/server/api"
	"github.com/etch-audit/etch/server/token"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
)

// A daemon takes what the SDK and the collector send, over HTTP with a token.
type daemon struct {
	*httptest.Server
	path   string
	secret string
}

func newDaemon(t *testing.T) *daemon {
	t.Helper()
	d := &daemon{path: filepath.Join(t.TempDir(), "audit.log")}
	log, err := etch.Create(d.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	core, err := server.New(log, &server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tokens := token.Open(filepath.Join(filepath.Dir(d.path), "audit.keys", "tokens"))
	err = tokens.Change(func(l *token.List) (err error) {
		d.secret, err = l.Make("telemetry", token.Send)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	handler := api.New(&api.Options{Server: core, Log: d.path, Tokens: tokens, Now: time.Now, Sessions: filepath.Join(t.TempDir(), "hooks")})
	d.Server = httptest.NewServer(handler)
	t.Cleanup(func() {
		d.Close()
		handler.Wait()
		if err := core.Drain(context.Background()); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// events returns what is in the log of telemetry, without the labels of the
// server's, which are checked.
func (d *daemon) events(t *testing.T) []*etch.Event {
	t.Helper()
	reader, err := etch.OpenReader(d.path)
	if err != nil {
		t.Fatal(err)
	}
	var out []*etch.Event
	for r, err := range reader.Records(t.Context(), etch.Query{AllPhases: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Event.Labels["capture"] != "otlp" {
			continue
		}
		if got := r.Event.Labels[server.LabelSenderToken]; got != "telemetry" {
			t.Errorf("%s of token %q, want telemetry", r.Event.Type, got)
		}
		out = append(out, &r.Event)
	}
	return out
}

// TestDaemon sends to the daemon with the SDK, and reads what is in its log.
func TestDaemon(t *testing.T) {
	headers := func(d *daemon) map[string]string { return map[string]string{"Authorization": "Bearer " + d.secret} }
	t.Run("SDK traces", func(t *testing.T) {
		d := newDaemon(t)
		tracer, provider := newTracer(t, d.URL, otlptracehttp.WithHeaders(headers(d)), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		sent := sendSpans(t.Context(), tracer)
		shutdown(t, provider)
		checkSpans(t, d.events(t), sent)
	})
	t.Run("SDK logs", func(t *testing.T) {
		d := newDaemon(t)
		logger, provider := newLogger(t, d.URL, otlploghttp.WithHeaders(headers(d)))
		sendRecords(t.Context(), logger)
		shutdown(t, provider)
		checkRecords(t, d.events(t))
	})
	for encoding := range encodings {
		t.Run("collector "+string(encoding), func(t *testing.T) {
			d := newDaemon(t)
			factory, config, settings, said := collectorConfig(t, d.URL, encoding)
			config.ClientConfig.Headers.Set("Authorization", configopaque.String("Bearer "+d.secret))
			e, err := factory.CreateTraces(t.Context(), settings, config)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Start(t.Context(), componenttest.NewNopHost()); err != nil {
				t.Fatal(err)
			}
			if err := e.ConsumeTraces(t.Context(), someTraces()); err != nil {
				t.Fatal(err)
			}
			shutdown(t, e)
			if got := d.events(t); len(got) != 3 || said.Len() != 0 {
				t.Errorf("got %d events, want 3; the collector said %v", len(got), said.All())
			}
		})
	}
	t.Run("no token", func(t *testing.T) {
		d := newDaemon(t)
		logger, provider := newLogger(t, d.URL)
		sendRecords(t.Context(), logger)
		if err := provider.Shutdown(t.Context()); err == nil {
			t.Error("the SDK was not told that it may not send")
		}
		if got := d.events(t); len(got) != 0 {
			t.Errorf("%d events without a token", len(got))
		}
	})
}
