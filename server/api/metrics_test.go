package api

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/etch-audit/etch/server"
)

// A metric is one family of an exposition.
type metric struct {
	kind    string
	samples map[string]float64 // by name and labels, as written
}

var (
	sampleForm = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^{}]*\})? (\S+)$`)
	labelForm  = regexp.MustCompile(`^\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\\\|\\"|\\n)*"(,|\}$))+$`)
)

// parseExposition reads the text format as strictly as its specification has it:
// each family with HELP and TYPE, once, its samples together, none twice, counters
// named for what they are, buckets that grow to +Inf.
func parseExposition(text string) (map[string]*metric, error) {
	all := map[string]*metric{}
	var name string
	var help bool
	if !strings.HasSuffix(text, "\n") {
		return nil, errors.New("the last line has no end")
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.SplitN(line, " ", 4)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			if name = words[2]; all[name] != nil || len(words) < 4 {
				return nil, fmt.Errorf("%q: twice, or without words", line)
			}
			help = true
		case strings.HasPrefix(line, "# TYPE "):
			if !help || words[2] != name {
				return nil, fmt.Errorf("%q: not behind its HELP", line)
			}
			help = false
			all[name] = &metric{kind: words[3], samples: map[string]float64{}}
		default:
			if err := all[name].add(name, line); err != nil {
				return nil, err
			}
		}
	}
	for name, m := range all {
		if (m.kind == "counter") != strings.HasSuffix(name, "_total") {
			return nil, fmt.Errorf("%s is a %s", name, m.kind)
		}
	}
	return all, nil
}

func (m *metric) add(family, line string) error {
	parts := sampleForm.FindStringSubmatch(line)
	if m == nil || parts == nil || parts[2] != "" && !labelForm.MatchString(parts[2]) {
		return fmt.Errorf("%q is no sample", line)
	}
	base := parts[1]
	if m.kind == "histogram" {
		base = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, "_bucket"), "_sum"), "_count")
	}
	value, err := strconv.ParseFloat(parts[3], 64)
	_, twice := m.samples[parts[1]+parts[2]]
	if base != family || err != nil || twice {
		return fmt.Errorf("%q: of another family, twice or no number", line)
	}
	m.samples[parts[1]+parts[2]] = value
	return nil
}

func TestMetrics(t *testing.T) {
	full := false
	b := newBench(t, server.Limits{MaxEvent: 200}, func(o *Options) {
		o.Disk = func() error {
			if full {
				return errors.New("the disk is full")
			}
			return nil
		}
	})
	read := func() map[string]float64 {
		t.Helper()
		got := b.do("GET", "/metrics", b.read, "")
		if got.status != 200 || got.header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
			t.Fatalf("%d %v %s", got.status, got.header, got.body)
		}
		families, err := parseExposition(got.body)
		if err != nil {
			t.Fatalf("%v\n%s", err, got.body)
		}
		samples := map[string]float64{}
		for _, m := range families {
			maps.Copy(samples, m.samples)
		}
		return samples
	}
	before := read()
	if before[`etch_build_info{version="v1.2\"\n"}`] != 1 || before["etch_healthy"] != 1 || before["etch_log_records"] == 0 || before["etch_log_bytes"] == 0 {
		t.Errorf("samples %v", before)
	}
	b.post(event+"\n"+event, "application/x-ndjson")
	b.post("x", "application/json")
	b.do("POST", "/v1/events", "", event)
	full = true
	b.do("GET", "/healthz", "", "")
	after := read()
	for name, want := range map[string]float64{
		`etch_events_total{outcome="recorded"}`:                            2,
		`etch_http_events_total{endpoint="/v1/events",outcome="recorded"}`: 2,
		`etch_http_requests_total{endpoint="/v1/events",status="200"}`:     1,
		`etch_http_requests_total{endpoint="/v1/events",status="400"}`:     1,
		`etch_http_requests_total{endpoint="/v1/events",status="401"}`:     1,
		`etch_http_requests_total{endpoint="/healthz",status="503"}`:       1,
		`etch_refused_total`:                    1,
		`etch_append_seconds_count`:             1,
		`etch_append_seconds_bucket{le="+Inf"}`: 1,
		`etch_healthy`:                          -1,
	} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%s grew by %v, want %v", name, got, want)
		}
	}
	last := -1.0
	for _, le := range []string{"0.0001", "0.001", "0.1", "5", "+Inf"} {
		n, ok := after[`etch_append_seconds_bucket{le="`+le+`"}`]
		if !ok || n < last {
			t.Errorf("bucket %s has %v, %v, the one before %v", le, n, ok, last)
		}
		last = n
	}
	if after["etch_append_seconds_sum"] <= 0 {
		t.Errorf("appends took %v s", after["etch_append_seconds_sum"])
	}
}

// TestExpositionForm shows that the parser of these tests refuses what is wrong.
func TestExpositionForm(t *testing.T) {
	const good = "# HELP a_total B.\n# TYPE a_total counter\na_total{x=\"y\"} 1\n"
	if _, err := parseExposition(good); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"a_total 1\n", good + "a_total{x=\"y\"} 2\n", good + good, strings.ReplaceAll(good, "a_total", "a"), strings.TrimSuffix(good, "\n"),
		strings.Replace(good, `"y"`, `"y`+"\x5c"+`z"`, 1), strings.Replace(good, " 1\n", " one\n", 1), good + "b_total 1\n",
	} {
		if _, err := parseExposition(bad); err == nil {
			t.Errorf("it is taken:\n%s", bad)
		}
	}
}
