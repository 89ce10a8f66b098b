package question

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// oneCore and twoCores are the environments of rows that say how many.
var (
	oneCore  = []string{"GOMAXPROCS=1"}
	twoCores = []string{"GOMAXPROCS=2"}
)

// audit returns a side that asks the log with "etch audit", when it has an index.
func audit(question string, read reading, args func(e *env) []string) side {
	return side{
		unit: "ms", asks: question, read: read, of: inLog,
		prepare: func(ctx context.Context, e *env) error { return e.index(ctx, e.log()) },
		command: func(e *env) command { return e.asking(e.log(), nil, args(e)...) },
	}
}

// archived returns the side that asks the archived copy for one user.
func archived() side {
	return side{
		unit: "ms", asks: oneUser, read: ids, of: part(archiveDir),
		prepare: func(ctx context.Context, e *env) error {
			if err := e.have(ctx, archiveDir); err != nil {
				return err
			}
			return e.index(ctx, e.path(archiveDir, logName))
		},
		command: func(e *env) command { return e.asking(e.path(archiveDir, logName), nil, ofUser(e)...) },
	}
}

// asking returns an "etch audit" of a log.
func (e *env) asking(log string, cores []string, args ...string) command {
	return command{Args: append([]string{e.Etch, "audit", "--log", log}, args...), Env: cores}
}

func ofUser(e *env) []string { return []string{"--user", e.corpus.User, "--format", "jsonl"} }

func ofViolations(e *env) []string {
	return []string{
		"--violations-only", "--since", e.corpus.Since.Format(time.RFC3339), "--until", e.corpus.Until.Format(time.RFC3339),
		"--format", "jsonl",
	}
}

func ofRisky(*env) []string {
	return []string{"--where", "risk >= high and type = command_execution", "--count-by", "user", "--format", "json"}
}

func ofWord(e *env) []string { return []string{"--grep", e.corpus.Word, "-F", "--format", "jsonl"} }

func ofNewest(*env) []string { return []string{"-n", "20"} }

func ofAll(*env) []string { return []string{"--format", "jsonl"} }

// scan returns a side that asks for the records of one user without an index,
// though there is one.
func scan(cores []string) side {
	return side{
		unit: "ms", asks: oneUser, read: ids, of: inLog,
		command: func(e *env) command { return e.asking(e.log(), cores, append(ofUser(e), "--no-index")...) },
	}
}

// etchRun runs a subcommand on a log.
func (e *env) etchRun(ctx context.Context, cores []string, subcommand, log string, more ...string) (time.Duration, error) {
	c := command{Args: append([]string{e.Etch, subcommand, "--log", log}, more...), Env: cores, Dir: e.path("home")}
	_, took, err := c.run(ctx)
	if err != nil {
		return 0, fmt.Errorf("etch %s: %w", subcommand, err)
	}
	return took, nil
}

// index makes what is missing of a log's index. Where that fails, the log is
// scanned: same answers, other times.
func (e *env) index(ctx context.Context, log string) error {
	return e.once("index "+log, func() error {
		e.Progress("indexing %s", log)
		_, err := e.etchRun(ctx, nil, "index", log)
		if err != nil && ctx.Err() == nil {
			e.note("%v: %s is scanned", err, e.short(log))
			return nil
		}
		return err
	})
}

// short returns a path as notes show it.
func (e *env) short(path string) string {
	short, err := filepath.Rel(e.root, path)
	if err != nil {
		return path
	}
	return short
}

// makeBuild copies the log, for its index to be built again and again.
func (e *env) makeBuild(_ context.Context, path string) error {
	return copyLog(path, e.path(dataDir, logDir))
}

// buildIndex is how fast an index is built from nothing: 10⁹ bytes of rotated
// segments a second.
func buildIndex(ctx context.Context, e *env) (float64, error) {
	var took time.Duration
	raw, _, err := e.build(func() (err error) {
		took, err = e.etchRun(ctx, twoCores, "index", e.path(buildDir, logName))
		return err
	})
	return float64(raw) / 1e9 / took.Seconds(), err
}

// buildMemory is the memory that it takes.
func buildMemory(ctx context.Context, e *env) (mib float64, err error) {
	c := command{Args: []string{e.Etch, "index", "--log", e.path(buildDir, logName)}, Env: twoCores, Dir: e.path("home")}
	_, _, err = e.build(func() (err error) {
		if mib, err = c.peak(ctx); err != nil {
			return fmt.Errorf("etch index: %w", err)
		}
		return nil
	})
	return mib, err
}

// indexShare is the size of the index in percent of what it indexes.
func indexShare(ctx context.Context, e *env) (float64, error) {
	raw, indexes, err := e.build(func() error {
		_, err := e.etchRun(ctx, twoCores, "index", e.path(buildDir, logName))
		return err
	})
	return 100 * float64(indexes) / float64(raw), err
}

// build removes the index of the copy and calls index, which makes it. It
// returns the bytes of the segments that were rotated before, and of their
// index files.
func (e *env) build(index func() error) (raw, indexes int64, err error) {
	if err := os.RemoveAll(e.path(buildDir, indexDir)); err != nil {
		return 0, 0, err
	}
	rotated, err := rotatedSegments(e.path(buildDir))
	if err != nil {
		return 0, 0, err
	}
	if len(rotated) == 0 {
		return 0, 0, errors.New("no rotated segment to index")
	}
	if err := index(); err != nil {
		return 0, 0, err
	}
	var files []string
	for _, path := range rotated {
		number := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "audit."), ".log")
		files = append(files, e.path(buildDir, indexDir, number+".idx"))
	}
	if raw, err = size(rotated); err != nil {
		return 0, 0, err
	}
	if indexes, err = size(files); err != nil {
		return 0, 0, fmt.Errorf("etch index made none: %w", err)
	}
	return raw, indexes, nil
}

// makeArchive copies the log and archives the copy: all rotated segments but the
// newest.
func (e *env) makeArchive(ctx context.Context, path string) error {
	if err := copyLog(path, e.path(dataDir, logDir)); err != nil {
		return err
	}
	if _, err := e.etchRun(ctx, nil, "archive", filepath.Join(path, logName), "--all"); err != nil {
		return err
	}
	left, err := rotatedSegments(path)
	if err == nil && len(left) > 1 { // the newest stays plain
		err = fmt.Errorf("etch archive left %d rotated segments plain", len(left))
	}
	return err
}

// archiveShare is the size of the archived segments in percent of the plain ones.
func archiveShare(_ context.Context, e *env) (float64, error) {
	archived, err := filepath.Glob(e.path(archiveDir, "audit.[0-9]*.log.zst"))
	if err != nil {
		return 0, err
	}
	var plain []string
	for _, path := range archived {
		plain = append(plain, e.path(dataDir, logDir, strings.TrimSuffix(filepath.Base(path), ".zst")))
	}
	if len(plain) == 0 {
		return 0, errors.New("etch archive left no archived segment")
	}
	before, err := size(plain)
	if err != nil {
		return 0, err
	}
	after, err := size(archived)
	return 100 * float64(after) / float64(before), err
}

// size returns the bytes of files.
func size(paths []string) (int64, error) {
	var sum int64
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		sum += info.Size()
	}
	return sum, nil
}

// copied prepares the log whose index is built again and again.
func copied(ctx context.Context, e *env) error { return e.have(ctx, buildDir) }
