package etch

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// checked returns the names of the segments that CheckSegments tells of.
func checked(t *testing.T, path string) string {
	t.Helper()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	damages, err := r.CheckSegments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(damages))
	for i, damage := range damages {
		if names[i] = damage.Name; damage.Err == nil || damage.Offset != 0 || strings.Contains(damage.Error(), "\n") {
			t.Errorf("got %v", damage)
		}
	}
	return strings.Join(names, " ")
}

// What was emptied, cut from its front, moved or taken away shows at a glance, wherever
// it is in the log.
func TestCheckSegments(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, segment func(string) string)
		told   string
	}{
		"nothing":                  {func(*testing.T, func(string) string) {}, ""},
		"the first, emptied":       {func(t *testing.T, f func(string) string) { empty(t, f(".000001")) }, "audit.000001.log"},
		"one without its first":    {func(t *testing.T, f func(string) string) { keep(t, f(".000002"), 1, 0) }, "audit.000002.log"},
		"one of other bytes":       {func(t *testing.T, f func(string) string) { overwritten(t, f(".000002"), "no line") }, "audit.000002.log"},
		"the last, emptied":        {func(t *testing.T, f func(string) string) { empty(t, f(".000003")) }, "audit.000003.log"},
		"the active, emptied":      {func(t *testing.T, f func(string) string) { empty(t, f("")) }, "audit.log"},
		"one is another":           {func(t *testing.T, f func(string) string) { rename(t, f(".000002"), f(".000003")) }, "audit.000002.log audit.000003.log"},
		"its end, which is unseen": {func(t *testing.T, f func(string) string) { keep(t, f(".000002"), 0, -1) }, ""},
		"an empty archive": {func(t *testing.T, f func(string) string) {
			rename(t, f(".000001"), f(".000001")+".zst")
			empty(t, f(".000001")+".zst")
		}, "audit.000001.log.zst"},
	} {
		t.Run(name, func(t *testing.T) {
			path := missingLog(t)
			c.change(t, func(number string) string { return strings.TrimSuffix(path, ".log") + number + ".log" })
			if got := checked(t, path); got != c.told {
				t.Errorf("told of %q, want %q", got, c.told)
			}
		})
	}
}

// What a recovery has put on record is no news, here as to who asks.
func TestCheckSegmentsRecovered(t *testing.T) {
	path := missingLog(t)
	empty(t, path)
	goOn(t, path)
	if got := checked(t, path); got != "" {
		t.Errorf("told of %q, which is on record", got)
	}
}

// A file that cannot be opened is told, and does not keep others from being looked at.
func TestCheckSegmentsUnreadable(t *testing.T) {
	path := missingLog(t)
	stem := strings.TrimSuffix(path, ".log")
	link := stem + ".000001.log"
	if err := errors.Join(os.Remove(link), os.Symlink(link, link)); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	empty(t, stem+".000003.log")
	if got, want := checked(t, path), "audit.000001.log audit.000003.log"; got != want {
		t.Errorf("told of %q, want %q", got, want)
	}
}

func overwritten(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
