package journal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestForgedTail appends lines to an unsigned log that only look like its own:
// what is taken over must be a line by the format, so that no verifier blames
// the log for it ever after.
func TestForgedTail(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	for _, text := range []string{
		`{"seq":%d,"x":1}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56Z","event_id":"evt_x"}`,
		`{"seq":%d,"timestamp":"2026-99-16T12:34:56.123456Z","event_id":"evt_x"}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","x":1}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_new","log":{}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_opened","log":{}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_gap","log":{"lost":"x"}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_indexed","log":{"segment":0,"lines":1,"bytes":9,"digest":"` + digest + `"}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_indexed","log":{"segment":2,"lines":1,"bytes":9,"digest":"` + digest + `"}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_indexed","log":{"segment":99,"lines":1,"bytes":9,"digest":"` + digest + `"}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_indexed","log":{"segment":1,"lines":1,"bytes":9,"digest":"0"}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"a","event_id":"b"}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"a","o":{"b":1,"b":2}}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_id":"a"} {}`,
		`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_recovered","log":{"found":"void","segment":1,"offset":0,"bytes":5,"detail":""}}`,
	} {
		w := begun(t, false)
		text = fmt.Sprintf(text, w.check(t).size)
		w.scribble(t, text+"\n")
		must(t, w.open())
		must(t, w.append(t, 100))
		must(t, w.close())
		f, err := checkLog(w.mem.Sub(logDir))
		if err != nil || len(f.told) != 1 {
			t.Errorf("%s: %v; log tells of %v", text, err, f.kinds())
			continue
		}
		judge(named{t, text}, w.mem.Sub(logDir), f)
	}
}

// TestIndexedTail leaves the record of an index in the tail of an unsigned log, as
// a crash does: it is the log's own.
func TestIndexedTail(t *testing.T) {
	w := begun(t, false)
	w.scribble(t, fmt.Sprintf(`{"seq":%d,"timestamp":"2026-02-16T12:34:56.123456Z","event_type":"log_indexed","log":{"segment":1,"lines":1,"bytes":9,"digest":"%064x"}}`+"\n",
		w.check(t).size, 7))
	must(t, w.open())
	must(t, w.append(t, 100))
	must(t, w.close())
	if f := w.recheck(t); !slices.Equal(f.kinds(), []string{"unsigned-tail"}) {
		t.Errorf("log tells of %v, want an unsigned tail", f.kinds())
	}
}

// FuzzTail appends any bytes to a signed log: none of them is taken over.
func FuzzTail(f *testing.F) {
	f.Add([]byte("x"))
	f.Add([]byte("{\"seq\":12}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := begun(t, true)
		w.scribble(t, string(b))
		must(t, w.open())
		must(t, w.append(t, 100))
		must(t, w.close())
		want := []string{"torn-tail"}
		if len(b) == 0 {
			want = nil
		}
		if f := w.recheck(t); !slices.Equal(f.kinds(), want) {
			t.Errorf("log tells of %v, want %v", f.kinds(), want)
		}
	})
}
