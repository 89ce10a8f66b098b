package question

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// An answer is what must come out of a question, whoever is asked: events by
// their ids, or counts by user. The generator knows it: no side is judged by
// another.
type answer struct {
	Rows int `json:"rows"`
	// Digest is of the rows in their order, Sorted of the sorted rows.
	Digest string `json:"digest"`
	Sorted string `json:"sorted"`
}

func answerOf(rows []string) answer {
	return answer{len(rows), digest(rows), digest(slices.Sorted(slices.Values(rows)))}
}

func digest(rows []string) string {
	h := sha256.New()
	for _, row := range rows {
		_, _ = io.WriteString(h, row+"\n") // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// errWrong is an answer that is not the right one. It makes a run fail.
var errWrong = errors.New("wrong answer")

// check compares what a side said with what is right.
func (a answer) check(rows []string, unordered bool) error {
	got := answerOf(rows)
	switch {
	case got.Rows != a.Rows:
		return fmt.Errorf("%w: %d rows, want %d", errWrong, got.Rows, a.Rows)
	case got.Sorted != a.Sorted:
		return fmt.Errorf("%w: other rows than those that match", errWrong)
	case got.Digest != a.Digest && !unordered:
		return fmt.Errorf("%w: the rows are out of order", errWrong)
	}
	return nil
}

// A reading is how what a program printed becomes rows that can be compared.
type reading func(printed []byte) ([]string, error)

// ids reads records as JSON Lines: a row is the event's id.
func ids(printed []byte) ([]string, error) {
	var rows []string
	for line := range bytes.Lines(printed) {
		var record struct {
			ID string `json:"event_id"`
		}
		if err := json.Unmarshal(line, &record); err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
		}
		rows = append(rows, record.ID)
	}
	return rows, nil
}

// jsonCounts reads objects with a user and a count, in an array or one after
// another.
func jsonCounts(printed []byte) ([]string, error) {
	type group struct {
		User  *string `json:"user"`
		Count *uint64 `json:"count"`
	}
	var groups []group
	d := json.NewDecoder(bytes.NewReader(printed))
	for {
		var value json.RawMessage
		err := d.Decode(&value)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("counts: %w", err)
		}
		if value[0] == '{' {
			value = slices.Concat([]byte("["), value, []byte("]"))
		}
		var some []group
		if err := json.Unmarshal(value, &some); err != nil {
			return nil, fmt.Errorf("counts: %w", err)
		}
		groups = append(groups, some...)
	}
	var rows []string
	for _, g := range groups {
		if g.User == nil || g.Count == nil {
			return nil, fmt.Errorf("counts: no user and count in one of %d groups", len(groups))
		}
		rows = append(rows, countRow(*g.User, *g.Count))
	}
	return rows, nil
}

// tabCounts reads lines of a user, a tabulator and a count.
func tabCounts(printed []byte) ([]string, error) {
	return eachLine(printed, func(line string) (string, error) {
		user, count, _ := strings.Cut(line, "\t")
		return parseCount(user, count)
	})
}

// uniqCounts reads what "uniq -c" prints of members that name the user.
func uniqCounts(printed []byte) ([]string, error) {
	return eachLine(printed, func(line string) (string, error) {
		count, member, _ := strings.Cut(strings.TrimSpace(line), " ")
		user, ok := strings.CutPrefix(member, `"username":"`)
		if !ok {
			return "", fmt.Errorf("count of %q, which names no user", member)
		}
		return parseCount(strings.TrimSuffix(user, `"`), count)
	})
}

// records reads a table for people: a row is a line that begins with a number.
func records(printed []byte) ([]string, error) {
	var rows []string
	for line := range bytes.Lines(printed) {
		first, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		if _, err := strconv.ParseUint(first, 10, 64); err == nil {
			rows = append(rows, aRecord)
		}
	}
	return rows, nil
}

// aRecord is a row of which nothing but its presence is compared.
const aRecord = "record"

func eachLine(printed []byte, row func(line string) (string, error)) ([]string, error) {
	var rows []string
	s := bufio.NewScanner(bytes.NewReader(printed))
	for s.Scan() {
		r, err := row(s.Text())
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, s.Err()
}

func parseCount(user, count string) (string, error) {
	n, err := strconv.ParseUint(count, 10, 64)
	if err != nil {
		return "", fmt.Errorf("count of %q: %w", user, err)
	}
	return countRow(user, n), nil
}

func countRow(user string, n uint64) string { return fmt.Sprintf("%s\t%d", user, n) }
