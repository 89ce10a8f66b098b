package zeph_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/capture/zeph"
	exportzeph "github.com/etch-audit/etch/export/zeph"
)

// read reads files, given as name and text in turn.
func read(t testing.TB, namesAndTexts ...string) ([]*source.Entry, *source.Report) {
	t.Helper()
	var files []source.File
	for i := 0; i < len(namesAndTexts); i += 2 {
		files = append(files, source.File{Name: namesAndTexts[i], Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(namesAndTexts[i+1])), nil
		}})
	}
	p := zeph.NewParser()
	var entries []*source.Entry
	err := source.Read(files, p, func(e *source.Entry) error {
		if err := e.Event.Validate(); err != nil {
			t.Fatalf("line %d: the event is not valid: %v", e.Line, err)
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries, p.Report()
}

func sample(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// exported returns the entries as the exporter writes them.
func exported(t testing.TB, entries []*source.Entry) string {
	t.Helper()
	var out bytes.Buffer
	w := exportzeph.NewWriter(&out)
	for _, e := range entries {
		if err := w.Add(&etch.Record{Event: *e.Event}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestSamples(t *testing.T) {
	for _, test := range []struct {
		name             string
		records, skipped int
	}{
		{"entries.jsonl", 8, 0},
		{"egress.jsonl", 2, 0},
		{"mixed.jsonl", 10, 0},
		{"stdout-tracing.log", 2, 1},
	} {
		text := sample(t, test.name)
		entries, report := read(t, test.name, text)
		f := report.Files[0]
		if len(entries) != test.records || f.Records != test.records || f.NoIntegrity != test.records {
			t.Errorf("%s: %d entries, report %+v, want %d records", test.name, len(entries), f, test.records)
		}
		if f.Verdict != source.NoIntegrity || report.Verdict != source.NoIntegrity || len(f.Faults) != 0 {
			t.Errorf("%s: verdicts %s and %s, %d faults, want no-integrity and none", test.name, f.Verdict, report.Verdict, len(f.Faults))
		}
		if f.Bytes != int64(len(text)) || f.Lines != strings.Count(text, "\n") {
			t.Errorf("%s: %d bytes in %d lines, want %d in %d", test.name, f.Bytes, f.Lines, len(text), strings.Count(text, "\n"))
		}
		skipped := 0
		for _, n := range f.Skipped {
			skipped += n
		}
		if skipped != test.skipped {
			t.Errorf("%s: %d lines left out, want %d", test.name, skipped, test.skipped)
		}
		lines := strings.SplitAfter(text, "\n")
		for _, e := range entries {
			sum := sha256.Sum256([]byte(strings.TrimSuffix(lines[e.Line-1], "\n")))
			if e.SHA256 != sum || e.Event.Labels[source.LabelSHA256] != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: line %d: the hash is not that of the line", test.name, e.Line)
			}
			if got := e.Event.Labels[source.LabelVerdict]; got != "no-integrity" {
				t.Errorf("%s: line %d: verdict %q, want no-integrity", test.name, e.Line, got)
			}
			if got := e.Event.Labels[source.LabelText]; got != "" {
				t.Errorf("%s: line %d is kept as text: %q", test.name, e.Line, got)
			}
		}
		var want strings.Builder
		for line := range strings.Lines(text) {
			if i := strings.Index(line, `{"timestamp":"`); i >= 0 {
				want.WriteString(line[i:])
			}
		}
		if diff := cmp.Diff(exported(t, entries), want.String()); diff != "" {
			t.Errorf("%s: exported (-got +want):\n%s", test.name, diff)
		}
	}
}

func TestPrefix(t *testing.T) {
	entries, report := read(t, "out", sample(t, "stdout-tracing.log"))
	if got, want := entries[0].Event.Labels[zeph.LabelPrefix], "2026-07-23T09:46:40.000000Z  INFO audit: "; got != want {
		t.Errorf("prefix %q, want %q", got, want)
	}
	if got := report.Files[0].Blind; !cmp.Equal(got, []string{"P1", "P3", "P4", "P5", "P6"}) {
		t.Errorf("blind to %q", got)
	}
}

const entry = `{"timestamp":"1784800000","tool":"shell","command":"ls","result":{"type":"success"},"duration_ms":12,"exit_code":0}`

// What is odd in a file, and what becomes of it: verdict and place of each
// entry, and the faults.
func TestOdd(t *testing.T) {
	const colour = "\x1b[2m2026-07-23T09:46:40Z\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2maudit\x1b[0m\x1b[2m:\x1b[0m "
	wrapped := func(target, message string) string {
		return fmt.Sprintf(`{"timestamp":"2026-07-23T09:46:40Z","level":"INFO","fields":{"message":%q},"target":%q}`, message, target)
	}
	for _, test := range []struct {
		name, text string
		want       string // entries: line@offset, verdict
		faults     string
		skipped    int
	}{
		{"empty", "", "", "", 0},
		{"blank lines and CRLF", "\r\n\n" + entry + "\r\n\n", "3@3 no-integrity text", "", 0},
		{"no line feed", entry, "1@0 no-integrity torn", "", 0},
		{"torn tail", entry + "\n" + entry[:40], "1@0 no-integrity, 2@116 unreadable text torn", "torn 2", 0},
		{"glued", entry[:40] + entry + "\n", "1@0 unreadable text, 1@40 no-integrity", "torn 1", 0},
		{"glued to a few bytes", entry + "\n" + entry[:3] + entry + "\n", "1@0 no-integrity, 2@116 unreadable text, 2@119 no-integrity", "torn 2", 0},
		{"three glued", entry + entry + entry + "\n", "1@0 no-integrity, 1@115 no-integrity, 1@230 no-integrity", "", 0},
		{"glued behind a prefix", "INFO audit: " + entry + entry + "\n", "1@0 no-integrity prefix, 1@127 no-integrity", "", 0},
		{"colours", colour + entry + "\n", "1@0 no-integrity prefix", "", 0},
		{"long prefix", strings.Repeat("span:", 100) + entry + "\n", "1@0 no-integrity text", "", 0},
		{
			"tracing in JSON",
			wrapped("zeph_core", "hello") + "\n" + wrapped("audit", entry) + "\n" + wrapped("audit", "{broken") + "\n",
			"2@102 no-integrity text, 3@332 unreadable text", "unreadable 3", 1,
		},
		{"other lines", "starting\n" + entry + "\n", "2@9 no-integrity", "", 1},
		{"alien line in a plain file", entry + "\nhello\n", "1@0 no-integrity, 2@116 unreadable text", "unreadable 2", 0},
		{"other order", `{"tool":"t","timestamp":"5","command":"","result":{"type":"timeout"},"duration_ms":1}` + "\n", "1@0 no-integrity text", "", 0},
		{"other object", `{"a":1}` + "\n", "1@0 unreadable text", "unreadable 1", 0},
		{"bytes that are no UTF-8", strings.Replace(entry, "ls", "\xff", 1) + "\n", "1@0 no-integrity text", "", 0},
		{"undated", strings.Replace(entry, "1784800000", "noon", 1) + "\n", "1@0 no-integrity undated", "", 0},
		{"beginnings without end", strings.Repeat(`{"timestamp":"`, 5000) + "\n", "1@0 unreadable text", "unreadable 1", 0},
	} {
		entries, report := read(t, "f", test.text)
		var got []string
		for _, e := range entries {
			words := []string{fmt.Sprintf("%d@%d", e.Line, e.Offset), string(e.Verdict)}
			labels := e.Event.Labels
			if labels[zeph.LabelPrefix] != "" {
				words = append(words, "prefix")
			}
			if labels[source.LabelText] != "" {
				words = append(words, "text")
			}
			if e.Torn {
				words = append(words, "torn")
			}
			if e.Undated && e.Verdict != source.Unreadable {
				words = append(words, "undated")
			}
			got = append(got, strings.Join(words, " "))
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		f := report.Files[0]
		var faults []string
		for _, x := range f.Faults {
			faults = append(faults, fmt.Sprintf("%s %d", x.Name, x.Line))
		}
		if got := strings.Join(faults, ", "); got != test.faults {
			t.Errorf("%s: faults %s, want %s", test.name, got, test.faults)
		}
		if got := f.Skipped["other lines of the program's output"]; got != test.skipped {
			t.Errorf("%s: %d lines left out, want %d", test.name, got, test.skipped)
		}
	}
}

// An entry without a time is dated by the one before it, in its own file.
func TestUndated(t *testing.T) {
	entries, _ := read(t, "a", entry+"\n{}\n", "b", "{}\n")
	var got []int64
	for _, e := range entries {
		got = append(got, e.Event.Timestamp.Unix())
	}
	if want := []int64{1784800000, 1784800000, 0}; !cmp.Equal(got, want) {
		t.Errorf("times %d, want %d", got, want)
	}
}

func TestOverlong(t *testing.T) {
	text := `{"timestamp":"1784800000","tool":"` + strings.Repeat("x", source.MaxLine) + "\"}\n"
	entries, report := read(t, "f", text+entry+"\n")
	if len(entries) != 2 || entries[0].Verdict != source.Unreadable || entries[1].Verdict != source.NoIntegrity {
		t.Fatalf("got %d entries", len(entries))
	}
	if want := sha256.Sum256([]byte(text[:len(text)-1])); entries[0].SHA256 != want {
		t.Error("the hash is not that of the whole line")
	}
	if got := report.Files[0].Bytes; got != int64(len(text)+len(entry)+1) {
		t.Errorf("%d bytes, want %d", got, len(text)+len(entry)+1)
	}
}

// Every byte but those of blank lines and of other lines of tracing output is in
// exactly one entry, whatever the file holds, and its hash is that of its bytes.
func FuzzParser(f *testing.F) {
	for _, name := range []string{"entries.jsonl", "egress.jsonl", "mixed.jsonl", "stdout-tracing.log"} {
		f.Add([]byte(sample(f, name)))
	}
	f.Add([]byte(entry[:40] + entry + entry + "\n" + entry[:9]))
	f.Add([]byte(entry + "\nx {\"timestamp\":\"1\"\n{\"timestamp\":\"x\",\"level\":\"INFO\",\"target\":\"audit\",\"fields\":{\"message\":\"{}\"}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, report := read(t, "f", string(data))
		r := report.Files[0]
		skipped := r.Skipped["other lines of the program's output"]
		at := 0
		for line := range bytes.Lines(data) {
			end := at + len(bytes.TrimSuffix(line, []byte("\n")))
			var own []*source.Entry
			for len(entries) > 0 && entries[0].Offset < int64(end) {
				own, entries = append(own, entries[0]), entries[1:]
			}
			if len(own) == 0 && len(bytes.Trim(line, " \t\r\n")) > 0 {
				skipped--
			}
			from := at
			for i, e := range own {
				to := end
				if i+1 < len(own) {
					to = int(own[i+1].Offset)
				}
				if e.Offset != int64(from) || sha256.Sum256(data[from:to]) != e.SHA256 {
					t.Fatalf("an entry at %d is not that of the bytes from %d to %d", e.Offset, from, to)
				}
				from = to
			}
			at += len(line)
		}
		if len(entries) > 0 || skipped != 0 {
			t.Fatalf("%d entries of no line, %d lines in none", len(entries), skipped)
		}
		if r.Bytes != int64(len(data)) {
			t.Fatalf("%d bytes, want %d", r.Bytes, len(data))
		}
	})
}

func BenchmarkParser(b *testing.B) {
	line := []byte(entry)
	p := zeph.NewParser()
	p.Begin("f")
	b.SetBytes(int64(len(line) + 1))
	var last time.Time
	for b.Loop() {
		err := p.Line(&source.Line{Bytes: line, Number: 1, Size: int64(len(line))}, func(e *source.Entry) error {
			last = e.Event.Timestamp
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if last.IsZero() {
		b.Fatal("no entry")
	}
}

// A file that is no text is not taken for output of the program without a record: a
// compressed one would be imported as empty, and nobody told.
func TestNoText(t *testing.T) {
	for _, text := range []string{"\x1f\x8b\x08\x00\xff\xfe\nmore\n", "\x00\x00\x00\n", "\xff\xfet\x00\n"} {
		entries, report := read(t, "audit.jsonl.gz", text)
		if len(entries) != 1 || entries[0].Verdict != source.Unreadable || report.Verdict != source.Damaged || report.Files[0].Fragments != 1 {
			t.Errorf("%q: got %d entries, verdict %s", text, len(entries), report.Verdict)
		}
	}
	if entries, report := read(t, "output.log", "2026-11-22 starting é\x1b[0m\n"); len(entries) != 0 || report.Verdict != source.Empty {
		t.Errorf("got %d entries, verdict %s", len(entries), report.Verdict)
	}
}
