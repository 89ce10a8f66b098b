package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/internal/control"
	"github.com/etch-audit/etch/internal/keys"
	"github.com/etch-audit/etch/internal/merkle"
	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/internal/vfs"
)

// utc writes a moment as a stored line does.
func utc(t time.Time) string { return t.UTC().Format(control.TimeFormat) }

// lastEvent returns the newest event; nil where there is none.
func (s *search) lastEvent() (*lastEvent, error) {
	found, err := s.all(etch.Query{AllPhases: true, Reverse: true, Limit: 1})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	ev := &found[0].Event
	return &lastEvent{found[0].Seq, utc(ev.Timestamp), ev.ID, string(ev.Type)}, nil
}

// newestSeal returns the record of the newest seal; nil where there is none.
func (s *search) newestSeal() (*etch.Record, error) {
	found, err := s.all(etch.Query{AllPhases: true, Control: true, Reverse: true, Limit: 1, Match: func(r *etch.Record) bool {
		return r.IsControl() && r.Control.Type == control.Sealed
	}})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// lastSeal returns what the newest seal says; nil where there is none.
func (s *search) lastSeal() (*lastSeal, error) {
	r, err := s.newestSeal()
	if err != nil || r == nil {
		return nil, err
	}
	var sealed control.SealedLog
	if err := json.Unmarshal(r.Control.Log, &sealed); err != nil {
		return nil, fmt.Errorf("seal at record %d: %w", r.Seq, err)
	}
	head, err := merkle.PeekNote(sealed.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("seal at record %d: %w", r.Seq, err)
	}
	root := base64.StdEncoding.EncodeToString(head.Root[:])
	return &lastSeal{r.Seq, utc(r.Event.Timestamp), head.Size, root, sealed.Checkpoint, sealed.Daemon}, nil
}

// checkLog looks for what the log's files say against going on.
func (in *inspection) checkLog(status etch.Status) {
	if status.Version > control.Version {
		in.problem("the log is of format version %d, this program writes %d: update etch", status.Version, control.Version)
	}
	if !status.State {
		in.warning("there is no state that can be read: the next writer makes it again from the segments, and puts that on record")
		return
	}
	for _, s := range status.Segments {
		if s.Active && s.Bytes < status.Synced {
			in.warning("%s has %d bytes, the state remembers %d: the log was cut, the next writer puts that on record and goes on", s.Name, s.Bytes, status.Synced)
		}
	}
	if status.Signed != in.resolved.Audit.SignEvents {
		in.warning("sign_events is %v, the active segment was begun with %v: the next segment will be as configured", in.resolved.Audit.SignEvents, status.Signed)
	}
}

// mostDamages is how many damaged segments are named: of a log that was emptied
// there may be any number.
const mostDamages = 8

// damageWarnings warns of what shows at a glance of the segments.
func damageWarnings(damages []*etch.CorruptionError, warn func(format string, args ...any)) {
	for i, damage := range damages {
		if more := len(damages) - i; i == mostDamages && more > 1 {
			warn("%d more segments are not whole: \"etch verify\" says more", more)
			return
		}
		warn("%v: \"etch verify\" says more", damage)
	}
}

// checkDirectory looks whether files can be written where the log is.
func (in *inspection) checkDirectory() {
	dir := in.layout.Dir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && in.resolved.DefaultPlace:
		return // the first write makes it
	case errors.Is(err, fs.ErrNotExist):
		in.problem("the directory %s does not exist: make it", dir)
		return
	case err != nil:
		in.problem("the directory of the log: %v", err)
		return
	case !info.IsDir():
		in.problem("%s is not a directory", dir)
		return
	}
	if err := site.MayWrite(dir); err != nil {
		in.problem("no file can be made in %s: %v", dir, cause(err))
	}
	needed := append(vfs.LockFiles(in.layout.Path(in.layout.Lock())), in.layout.Path(in.layout.Active()), in.layout.Path(in.layout.State()))
	for _, path := range needed {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			in.problem("%s is a directory", path)
		} else if err := site.MayWrite(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			in.problem("%s cannot be written: %v", path, cause(err))
		}
	}
	if state := in.layout.Path(in.layout.State()); isLink(state) {
		in.problem("%s is a symbolic link, and the log writes to none that stands there: look where it leads, and who may write to %s; then remove it", state, dir)
	}
	if commit := in.layout.Path(in.layout.Commit()); isLink(commit) {
		in.warning("%s is a symbolic link, which the log does not use: look where it leads, and who may write to %s; then remove it", commit, dir)
	}
	in.checkTorn()
}

