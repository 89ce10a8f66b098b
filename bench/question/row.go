package question

import "github.com/etch-audit/etch/bench/table"

// slowRounds is for what takes seconds and varies little.
const slowRounds = 3

// sides by their names: who is asked, and what. Those of ripgrep are over one
// file; with /files, over the segments on all cores.
var sides = map[string]side{
	"etch/q1":       audit(oneUser, ids, ofUser),
	"etch/q2":       audit(violations, ids, ofViolations),
	"etch/q3":       audit(risky, jsonCounts, ofRisky).anyOrder(),
	"etch/grep":     audit(rareWord, ids, ofWord),
	"etch/newest":   audit(newest, records, ofNewest),
	"etch/all":      audit("", nil, ofAll),
	"etch/scan-1":   scan(oneCore),
	"etch/scan-2":   scan(twoCores),
	"etch/archived": archived(),
	"etch/cold":     audit(oneUser, ids, ofUser).afresh(),
	"etch/version":  {unit: "ms", command: func(e *env) command { return command{Args: []string{e.Etch, "version"}} }},

	"rg/q1":         ripgrep(oneUser, rgUser),
	"rg/q1/files":   ripgrepFiles(oneUser, rgUser),
	"rg/cold":       ripgrep(oneUser, rgUser).afresh(),
	"rg/grep":       ripgrep(rareWord, rgWord),
	"rg/grep/files": ripgrepFiles(rareWord, rgWord),
	"rg/q2":         ripgrepViolations(inPlain, false).over((*env).plain),
	"rg/q2/files":   ripgrepViolations((*env).segments, true).over(inLog),
	"rg/q3":         ripgrepRisky(inPlain).over((*env).plain),
	"rg/q3/files":   ripgrepRisky((*env).segments).over(inLog),
	"jq/q1":         jq(),
	"sqlite/q1":     sqlite(),
	"duckdb/q3":     duckdb("count", risky),
	"duckdb/start":  duckdb("start", ""),

	"index/build":   {unit: "GB/s", rounds: slowRounds, prepare: copied, of: part(buildDir), measure: buildIndex},
	"index/memory":  {unit: "MiB", rounds: 1, prepare: copied, measure: buildMemory},
	"index/share":   {unit: "%", rounds: 1, prepare: copied, measure: indexShare},
	"archive/share": {unit: "%", rounds: 1, prepare: archived().prepare, measure: archiveShare},

	"memory/q1":       peak("etch/q1"),
	"memory/q2":       peak("etch/q2"),
	"memory/q3":       peak("etch/q3"),
	"memory/grep":     peak("etch/grep"),
	"memory/scan":     peak("etch/scan-2"),
	"memory/archived": peak("etch/archived"),
	"memory/newest":   peak("etch/newest"),
	"memory/all":      peak("etch/all"),
}

// queryMemory is what a query may take, MiB: as much as reading all records.
const queryMemory = 96

