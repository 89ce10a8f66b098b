package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/bench/events"
)

const logName = "audit.log"

// largeLog returns the directory of the large log, which it writes the first time.
func (e *env) largeLog(ctx context.Context) (string, error) {
	if e.large != "" {
		return e.large, nil
	}
	dir, err := e.write(ctx, "large", e.Records)
	e.large = dir
	return dir, err
}

// smallLog returns the directory of a log of a fiftieth of the records.
func (e *env) smallLog(ctx context.Context) (string, error) {
	if e.small != "" {
		return e.small, nil
	}
	dir, err := e.write(ctx, "small", e.Records/50)
	e.small = dir
	return dir, err
}

func (e *env) write(ctx context.Context, name string, records int) (string, error) {
	dir := filepath.Join(e.Dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	e.Progress("writing a log of %d records", records)
	return dir, events.Write(ctx, filepath.Join(dir, logName), events.Options{Seed: 5, Count: records})
}

// segments returns the segments of the log in dir, and their size.
func segments(dir string) (paths []string, size int64, err error) {
	paths, err = filepath.Glob(filepath.Join(dir, "audit*.log"))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, 0, err
		}
		size += info.Size()
	}
	return paths, size, err
}

// measureVerify is how fast a log is verified on all cores: 10⁶ bytes a second.
func measureVerify(ctx context.Context, e *env) (float64, error) {
	dir, err := e.largeLog(ctx)
	if err != nil {
		return 0, err
	}
	return throughput(dir, func([]string) error {
		_, err := verifyLog(ctx, dir)
		return err
	})
}

// measureDigest is how fast openssl hashes the same files. Where there is no
// openssl, it is the standard library on one core, which is as fast as that.
func measureDigest(ctx context.Context, e *env) (float64, error) {
	dir, err := e.largeLog(ctx)
	if err != nil {
		return 0, err
	}
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		e.Progress("there is no openssl: crypto/sha256 takes its place")
		return throughput(dir, hashFiles)
	}
	return throughput(dir, func(paths []string) error {
		return exec.CommandContext(ctx, openssl, append([]string{"dgst", "-sha256"}, paths...)...).Run()
	})
}

func throughput(dir string, f func(paths []string) error) (float64, error) {
	paths, size, err := segments(dir)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := f(paths); err != nil {
		return 0, err
	}
	return float64(size) / 1e6 / time.Since(began).Seconds(), nil
}

func hashFiles(paths []string) error {
	buf := make([]byte, 1<<20)
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.CopyBuffer(sha256.New(), f, buf)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func openLarge(ctx context.Context, e *env) (float64, error) {
	dir, err := e.largeLog(ctx)
	if err != nil {
		return 0, err
	}
	return e.openCycles(ctx, filepath.Join(dir, logName))
}

func openEmpty(ctx context.Context, e *env) (float64, error) {
	return e.scratch(func(dir string) (float64, error) {
		path := filepath.Join(dir, logName)
		l, err := etch.Create(path, nil)
		if err != nil {
			return 0, err
		}
		if err := l.Close(); err != nil {
			return 0, err
		}
		return e.openCycles(ctx, path)
	})
}

// openCycles is the milliseconds it takes to open a log, append an event, seal
// and close, in the mean.
func (e *env) openCycles(ctx context.Context, path string) (float64, error) {
	ev := events.New(events.Options{}).Next()
	began, cycles := time.Now(), 0
	for ; time.Since(began) < e.Span; cycles++ {
		l, err := etch.Open(path, &etch.Options{Rotate: etch.BySize})
		if err != nil {
			return 0, err
		}
		_, err = l.Append(ctx, ev)
		if err == nil {
			_, err = l.Seal(ctx)
		}
		if err := errors.Join(err, l.Close()); err != nil {
			return 0, fmt.Errorf("a cycle of open, append, seal, close: %w", err)
		}
	}
	return time.Since(began).Seconds() * 1000 / float64(cycles), nil
}
