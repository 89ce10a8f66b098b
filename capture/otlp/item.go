package otlp

// An origin is whom items come from: a program, and the part of it that
// measures. The items of one scope share it.
type origin struct {
	resource attributes // those of resourceKeys
	scope    string     // the name of the instrumentation
	digest   digest     // of all that was sent of both
}

// A logRecord is LogRecord of OTLP, without what no event needs.
type logRecord struct {
	*origin
	time       uint64 // nanoseconds since 1970; 0: not told
	observed   uint64
	name       string // event_name
	body       value
	attributes attributes
	trace      string // in hexadecimal digits; "" where the record belongs to no trace
	span       string
}

// A span is Span of OTLP, without what no event needs.
type span struct {
	*origin
	trace      string
	id         string
	name       string
	kind       int64
	start, end uint64
	attributes attributes
	exception  string // the message of the last exception recorded
	status     int64
	message    string // of the status
}

// What spans say of themselves, by the numbers of OTLP.
const (
	kindServer  = 2
	kindClient  = 3
	statusError = 2
)

// excepted remembers the message of an exception among the events of a span.
func (s *span) excepted(name string, own attributes) {
	if name == "exception" {
		s.exception = own.text("exception.message", "exception.type")
	}
}
