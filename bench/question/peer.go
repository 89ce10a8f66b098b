package question

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ripgrep searches the plain copy of all segments in one file: it maps the file
// and uses one core. This is how the bounds were measured.
func ripgrep(question string, args func(e *env) []string) side {
	return side{
		unit: "ms", asks: question, read: ids, of: (*env).plain,
		command: func(e *env) command {
			return command{Args: append(append([]string{"rg", "--no-config"}, args(e)...), e.plain())}
		},
	}
}

// ripgrepFiles searches the segments themselves, as many at a time as there are
// cores. Rows come in the order in which segments are done.
func ripgrepFiles(question string, args func(e *env) []string) side {
	return side{
		unit: "ms", asks: question, read: ids, unordered: true, of: inLog,
		command: func(e *env) command {
			return command{Args: append(append([]string{"rg", "--no-config", "--no-filename"}, args(e)...), e.segments()...)}
		},
	}
}

// segments returns the segments of the log that is asked.
func (e *env) segments() []string {
	paths, err := segments(e.path(dataDir, logDir))
	if err != nil {
		panic("question: bad pattern of segments: " + err.Error())
	}
	return paths
}

// The literals that a line has which answers a question. A quotation mark
// inside of a string is escaped, so that no command matches.
func rgUser(e *env) []string { return []string{"-F", `"username":"` + e.corpus.User + `"`} }

func rgWord(e *env) []string { return []string{"-F", e.corpus.Word} }

// The pipes of ripgrep for what it does not do alone; "$@" is where it searches.
// Each level of risk has a search of its own: one for both takes longer than the
// two together, as what both begin with is in every line.
const (
	rgViolations = `rg --no-config --no-filename -F '"policy_violation":true' "$@" | awk -F'"' -v since="$SINCE" -v until="$UNTIL" '$6 >= since && $6 < until'`
	rgRisky      = `{ rg --no-config --no-filename -F '"risk_level":"high"' "$@"; rg --no-config --no-filename -F '"risk_level":"critical"' "$@"; } |
rg --no-config -F '"event_type":"command_execution"' | rg --no-config -o '"username":"[^"]*"' | sort | uniq -c`
)

func ripgrepViolations(in func(e *env) []string, unordered bool) side {
	return side{
		unit: "ms", asks: violations, read: ids, unordered: unordered,
		command: func(e *env) command {
			c := pipe([]string{"rg", "awk"}, rgViolations, in(e)...)
			// Stored times have a fraction and "Z"; without either, the bounds
			// sort where they belong.
			c.Env = []string{"SINCE=" + e.corpus.Since.Format(wholeSecond), "UNTIL=" + e.corpus.Until.Format(wholeSecond)}
			return c
		},
	}
}

const wholeSecond = "2006-01-02T15:04:05"

func ripgrepRisky(in func(e *env) []string) side {
	return side{
		unit: "ms", asks: risky, read: uniqCounts, unordered: true,
		command: func(e *env) command { return pipe([]string{"rg", "sort", "uniq"}, rgRisky, in(e)...) },
	}
}

func inPlain(e *env) []string { return []string{e.plain()} }

// jq asks the first tenth.
func jq() side {
	return side{
		unit: "ms", rounds: slowRounds, times: 10, asks: tenthUser, read: ids, of: part(dataDir, tenthName),
		command: func(e *env) command {
			return command{Args: []string{"jq", "-c", "--arg", "user", e.corpus.User, "select(.actor.username == $user)", e.path(dataDir, tenthName)}}
		},
	}
}

// makeSQLite stores each line with its user, and an index on the user. The lines
// come through a database of their own, so that the one that is asked has
// neither holes nor a second copy.
func (e *env) makeSQLite(ctx context.Context, path string) error {
	raw := path + ".raw"
	script := strings.NewReplacer("$RAW", raw, "$PLAIN", e.plain()).Replace(`PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
ATTACH '$RAW' AS raw;
PRAGMA raw.journal_mode = OFF;
PRAGMA raw.synchronous = OFF;
CREATE TABLE raw.line (line TEXT);
.mode ascii
.separator "\037" "\n"
.import --schema raw "$PLAIN" line
CREATE TABLE event (seq INTEGER PRIMARY KEY, user TEXT, line TEXT);
INSERT INTO event SELECT json_extract(line, '$.seq'), json_extract(line, '$.actor.username'), line FROM raw.line;
CREATE INDEX event_user ON event (user);
ANALYZE;
`)
	c := pipe([]string{"sqlite3"}, `printf %s "$2" | sqlite3 -bail "$1"`, path, script)
	c.Dir = e.path("home")
	if err := c.installed(); err != nil {
		return err
	}
	_, _, err := c.run(ctx)
	if removed := os.Remove(raw); err == nil {
		err = removed
	}
	return err
}

func sqlite() side {
	return side{
		unit: "ms", asks: oneUser, read: ids, of: part(sqliteName),
		prepare: func(ctx context.Context, e *env) error { return e.have(ctx, sqliteName) },
		command: func(e *env) command {
			return command{Args: []string{
				"sqlite3", "-readonly", e.path(sqliteName),
				"SELECT line FROM event WHERE user = '" + e.corpus.User + "' ORDER BY seq",
			}}
		},
	}
}

// versions notes which peers there are.
func (e *env) versions(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, args := range [][]string{{"rg", "--version"}, {"jq", "--version"}, {"sqlite3", "--version"}, {"node", "--version"}} {
		printed, _, err := command{Args: args, Dir: e.path("home")}.run(ctx)
		if err != nil {
			continue // its rows say so
		}
		first, _, _ := strings.Cut(strings.TrimSpace(string(printed)), "\n")
		e.note("%s is %s", args[0], strings.TrimSpace(first))
	}
	if awk, err := exec.LookPath("awk"); err == nil {
		if awk, err = filepath.EvalSymlinks(awk); err == nil {
			e.note("awk is %s", filepath.Base(awk))
		}
	}
}
