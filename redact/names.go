package redact

import (
	"slices"
	"strings"

	"github.com/etch-audit/etch/internal/later"
)

// nameKeywords are what every secret name contains; a name is read only where one of them is found.
var nameKeywords = []string{"pass", "pw", "_pat", "secret", "token", "key", "credential", "auth", "cookie", "signature", "sig=", "jwt", "connectionstring", "connection_string", "sessionid", "session_id"}

// secretName says what the value of a name is. Names are compared by their parts: DB_PASSWORD, dbPassword and db-password are
// db and password.
type secretName struct {
	rule   rule
	after  words // the part before must be one of these; nil is any
	not    words // the part before must be none of these
	opaque bool  // only values that look generated
	path   bool  // the value is often the name of a file, which is no secret
	prose  bool  // also a common word: "token: fix parser" is a sentence
	sure   words // behind one of these parts a value need not look generated, only be no word
	mixed  bool  // only values with letters and digits
	query  bool  // only in the query of a URL
}

// secretNames is the table of names by their last part. A new one is one line here; if it holds none of nameKeywords, add one there.
var secretNames = later.Value[map[string]secretName]{Make: func() map[string]secretName {
	return map[string]secretName{
		"password":         {rule: rulePassword, not: promptWords},
		"passwords":        {rule: rulePassword},
		"passphrase":       {rule: rulePassword, not: promptWords},
		"passcode":         {rule: rulePassword},
		"passwd":           {rule: rulePassword, prose: true},
		"pass":             {rule: rulePassword, prose: true},
		"pwd":              {rule: rulePassword, path: true},
		"pw":               {rule: rulePassword, path: true, prose: true},
		"pat":              {rule: ruleToken, opaque: true},
		"secret":           {rule: ruleSecret, prose: true},
		"token":            {rule: ruleToken, not: harmlessTokens, prose: true},
		"jwt":              {rule: ruleToken, opaque: true},
		"key":              {rule: ruleKey, after: secretKeys, path: true},
		"apikey":           {rule: ruleKey},
		"credentials":      {rule: ruleCredentials, path: true, prose: true},
		"credential":       {rule: ruleCredentials, path: true, prose: true},
		"authorization":    {rule: ruleAuthorization},
		"auth":             {rule: ruleCredentials, opaque: true, sure: authWords},
		"cookie":           {rule: ruleCookie},
		"cookies":          {rule: ruleCookie, opaque: true},
		"sessionid":        {rule: ruleCookie, opaque: true, query: true},
		"signature":        {rule: ruleSignature, opaque: true, query: true},
		"sig":              {rule: ruleSignature, opaque: true, query: true},
		"string":           {rule: ruleCredentials, after: words{"connection"}, opaque: true},
		"connectionstring": {rule: ruleCredentials, opaque: true},
	}
}}

// bareKey is the meaning of "key" alone: in the query of a URL, when its value looks generated.
var bareKey = secretName{rule: ruleKey, opaque: true, query: true}

// wordEnds are names that are also written as the end of a longer word: PGPASSWORD, authtoken, storepass.
var wordEnds = []struct {
	end  string
	name string
}{
	{"password", "password"},
	{"passphrase", "passphrase"},
	{"secret", "secret"},
	{"token", "token"},
	{"apikey", "apikey"},
	{"accesskey", "apikey"},
	{"secretkey", "apikey"},
	{"privatekey", "apikey"},
	{"authkey", "apikey"},
	{"accountkey", "apikey"},
	{"storepass", "password"},
	{"keypass", "password"},
	{"dbpass", "password"},
	{"userpass", "password"},
	{"rootpass", "password"},
	{"adminpass", "password"},
	{"mysqlpass", "password"},
	{"ftppass", "password"},
	{"smtppass", "password"},
	{"mailpass", "password"},
	{"imappass", "password"},
	{"ldappass", "password"},
	{"redispass", "password"},
	{"sqlpass", "password"},
	{"sshpass", "password"},
	{"sudopass", "password"},
	{"pgpass", "password"},
	{"vncpass", "password"},
	{"certpass", "password"},
	{"dbpwd", "pwd"},
	{"userpwd", "pwd"},
	{"dbpasswd", "password"},
	{"userpasswd", "password"},
}

var (
	// secretKeys are the keys that are secret; a public, primary or foreign key is none.
	secretKeys = words{
		"api", "access", "secret", "private", "signing", "signature", "encryption", "encrypt", "decryption",
		"cipher", "crypto", "aes", "hmac", "jwt", "master", "account", "auth", "authorization", "shared", "storage", "service",
		"role", "deploy", "ssh", "subscription", "webhook", "admin", "write", "session", "license", "integration", "ingest",
		"ingestion", "function", "functions", "app", "application", "rest", "client", "server", "stripe", "openai", "anthropic",
		"sendgrid", "mailgun", "twilio", "datadog", "algolia", "cloudflare", "tls", "pre", "preshared", "wireguard", "root", "password", "token",
	}
	// harmlessTokens are tokens of other kinds: cursors of paged answers, and words of language models.
	harmlessTokens = words{
		"next", "page", "nextpage", "continuation", "cursor", "sync", "pad", "eos", "bos", "unk", "mask", "sep",
		"cls", "stop", "special", "per", "max", "min", "num", "first", "last", "start", "end", "cancellation", "prompt", "each", "by", "image", "eot",
	}
	// authWords stand before "auth" where it holds a user's password.
	authWords = words{"redis", "rediscli", "basic", "http", "https", "proxy", "registry", "docker", "ftp", "smtp", "imap", "mongo"}
	// promptWords stand before "password" in switches that ask for one or do without.
	promptWords = words{"no", "ask", "skip", "without", "require", "prompt", "forgot", "allow", "disable", "enable", "show", "reset"}
	// tailWords may follow the part that makes a name secret without making it the name of something else.
	tailWords = words{
		"base64", "b64", "hex", "value", "val", "base", "prod", "production", "dev", "development", "staging", "stage",
		"test", "stg", "prd", "qa", "old", "new", "prev", "previous", "current", "primary", "secondary", "plain", "plaintext", "raw",
		"hash", "default", "again", "confirm", "confirmation", "live", "sandbox", "pem", "rw", "ro",
	}
)

