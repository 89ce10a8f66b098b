package zeroclaw_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/capture/source"
	capture "github.com/etch-audit/etch/capture/zeroclaw"
	"github.com/etch-audit/etch/export/zeroclaw"
	format "github.com/etch-audit/etch/internal/zeroclaw"
)

const samples = "../../capture/zeroclaw/testdata"

// entries imports files.
func entries(t *testing.T, opt *capture.Options, files ...[]byte) (*source.Report, []*source.Entry) {
	t.Helper()
	p := capture.NewParser(opt)
	var list []source.File
	for _, data := range files {
		list = append(list, source.File{Name: "audit.log", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data)), nil
		}})
	}
	var all []*source.Entry
	if err := source.Read(list, p, func(e *source.Entry) error {
		all = append(all, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return p.Report(), all
}

// throughLog records events in a log and reads them back.
func throughLog(t *testing.T, events []*etch.Event) []*etch.Record {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := etch.Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if _, err := log.Append(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := etch.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	var records []*etch.Record
	for r, err := range reader.Records(t.Context(), etch.Query{Control: true}) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &r)
	}
	return records
}

func export(t *testing.T, records []*etch.Record) string {
	t.Helper()
	var b bytes.Buffer
	w := zeroclaw.NewWriter(&b)
	for _, r := range records {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func events(list []*source.Entry) []*etch.Event {
	var all []*etch.Event
	for _, e := range list {
		all = append(all, e.Event)
	}
	return all
}

// TestRoundTrip imports whole chains, records them, and writes them back: byte for
// byte what stood there, signatures too.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{
		"zeroclaw/g1-unsigned.jsonl", "zeroclaw/g2-signed.jsonl", "zeroclaw/g2-mixed-signed.jsonl", "zeroclaw/g2-signed-other-key.jsonl",
		"zeroclaw/g3-agent-alias-signed.jsonl", "zeroclaw/g4-cert.jsonl", "zeroclaw/parity-timestamp-rerendered.jsonl", "daemonclaw/event_json.jsonl",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(samples, filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			_, list := entries(t, &capture.Options{DaemonClaw: strings.HasPrefix(name, "daemonclaw")}, data)
			got := export(t, throughLog(t, events(list)))
			if got != string(data) {
				t.Errorf("came back as\n%s\nwas\n%s", got, data)
			}
		})
	}
}

// TestRoundTripOdd does the same to times at the ends of what there is, seconds that Go
// has none of, and texts that are empty.
func TestRoundTripOdd(t *testing.T) {
	var data []byte
	prev := strings.Repeat("0", 64)
	blank := ""
	for i, at := range []string{
		"0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "0000-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999Z",
		"9999-12-31T23:59:59-14:00", "2026-12-31T23:59:60Z", "2026-12-31T23:59:60.5Z", "2026-12-31T23:59:59.123456789Z",
	} {
		when, err := format.ParseTime(at)
		if err != nil {
			t.Fatal(err)
		}
		rec := format.Record{
			Time: when, Timestamp: at, EventID: "e", EventType: "command_execution", Sequence: uint64(i), PrevHash: prev,
			Action: &format.Action{Command: &blank, RiskLevel: &blank}, Security: format.Security{SandboxBackend: &blank},
			Result: &format.Result{Error: &blank}, Actor: &format.Actor{UserID: &blank, Username: &blank},
		}
		line := rec.AppendLine(nil)
		again, err := format.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		rec.EntryHash = again.Hash()
		prev = rec.EntryHash
		data = append(rec.AppendLine(data), '\n')
	}
	_, list := entries(t, nil, data)
	if got := export(t, throughLog(t, events(list))); got != string(data) {
		t.Errorf("came back as\n%s\nwas\n%s", got, data)
	}
}

// TestCanonical holds that a chain that another program wrote otherwise comes back
// as ZeroClaw writes it, its hashes as they were.
func TestCanonical(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(samples, "zeroclaw", "g1-unsigned.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"parity-absent-nulls.jsonl", "parity-crlf-blank-lines.jsonl", "attack-unknown-field.jsonl"} {
		data, err := os.ReadFile(filepath.Join(samples, "zeroclaw", name))
		if err != nil {
			t.Fatal(err)
		}
		_, list := entries(t, nil, data)
		if got := export(t, throughLog(t, events(list))); got != string(want) {
			t.Errorf("%s came back as\n%s\nwant\n%s", name, got, want)
		}
	}
}

// TestSelection writes part of a chain, and events that never were ZeroClaw's: a
// new chain, without signatures, that verifies.
func TestSelection(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(samples, "zeroclaw", "g2-signed.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	_, list := entries(t, nil, data)
	mixed := events(list)[1:]
	mixed = append(mixed,
		&etch.Event{Type: etch.ToolCall, Action: &etch.Action{Tool: "Read", Risk: etch.RiskLow, Allowed: true}, Actor: &etch.Actor{Agent: "claude-code"}},
		&etch.Event{Type: etch.NetworkEgress, Result: &etch.Result{Type: etch.Timeout, ExitCode: etch.Some(int64(1) << 40)}},
		&etch.Event{Type: etch.SessionStart, Actor: &etch.Actor{Username: "not \xff UTF-8"}},
	)
	got := export(t, throughLog(t, mixed))
	if strings.Contains(got, "signature") {
		t.Error("a record of a new chain has a signature")
	}
	report, again := entries(t, nil, []byte(got))
	if f := report.Files[0]; f.Verdict != source.Intact || f.Records != len(mixed) {
		t.Errorf("%d records, %s, faults %v; want %d, intact", f.Records, f.Verdict, f.Faults, len(mixed))
	}
	if got := again[2].Event.Action.Command; got != "Read" {
		t.Errorf("the tool's name came back as %q", got)
	}
}
