package config

import (
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/etch-audit/etch"
)

// A setting is one key: where it stands, what it may be, and what the
// commented file says of it. Everything that handles keys works from the list
// below, so that a key added there is read, checked, shown and written.
type setting struct {
	table string // without brackets
	name  string
	env   string
	about string // its comment in the template; lines are separated by line feeds
	codec
}

// key returns the full name, as it is used in [Resolved.Origin].
func (s *setting) key() string { return s.table + "." + s.name }

// The project's tables, in the order in which they are written.
const (
	auditTable  = "security.audit"
	policyTable = "policy"
	hooksTable  = "hooks"
	redactTable = "redact"
	serverTable = "server"
	toolsTable  = "tools.audit"
)

// The keys that both seeds' tables have a word on.
const (
	auditEnabled     = auditTable + ".enabled"
	toolsEnabled     = toolsTable + ".enabled"
	auditLogPath     = auditTable + ".log_path"
	toolsDestination = toolsTable + ".destination"

	serverSocket  = serverTable + ".socket"
	serverConnect = serverTable + ".connect"
)

// Limits of the values. The upper ones are where a value is surely a slip:
// beyond them the promise that it configures means nothing any more.
const (
	maxSizeMB      = 1 << 20 // 1 TiB
	minSealRecords = 2       // a seal comes before the promised number is reached, and is a line itself
	maxSealRecords = 1_000_000
	minDurability  = time.Millisecond // below that the interval is shorter than one fsync
	maxDurability  = time.Hour
	minSealEvery   = time.Millisecond
	maxSealEvery   = day
	minEpoch       = time.Second // an epoch change costs a dozen fsyncs
	maxEpoch       = 365 * day

	maxSpoolMB = 1 << 16 // 64 GiB

	minArchiveAfter = time.Second // in effect, at once
	maxArchiveAfter = 3650 * day

	maxEventKB     = 64 << 10 // 64 MiB, the longest line that "etch log -" reads
	maxRate        = 10_000_000
	maxConnections = 1_000_000
	minIdle        = time.Second
	maxIdle        = 30 * day
)