// words are a list of words, short enough to be gone through: a table is another thing that each process would have to
// make.
type words []string

// have reports whether a word is one of them.
func (w words) have(word []byte) bool { return slices.Contains(w, string(word)) }

const (
	maxParts = 8  // of a name; the last ones decide
	maxPart  = 32 // bytes; longer parts are in no table
	maxName  = 96
)

// parts are the last parts of a name in lower case, the last first.
type parts struct {
	buf  [maxParts][maxPart]byte
	size [maxParts]int
	n    int
}

// part returns part i; it is valid while p is. The string is only for looking up.
func (p *parts) part(i int) []byte { return p.buf[i][:p.size[i]] }

// splitName cuts a name at separators and where its case changes, and drops digits at the ends of its parts.
func splitName(name string, p *parts) {
	for end := len(name); end > 0 && p.n < maxParts; {
		start := partStart(name, end)
		part := name[start:end]
		for len(part) > 0 && isDigit(part[len(part)-1]) && len(part) > 3 {
			part = part[:len(part)-1]
		}
		if isAllDigits(part) {
			part = ""
		}
		if len(part) > maxPart {
			part = part[len(part)-maxPart:]
		}
		if len(part) > 0 {
			for i := range len(part) {
				p.buf[p.n][i] = lowerByte(part[i])
			}
			p.size[p.n] = len(part)
			p.n++
		}
		for end = start; end > 0 && !alnum.in(name[end-1]); {
			end--
		}
	}
}

// isAllDigits reports whether s has nothing but digits.
func isAllDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return true
}

// partStart returns where the part of a name that ends at end starts: dbPassword and APIKey are two parts each.
func partStart(name string, end int) int {
	i := end
	for i > 0 && alnum.in(name[i-1]) {
		i--
		if i == 0 || i == end-1 && !isUpper(name[i]) {
			continue
		}
		if isUpper(name[i]) && (!isUpper(name[i-1]) || i+1 < end && !isUpper(name[i+1]) && isLetter(name[i+1])) {
			break
		}
	}
	return i
}

// isUpper reports whether b is a capital ASCII letter.
func isUpper(b byte) bool { return 'A' <= b && b <= 'Z' }

// lookup returns what the value of the name is, and whether it is a secret at all. Of a
// name whose end was masked the mask says nothing: "token:12345678" in it is no token of
// that number.
func lookup(name string) (secretName, bool) {
	if endsMasked(name) {
		return secretName{}, false
	}
	var p parts
	splitName(name, &p)
	i := 0
	for i < p.n-1 && tailWords.have(p.part(i)) {
		i++
	}
	if i >= p.n {
		return secretName{}, false
	}
	found, ok := lookupPart(p.part(i))
	if !ok {
		return secretName{}, false
	}
	var prev []byte
	if i+1 < p.n {
		prev = p.part(i + 1)
	}
	switch {
	case found.after != nil && !found.after.have(prev):
		if found.rule == ruleKey && p.n == 1 {
			return bareKey, true
		}
		return secretName{}, false
	case found.not.have(prev) || isPublicKey(&p, i):
		return secretName{}, false
	case found.sure.have(prev):
		found.opaque, found.mixed = false, true
	case found.rule == ruleKey && string(prev) == "private":
		found.rule = rulePrivateKey
	case found.rule == ruleSignature && p.n > 1:
		found.query = string(prev) != "amz" && string(prev) != "goog"
	}
	return found, true
}

// endsMasked reports whether a name ends in a mask.
func endsMasked(name string) bool {
	at := strings.LastIndexByte(name, '[')
	return at >= 0 && name[len(name)-1] == ']' && strings.HasPrefix(name[at:], MaskPrefix)
}

// lookupPart finds a part in the table, or the table's name that the part ends in.
func lookupPart(part []byte) (secretName, bool) {
	if n, ok := secretNames.Get()[string(part)]; ok {
		return n, true
	}
	if !wordEndBytes[part[len(part)-1]] {
		return secretName{}, false
	}
	for _, w := range wordEnds {
		if n := len(part) - len(w.end); n >= 0 && string(part[n:]) == w.end {
			return secretNames.Get()[w.name], true
		}
	}
	return secretName{}, false
}

// isPublicKey reports whether the part at i belongs to a public key: publicKeyToken.
func isPublicKey(p *parts, i int) bool {
	return i+2 < p.n && string(p.part(i+1)) == "key" && string(p.part(i+2)) == "public"
}
