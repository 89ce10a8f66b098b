package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/etch-audit/etch"
	"github.com/etch-audit/etch/verify"
)

// childArg makes the program a child, which does one job and prints what came
// out. Memory is measured in children, so that each job is judged alone.
const childArg = "etch-bench-child"

// What a child can do.
const (
	workAppend = "append" // a load
	workVerify = "verify" // verify the log in Dir
	workAudit  = "audit"  // read every record of the log in Dir
	workServe  = "serve"  // serve a new log in Dir at Socket, until it is told to end
)

// A job is what a child is told.
type job struct {
	Work   string
	Load   load
	Dir    string
	Socket string
}

// jobText is how a child is told its job.
func jobText(j job) (string, error) {
	text, err := json.Marshal(j)
	return string(text), err
}

// Child does the job of a child process, where this is one, and reports
// whether it is. A program that calls [Run] calls it first.
func Child() bool {
	if len(os.Args) < 3 || os.Args[1] != childArg {
		return false
	}
	if err := child(os.Args[2], os.Stdin, os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err) // there is nobody else to tell
		os.Exit(1)
	}
	return true
}

// child does a job. It prints a line when it is ready, waits for one, and
// prints the result.
func child(text string, in io.Reader, out io.Writer) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return fmt.Errorf("job of a child: %w", err)
	}
	ready := func() error {
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
		_, err := bufio.NewReader(in).ReadString('\n')
		return err
	}
	got, err := j.do(context.Background(), ready)
	if err != nil {
		return err
	}
	if got.Peak, err = peakMemory(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(got)
}

func (j *job) do(ctx context.Context, ready func() error) (taken, error) {
	switch j.Work {
	case workAppend:
		return j.Load.run(ctx, ready)
	case workServe:
		return taken{}, serve(ctx, j.Dir, j.Socket, ready)
	}
	if err := ready(); err != nil {
		return taken{}, err
	}
	began := time.Now()
	var n int
	var err error
	switch j.Work {
	case workVerify:
		n, err = verifyLog(ctx, j.Dir)
	case workAudit:
		n, err = readLog(ctx, j.Dir)
	default:
		err = fmt.Errorf("no work %q", j.Work)
	}
	return taken{Events: n, Seconds: time.Since(began).Seconds()}, err
}

// verifyLog verifies the log in a directory as somebody does who was given a
// copy, and returns how many records it has.
func verifyLog(ctx context.Context, dir string) (int, error) {
	report, err := verify.Log(ctx, os.DirFS(dir), verify.Options{})
	if err != nil {
		return 0, err
	}
	if report.Verdict != verify.Intact {
		return 0, fmt.Errorf("a log that was only appended to is %s: %+v %v", report.Verdict, report.Faults, report.Undecided)
	}
	return int(report.Summary.Records), nil
}

// readLog reads every record as an audit without filters does.
func readLog(ctx context.Context, dir string) (int, error) {
	r, err := etch.OpenReader(filepath.Join(dir, logName))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, err := range r.Records(ctx, etch.Query{}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// together runs a job in several processes, which begin at the same moment.
func together(ctx context.Context, processes int, j job) ([]taken, error) {
	text, err := jobText(j)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the children that an error has left
	var children []*running
	for range processes {
		c, err := startChild(ctx, self, text)
		if err != nil {
			return nil, err
		}
		children = append(children, c)
	}
	for _, c := range children {
		if err := c.awaitReady(); err != nil {
			return nil, err
		}
	}
	for _, c := range children {
		if _, err := io.WriteString(c.in, "go\n"); err != nil {
			return nil, err
		}
	}
	var all []taken
	var errs []error
	for _, c := range children {
		got, err := c.result()
		all, errs = append(all, got), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// A running is a child process.
type running struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(ctx context.Context, self, text string) (*running, error) {
	cmd := exec.CommandContext(ctx, self, childArg, text)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a child: %w", err)
	}
	return &running{cmd, in, bufio.NewReader(out)}, nil
}

func (r *running) awaitReady() error {
	if _, err := r.out.ReadString('\n'); err != nil {
		return errors.Join(fmt.Errorf("a child did not begin: %w", err), r.cmd.Wait())
	}
	return nil
}

func (r *running) result() (taken, error) {
	var got taken
	err := json.NewDecoder(r.out).Decode(&got)
	return got, errors.Join(err, r.cmd.Wait())
}
