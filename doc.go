// Package etch is a tamper-evident audit trail for AI agents: every action of
// every agent, recorded durably, sealed, asked, and verified offline by
// somebody who holds nothing but a public key.
//
// # Recording
//
// [Create] makes a log and its keys, once. [Open] opens it; [Log.Append]
// records an [Event] and returns nil only when it is on disk. Every other
// outcome is a distinct error: [ErrNotRecorded], [ErrUnknown], [ErrSkipped].
//
// A call is best recorded twice, tied by a call id: an event of phase
// [Attempt] before it, and one of phase [Completion] after it, which repeats
// actor and action. An agent that is killed in between has then left a trace.
// [Begin] and [Call.End] do so, for who acts by the [Scope] of a context; on them
// stand the packages below capture that record commands, HTTP, MCP and log/slog
// for other programs (docs/library.md).
//
// # What a log is
//
// A log is lines of JSON in a plain file, one a record, and its rotated
// segments beside it. All lines are the leaves of one Merkle tree (RFC 6962),
// whose root is signed again and again by seals in the log itself. The keys of
// the seals change each [Options.Epoch], and old private keys are destroyed:
// who steals every key today still cannot alter what was sealed under
// yesterday's. The format is docs/spec/log-format.md, the argument for it
// docs/design.md, and its limits docs/threat-model.md.
//
// # Reading
//
// [OpenReader] needs no keys and works beside writers. [Reader.Records] gives
// the records that match a [Query]. Package verify checks a whole log.
//
// # Compatibility
//
// The format is version 0 and may change until a release freezes it.
package etch
