package redact

import (
	"slices"
	"strings"
)

// shape describes tokens that are known by their look: a fixed beginning and a body.
type shape struct {
	rule     rule
	prefixes []string // matched in the case they are written in, unless fold
	body     class
	min, max int               // length of the body; max 0 is any
	fold     bool              // the prefix may be in any case
	keep     bool              // the prefix is no part of the secret
	strict   bool              // the prefix is short or a word: not after _ - . /
	check    func(string) bool // what else the body must satisfy; nil is nothing
}

// shapes is the table of known tokens. A new one is one line here; its prefix becomes a keyword of the walk.
var shapes = []shape{
	{rule: ruleGitHub, prefixes: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, body: word, min: 30},
	{rule: ruleGitHub, prefixes: []string{"github_pat_"}, body: word, min: 22},
	{rule: ruleGitLab, prefixes: []string{"glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glimt-", "glagent-", "glsoat-", "gloas-", "glffct-", "glft-", "GR1348941"}, body: dotted, min: 20},
	{rule: ruleAWS, prefixes: []string{"AKIA", "ASIA", "ABIA", "ACCA"}, body: upper, min: 16, max: 16, check: notAllSame},
	{rule: ruleGoogle, prefixes: []string{"AIza"}, body: dashed, min: 35, max: 39},
	{rule: ruleGoogle, prefixes: []string{"ya29."}, body: dotted, min: 20},
	{rule: ruleGoogle, prefixes: []string{"GOCSPX-"}, body: dashed, min: 24},
	{rule: ruleGoogle, prefixes: []string{"1//0"}, body: dashed, min: 40, strict: true},
	{rule: ruleSlack, prefixes: []string{"xoxb-", "xoxa-", "xoxp-", "xoxr-", "xoxs-", "xoxe-", "xoxe.xoxp-", "xoxe.xoxb-", "xoxc-", "xoxd-", "xapp-"}, body: dashed, min: 10, check: isMixed},
	{rule: ruleSlack, prefixes: []string{"hooks.slack.com/services/", "hooks.slack.com/workflows/", "hooks.slack.com/triggers/"}, body: slashed, min: 20, keep: true, fold: true},
	{rule: ruleStripe, prefixes: []string{"sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_org_"}, body: word, min: 10, check: isMixed},
	{rule: ruleStripe, prefixes: []string{"whsec_"}, body: base64Any, min: 20},
	{rule: ruleAnthropic, prefixes: []string{"sk-ant-"}, body: dashed, min: 20},
	{rule: ruleOpenAI, prefixes: []string{"sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-", "sk-None-"}, body: dashed, min: 20, check: isMixed},
	{rule: ruleOpenAI, prefixes: []string{"sk-"}, body: dashed, min: 20, strict: true, check: isDenseStart},
	{rule: ruleHuggingFace, prefixes: []string{"hf_", "api_org_"}, body: alnum, min: 30, strict: true},
	{rule: ruleNPM, prefixes: []string{"npm_"}, body: alnum, min: 36, strict: true},
	{rule: rulePyPI, prefixes: []string{"pypi-AgE"}, body: dashed, min: 30},
	{rule: ruleSendGrid, prefixes: []string{"SG."}, body: dotted, min: 40, check: isTwoPart, strict: true},
	{rule: ruleTwilio, prefixes: []string{"SK"}, body: hex, min: 32, max: 32, strict: true},
	{rule: ruleDigitalOcean, prefixes: []string{"dop_v1_", "doo_v1_", "dor_v1_"}, body: alnum, min: 40},
	{rule: ruleDatabricks, prefixes: []string{"dapi"}, body: hex, min: 32, max: 32, strict: true},
	{rule: ruleVault, prefixes: []string{"hvs.", "hvb.", "hvr."}, body: dashed, min: 20, check: isMixed},
	{rule: ruleJWT, prefixes: []string{"eyJ"}, body: dotted, min: 30, check: isJWT},
	{rule: ruleAge, prefixes: []string{"AGE-SECRET-KEY-"}, body: upperDash, min: 20, fold: true},
	{rule: ruleNote, prefixes: []string{"PRIVATE+KEY+"}, body: printable, min: 20, check: isSigner},
	{rule: ruleDiscord, prefixes: []string{"discord.com/api/webhooks/", "discordapp.com/api/webhooks/"}, body: slashed, min: 40, keep: true, fold: true},
	{rule: ruleDiscord, prefixes: []string{"discord.com/api/v"}, body: slashed, min: 40, keep: true, fold: true, check: isWebhook},
	{rule: rulePrivateKey, prefixes: []string{"LS0tLS1"}, body: base64Any, min: 60, check: isEncodedKey},
	{rule: ruleCredentials, prefixes: []string{"eyJ"}, body: base64Any, min: 30, check: isEncodedLogin},
	// Services whose tokens begin like nothing else.
	{rule: ruleService, prefixes: []string{"shpat_", "shpss_", "shpca_", "shppa_"}, body: alnum, min: 32},
	{rule: ruleService, prefixes: []string{"glsa_", "glc_"}, body: word, min: 30},
	{rule: ruleService, prefixes: []string{"dckr_pat_", "dckr_oat_"}, body: dashed, min: 20},
	{rule: ruleService, prefixes: []string{"gsk_", "r8_", "fo1_", "ntn_", "sbp_", "ops_ey", "pscale_tkn_", "pscale_pw_", "rubygems_", "figd_", "lin_api_", "lin_oauth_", "sb_secret_", "lsv2_", "pcsk_", "phx_", "nfp_", "tgp_v1_", "CCIPAT_", "sk-lf-"}, body: dashed, min: 30, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"xai-", "pplx-", "nvapi-", "tvly-", "pul-", "NRAK-", "PMAK-", "xkeysib-", "tskey-", "ATATT3", "ATCTT3", "sntrys_"}, body: base64Any, min: 20, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"dp.pt.", "dp.st.", "dp.ct.", "dp.scim.", "dp.audit."}, body: alnum, min: 40},
	{rule: ruleService, prefixes: []string{"LTAI"}, body: alnum, min: 16, max: 26, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"AKCp", "cmVmd"}, body: alnum, min: 59, max: 73, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"ABSK", "fm1r_", "fm1a_", "fm2_"}, body: base64Any, min: 100, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"EAAC", "EAAM"}, body: alnum, min: 90, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"EZAK", "EZTK"}, body: alnum, min: 54, max: 54, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"EAAA", "sq0atp-", "sq0csp-", "duffel_test_", "duffel_live_", "HRKU-", "tk-us-"}, body: dashed, min: 22, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"dt0c01.", "dt0s01."}, body: dotted, min: 80},
	{rule: ruleService, prefixes: []string{"FLWSECK_TEST-", "FLWSECK-"}, body: dashed, min: 12, check: isMixed},
	{rule: ruleService, prefixes: []string{"4b1d"}, body: alnum, min: 38, max: 38, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"fio-u-"}, body: base64Any, min: 60},
	{rule: ruleService, prefixes: []string{"pat.", "sat."}, body: dotted, min: 68, max: 68, strict: true},
	{rule: ruleService, prefixes: []string{"pat"}, body: dotted, min: 79, max: 79, strict: true, check: isTwoPartID},
	{rule: ruleService, prefixes: []string{"atlasv1."}, body: base64Any, min: 60},
	{rule: ruleService, prefixes: []string{"ico-", "p8e-"}, body: alnum, min: 32, max: 32, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"API-"}, body: upper, min: 26, max: 26, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"A3-"}, body: upperDash, min: 32, max: 36, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"sha256~"}, body: dashed, min: 43, max: 43},
	{rule: ruleService, prefixes: []string{"pnu_", "rdme_", "shippo_live_", "shippo_test_", "sntryu_"}, body: alnum, min: 36, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"sgp_"}, body: word, min: 40, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"sm_aat_", "sm_pat_", "sm_sat_"}, body: alnum, min: 16, max: 16, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"CLOJARS_"}, body: alnum, min: 60, max: 60, fold: true},
	{rule: ruleService, prefixes: []string{"rzp_live_"}, body: alnum, min: 14, strict: true, check: isMixed},
	{rule: ruleService, prefixes: []string{"secret_"}, body: alnum, min: 43, max: 43, strict: true, check: isMixed},
}

