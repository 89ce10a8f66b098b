package risk

import (
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

func databaseRules() []entry[rule] {
	return []entry[rule]{
		{"psql mysql sqlite3 sqlite cockroach clickhouse-client clickhouse sqlcmd duckdb bq usql isql sqlplus snowsql cqlsh mssql-cli litecli pgcli mycli", (*walker).sqlClient},
		{"redis-cli", (*walker).redis},
		{"mongo", (*walker).mongo},
	}
}

var databasePatterns = []pattern{
	{"dropdb", "", Critical, "db-drop", "dropdb removes a database"},
	{"dropuser", "", High, "db-rights", "dropuser removes a database user"},
	{"mysqladmin drop", "", Critical, "db-drop", "mysqladmin removes a database"},
	{"mysqladmin * drop", "", Critical, "db-drop", "mysqladmin removes a database"},
	{"mysqladmin shutdown", "", High, "db-stop", "mysqladmin stops the server"},
	{"rails|rake|bin/rails db:drop|db:drop:all|db:reset|db:schema:load|db:migrate:reset|db:purge|db:truncate_all", "", High, "db-drop", "removes and remakes the database"},
	{"artisan|php migrate:fresh|db:wipe|migrate:reset|migrate:refresh", "", High, "db-drop", "removes and remakes the database"},
	{"php artisan migrate:fresh|db:wipe|migrate:reset|migrate:refresh", "", High, "db-drop", "removes and remakes the database"},
	{"python manage.py flush|reset_db|sqlflush", "", High, "db-drop", "empties the database"},
	{"manage.py|django-admin flush|reset_db", "", High, "db-drop", "empties the database"},
	{"npx|pnpm|yarn prisma migrate reset", "", High, "db-drop", "removes and remakes the database"},
	{"prisma migrate reset", "", High, "db-drop", "removes and remakes the database"},
	{"npx|prisma prisma|db db|push push", "force-reset|accept-data-loss", High, "db-drop", "removes data"},
	{"mix ecto.drop|ecto.reset", "", High, "db-drop", "removes the database"},
	{"etcdctl del", "prefix|from-key", High, "db-delete", "etcdctl removes a range of keys"},
	{"etcdctl del", "", Medium, "db-write", "etcdctl removes a key"},
	{"influx bucket|org delete", "", High, "db-drop", "influx removes data"},
	{"pg_restore", "c|clean", High, "db-drop", "pg_restore --clean drops what it restores"},
	{"pg_resetwal", "", High, "db-drop", "pg_resetwal throws away a server's log"},
	{"pg_ctl|pg_ctlcluster stop", "", Medium, "service-stop", "stops the database server"},
	{"alembic downgrade", "", Medium, "db-write", "alembic undoes migrations"},
	{"cassandra|nodetool drain|decommission|removenode", "", High, "db-stop", "takes a database node away"},
}

// sqlClient judges the statements that a client is given, as an option, an
// operand or its input.
func (w *walker) sqlClient(c *call) {
	o := parseOptions(c.args, "c command e execute h host p port U u user d dbname D database f file q query Q v set cmd separator P S i")
	for _, x := range o.all("c", "command", "e", "execute", "q", "query", "Q", "cmd") {
		w.sql(x)
	}
	if (strings.HasPrefix(c.name, "sqlite") || c.name == "duckdb" || c.name == "bq") && len(o.operands) > 1 {
		for _, x := range o.operands[1:] {
			w.sql(x)
		}
	}
	for _, x := range o.all("f", "file") {
		if f := w.fileFlow(x); f.known {
			w.sql(literalWord(f.text))
		} else if f.net {
			w.report(High, "db-write", "downloaded SQL is run")
		} else {
			w.report(Medium, "db-write", c.name+" runs the file "+x.text)
		}
	}
	switch {
	case c.in.known:
		w.sql(literalWord(c.in.text))
	case c.in.net:
		w.report(High, "db-write", "downloaded SQL is run")
	case c.hasIn:
		w.report(Medium, "db-write", c.name+" runs what it reads")
	}
}

var (
	sqlNoise     = expr(`(?s)'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/`)
	sqlSpace     = expr(`\s+`)
	sqlDangerous = expr(`(?i)\bTO\s+PROGRAM\b|\bFROM\s+PROGRAM\b|\bxp_cmdshell\b|\bLOAD_FILE\s*\(|\bINTO\s+(OUT|DUMP)FILE\b|\bpg_read_file\b|\blo_export\b|\bload_extension\b|\bsys_exec\b`)
)

// sqlRule judges a statement by how it begins.
var sqlRules = []struct {
	begins  string
	without string // a word that makes the statement a smaller one
	level   Level
	id      string
}{
	{"DROP DATABASE", "", Critical, "db-drop"},
	{"DROP SCHEMA", "", Critical, "db-drop"},
	{"DROP KEYSPACE", "", Critical, "db-drop"},
	{"DROP OWNED", "", Critical, "db-drop"},
	{"DROP TABLE", "", High, "db-drop"},
	{"DROP TEMPORARY TABLE", "", Medium, "db-write"},
	{"DROP INDEX", "", Medium, "db-write"},
	{"DROP VIEW", "", Medium, "db-write"},
	{"DROP", "", High, "db-drop"},
	{"TRUNCATE", "", High, "db-delete"},
	{"DELETE", " WHERE ", High, "db-delete"},
	{"UPDATE", " WHERE ", High, "db-delete"},
	{"GRANT", "", High, "db-rights"},
	{"REVOKE", "", High, "db-rights"},
	{"CREATE USER", "", High, "db-rights"},
	{"CREATE ROLE", "", High, "db-rights"},
	{"ALTER USER", "", High, "db-rights"},
	{"ALTER ROLE", "", High, "db-rights"},
	{"ALTER SYSTEM", "", High, "db-rights"},
	{"SHUTDOWN", "", High, "db-stop"},
	{"INSERT", "", Medium, "db-write"},
	{"REPLACE", "", Medium, "db-write"},
	{"MERGE", "", Medium, "db-write"},
	{"ALTER", "", Medium, "db-write"},
	{"CREATE", "", Medium, "db-write"},
	{"VACUUM", "", Low, ""},
	{"COPY", "", Medium, "db-write"},
	{"\\!", "", High, "db-shell"},
	{"\\COPY", "", Medium, "db-write"},
	{".SHELL", "", High, "db-shell"},
	{".SYSTEM", "", High, "db-shell"},
	{"SYSTEM ", "", High, "db-shell"},
	{"\\I ", "", Medium, "db-write"},
}

// sql judges SQL text: comments and string literals are set aside, so what
// is only data is not taken for a statement.
func (w *walker) sql(x word) {
	text := sqlNoise.replace(x.text, " '' ")
	if x.open && (x.lead == x.text || strings.HasPrefix(x.text, "$(")) {
		w.report(Medium, "db-write", "SQL that is computed at run time")
		return
	}
	if m := sqlDangerous.find(text); m != "" {
		w.report(High, "db-shell", "SQL reaches out of the database: "+sqlSpace.replace(strings.ToUpper(m), " "))
	}
	for i := range strings.SplitSeq(text, ";") {
		w.sqlStatement(strings.ToUpper(strings.TrimSpace(sqlSpace.replace(i, " "))))
	}
}

func (w *walker) sqlStatement(s string) {
	if _, rest, ok := strings.Cut(s, ") DELETE FROM "); ok && strings.HasPrefix(s, "WITH ") {
		s = "DELETE FROM " + rest
	}
	s = strings.TrimPrefix(s, "EXPLAIN ANALYZE ")
	for _, r := range sqlRules {
		if !strings.HasPrefix(s+" ", r.begins) {
			continue
		}
		words := strings.Fields(s)
		shown := strings.Join(words[:min(3, len(words))], " ")
		if r.without != "" && (strings.Contains(s, r.without) || strings.Contains(s, "LIMIT")) {
			w.report(Medium, "db-write", shown)
			return
		}
		if r.without != "" {
			shown += " of every row"
		}
		w.report(r.level, r.id, shown)
		return
	}
}

var redisLevels = later.Value[map[string]Level]{Make: func() map[string]Level {
	return map[string]Level{
		"FLUSHALL": High, "FLUSHDB": High, "SHUTDOWN": High, "DEBUG": High, "CONFIG": Medium, "SLAVEOF": High, "REPLICAOF": High,
		"EVAL": Medium, "DEL": Medium, "UNLINK": Medium, "SET": Medium, "HSET": Medium, "LPUSH": Medium, "RPUSH": Medium, "EXPIRE": Medium,
		"MODULE": High, "SCRIPT": Medium, "RENAME": Medium, "ACL": High,
	}
}}

func (w *walker) redis(c *call) {
	o := parseOptions(c.args, valueOptions.Get()["redis-cli"])
	lines := []string{join(o.operands).text}
	if c.in.known {
		lines = append(lines, strings.Split(c.in.text, "\n")...)
	}
	for _, line := range lines {
		words := strings.Fields(strings.ToUpper(line))
		if len(words) == 0 {
			continue
		}
		level := redisLevels.Get()[words[0]]
		if words[0] == "CONFIG" && len(words) > 1 && words[1] == "GET" {
			level = Low
		}
		id := "db-write"
		if level == High {
			id = "db-delete"
		}
		w.report(level, id, "redis "+words[0])
	}
}

var (
	mongoDrops   = expr(`\.dropDatabase\s*\(|\.drop\s*\(|\.dropCollection\s*\(`)
	mongoDeletes = expr(`\.(deleteMany|remove)\s*\(\s*(\{\s*\}\s*)?[,)]`)
	mongoWrites  = expr(`\.(insert|update|delete|remove|replace|bulkWrite|createUser|renameCollection)\w*\s*\(`)
)

func (w *walker) mongo(c *call) {
	var text strings.Builder
	for _, x := range parseOptions(c.args, "eval u p host port username password").all("eval") {
		text.WriteString(x.text + "\n")
	}
	if c.in.known {
		text.WriteString(c.in.text)
	}
	switch {
	case strings.Contains(text.String(), "dropDatabase"):
		w.report(Critical, "db-drop", "mongo drops a database")
	case mongoDrops.matches(text.String()):
		w.report(High, "db-drop", "mongo drops a collection")
	case mongoDeletes.matches(text.String()):
		w.report(High, "db-delete", "mongo removes every document")
	case mongoWrites.matches(text.String()):
		w.report(Medium, "db-write", "mongo changes documents")
	}
}
