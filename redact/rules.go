package redact

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

// lowerByte returns the lower case of an ASCII letter, and any other byte as it is.
func lowerByte(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}
