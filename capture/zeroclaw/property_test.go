package zeroclaw_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/capture/source"
	"github.com/etch-audit/etch/capture/zeroclaw"
	"pgregory.net/rapid"
)

// TestFlips changes every bit of a signed chain and of one that is not. What goes
// unreported is known to the bit: members that nothing covers, a time written in
// another way, and what upstream's own verifier accepts for the same reason.
func TestFlips(t *testing.T) {
	key, _ := expectations(t)
	for _, name := range []string{"zeroclaw/g2-signed.jsonl", "zeroclaw/g3-agent-alias-signed.jsonl"} {
		good := sample(t, name)
		data := bytes.Clone(good)
		for i := range good {
			for bit := range 8 {
				data[i] = good[i] ^ 1<<bit
				report, _ := importTexts(t, &zeroclaw.Options{Key: key}, text{"audit.log", data})
				if f := report.Files[0]; f.Verdict == source.Signed && !harmless(good, data, i, key) {
					t.Errorf("%s: bit %d of byte %d (%q) went unreported", name, bit, i, good[max(0, i-20):min(len(good), i+20)])
				}
			}
			data[i] = good[i]
		}
	}
}

// harmless reports whether a change at byte i changes nothing that is covered.
func harmless(good, data []byte, i int, key []byte) bool {
	before := good[:i]
	if at := bytes.LastIndex(before, []byte(`"agent_alias":"`)); at >= 0 && bytes.Count(before[at:], []byte(`"`)) == 3 {
		return true // its text
	}
	line := good[bytes.LastIndexByte(before, '\n')+1:]
	inTime := i-(len(good)-len(line)) < len(`{"timestamp":"2026-03-30T08:15:27.123456789Z"`)
	if inTime && strings.EqualFold(string(good[i]), string(data[i])) {
		return true // T and Z may be in lower case: the same time
	}
	return verifyChain(data, key) == verifyChain(good, key) && !bytes.Contains(data, []byte(`"signature"`)) == !bytes.Contains(good, []byte(`"signature"`))
}

// TestDropped removes, doubles and swaps each line.
func TestDropped(t *testing.T) {
	lines := bytes.SplitAfter(family(t, "zeroclaw/rotated/audit.log")[0].data, []byte("\n"))
	for _, f := range family(t, "zeroclaw/rotated/audit.log")[1:] {
		lines = append(lines[:len(lines)-1], bytes.SplitAfter(f.data, []byte("\n"))...)
	}
	lines = lines[:len(lines)-1]
	verdict := func(what string, i int, changed [][]byte, want string) {
		t.Helper()
		report, _ := importTexts(t, nil, text{"audit.log", bytes.Join(changed, nil)})
		if f := report.Files[0]; !f.Has(want) {
			t.Errorf("%s line %d went unreported as %s: %v", what, i+1, want, f.Faults)
		}
	}
	for i := range lines {
		without := append(append([][]byte{}, lines[:i]...), lines[i+1:]...)
		switch i {
		case 0:
			verdict("removing", i, without, source.FaultSegmentMissing)
		case len(lines) - 1: // a cut end cannot show (Z9)
		default:
			verdict("removing", i, without, source.FaultMissing)
		}
		twice := append(append(append([][]byte{}, lines[:i+1]...), lines[i]), lines[i+1:]...)
		verdict("doubling", i, twice, source.FaultDuplicate)
		if i > 1 {
			swapped := append([][]byte{}, lines...)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			verdict("swapping", i, swapped, source.FaultReordered)
		}
	}
}

// TestRandomRecords writes random records as upstream would, over several files:
// they are intact, upstream's verifier says so too, and none is lost.
func TestRandomRecords(t *testing.T) {
	key := bytes.Repeat([]byte{0xa1}, 32)
	rapid.Check(t, func(r *rapid.T) {
		signed := rapid.Bool().Draw(r, "signed")
		var whole, file []byte
		var files []text
		prev := strings.Repeat("0", 64)
		n := rapid.IntRange(1, 12).Draw(r, "records")
		for i := range n {
			var line string
			line, prev = randomLine(r, uint64(i), prev, signed, key)
			whole = append(append(whole, line...), '\n')
			file = append(append(file, line...), '\n')
			if rapid.IntRange(0, 3).Draw(r, "rotate") == 0 {
				files = append(files, text{fmt.Sprintf("audit.log.%d.log", n-i), file})
				file = nil
			}
		}
		files = append(files, text{"audit.log", file})
		if got, want := verifyChain(whole, key), fmt.Sprintf("ok %d", n); got != want {
			r.Fatalf("the second verifier says %q, want %q", got, want)
		}
		report, entries := importTexts(t, &zeroclaw.Options{Key: key}, files...)
		if len(entries) != n {
			r.Fatalf("%d entries, want %d", len(entries), n)
		}
		want := source.Intact
		if signed {
			want = source.Signed
		}
		for _, e := range entries {
			if e.Verdict != want {
				r.Fatalf("line %d of %s is %s, want %s: %v", e.Line, e.File, e.Verdict, want, report.Files[0].Faults)
			}
		}
	})
}

