// Command skipgate reads the output of go test -json and fails when a test
// failed, or was skipped for a reason that the allowed list does not have.
//
// A test that skips itself because something is missing (vectors, a privilege,
// a program) shows nothing, and nobody reads the line that says so. Where all
// is expected to be there, in the gate, such a skip is a failure.
//
//	go test -json ./... | go run ./internal/skipgate .ci/allowed-skips
//
// It prints a line for each package, what tests have to show beside that they pass
// (the attributes that they set), and the full output of what failed. Each
// line of the list is a regular expression that must match
// "package.Test: message" somewhere; lines that begin with # say why.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ./... | go run ./internal/skipgate .ci/allowed-skips")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "skipgate: error:", err)
		os.Exit(1)
	}
}

func run(list string, in io.Reader, out io.Writer) error {
	allowed, err := readAllowed(list)
	if err != nil {
		return err
	}
	r := report{allowed: allowed, out: bufio.NewWriter(out), texts: make(map[string][]string)}
	return errors.Join(r.read(in), r.out.Flush())
}

func readAllowed(list string) ([]*regexp.Regexp, error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return nil, err
	}
	var allowed []*regexp.Regexp
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		re, err := regexp.Compile(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list, err)
		}
		allowed = append(allowed, re)
	}
	return allowed, nil
}

// An event is one line of go test -json; see go doc test2json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of what did not build
	Test       string
	Output     string
	Key, Value string // of an attribute that a test sets
	Elapsed    float64
}

// test names the test or package that an event is about.
func (e event) test() string {
	if e.Test == "" {
		return e.Package
	}
	return e.Package + "." + e.Test
}

// A report is what is known so far.
type report struct {
	allowed []*regexp.Regexp
	out     *bufio.Writer
	texts   map[string][]string // output by test, until it ends
	passed  int
	skipped int
	failed  []string
	wrong   []string // skips without an allowed reason
}

// read goes through the whole stream and returns what was wrong with it.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20) // a failing test may print a whole log on a line
	for lines.Scan() {
		var e event
		if !strings.HasPrefix(lines.Text(), "{") || json.Unmarshal(lines.Bytes(), &e) != nil {
			r.print("%s\n", lines.Text())
			continue
		}
		r.add(e)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read test output: %w", err)
	}
	return r.verdict()
}

func (r *report) add(e event) {
	switch e.Action {
	case "output":
		r.texts[e.test()] = append(r.texts[e.test()], e.Output)
	case "attr":
		r.print("%-5s %s: %s\n", e.Key, e.test(), e.Value)
	case "build-output":
		r.print("%s", e.Output)
	case "build-fail":
		r.failed = append(r.failed, e.ImportPath+" does not build")
	case "pass", "fail", "skip":
		r.end(e)
	}
}

// end takes the last event of a test, or of a package.
func (r *report) end(e event) {
	text := r.texts[e.test()]
	delete(r.texts, e.test())
	switch {
	case e.Action == "fail":
		r.failed = append(r.failed, e.test())
		r.print("%s", strings.Join(text, ""))
	case e.Test == "":
		r.print("%-5s %6.1fs  %s\n", e.Action, e.Elapsed, e.Package) // skip: it has no tests
	case e.Action == "skip":
		r.skipped++
		reason := skipReason(text)
		if !r.allows(e.test() + ": " + reason) {
			r.wrong = append(r.wrong, e.test()+": "+reason)
		}
	default:
		r.passed++
	}
}

func (r *report) allows(skip string) bool {
	return slices.ContainsFunc(r.allowed, func(re *regexp.Regexp) bool { return re.MatchString(skip) })
}

// skipReason returns what the test said, without the frame that go test prints.
func skipReason(text []string) string {
	var said []string
	for _, line := range text {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

// verdict returns nil when tests ran, none failed, and every skip was allowed.
func (r *report) verdict() error {
	r.print("%d tests passed, %d skipped, %d failed\n", r.passed, r.skipped, len(r.failed))
	var errs []error
	for _, test := range r.failed {
		errs = append(errs, fmt.Errorf("%s failed", test))
	}
	for _, skip := range r.wrong {
		errs = append(errs, fmt.Errorf("skipped, and the reason is not allowed: %s", skip))
	}
	if r.passed == 0 {
		errs = append(errs, errors.New("no test passed"))
	}
	for test := range r.texts {
		errs = append(errs, fmt.Errorf("%s did not end", test))
	}
	return errors.Join(errs...)
}

// print writes to a buffer whose error [run] returns when it flushes.
func (r *report) print(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, format, args...)
}