// isLink reports whether a name is that of a symbolic link that no writer follows.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0 && runtime.GOOS != "windows"
}

// checkTorn looks whether the next recovery could set aside what it finds.
func (in *inspection) checkTorn() {
	path := in.layout.Path(in.layout.Torn())
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return // the recovery makes it
	}
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	} else if err == nil {
		err = site.MayWrite(path)
	}
	if err != nil {
		in.warning("no file can be made in %s: %v: after a crash in the middle of a write no writer could go on", path, cause(err))
	}
}

// cause returns what is behind an error that repeats the path.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// checkKeys looks at who may read the keys.
func (in *inspection) checkKeys() {
	private := []string{keys.MACFile, keys.IdentityFile, keys.EpochFile}
	in.addKey(in.Keys, false)
	for _, name := range private {
		path := in.held.Path(name)
		file := in.addKey(path, true)
		switch {
		case !file.Present && in.Exists && name == keys.EpochFile:
			in.warning("the key %s is missing: unless it is put back first, the next writer begins a new epoch without it, and verification reports that for ever", path)
		case !file.Present && in.Exists:
			in.problem("the key %s is missing", path)
		case file.Present && !file.Readable:
			in.problem("the key %s cannot be read by this user", path)
		}
		in.KeysReadableHere = in.KeysReadableHere || file.Readable
	}
	in.addKey(in.held.Path(keys.PublicFile), false)
}

// checkKeyDirectory looks whether keys can be made: those of a new log, and the
// one that each new epoch begins with.
func (in *inspection) checkKeyDirectory() {
	dir := in.Keys
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if in.Exists || filepath.Dir(dir) == in.layout.Dir {
			return // its keys are missing, which was told; so was what stops files beside the log
		}
		dir = filepath.Dir(dir)
		_, err = os.Stat(dir)
	}
	if err == nil {
		err = site.MayWrite(dir)
	}
	if err != nil {
		in.problem("no key can be made in %s, as each new epoch needs one: %v", dir, cause(err))
	}
}

// addKey looks at a file of the keys; a private one must be its owner's alone.
func (in *inspection) addKey(path string, private bool) keyFile {
	file := keyFile{Path: path}
	info, err := os.Stat(path)
	if err == nil {
		file.Present, file.Owner = true, ownerOf(info)
		file.Mode = fmt.Sprintf("%04o", info.Mode().Perm())
		open := vfs.OpenRegular
		if info.IsDir() {
			open = os.Open
		}
		if f, err := open(path); err == nil { // of a pipe in its place nobody waits for the other end
			file.Readable = true
			_ = f.Close() // nothing was read
		}
		if private && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			in.problem("the key %s has mode %s, and others may read it: run chmod 600 %s", path, file.Mode, path)
		}
		if info.IsDir() && runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
			in.warning("others may write to %s (mode %s): run chmod 700 %s", path, file.Mode, path)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		file.Present = errors.Is(err, fs.ErrPermission)
	}
	in.KeyFiles = append(in.KeyFiles, file)
	return file
}

// lockPatience is how long a lock may be held before it is worth a word.
const lockPatience = time.Second