// shape masks a token whose prefix is the keyword at [start, i).
func (c *scan) shape(p *shape, start, i int) int {
	if !c.starts(start) || !p.fold && !p.begins(c.s[start:i]) {
		return 0
	}
	if p.strict {
		switch c.before(start) {
		case '_', '-', '.', '/':
			return 0
		}
	}
	end := c.runTo(p.body, i)
	body := c.s[i:end]
	if p.body == dotted || p.body == dashed {
		body = strings.TrimRight(body, ".-")
		end = i + len(body)
	}
	if len(body) < p.min || p.max > 0 && (len(body) > p.max || alnum.in(c.at(end)) || c.at(end) == '_') {
		return 0
	}
	if p.check != nil && !p.check(body) {
		return 0
	}
	switch {
	case p.rule == ruleNote:
		start = i + strings.LastIndexByte(body, '+') + 1
		end = start + signerKeyLen(c.s[start:end])
	case p.keep:
		start = i
		if n := strings.Index(body, "webhooks/"); n > 0 {
			start += n + len("webhooks/")
		}
	}
	return c.add(start, end, p.rule)
}

// begins reports whether s is one of the prefixes, in their case.
func (p *shape) begins(s string) bool { return slices.Contains(p.prefixes, s) }

// notAllSame reports whether s is more than one byte repeated, as in a placeholder that is read as a word.
func notAllSame(s string) bool {
	return strings.Count(s, s[:1]) != len(s)
}

