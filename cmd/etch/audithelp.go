package main

// auditHelp says what "etch audit" does; the names of the fields follow it.
const auditHelp = `Prints the events that match all of the flags, in the order they were recorded;
a call is one row: its completion, or its attempt, marked "open", where there is
none. "!" behind the risk marks a policy violation.

Times are RFC 3339, a date, "2026-02-03 15:04[:05]", 24h, 7d, 2w (ago), now, today,
yesterday or @unix. What has no offset is local time, or UTC with --utc. --until
is exclusive; where it is a day (a date, today, yesterday), that day is included.

--risk high asks for exactly that level, --risk high+ for that and above. A user
matches by name or id, with or without "@". A violation is an event flagged as
one, or of the type policy_violation.

--where takes an expression: fields, = != < <= > >= ~ (a regular expression, RE2)
and in (a, b), with and, or, not and parentheses. The fields stand below.
FIELD=VALUE (or another operator) as a word is the same for one field,
with the value as it stands. --grep looks for a pattern in what was done: tool,
command, arguments, resource, directory, reasons, messages, URLs; -F takes it as
it stands, -i ignores case. All conditions must be met, those of several --where
and --grep as well.

--count prints how many records match, --count-by how many for each value, the most
first (-n: only those), --histogram how many in each step of time (1h, 1d; -n: the
newest steps). --fields prints only these fields. -n takes the newest records; with
--after SEQ, the first behind that record: the next page, whose --after is told by
--cursor, on stderr. --follow prints what is recorded from now on, attempts too,
until it is interrupted; with --since, --after or -n it begins earlier (with --after
all that is behind that record comes, so that -n cannot go with it).

Formats: table (as wide as the terminal, what was done is folded: --wide), short
(one line each), json (an array), jsonl (the stored lines, byte for byte), csv
(cells that a spreadsheet would take for a formula begin with an apostrophe), zeph
and zeroclaw (the schemas of their audit logs; docs/import.md says what has no
place there).
--output writes the file whole or not at all, readable by its owner only.

--verify-signatures alone verifies the whole log as "etch verify" does. Together
with anything else it verifies first, tells on stderr, and shows and counts only
what good seals prove: each line is hashed again before it is shown. What is
recorded meanwhile, or not sealed yet, is not shown.

Exit codes: 0 done, 1 failed or the log is damaged, 2 wrong use or, with
--verify-signatures, it could not be decided.

Fields: `
