package logtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// userCount is how many users the events of [AppendLines] have.
const userCount = 2000

var (
	people   = []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia", "peggy", "rupert", "sybil", "trent", "uma", "victor", "walter"}
	commands = []string{
		`git log --oneline -n %d -- internal/merkle/tree.go`, `go test ./internal/record -run 'TestLine' -count=%d`,
		`rg -n \"func (.*) Close\" --type go -g '!vendor' | head -%d`, `sed -n '%d,400p' cmd/server/main.go`,
		`echo \"größe: $(du -sh build | cut -f1)\" && exit %d`, `awk -F: '{ print $1 \"\\t\" $%d }' users.txt | sort -u`,
		`jq '.items[%d] | {name, \"username\":\"@alice\"}' data.json`, `kubectl get pods -n staging -o wide | tail -n %d`,
		`cat > deploy.sh <<'EOF'\nset -e\nmake release VERSION=%d\nEOF`, `curl -fsSL https://example.com/v%d/archive.tar.gz -o archive.tar.gz`,
		`printf '\u001b[3%dmdone\u001b[0m'`,
	}
	frequencies = []int{20, 20, 20, 12, 8, 4, 1, 6, 5, 3, 1} // of commands, in percent
)

// User returns the name of the i-th user; the first is the busiest.
func User(i int) string {
	name := "@" + people[i%len(people)]
	if n := i / len(people); n > 0 {
		name += strconv.Itoa(n)
	}
	return name
}

// AppendLines appends n event lines as a log has them, of about 512 bytes with
// the signature (a MAC by no key that counts), numbered from seq. The same seed
// gives the same lines. Users are as uneven as in life; one line in a hundred
// has a command with an escape that could be any character.
func AppendLines(dst []byte, seed, seq uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, seq))
	users := rand.NewZipf(r, 1.05, 1, userCount-1)
	mac := hmac.New(sha256.New, []byte("no key of a log"))
	for i := range uint64(n) {
		start := len(dst)
		dst = appendBody(dst, r, seq+i, int(users.Uint64()))
		mac.Reset()
		mac.Write(dst[start:])
		dst = append(dst, `,"signature":"SHA256:`...)
		dst = base64.RawStdEncoding.AppendEncode(dst, mac.Sum(nil))
		dst = append(dst, "\"}\n"...)
	}
	return dst
}

// appendBody appends an event's line up to its signature.
func appendBody(dst []byte, r *rand.Rand, seq uint64, user int) []byte {
	at := time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC).Add(time.Duration(seq) * 518400 * time.Microsecond)
	dst = fmt.Appendf(dst, `{"seq":%d,"timestamp":"%s","event_id":"evt_01%024x","event_type":"command_execution","session_id":"s-%08x",`,
		seq, at.Format("2006-01-02T15:04:05.000000Z"), r.Uint64(), uint32(user)*2654435761)
	dst = fmt.Appendf(dst, `"actor":{"channel":"telegram","user_id":"%d","username":"%s","agent":"codex"},"action":{"command":"`, 10_000+user*7919, User(user))
	dst = fmt.Appendf(dst, choose(r, commands, frequencies), 1+r.IntN(400))
	risk := choose(r, []string{"low", "medium", "high", "critical"}, []int{80, 15, 4, 1})
	dst = fmt.Appendf(dst, `","risk_level":"%s","approved":true,"allowed":true},"result":{"success":true,"type":"success","exit_code":0,"duration_ms":%d},`, risk, r.IntN(900))
	return fmt.Appendf(dst, `"security":{"policy_violation":%t,"rate_limit_remaining":%d}`, r.IntN(100) == 0, r.IntN(120))
}

// choose returns one of some texts, each as often as its part of a hundred.
func choose(r *rand.Rand, from []string, percent []int) string {
	n := r.IntN(100)
	for i, p := range percent {
		if n -= p; n < 0 {
			return from[i]
		}
	}
	return from[len(from)-1]
}