// isDenseStart reports whether s begins with a run of letters and digits that no hyphenated phrase has.
func isDenseStart(s string) bool {
	n := 0
	for n < len(s) && alnum.in(s[n]) {
		n++
	}
	return n >= 20 && isMixed(s[:n])
}

// isTwoPart reports whether s is two long parts joined by a dot.
func isTwoPart(s string) bool {
	a, b, ok := strings.Cut(s, ".")
	return ok && len(a) >= 16 && len(b) >= 16 && !strings.Contains(b, ".")
}

// isTwoPartID reports whether s is a short id and a key in hexadecimal digits, joined by a dot.
func isTwoPartID(s string) bool {
	const idLen = 14
	return s[idLen] == '.' && alnum.all(s[:idLen]) && hex.all(s[idLen+1:])
}

// isJWT reports whether s is the rest of a JSON Web Token: three parts when signed, five when encrypted.
func isJWT(s string) bool {
	head, rest, ok := strings.Cut(s, ".")
	if !ok || len(head) < 8 {
		return false
	}
	if strings.HasPrefix(rest, "eyJ") {
		payload, _, _ := strings.Cut(rest, ".")
		return len(payload) >= 8
	}
	return strings.Count(rest, ".") == 3 && len(rest) >= 40
}

// isSigner reports whether s is the rest of a note signer's private key: name, key hash, key.
func isSigner(s string) bool {
	at := strings.LastIndexByte(s, '+')
	if at < 0 {
		return false
	}
	name, hash, ok := strings.Cut(s[:at], "+")
	if ok && len(hash) >= 8 && hex.all(hash[:8]) {
		return name != "" && signerKeyLen(s[at+1:]) >= 20
	}
	return false
}

// signerKeyLen returns the length of the base64 text that s starts with.
func signerKeyLen(s string) int {
	n := 0
	for n < len(s) && base64Any.in(s[n]) {
		n++
	}
	return n
}

// bearer masks what follows the word Bearer where no header's name stands before it. The bytes must look generated, for
// the word is also used in prose.
func (c *scan) bearer(start, i int) int {
	if !c.starts(start) {
		return 0
	}
	i = c.skipBlanks(i)
	end := c.runTo(base64Any, i)
	for c.at(end) == '.' && base64Any.in(c.at(end+1)) {
		end = c.runTo(base64Any, end+1)
	}
	if !isOpaque(c.s[i:end]) {
		return 0
	}
	return c.add(i, end, ruleAuthorization)
}

// telegram masks the second half of a bot token; the number of the bot stays. start is the place of the colon.
func (c *scan) telegram(start int) int {
	const length = 35
	if c.s[start+1:start+3] != "AA" {
		return 0
	}
	digits := 0
	for digits < 12 && isDigit(c.at(start-1-digits)) {
		digits++
	}
	if digits < 8 || digits > 10 {
		return 0
	}
	first := start - digits
	if !c.starts(first) && !(first >= 3 && c.s[first-3:first] == "bot") {
		return 0
	}
	end := c.runTo(dashed, start+1)
	if end-start-1 != length {
		return 0
	}
	return c.add(start+1, end, ruleTelegram)
}

// discord masks a bot token: the number of the bot in base64, a time, and a code. dot is the place of the first dot.
func (c *scan) discord(dot int) int {
	const timeLen, minID, maxID, minCode, maxCode = 6, 23, 28, 27, 38
	if dot < minID || c.at(dot+1+timeLen) != '.' || !dashed.all(c.s[dot+1:dot+1+timeLen]) {
		return 0
	}
	start := dot
	for start > 0 && dot-start <= maxID && word.in(c.s[start-1]) && start != c.last {
		start--
	}
	if n := dot - start; n < minID || n > maxID || c.s[start] < 'M' || c.s[start] > 'O' {
		return 0
	}
	end := c.runTo(dashed, dot+2+timeLen)
	if n := end - dot - 2 - timeLen; n < minCode || n > maxCode {
		return 0
	}
	return c.add(start, end, ruleDiscord)
}
