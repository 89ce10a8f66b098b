package api

import (
	"math"
	"strconv"
	"strings"

	"github.com/etch-audit/etch/internal/later"
	"github.com/etch-audit/etch/server"
)

// An exposition is a text in the format of Prometheus, version 0.0.4.
// https://prometheus.io/docs/instrumenting/exposition_formats/
type exposition struct{ text []byte }

// labels are names and values, in their order.
type labels [][2]string

// family begins the samples of a metric.
func (p *exposition) family(name, kind, help string) {
	p.text = append(p.text, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n"...)
}

// labelText escapes the value of a label.
var labelText = later.Value[*strings.Replacer]{Make: func() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
}}

// sample writes one value.
func (p *exposition) sample(name string, l labels, value float64) {
	p.text = append(p.text, name...)
	for i, pair := range l {
		before := ","
		if i == 0 {
			before = "{"
		}
		p.text = append(p.text, before+pair[0]+`="`+labelText.Get().Replace(pair[1])+`"`...)
	}
	if len(l) > 0 {
		p.text = append(p.text, '}')
	}
	p.text = append(p.text, ' ')
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		p.text = strconv.AppendInt(p.text, int64(value), 10)
	} else {
		p.text = strconv.AppendFloat(p.text, value, 'g', -1, 64)
	}
	p.text = append(p.text, '\n')
}

func (p *exposition) counter(name, help string, value uint64) {
	p.family(name, "counter", help)
	p.sample(name, nil, float64(value))
}

func (p *exposition) gauge(name, help string, value float64) {
	p.family(name, "gauge", help)
	p.sample(name, nil, value)
}

// histogram writes buckets, each with all that are below it.
func (p *exposition) histogram(name, help string, h server.Histogram) {
	p.family(name, "histogram", help)
	var all uint64
	for _, b := range h.Buckets {
		all += b.Count
		bound := "+Inf"
		if b.AtMost > 0 {
			bound = strconv.FormatFloat(b.AtMost.Seconds(), 'g', -1, 64)
		}
		p.sample(name+"_bucket", labels{{"le", bound}}, float64(all))
	}
	p.sample(name+"_sum", nil, h.Sum.Seconds())
	p.sample(name+"_count", nil, float64(all))
}
