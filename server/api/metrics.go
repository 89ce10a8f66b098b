package api

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/server"
)

// A tally counts what happened at the endpoints.
type tally struct {
	mu     sync.Mutex
	counts map[tallied]uint64 // guarded by mu
}

// A tallied is what is counted: at which endpoint, and with what outcome.
type tallied struct{ endpoint, outcome string }

func (t *tally) count(what tallied, n int) {
	if n == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[tallied]uint64)
	}
	t.counts[what] += uint64(n)
}

// write writes the counts, in the order of endpoints and outcomes.
func (t *tally) write(p *exposition, name, outcome string) {
	t.mu.Lock()
	counts := maps.Clone(t.counts)
	t.mu.Unlock()
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b tallied) int {
		return cmp.Or(strings.Compare(a.endpoint, b.endpoint), strings.Compare(a.outcome, b.outcome))
	})
	for _, k := range keys {
		p.sample(name, labels{{"endpoint", k.endpoint}, {outcome, k.outcome}}, float64(counts[k]))
	}
}

// metrics serves GET /metrics, in the text format of Prometheus.
func (h *Handler) metrics(c *call) error {
	p := new(exposition)
	h.serverMetrics(p, h.opt.Server.Stats())
	h.requestMetrics(p)
	if err := h.logMetrics(p); err != nil {
		h.tell(err) // what is not known is left out
	}
	p.family("etch_uptime_seconds", "gauge", "Seconds since the daemon was started.")
	p.sample("etch_uptime_seconds", nil, h.opt.Now().Sub(h.began).Seconds())
	p.family("etch_build_info", "gauge", "The program's version.")
	p.sample("etch_build_info", labels{{"version", h.opt.Version}}, 1)
	c.answer(http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", p.text)
	return nil
}

// serverMetrics writes what the server has counted.
func (h *Handler) serverMetrics(p *exposition, s server.Stats) {
	p.family("etch_events_total", "counter", "Events by what became of them.")
	for _, outcome := range []struct {
		name string
		n    uint64
	}{
		{"recorded", s.Events},
		{"skipped", s.Skipped},
		{"invalid", s.Invalid},
		{"too_large", s.TooLarge},
		{"rate_limited", s.RateLimited},
		{"not_recorded", s.NotRecorded},
		{"unknown", s.Unknown},
	} {
		p.sample("etch_events_total", labels{{"outcome", outcome.name}}, float64(outcome.n))
	}
	p.counter("etch_refused_total", "Requests and connections of senders that may not.", s.Refused)
	p.counter("etch_connections_total", "Connections taken by the socket.", s.Accepted)
	p.counter("etch_connections_rejected_total", "Connections by the socket closed at once.", s.Rejected)
	p.counter("etch_batches_total", "Appends to the log, each of one event or more.", s.Batches)
	p.gauge("etch_connections", "Connections open by the socket.", float64(s.Connections))
	p.gauge("etch_senders", "Senders known since the start, by uid or token.", float64(s.Senders))
	p.gauge("etch_pending_events", "Events given to the log and not yet answered.", float64(s.Pending))
	p.gauge("etch_held_bytes", "Bytes of long lines that are read and not done with.", float64(s.Held))
	p.histogram("etch_append_seconds", "How long an append took until it was answered.", s.Appends)
}

// requestMetrics writes what was counted here.
func (h *Handler) requestMetrics(p *exposition) {
	p.family("etch_http_requests_total", "counter", "HTTP requests answered, by endpoint and status.")
	h.requests.write(p, "etch_http_requests_total", "status")
	p.family("etch_http_events_total", "counter", "Events that came by HTTP, by endpoint and what became of them.")
	h.outcomes.write(p, "etch_http_events_total", "outcome")
	p.gauge("etch_http_held_bytes", "Bytes that bodies of requests hold which are not done with.", float64(h.bodies.Held()))
	up := 1.0
	if h.Failing() != nil {
		up = 0
	}
	p.gauge("etch_healthy", "1 where the next event can be recorded, as far as that is known.", up)
}

// logMetrics writes where the log stands.
func (h *Handler) logMetrics(p *exposition) error {
	waiting, err := etch.ReadSpoolInfo(h.opt.Log)
	if err == nil {
		p.gauge("etch_spool_events", "Events that wait in the spool.", float64(waiting.Events))
		p.gauge("etch_spool_bytes", "Bytes of the spool.", float64(waiting.Bytes))
		p.gauge("etch_spool_lost_events", "Events lost, and not yet on record as such.", float64(waiting.Lost))
	}
	reader, opening := etch.OpenReader(h.opt.Log)
	if opening != nil {
		return errors.Join(err, opening)
	}
	st, reading := reader.Status()
	if reading != nil {
		return errors.Join(err, reading)
	}
	var bytes int64
	for _, s := range st.Segments {
		bytes += s.Bytes
	}
	p.gauge("etch_log_records", "Records of the log, its own included.", float64(st.Size))
	p.gauge("etch_log_bytes", "Bytes of the log's segments, as they lie on the disk.", float64(bytes))
	p.gauge("etch_log_segments", "Segments of the log.", float64(len(st.Segments)))
	p.gauge("etch_log_unsealed_records", "Records after the last seal.", float64(st.Unsealed))
	if !st.SealMade.IsZero() {
		p.gauge("etch_last_seal_timestamp_seconds", "When the last seal was made, in seconds since 1970.", float64(st.SealMade.UnixMicro())/1e6)
	}
	return err
}