// settings lists every key, table by table, in the order in which they are
// shown and written. It is a part of the program's file: each process reads settings,
// and none should have to make this first.
var settings = []*setting{
	// ZeroClaw's ten keys: names and meanings are the seed's.
	{
		auditTable, "enabled", "ETCH_ENABLED", "false: nothing is written, and whoever appends is told \"skipped\"",
		boolean{func(c *Config) *bool { return &c.Audit.Enabled }},
	},
	{
		auditTable, "log_path", "ETCH_LOG_PATH", "the active segment; relative: to this file's directory\n" +
			"\"\" is $XDG_STATE_HOME/etch/audit.log, which is normally ~/.local/state/etch/audit.log",
		filePath{directory{func(c *Config) *string { return &c.Audit.LogPath }}},
	},
	{
		auditTable, "max_size_mb", "ETCH_MAX_SIZE_MB", "MiB, the most that a segment holds, whatever rotate says",
		integer{func(c *Config) *int64 { return &c.Audit.MaxSizeMB }, 1, maxSizeMB},
	},
	{
		auditTable, "rotate", "ETCH_ROTATE", "when a new segment is begun: daily | weekly (UTC) | size",
		choice[etch.Rotation]{func(c *Config) *etch.Rotation { return &c.Audit.Rotate }, []word[etch.Rotation]{
			{"daily", etch.Daily}, {"weekly", etch.Weekly}, {"size", etch.BySize},
		}},
	},
	{
		auditTable, "sign_events", "ETCH_SIGN_EVENTS", "each line carries a MAC; seals are written in any case",
		boolean{func(c *Config) *bool { return &c.Audit.SignEvents }},
	},
	{
		auditTable, "signing_key_path", "ETCH_SIGNING_KEY_PATH", "the key of the line MACs; \"\" is mac.key in the directory of keys",
		filePath{directory{func(c *Config) *string { return &c.Audit.SigningKeyPath }}},
	},
	{
		auditTable, "log_commands", "ETCH_LOG_COMMANDS", "false drops command_execution; what is dropped is counted\n" +
			"violations are kept all the same, here and in the next two keys",
		boolean{func(c *Config) *bool { return &c.Audit.LogCommands }},
	},
	{
		auditTable, "log_file_access", "ETCH_LOG_FILE_ACCESS", "false drops file_access",
		boolean{func(c *Config) *bool { return &c.Audit.LogFileAccess }},
	},
	{
		auditTable, "log_auth_events", "ETCH_LOG_AUTH_EVENTS", "false drops auth_success and auth_failure",
		boolean{func(c *Config) *bool { return &c.Audit.LogAuthEvents }},
	},
	{
		auditTable, "log_policy_violations", "ETCH_LOG_POLICY_VIOLATIONS", "false drops violations of any type",
		boolean{func(c *Config) *bool { return &c.Audit.LogPolicyViolations }},
	},
	// The keys that this project adds to ZeroClaw's table.
	{
		auditTable, "on_error", "ETCH_ON_ERROR", "when an event cannot be recorded, the action is refused (block) or goes on (continue)",
		choice[etch.OnError]{func(c *Config) *etch.OnError { return &c.Audit.OnError }, []word[etch.OnError]{
			{"block", etch.Block}, {"continue", etch.Continue},
		}},
	},
	{
		auditTable, "durability", "ETCH_DURABILITY", "always: an event is on disk before its append returns\n" +
			"an interval such as \"100ms\": a crash may lose that much",
		spanOr{"always", span{func(c *Config) *time.Duration { return &c.Audit.Durability }, minDurability, maxDurability}},
	},
	{
		auditTable, "seal_every", "ETCH_SEAL_EVERY", "the longest that a record waits for a seal while a writer runs",
		span{func(c *Config) *time.Duration { return &c.Audit.SealEvery }, minSealEvery, maxSealEvery},
	},
	{
		auditTable, "seal_records", "ETCH_SEAL_RECORDS", "the number of records before which a seal is written",
		integer{func(c *Config) *int64 { return &c.Audit.SealRecords }, minSealRecords, maxSealRecords},
	},
	{
		auditTable, "epoch", "ETCH_EPOCH", "how long one sealing key is used before it is replaced and destroyed",
		span{func(c *Config) *time.Duration { return &c.Audit.Epoch }, minEpoch, maxEpoch},
	},
	{
		auditTable, "keys", "ETCH_KEYS", "the directory of keys; \"\" is audit.keys beside audit.log",
		directory{func(c *Config) *string { return &c.Audit.Keys }},
	},
	{
		auditTable, "redact", "ETCH_REDACT", "known secrets are masked before anything is hashed or stored",
		boolean{func(c *Config) *bool { return &c.Audit.Redact }},
	},
	{
		auditTable, "index", "ETCH_INDEX", "rotated segments get indexes, by which etch audit finds records in milliseconds",
		boolean{func(c *Config) *bool { return &c.Audit.Index }},
	},
	{
		auditTable, "archive", "ETCH_ARCHIVE", "rotated segments become zstd archives of a sixth of their size, read by every command as before",
		boolean{func(c *Config) *bool { return &c.Audit.Archive }},
	},
	{
		auditTable, "archive_after", "ETCH_ARCHIVE_AFTER", "how long a segment stays plain after it was written last; the newest rotated one always does",
		span{func(c *Config) *time.Duration { return &c.Audit.ArchiveAfter }, minArchiveAfter, maxArchiveAfter},
	},
	{
		policyTable, "deny_risk", "ETCH_DENY_RISK", "commands at or above this risk are refused: low | medium | high | critical\n" +
			"\"\" and \"none\" refuse nothing",
		choice[etch.Risk]{func(c *Config) *etch.Risk { return &c.Policy.DenyRisk }, []word[etch.Risk]{
			{"low", etch.RiskLow},
			{"medium", etch.RiskMedium},
			{"high", etch.RiskHigh},
			{"critical", etch.RiskCritical},
			{"", ""},
			{"none", ""},
		}},
	},
	// How the hooks of coding agents record.
	{
		hooksTable, "on_error", "ETCH_HOOKS_ON_ERROR", "when a call cannot be recorded at once, it goes on and its events wait in the spool (spool),\n" +
			"or the agent is told to refuse it (block); hooks do not read on_error of [security.audit]",
		choice[bool]{func(c *Config) *bool { return &c.Hooks.Block }, []word[bool]{{"spool", false}, {"block", true}}},
	},
	{
		hooksTable, "spool_max_mb", "ETCH_HOOKS_SPOOL_MAX_MB", "MiB, the most that waits in the spool; what is beyond is lost, and counted",
		integer{func(c *Config) *int64 { return &c.Hooks.SpoolMaxMB }, 1, maxSpoolMB},
	},
	{
		hooksTable, "record_output", "ETCH_HOOKS_RECORD_OUTPUT", "keep what came out of calls, masked, besides its length and SHA-256",
		boolean{func(c *Config) *bool { return &c.Hooks.RecordOutput }},
	},
	{
		hooksTable, "record_prompts", "ETCH_HOOKS_RECORD_PROMPTS", "keep what people typed, masked, besides its length and SHA-256",
		boolean{func(c *Config) *bool { return &c.Hooks.RecordPrompts }},
	},
	{
		hooksTable, "record_content", "ETCH_HOOKS_RECORD_CONTENT", "keep the contents of files that calls write or edit, masked, besides length and SHA-256",
		boolean{func(c *Config) *bool { return &c.Hooks.RecordContent }},
	},
	{
		hooksTable, "reconcile", "ETCH_HOOKS_RECONCILE", "when a session ends, record what its hooks missed from the agent's own transcript, in the background\n" +
			"(session_end), or leave that to \"etch reconcile\" (off)",
		choice[bool]{func(c *Config) *bool { return &c.Hooks.Reconcile }, []word[bool]{{"session_end", true}, {"off", false}}},
	},
	// What a user adds to the rules by which secrets are found.
	{
		redactTable, "rules", "ETCH_REDACT_RULES", "secrets of your own, each \"name: pattern\" (RE2): the first group, or the whole match, is masked\n" +
			"for instance [\"acme-token: acme_[0-9a-f]{32}\"]",
		list{func(c *Config) *[]string { return &c.Redact.Rules }, checkRule, "\"name: pattern\", the name of lower-case letters, digits and hyphens, the pattern RE2"},
	},
	{
		redactTable, "allow", "ETCH_REDACT_ALLOW", "patterns (RE2) of what is no secret: such a text stays, where the pattern matches all of it",
		list{func(c *Config) *[]string { return &c.Redact.Allow }, checkAllow, "patterns as RE2 has them"},
	},
	// Where the daemon is and who may come.
	{
		serverTable, "socket", "ETCH_SOCKET", "the socket of etch serve; \"\" is audit.sock beside audit.log",
		filePath{directory{func(c *Config) *string { return &c.Server.Socket }}},
	},
	{
		serverTable, "listen", "ETCH_SERVER_LISTEN", "HTTP on loopback besides, for instance \"127.0.0.1:4390\"; \"\" is none",
		loopback{func(c *Config) *string { return &c.Server.Listen }},
	},
	{
		serverTable, "tokens", "ETCH_SERVER_TOKENS", "the file of who may come by HTTP, which etch serve token writes\n" +
			"\"\" is the file tokens in the directory of keys",
		filePath{directory{func(c *Config) *string { return &c.Server.Tokens }}},
	},
	{
		serverTable, "allow_users", "ETCH_SERVER_ALLOW_USERS", "who may send by the socket, names or numbers; with allow_groups empty too: whom its mode lets in",
		list{func(c *Config) *[]string { return &c.Server.AllowUsers }, checkUser, userAllowed},
	},
	{
		serverTable, "allow_groups", "ETCH_SERVER_ALLOW_GROUPS", "groups whose members may send by the socket",
		list{func(c *Config) *[]string { return &c.Server.AllowGroups }, checkUser, userAllowed},
	},
	{
		serverTable, "read_users", "ETCH_SERVER_READ_USERS", "who may ask by the socket, besides root and the daemon's own user",
		list{func(c *Config) *[]string { return &c.Server.ReadUsers }, checkUser, userAllowed},
	},
	{
		serverTable, "socket_mode", "ETCH_SERVER_SOCKET_MODE", "who gets to the socket: its user (0600), its group too (0660), everybody on the machine (0666)",
		choice[fs.FileMode]{func(c *Config) *fs.FileMode { return &c.Server.SocketMode }, []word[fs.FileMode]{
			{"0600", 0o600}, {"0660", 0o660}, {"0666", 0o666},
		}},
	},
	// How much the daemon takes, and whether it is looked for.
	{
		serverTable, "max_event_kb", "ETCH_SERVER_MAX_EVENT_KB", "KiB, the longest event; a longer one is refused",
		integer{func(c *Config) *int64 { return &c.Server.MaxEventKB }, 1, maxEventKB},
	},
	{
		serverTable, "rate", "ETCH_SERVER_RATE", "events a second that each sender may have recorded; 0: as many as come",
		integer{func(c *Config) *int64 { return &c.Server.Rate }, 0, maxRate},
	},
	{
		serverTable, "burst", "ETCH_SERVER_BURST", "events that a sender may have recorded at once after a pause; 0: those of one second",
		integer{func(c *Config) *int64 { return &c.Server.Burst }, 0, maxRate},
	},
	{
		serverTable, "max_connections", "ETCH_SERVER_MAX_CONNECTIONS", "connections at a time",
		integer{func(c *Config) *int64 { return &c.Server.MaxConnections }, 1, maxConnections},
	},
	{
		serverTable, "max_per_sender", "ETCH_SERVER_MAX_PER_SENDER", "connections of one sender at a time",
		integer{func(c *Config) *int64 { return &c.Server.MaxPerSender }, 1, maxConnections},
	},
	{
		serverTable, "idle", "ETCH_SERVER_IDLE", "a connection that is silent for longer is closed",
		span{func(c *Config) *time.Duration { return &c.Server.Idle }, minIdle, maxIdle},
	},
	{
		serverTable, "connect", "ETCH_CONNECT", "whether etch log, exec and hook use the daemon: auto (where it answers) | always | never\n" +
			"a socket that is named is \"always\", unless this key says otherwise",
		choice[Connect]{func(c *Config) *Connect { return &c.Server.Connect }, []word[Connect]{
			{"auto", ConnectAuto}, {"always", ConnectAlways}, {"never", ConnectNever},
		}},
	},
	// The keys of Zeph's table.
	{
		toolsTable, "enabled", "ETCH_TOOLS_AUDIT_ENABLED", "the same switch as enabled in [security.audit]; the two must not disagree",
		boolean{func(c *Config) *bool { return &c.Tools.Enabled }},
	},
	{
		toolsTable, "destination", "ETCH_DESTINATION", "stdout, stderr or a path, instead of log_path: not both\n" +
			"a stream has no seals, no state and no durability",
		destination{filePath{directory{func(c *Config) *string { return &c.Tools.Destination }}}},
	},
	{
		toolsTable, "tool_risk_summary", "ETCH_TOOL_RISK_SUMMARY", "print the risk of each tool to stderr when a writer opens the log",
		boolean{func(c *Config) *bool { return &c.Tools.ToolRiskSummary }},
	},
}

// tables returns the names of the project's tables in their order.
func tables() []string {
	var names []string
	for _, s := range settings {
		if !slices.Contains(names, s.table) {
			names = append(names, s.table)
		}
	}
	return names
}

// lookup returns the setting of that table and name, or nil.
func lookup(table, name string) *setting {
	for _, s := range settings {
		if s.name == name && s.table == table {
			return s
		}
	}
	return nil
}

// lookupKey returns the setting with that full name, or nil.
func lookupKey(key string) *setting {
	at := strings.LastIndexByte(key, '.')
	if at < 0 {
		return nil
	}
	return lookup(key[:at], key[at+1:])
}

// namesIn returns the names of a table's keys.
func namesIn(table string) []string {
	var names []string
	for _, s := range settings {
		if s.table == table {
			names = append(names, s.name)
		}
	}
	return names
}
