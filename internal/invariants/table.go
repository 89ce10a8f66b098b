package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The table's head, as it stands on the page.
const head = "| promise | what shows it | break |"

// A row is one line of the table.
type row struct {
	place   string // page and line, for errors
	promise int
	pkg     string // directory below the root, "." for the root package
	test    string // TestName or TestName/subtest
	hook    string
}

// name is the test as the page writes it.
func (r row) name() string {
	if r.pkg == "." {
		return "etch." + r.test
	}
	return r.pkg + "." + r.test
}

var rowForm = regexp.MustCompile("^\\| ([0-9]+)\\. [^|]+ \\| `([a-z0-9/]+)\\.(Test[^`|]*)` \\| `([a-z0-9]+(?:-[a-z0-9]+)*)` \\|$")

// readPage returns how many promises a page lists, and the rows of its table.
func readPage(root, page string) (promises int, rows []row, err error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		return 0, nil, err
	}
	before, table, found := strings.Cut(string(text), head+"\n")
	if !found {
		return 0, nil, fmt.Errorf("%s: no table %q", page, head)
	}
	for line := range strings.Lines(before) {
		if strings.HasPrefix(line, strconv.Itoa(promises+1)+". ") {
			promises++
		}
	}
	if promises == 0 {
		return 0, nil, fmt.Errorf("%s: no promise \"1. …\" above the table", page)
	}
	rows, err = readTable(page, strings.Count(before, "\n")+1, table)
	return promises, rows, err
}

// readTable reads the rows below the table's head, which stands in the given
// line. A line of the table that is no row is an error: a promise must not drop
// out by a slip of the pen.
func readTable(page string, line int, table string) ([]row, error) {
	var rows []row
	for text := range strings.Lines(table) {
		line++
		text = strings.TrimRight(text, "\r\n")
		switch {
		case !strings.HasPrefix(text, "|"):
			return rows, nil
		case strings.Trim(text, "|- ") == "":
			continue
		}
		r, err := parseRow(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", page, line, err)
		}
		r.place = fmt.Sprintf("%s:%d", page, line)
		rows = append(rows, r)
	}
	return rows, nil
}

func parseRow(line string) (row, error) {
	m := rowForm.FindStringSubmatch(line)
	if m == nil {
		return row{}, fmt.Errorf("not a row \"| N. promise | `package.TestName` | `break` |\": %s", line)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return row{}, err
	}
	pkg := m[2]
	if pkg == "etch" {
		pkg = "."
	}
	return row{promise: n, pkg: pkg, test: m[3], hook: m[4]}, nil
}