// The bounds are those that the project set itself before it had a query: what
// a prototype reached, where ripgrep searched one file. The rows named -files
// hold them against ripgrep on all cores too.
var rows = []table.Row{
	{Name: "q1", Kind: table.Quicker, Ours: "etch/q1", Theirs: []string{"rg/q1"}, Must: 10, Aim: 25, What: "one user's records of 30 days (0.2 %), to ripgrep for the same literal"},
	{Name: "q1-files", Kind: table.Quicker, Ours: "etch/q1", Theirs: []string{"rg/q1/files"}, Must: 10, Aim: 25, What: "the same, to ripgrep over the segments on all cores"},
	{Name: "q1-sqlite", Kind: table.Quicker, Ours: "etch/q1", Theirs: []string{"sqlite/q1"}, Must: 1, Aim: 2, What: "the same, to SQLite with an index on the user"},
	{Name: "q1-cold", Kind: table.Quicker, Ours: "etch/cold", Theirs: []string{"rg/cold"}, Must: 1, What: "the same as q1, nothing of it in memory, as after a restart"},
	{Name: "q2", Kind: table.Quicker, Ours: "etch/q2", Theirs: []string{"rg/q2"}, Must: 40, Aim: 80, What: "violations of the last 24 h, to ripgrep and awk"},
	{Name: "q2-files", Kind: table.Quicker, Ours: "etch/q2", Theirs: []string{"rg/q2/files"}, Must: 40, Aim: 80, What: "the same, to ripgrep over the segments on all cores, and awk"},
	{Name: "q3", Kind: table.Quicker, Ours: "etch/q3", Theirs: []string{"rg/q3"}, Must: 33, Aim: 100, What: "commands of high risk and above, counted by user, to ripgrep, sort and uniq"},
	{Name: "q3-files", Kind: table.Quicker, Ours: "etch/q3", Theirs: []string{"rg/q3/files"}, Must: 33, Aim: 100, What: "the same, to ripgrep over the segments on all cores, sort and uniq"},
	{Name: "q3-duckdb", Kind: table.Quicker, Ours: "etch/q3", Theirs: []string{"duckdb/q3"}, Must: 15, Aim: 40, What: "the same, to a DuckDB native table, its start included"},
	{Name: "duckdb-start", Kind: table.Shown, Ours: "duckdb/start", What: "of that, the start of node and DuckDB"},
	{Name: "grep", Kind: table.Quicker, Ours: "etch/grep", Theirs: []string{"rg/grep"}, Must: 5, Aim: 20, What: "a rare word in commands, to ripgrep"},
	{Name: "grep-files", Kind: table.Quicker, Ours: "etch/grep", Theirs: []string{"rg/grep/files"}, Must: 5, Aim: 20, What: "the same, to ripgrep over the segments on all cores"},
	{Name: "scan-1", Kind: table.Quicker, Ours: "etch/scan-1", Theirs: []string{"rg/q1"}, Must: 0.8, Aim: 1.2, What: "one user's records without an index, one core, to ripgrep"},
	{Name: "scan-2", Kind: table.Quicker, Ours: "etch/scan-2", Theirs: []string{"rg/q1"}, Must: 1.3, Aim: 2, What: "the same, two cores"},
	{Name: "scan-2-files", Kind: table.Quicker, Ours: "etch/scan-2", Theirs: []string{"rg/q1/files"}, Must: 1.3, Aim: 2, What: "the same, two cores, to ripgrep over the segments on all cores"},
	{Name: "scan-jq", Kind: table.Quicker, Ours: "etch/scan-2", Theirs: []string{"jq/q1"}, Must: 150, What: "the same, two cores, to jq (a tenth of the log, times ten)"},
	{Name: "archived", Kind: table.Quicker, Ours: "etch/archived", Theirs: []string{"rg/q1"}, Must: 1, Aim: 3, What: "one user's records in the archived log, to ripgrep over the plain file"},
	{Name: "archive-size", Kind: table.Within, Ours: "archive/share", Must: 100. / 6, What: "archived segments, in percent of plain ones"},
	{Name: "index-build", Kind: table.Reached, Ours: "index/build", Must: 0.5, Aim: 1, What: "building the index, two cores, GB of log a second"},
	{Name: "index-size", Kind: table.Within, Ours: "index/share", Must: 3, What: "the index, in percent of the segments"},
	{Name: "newest", Kind: table.Cheaper, Ours: "etch/newest", Theirs: []string{"etch/version"}, Must: 3, Aim: 1.5, What: "the newest 20 records, to etch version"},
	{Name: "memory-index", Kind: table.Within, Ours: "index/memory", Must: 128, What: "peak memory: building the index, MiB"},
	{Name: "memory-q1", Kind: table.Within, Ours: "memory/q1", Must: queryMemory, What: "peak memory: one user's records, MiB"},
	{Name: "memory-q2", Kind: table.Within, Ours: "memory/q2", Must: queryMemory, What: "peak memory: violations, MiB"},
	{Name: "memory-q3", Kind: table.Within, Ours: "memory/q3", Must: queryMemory, What: "peak memory: counts by user, MiB"},
	{Name: "memory-grep", Kind: table.Within, Ours: "memory/grep", Must: queryMemory, What: "peak memory: a rare word, MiB"},
	{Name: "memory-scan", Kind: table.Within, Ours: "memory/scan", Must: queryMemory, What: "peak memory: one user's records without an index, MiB"},
	{Name: "memory-archived", Kind: table.Within, Ours: "memory/archived", Must: queryMemory, What: "peak memory: one user's records in the archived log, MiB"},
	{Name: "memory-newest", Kind: table.Within, Ours: "memory/newest", Must: queryMemory, What: "peak memory: the newest 20 records, MiB"},
	{Name: "memory-all", Kind: table.Within, Ours: "memory/all", Must: queryMemory, What: "peak memory: all records, MiB"},
}

// Rows returns the names of the rows.
func Rows() []string { return table.Names(rows) }