// randomLine returns a line and its hash, by the encoder of the second verifier.
func randomLine(r *rapid.T, seq uint64, prev string, signed bool, key []byte) (line, hash string) {
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("<>&\"\\/\x00\x1f\x7f\b\f\n\r\t\u2028é")))) // what encoders differ in
	nullable := func(name string) any {
		if rapid.Bool().Draw(r, name+" null") {
			return nil
		}
		return text.Draw(r, name)
	}
	e := &upstreamLine{sequence: seq, prev: prev, content: map[string]any{
		"timestamp":  chrono(time.Unix(rapid.Int64Range(0, 4e9).Draw(r, "s"), rapid.SampledFrom([]int64{0, 5e8, 1e3, 123456789, 1}).Draw(r, "ns"))),
		"event_id":   fmt.Sprintf("%08d-0000-4000-8000-000000000000", seq),
		"event_type": rapid.SampledFrom([]string{"command_execution", "config_change", "cert_issued", "auth_failure"}).Draw(r, "type"),
		"actor":      nil, "action": nil, "result": nil,
		"security": map[string]any{"policy_violation": rapid.Bool().Draw(r, "violation"), "rate_limit_remaining": nil, "sandbox_backend": nullable("sandbox")},
		"sequence": seq,
	}}
	order := map[string][]string{"": {"timestamp", "event_id", "event_type", "actor", "action", "result", "security"}}
	if rapid.Bool().Draw(r, "actor") {
		e.content["actor"] = map[string]any{"channel": text.Draw(r, "channel"), "user_id": nullable("user"), "username": nullable("name")}
	}
	if rapid.Bool().Draw(r, "action") {
		e.content["action"] = map[string]any{
			"command": nullable("command"), "risk_level": rapid.SampledFrom([]any{nil, "low", "cert", ""}).Draw(r, "risk"),
			"approved": rapid.Bool().Draw(r, "approved"), "allowed": rapid.Bool().Draw(r, "allowed"),
		}
	}
	if rapid.Bool().Draw(r, "result") {
		e.content["result"] = map[string]any{
			"success": rapid.Bool().Draw(r, "success"), "exit_code": rapid.SampledFrom([]any{nil, 0, -1 << 31, 127}).Draw(r, "code"),
			"duration_ms": rapid.SampledFrom([]any{nil, 0, 42, uint64(1<<64 - 1)}).Draw(r, "ms"), "error": nullable("error"),
		}
	}
	hash = e.hash()
	var b strings.Builder
	for i, name := range order[""] {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		writeSorted(&b, name)
		b.WriteByte(':')
		writeSorted(&b, e.content[name])
	}
	fmt.Fprintf(&b, `,"sequence":%d,"prev_hash":"%s","entry_hash":"%s"`, seq, prev, hash)
	if signed {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(hash))
		fmt.Fprintf(&b, `,"signature":"%s"`, hex.EncodeToString(mac.Sum(nil)))
	}
	return b.String() + "}", hash
}

// FuzzParser reads anything: it ends, its entries are valid and lie in the file one
// behind the other, and what upstream's verifier accepts has no fault.
func FuzzParser(f *testing.F) {
	for _, name := range []string{"g1-unsigned", "fault-torn-then-appended", "fault-two-writers-fork", "runtime-trace-v2", "webhook-audit-body", "g0-upgraded-in-place"} {
		data := sampleOf(f, "zeroclaw/"+name+".jsonl")
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		report, entries := importTexts(t, nil, text{"audit.log", data})
		end := int64(0)
		for _, e := range entries {
			if e.Offset < end || e.Offset > int64(len(data)) {
				t.Fatalf("an entry at %d, behind %d of %d bytes", e.Offset, end, len(data))
			}
			end = e.Offset
		}
		if strings.HasPrefix(verifyChain(data, nil), "ok ") && report.Files[0].Verdict == source.Damaged && report.Files[0].Signed == 0 && report.Files[0].Fragments == 0 {
			t.Errorf("upstream accepts what has faults here: %v", report.Files[0].Faults)
		}
	})
}
