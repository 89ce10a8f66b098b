package question

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Names of what lies in the directory of the data.
const (
	dataDir    = "data" // the log, and what was made with it
	logDir     = "log"
	logName    = "audit.log"
	corpusName = "corpus.json"
	plainName  = "plain.jsonl" // all segments, one after another
	tenthName  = "tenth.jsonl" // the first tenth of it
	indexDir   = "audit.index"

	sqliteName  = "sqlite.db"
	duckName    = "duck.db"
	archiveDir  = "archive" // a copy of the log, archived
	buildDir    = "build"   // a copy of the log, to build its index anew
	duckModules = "duckdb"  // DuckDB's module for node, and the script; shared by data of all sizes
)

// An env is what the sides of a run share.
type env struct {
	Options
	sides  map[string]side
	root   string // of the data of so many events
	corpus *corpus
	notes  []string
	tried  map[string]error // what was made or done in this run, and how it went
	answer bytes.Buffer     // of the command that is measured
}

func newEnv(ctx context.Context, opt Options) (*env, error) {
	if opt.Rounds < 1 || opt.Events < minEvents {
		return nil, fmt.Errorf("%d rounds with %d events are too few", opt.Rounds, opt.Events)
	}
	if opt.Progress == nil {
		opt.Progress = func(string, ...any) {}
	}
	var err error
	if opt.Dir, err = filepath.Abs(opt.Dir); err != nil {
		return nil, err
	}
	e := &env{Options: opt, sides: sides, root: filepath.Join(opt.Dir, strconv.Itoa(opt.Events)), tried: map[string]error{}}
	if err := os.MkdirAll(filepath.Join(e.root, "home"), 0o700); err != nil {
		return nil, err
	}
	if opt.Again {
		if err := e.forget(); err != nil {
			return nil, err
		}
	}
	if e.Etch, err = e.program(ctx); err != nil {
		return nil, err
	}
	if err := e.have(ctx, dataDir); err != nil {
		return nil, err
	}
	if e.corpus, err = readCorpus(e.path(dataDir)); err != nil {
		return nil, err
	}
	if e.corpus.Layout != layout || e.corpus.Events != opt.Events {
		return nil, fmt.Errorf("%s holds other data than this program makes: remove it", e.root)
	}
	return e, nil
}

// minEvents is enough for a rare word, a tenth, and several segments.
const minEvents = 1000

// forget removes what the log's program has made of the data: indexes and the
// archived copy.
func (e *env) forget() error {
	return errors.Join(
		os.RemoveAll(e.path(dataDir, logDir, indexDir)),
		os.RemoveAll(e.path(archiveDir)), os.RemoveAll(e.path(buildDir)))
}

func (e *env) path(elem ...string) string { return filepath.Join(append([]string{e.root}, elem...)...) }

// log returns the path of the log that is asked.
func (e *env) log() string { return e.path(dataDir, logDir, logName) }

// part returns the path of a part of the data.
func part(elem ...string) func(e *env) string { return func(e *env) string { return e.path(elem...) } }

// inLog returns the directory of the log, and of its indexes.
func inLog(e *env) string { return e.path(dataDir, logDir) }

func (e *env) plain() string { return e.path(dataDir, plainName) }

func (e *env) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	e.Progress("%s", text)
	if !slices.Contains(e.notes, text) {
		e.notes = append(e.notes, text)
	}
}

// once does something once in a run, and returns each time how it went.
func (e *env) once(name string, f func() error) error {
	err, done := e.tried[name]
	if !done {
		err = f()
		e.tried[name] = err
	}
	return err
}

// makers make the parts of the data.
var makers = map[string]func(e *env, ctx context.Context, path string) error{
	dataDir:    (*env).makeData,
	sqliteName: (*env).makeSQLite,
	duckName:   (*env).makeDuck,
	archiveDir: (*env).makeArchive,
	buildDir:   (*env).makeBuild,
}

// have makes a part of the data where it is not there from an earlier run.
func (e *env) have(ctx context.Context, name string) error {
	return e.once("make "+name, func() error {
		path := e.path(name)
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		return e.make(ctx, name, path)
	})
}

// make makes a part of the data, which gets its name when it is whole.
func (e *env) make(ctx context.Context, name, path string) error {
	e.Progress("making %s", path)
	fresh := path + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := makers[name](e, ctx, fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return os.Rename(fresh, path)
}

func (e *env) makeData(ctx context.Context, path string) error {
	if err := makeCorpus(ctx, path, e.Events); err != nil {
		return err
	}
	c, err := readCorpus(path)
	if err != nil {
		return err
	}
	all, err := segments(filepath.Join(path, logDir))
	if err != nil {
		return err
	}
	if err := concatenate(filepath.Join(path, plainName), all); err != nil {
		return err
	}
	return cutAfter(filepath.Join(path, tenthName), filepath.Join(path, plainName), []byte(c.Tenth))
}

// segments returns the plain segments of the log in dir in their order: the
// active one is the last.
func segments(dir string) ([]string, error) {
	rotated, err := rotatedSegments(dir)
	return append(rotated, filepath.Join(dir, logName)), err
}

func rotatedSegments(dir string) ([]string, error) {
	return filepath.Glob(filepath.Join(dir, "audit.[0-9]*.log"))
}

func concatenate(to string, from []string) (err error) {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, path := range from {
		if err := appendFile(out, path); err != nil {
			return err
		}
	}
	return nil
}

func appendFile(out io.Writer, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	_, err = io.Copy(out, in)
	return err
}

// cutAfter copies the lines of a file up to the one that contains mark.
func cutAfter(to, from string, mark []byte) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w, r := bufio.NewWriter(out), bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("no line with %s: %w", mark, err)
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
		if bytes.Contains(line, mark) {
			return w.Flush()
		}
	}
}

// program returns the path of the program that is measured, which it builds
// where none was given.
func (e *env) program(ctx context.Context) (string, error) {
	if e.Etch != "" {
		return filepath.Abs(e.Etch)
	}
	const module = "github.com/etch-audit/etch"
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", module, err)
	}
	path := filepath.Join(e.Dir, "etch")
	build := exec.CommandContext(ctx, "go", "build", "-o", path+".linked", "./cmd/etch")
	build.Dir = strings.TrimSpace(string(dir))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", module, err, out)
	}
	return path, moveProgram(path, path+".linked")
}

// moveProgram moves a program as one does who installs it: by a copy. A linker writes its file
// page by page, and such a file is held in memory in small pieces, which costs every
// start of it.
func moveProgram(to, from string) error {
	program, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	// A new file: the old one may be running.
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(os.WriteFile(to, program, 0o755), os.Remove(from))
}

// copyLog copies a log with its keys and state, not its index.
func copyLog(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && d.Name() == indexDir:
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		default:
			return copyFile(filepath.Join(to, name), path)
		}
	})
}

// copyFile copies a file that only its owner may read, as keys must be.
func copyFile(to, from string) (err error) {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return appendFile(out, from)
}
