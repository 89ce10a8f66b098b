package etch

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/segment"
	"github.com/etch-audit/etch/internal/vfs"
)

// faultsOf says what CheckSpool finds, without the directory's path.
func faultsOf(t *testing.T, path string) (said []string) {
	t.Helper()
	faults, err := CheckSpool(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := map[SpoolFaultKind]string{SpoolDamaged: "damaged", SpoolClosed: "closed", SpoolAside: "aside", SpoolShared: "shared"}
	for _, f := range faults {
		said = append(said, names[f.Kind]+" "+filepath.Ext(f.Path))
		if f.Why == "" || !strings.HasPrefix(f.Path, filepath.Dir(path)) {
			t.Errorf("%+v does not say why, or where", f)
		}
		if lost := f.Kind == SpoolDamaged || f.Kind == SpoolClosed; lost != (f.Lost > 0) {
			t.Errorf("%+v: %d lost", f, f.Lost)
		}
	}
	return said
}

func TestCheckSpool(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	log, err := Create(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := faultsOf(t, path); got != nil {
		t.Errorf("without a spool: %q", got)
	}
	put := func() (file string) {
		t.Helper()
		dir := strings.TrimSuffix(path, ".log") + ".spool"
		before, err := filepath.Glob(filepath.Join(dir, "*.spool"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := OpenSpool(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		ev := &Event{ID: NewEventID(s.maker.opt.Now()), Timestamp: s.maker.opt.Now(), Type: ToolCall, Action: &Action{Tool: "t", Allowed: true}}
		if err := s.Put(errLockedOut, ev); err != nil {
			t.Fatal(err)
		}
		after, err := filepath.Glob(filepath.Join(dir, "*.spool"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range after {
			if !strings.Contains(strings.Join(before, "\n"), file) {
				return file
			}
		}
		t.Fatal("nothing was spooled")
		return ""
	}
	change := func(file string) {
		t.Helper()
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(content), `"tool":"t"`, `"tool":"x"`, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	whole := put()
	if got := faultsOf(t, path); got != nil {
		t.Errorf("of what is whole: %q", got)
	}
	file := put()
	change(file)
	if got := faultsOf(t, path); strings.Join(got, ";") != "damaged .spool" {
		t.Errorf("of a line that was changed: %q", got)
	}
	if runtime.GOOS != "windows" {
		if err := os.Chmod(filepath.Dir(whole), 0o770); err != nil {
			t.Fatal(err)
		}
		if got := faultsOf(t, path); strings.Join(got, ";") != "shared .spool;damaged .spool" {
			t.Errorf("of a directory that others may write to: %q", got)
		}
		if err := os.Chmod(filepath.Dir(whole), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	log, err = Open(path, nil) // drains
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := faultsOf(t, path); strings.Join(got, ";") != "aside .bad" {
		t.Errorf("of a file that was set aside: %q", got)
	}
}

// A file that may not be read is told of, and what carries the MAC of keys that are not to
// be had is no fault.
func TestCheckSpoolClosed(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	w.spool(errLockedOut, w.event())
	name := "/log/audit.spool/" + w.waiting()[0]
	closed := withheld{w.mem, name}
	faults, err := checkSpool(closed, spoolWorldLog, w.options())
	if err != nil || len(faults) != 1 || faults[0].Kind != SpoolClosed || faults[0].Path != name || faults[0].Lost != 1 {
		t.Errorf("CheckSpool = %+v, %v, want one that is closed", faults, err)
	}
	opts := w.options()
	opts.Keys = "/log/none.keys"
	if faults, err := checkSpool(w.mem, spoolWorldLog, opts); err != nil || faults != nil {
		t.Errorf("without keys: %+v, %v", faults, err)
	}
}

// A slow is a disk that takes long to sync a file, which is there by then.
type slow struct {
	vfs.FS
	syncs func()
}

func (s slow) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := s.FS.OpenFile(name, flag, perm)
	if err == nil && filepath.Ext(name) == ".new" {
		f = slowFile{f, s.syncs}
	}
	return f, err
}

type slowFile struct {
	vfs.File
	syncs func()
}

func (f slowFile) Sync() error {
	f.syncs()
	return f.File.Sync()
}

// What is on its way to the spool is not counted as lost once a file has it: the next writer
// finds it there.
func TestLose(t *testing.T) {
	w := newSpoolWorld(t)
	w.create()
	var s *Spool
	kept, lost := w.event(), w.event()
	lose := func() {
		if err := s.Lose(errLockedOut, kept, lost); err != nil {
			t.Error(err)
		}
	}
	s, err := openSpool(slow{w.mem, lose}, spoolWorldLog, w.options())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put(errLockedOut, kept); err != nil {
		t.Fatal(err)
	}
	if info, err := spoolInfo(w.mem, segmentLayout(t)); err != nil || info.Events != 1 || info.Lost != 1 {
		t.Errorf("spool %+v, %v, want an event, and one that is lost", info, err)
	}
	if d, err := w.drain(w.mem); err != nil || d.Recorded != 1 || d.Lost != 1 {
		t.Errorf("Drain = %+v, %v", d, err)
	}
	skipping := w.options()
	skipping.Skip.Commands = true
	if s, err = openSpool(w.mem, spoolWorldLog, skipping); err != nil {
		t.Fatal(err)
	}
	if err := s.Lose(errLockedOut, &Event{Type: CommandExecution}); err != nil {
		t.Fatal(err)
	}
	if info, err := spoolInfo(w.mem, segmentLayout(t)); err != nil || info.Lost != 0 {
		t.Errorf("what is not recorded is lost: %+v, %v", info, err)
	}
}

func segmentLayout(t *testing.T) segment.Layout {
	t.Helper()
	layout, err := segment.LayoutOf(spoolWorldLog)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}
