// ask.mjs MODE DATABASE [PLAIN]: what is asked of DuckDB.
//
//	make   fills the database from a file of JSON Lines
//	count  prints the commands of high risk and above by user
//	start  asks nothing, to know what starting costs
import { DuckDBInstance } from "@duckdb/node-api";

const [mode, path, plain] = process.argv.slice(2);
const quoted = (text) => "'" + text.replaceAll("'", "''") + "'";

const questions = {
	make: () => `
		CREATE TABLE event AS
		SELECT seq, "timestamp" AS at, event_id, event_type AS type, session_id AS session,
			actor.username AS "user", actor.user_id, actor.channel, actor.agent,
			"action".tool, "action".command, "action".resource, "action".risk_level AS risk, "action".allowed,
			result.type AS outcome, result.duration_ms AS took,
			coalesce("security".policy_violation, false) AS violation, signature
		FROM read_json(${quoted(plain)}, format = 'newline_delimited', columns = {
			seq: 'UBIGINT', "timestamp": 'TIMESTAMP', event_id: 'VARCHAR', event_type: 'VARCHAR', session_id: 'VARCHAR',
			actor: 'STRUCT(username VARCHAR, user_id VARCHAR, channel VARCHAR, agent VARCHAR)',
			"action": 'STRUCT(tool VARCHAR, command VARCHAR, resource VARCHAR, risk_level VARCHAR, allowed BOOLEAN)',
			result: 'STRUCT("type" VARCHAR, duration_ms BIGINT)',
			"security": 'STRUCT(policy_violation BOOLEAN)', signature: 'VARCHAR'})`,
	count: () => `
		SELECT "user", count(*) FROM event
		WHERE risk IN ('high', 'critical') AND type = 'command_execution'
		GROUP BY "user" ORDER BY "user"`,
	start: () => "SELECT 1 WHERE false",
};

const db = await DuckDBInstance.create(path, mode === "make" ? {} : { access_mode: "READ_ONLY" });
const connection = await db.connect();
const rows = (await connection.runAndReadAll(questions[mode]())).getRows();
if (mode !== "make") {
	process.stdout.write(rows.map((row) => row.join("\t") + "\n").join(""));
}
connection.closeSync();
db.closeSync();