// checkLock looks whether somebody holds the lock and does not let go. It takes
// it for a moment, as every writer does, but makes no file of it.
func (in *inspection) checkLock() {
	path := in.layout.Path(in.layout.Lock())
	for _, file := range vfs.LockFiles(path) {
		if info, err := os.Stat(file); err != nil || info.IsDir() || site.MayWrite(file) != nil {
			return // there is none to be held, or it was told
		}
	}
	lock, err := vfs.OS().OpenLock(path)
	if err != nil {
		in.problem("lock: %v", err)
		return
	}
	err = lock.Acquire(lockPatience)
	if errors.Is(err, vfs.ErrLocked) {
		in.problem("another process has held the lock %s for more than %v: a writer gives up after %v", path, lockPatience, etch.DefaultLockWait)
	} else if err != nil {
		in.problem("lock: %v", err)
	}
	if err := lock.Close(); err != nil {
		in.problem("lock: %v", err)
	}
}

const (
	// fullBelow is less than one batch and its seal may take.
	fullBelow = 1 << 20
	// scarceBelow is little for whatever else the machine does.
	scarceBelow = 100 << 20
)

// checkDisk looks for the space that is left, where the log is or will be.
func (in *inspection) checkDisk() {
	dir := in.layout.Dir
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, err := freeSpace(dir)
	if err != nil {
		in.warning("the free space of %s is not known: %v", dir, err)
		return
	}
	in.FreeBytes = &free
	switch {
	case free < fullBelow:
		in.problem("the disk is full: %s left in %s", byteCount(free), dir)
	case free < scarceBelow:
		in.warning("only %s left in %s", byteCount(free), dir)
	}
}

// byteCount writes a number of bytes for people: "1.5 MiB".
func byteCount[T int64 | uint64](n T) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, unit := float64(n)/(1<<10), 0
	for value >= 1<<10 && unit < len(units)-1 {
		value /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}

// checkSpool says what waits for the next writer: hooks could not record it.
func (in *inspection) checkSpool() {
	info, err := etch.ReadSpoolInfo(in.Log)
	if err != nil {
		in.warning("the spool cannot be read: %v", err)
	}
	in.Spool = spoolRow{Events: info.Events, Files: info.Files, Bytes: info.Bytes, Lost: info.Lost}
	if !info.Oldest.IsZero() {
		in.Spool.Oldest = utc(info.Oldest)
	}
	if info.Events > 0 {
		in.warning("%d events wait in the spool since %s: the next writer records them", info.Events, in.Spool.Oldest)
	}
	if info.Lost > 0 {
		in.warning("%d events were lost, because neither log nor spool could take them: the next writer records the gap", info.Lost)
	}
	in.checkSpooledForDaemon()
}

// checkSpooledForDaemon says what this user's hooks keep for a daemon that they could
// not reach.
func (in *inspection) checkSpooledForDaemon() {
	_, beside, err := site.BesideDaemon(in.resolved, in.std.env)
	if err != nil {
		return // then no hook has found a place either
	}
	info, err := etch.ReadSpoolInfo(beside)
	if err != nil {
		in.warning("the spool for the daemon cannot be read: %v", err)
	}
	if info.Refused > 0 {
		in.problem("%d of %d files in the spool for the daemon wait for a newer one: what it said at %s is %q%s. Restart it with this version of etch; the files are kept, and sent again",
			info.Refused, info.Files, utc(info.RefusedAt), info.RefusedFor, in.versions())
	}
	if info.Events > 0 {
		in.warning("%d events wait for the daemon since %s: the next hook, etch log or etch exec that reaches it sends them", info.Events, utc(info.Oldest))
	}
	if info.Lost > 0 {
		in.warning("%d events for the daemon were lost, because neither it nor the spool could take them: the next hook, etch log or etch exec that reaches it records the gap", info.Lost)
	}
}

// versions names the daemon's version and this one's, where it tells its own and they
// differ: builds of a developer are all alike.
func (in *inspection) versions() string {
	own := version().Version
	if in.Daemon.Version == "" || in.Daemon.Version == own {
		return ""
	}
	return fmt.Sprintf(" (it is version %s, this is %s)", in.Daemon.Version, own)
}
