package redact

import (
	"encoding/base64"
	"strings"
)

// isEncodedKey reports whether s is the rest, behind LS0tLS1, of a PEM block in base64 that holds a private key, as the files of
// Kubernetes have it.
func isEncodedKey(s string) bool {
	const begins, label = "LS0tLS1", 48
	head := begins + s[:min(len(s), label)]
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(head[:len(head)/4*4], "="))
	return err == nil && strings.Contains(string(text), "PRIVATE KEY-----")
}

// isEncodedLogin reports whether s is the rest, behind eyJ, of the logins to registries in base64: {"auths":….
func isEncodedLogin(s string) bool { return strings.HasPrefix(s, "hdXRocyI6") }

// isWebhook reports whether s is the rest of the address of a Discord webhook with a version: 10/webhooks/….
func isWebhook(s string) bool {
	version, rest, ok := strings.Cut(s, "/")
	return ok && isAllDigits(version) && version != "" && strings.HasPrefix(rest, "webhooks/")
}

// azure masks a client secret of Azure: three characters, a digit, Q~ and the rest. start is the place of the Q.
func (c *scan) azure(start int) int {
	const before, shortest, longest = 4, 31, 34
	first := start - before
	if first < 0 || c.s[start] != 'Q' || !isDigit(c.s[start-1]) || !isAzure(c.s[first:start-1]) || !c.starts(first) {
		return 0
	}
	end := start + 2
	for end < len(c.s) && isAzure(c.s[end:end+1]) && end-start < 2*longest {
		end++
	}
	if n := end - start - 2; n < shortest || n > longest || !isMixed(c.s[start+2:end]) {
		return 0
	}
	return c.add(first, end, ruleService)
}

// isAzure reports whether all of s may be in a client secret of Azure.
func isAzure(s string) bool {
	for i := range len(s) {
		if !dotted.in(s[i]) && s[i] != '~' {
			return false
		}
	}
	return true
}

// azureDevOps masks a personal token, 84 letters and digits with AZDO before the last four. start is the place of that.
func (c *scan) azureDevOps(start int) int {
	const before, behind = 76, 8
	first := start - before
	if first < 0 || start+behind > len(c.s) || !c.starts(first) || c.s[start:start+4] != "AZDO" || !alnum.all(c.s[first:start+behind]) || alnum.in(c.at(start+behind)) {
		return 0
	}
	return c.add(first, start+behind, ruleService)
}
