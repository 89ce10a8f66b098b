// Package zeroclaw knows one line of ZeroClaw's audit log, which DaemonClaw
// keeps in a database: how it is read, how it is written, and what its hash and
// its signature are of. Of etch's events it knows nothing; capture/zeroclaw and
// export/zeroclaw, which do, stand on it.
//
// A line, as ZeroClaw writes it (nulls are written; agent_alias and signature
// are left out where there are none):
//
//	{"timestamp":T,"event_id":S,"event_type":S,
//	 "actor":{"channel":S,"user_id":S?,"username":S?}?,
//	 "action":{"command":S?,"risk_level":S?,"approved":B,"allowed":B}?,
//	 "result":{"success":B,"exit_code":i32?,"duration_ms":u64?,"error":S?}?,
//	 "security":{"policy_violation":B,"rate_limit_remaining":u32?,"sandbox_backend":S?},
//	 "agent_alias":S,"sequence":u64,"prev_hash":H,"entry_hash":H,"signature":H}
//
// prev_hash, entry_hash and signature are texts of 64 hexadecimal digits:
//
//	content    = the eight members from timestamp to security, and sequence, all
//	             names sorted at every level, no white space
//	entry_hash = SHA-256(prev_hash ‖ content)
//	signature  = HMAC-SHA-256(key, entry_hash)
//
// both over the digits, not over the bytes that they say.
package zeroclaw

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Genesis is the prev_hash of the first record of a chain.
var Genesis = strings.Repeat("0", 2*sha256.Size)

// A Record is what one line says. A nil pointer is null or absent, which mean
// the same.
type Record struct {
	Timestamp  string    // as it stands in the line
	Time       time.Time // what it says, in UTC
	EventID    string
	EventType  string
	Actor      *Actor
	Action     *Action
	Result     *Result
	Security   Security
	AgentAlias *string // covered by nothing
	Sequence   uint64
	PrevHash   string
	EntryHash  string
	Signature  *string

	// Uncovered are the paths of members that are neither hashed nor known, in
	// the order of the line; no two are equal.
	Uncovered []string
}

// An Actor is who acted, and by which way in.
type Actor struct {
	Channel          string
	UserID, Username *string
}

// An Action is what was done.
type Action struct {
	Command, RiskLevel *string
	Approved, Allowed  bool
}

// A Result is how it ended.
type Result struct {
	Success    bool
	ExitCode   *int32
	DurationMS *uint64
	Error      *string
}

// A Security is what guards said.
type Security struct {
	PolicyViolation    bool
	RateLimitRemaining *uint32
	SandboxBackend     *string
}

// Chained reports whether the record has members of a chain. Those of the first
// generation have none.
func (r *Record) Chained() bool { return r.EntryHash != "" || r.PrevHash != "" }

// Hash returns the entry_hash that belongs to the content and to PrevHash, with
// the time as ZeroClaw's verifier renders it. It does not look at EntryHash.
func (r *Record) Hash() string { return r.hash(FormatTime(r.Time)) }

// Genuine reports whether EntryHash belongs to the content and to PrevHash: by
// the time as it stands in the line, or as ZeroClaw's verifier, which parses it
// first, renders it again.
func (r *Record) Genuine() bool {
	if r.EntryHash == r.hash(r.Timestamp) {
		return true
	}
	rendered := FormatTime(r.Time)
	return rendered != r.Timestamp && r.EntryHash == r.hash(rendered)
}

func (r *Record) hash(timestamp string) string {
	var buf [1024]byte
	text := append(buf[:0], r.PrevHash...)
	sum := sha256.Sum256(r.appendContent(text, timestamp))
	return hex.EncodeToString(sum[:])
}

// Sign returns the signature of an entry hash.
func Sign(key []byte, entryHash string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(entryHash))
	return hex.EncodeToString(mac.Sum(nil))
}

// SignedBy reports whether the signature is that of the key. The comparison takes
// the same time whatever the signature is.
func (r *Record) SignedBy(key []byte) bool {
	return r.Signature != nil && hmac.Equal([]byte(*r.Signature), []byte(Sign(key, r.EntryHash)))
}

// Digest returns the SHA-256 of a text's bytes as 64 hexadecimal digits:
// DaemonClaw's witness names a chain by that of its first entry hash.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// IsHash reports whether a text has the form of a hash or a signature.
func IsHash(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
