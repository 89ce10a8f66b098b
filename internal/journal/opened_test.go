package journal

import (
	"testing"
	"time"

	"github.com/etch-audit/etch/internal/control"
	"github.com/google/go-cmp/cmp"
)

// openedLines are lines of which some are written as this program writes them.
func openedLines(t testing.TB) (own, others []string) {
	t.Helper()
	line := func(head control.OpenedLog, end string) string {
		body, err := control.AppendBody([]byte(`{"seq":7,`), time.Date(2026, 11, 22, 1, 2, 3, 4000, time.UTC), control.Opened, head)
		if err != nil {
			t.Fatal(err)
		}
		return string(body) + end
	}
	full := control.OpenedLog{
		Origin: "etch.log/x", Segment: 1<<32 - 1, Size: 1<<64 - 1, Frontier: []string{"a=", "b="}, SignEvents: true, SealRecords: 1000,
		IdentityKey: "k+1", Epoch: 3, EpochKey: "k+2", Writer: "etch (devel)",
	}
	none := control.OpenedLog{Frontier: []string{}}
	own = []string{line(full, `}`), line(full, `,"signature":"SHA256:x"}`), line(none, `}`)}
	strange := full
	strange.Writer = "\u00e4 \"quoted\" <x>\n"
	others = []string{
		line(strange, `}`), line(control.OpenedLog{}, `}`), line(full, ` }`), line(full, `,"more":1}`), line(full, `}x`), line(full, ``),
		`{"seq":07,"timestamp":"t","event_type":"log_opened","log":{"version":0}}`, `{}`, ``,
	}
	return own, others
}

// checkOpened compares with what encoding/json makes of a line, where it is read.
func checkOpened(t *testing.T, line string) (read bool) {
	t.Helper()
	got, ok := readOpened([]byte(line))
	if !ok {
		if diff := cmp.Diff(got, control.OpenedLog{}); diff != "" {
			t.Errorf("%s: not read, and yet (-got +none):\n%s", line, diff)
		}
		return false
	}
	var want control.OpenedLog
	if _, err := control.Parse([]byte(line), &want); err != nil {
		t.Errorf("%s: got %+v, want the error %v", line, got, err)
	} else if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("%s (-got +want):\n%s", line, diff)
	}
	return true
}

// TestReadOpened: a line of this program's is read as encoding/json reads it, and any
// other is left to that.
func TestReadOpened(t *testing.T) {
	own, others := openedLines(t)
	for _, line := range own {
		if !checkOpened(t, line) {
			t.Errorf("%s: not read", line)
		}
	}
	for _, line := range others {
		if checkOpened(t, line) {
			t.Errorf("%s: read", line)
		}
	}
}

func FuzzReadOpened(f *testing.F) {
	own, others := openedLines(f)
	for _, line := range append(own, others...) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) { checkOpened(t, line) })
}
