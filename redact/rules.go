package redact

import "sync"

// rule is the reason for a mask, and what the mask says.
type rule uint8

const (
	rulePassword rule = iota
	ruleToken
	ruleSecret
	ruleKey
	rulePrivateKey
	ruleCredentials
	ruleCookie
	ruleAuthorization
	ruleSignature
	ruleURLPassword
	ruleURLToken
	ruleJWT
	ruleAge
	ruleNote
	ruleAWS
	ruleGitHub
	ruleGitLab
	ruleGoogle
	ruleSlack
	ruleStripe
	ruleOpenAI
	ruleAnthropic
	ruleHuggingFace
	ruleNPM
	rulePyPI
	ruleSendGrid
	ruleTwilio
	ruleDigitalOcean
	ruleDatabricks
	ruleVault
	ruleTelegram
	ruleDiscord
	ruleService
	ruleCount
)

// ruleNames are what stands in the masks. They are in stored records: a name is never changed, only added.
var ruleNames = [ruleCount]string{
	rulePassword:      "password",
	ruleToken:         "token",
	ruleSecret:        "secret",
	ruleKey:           "key",
	rulePrivateKey:    "private-key",
	ruleCredentials:   "credentials",
	ruleCookie:        "cookie",
	ruleAuthorization: "authorization",
	ruleSignature:     "signature",
	ruleURLPassword:   "url-password",
	ruleURLToken:      "url-token",
	ruleJWT:           "jwt",
	ruleAge:           "age-key",
	ruleNote:          "note-key",
	ruleAWS:           "aws-key-id",
	ruleGitHub:        "github-token",
	ruleGitLab:        "gitlab-token",
	ruleGoogle:        "google-key",
	ruleSlack:         "slack-token",
	ruleStripe:        "stripe-key",
	ruleOpenAI:        "openai-key",
	ruleAnthropic:     "anthropic-key",
	ruleHuggingFace:   "huggingface-token",
	ruleNPM:           "npm-token",
	rulePyPI:          "pypi-token",
	ruleSendGrid:      "sendgrid-key",
	ruleTwilio:        "twilio-key",
	ruleDigitalOcean:  "digitalocean-token",
	ruleDatabricks:    "databricks-token",
	ruleVault:         "vault-token",
	ruleTelegram:      "telegram-token",
	ruleDiscord:       "discord-token",
	ruleService:       "service-token",
}

// longestName is the length of the longest name of a rule, the caller's own among them, and longestMask that of a mask.
const (
	longestName = 32
	longestMask = len(MaskPrefix) + longestName + 1 + tagLen + 1
)

// triggers finds the places where a rule may apply. It is built when the first text is looked at: a program that looks at
// none does not wait for it.
var triggers = sync.OnceValue(func() *automaton { return newAutomaton(keywords()) })

// keywords returns what sets the rules off, from their tables.
func keywords() []keyword {
	words := []keyword{
		{"[redacted:", trigger{kind: onMask}},
		{"://", trigger{kind: onURL}},
		{"-----begin ", trigger{kind: onPEM}},
		{"bearer ", trigger{kind: onBearer}},
		{":aa", trigger{kind: onTelegram}},
		{".", trigger{kind: onDot}},
		{"identified by ", trigger{kind: onIdentified}},
	}
	for _, w := range nameKeywords {
		words = append(words, keyword{w, trigger{kind: onName}})
	}
	for i := range shapes {
		for _, p := range shapes[i].prefixes {
			words = append(words, keyword{lower(p), trigger{kind: onShape, index: uint16(i)}})
		}
	}
	for i := range commands {
		for _, p := range commands[i].names {
			words = append(words, keyword{lower(p), trigger{kind: onCommand, index: uint16(i)}})
		}
	}
	return words
}

// lower returns s with its ASCII letters in lower case.
func lower(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lowerByte(b[i])
	}
	return string(b)
}

// lowerByte returns the lower case of an ASCII letter, and any other byte as it is.
func lowerByte(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}
