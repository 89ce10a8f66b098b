package redact_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/redact"
)

// checkText asserts what holds of every text.
func checkText(t *testing.T, in string) {
	t.Helper()
	got, n := redact.Text(in)
	if (n == 0) != (got == in) {
		t.Fatalf("got a count of %d for %q from %q", n, got, in)
	}
	if again, n := redact.Text(got); again != got || n != 0 {
		t.Fatalf("masked again: got %q, %d\nwant %q, 0\nfrom %q", again, n, got, in)
	}
}

// checkJSON asserts what holds of every document.
func checkJSON(t *testing.T, in []byte) {
	t.Helper()
	before := bytes.Clone(in)
	got, n := redact.JSON(in)
	if !bytes.Equal(in, before) {
		t.Fatalf("the input was changed: got %q, want %q", in, before)
	}
	if (n == 0) != bytes.Equal(got, in) {
		t.Fatalf("got a count of %d for %q from %q", n, got, in)
	}
	if json.Valid(in) && !json.Valid(got) {
		t.Fatalf("got no valid JSON: %q\nfrom %q", got, in)
	}
	if again, n := redact.JSON(got); !bytes.Equal(again, got) || n != 0 {
		t.Fatalf("masked again: got %q, %d\nwant %q, 0\nfrom %q", again, n, got, in)
	}
}

// checkArgv asserts what holds of every argument vector.
func checkArgv(t *testing.T, in []string) {
	t.Helper()
	before := slices.Clone(in)
	got, n := redact.Argv(in)
	if !slices.Equal(in, before) {
		t.Fatalf("the input was changed: got %q, want %q", in, before)
	}
	if (n == 0) != slices.Equal(got, in) || len(got) != len(in) {
		t.Fatalf("got a count of %d for %q from %q", n, got, in)
	}
	if again, n := redact.Argv(got); !slices.Equal(again, got) || n != 0 {
		t.Fatalf("masked again: got %q, %d\nwant %q, 0\nfrom %q", again, n, got, in)
	}
}

func FuzzText(f *testing.F) {
	for _, c := range maskedCases(f) {
		f.Add(c[0])
	}
	for _, line := range lines(f, "clean.txt") {
		f.Add(expand(line))
	}
	f.Add("\xff\xfePASSWORD=\xff")
	f.Fuzz(checkText)
}

func FuzzJSON(f *testing.F) {
	for _, c := range jsonCases {
		f.Add([]byte(expand(c.in)))
	}
	for _, c := range maskedCases(f) {
		quoted, err := json.Marshal(map[string]any{"command": c[0], "password": []string{c[0]}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(quoted)
		f.Add([]byte(c[0]))
	}
	f.Fuzz(checkJSON)
}

func FuzzArgv(f *testing.F) {
	for _, c := range maskedCases(f) {
		f.Add(c[0])
	}
	f.Fuzz(func(t *testing.T, in string) { checkArgv(t, strings.Fields(in)) })
}

// pieces are what the random texts are put together from: all that the rules look at, in orders nobody writes.
func pieces(t *testing.T) []string {
	out := []string{
		"password", "TOKEN", "secret_key", "api-key", "Authorization", "Cookie", "Bearer ", "Basic ", "--", "-p", "-u ", "=", ":", ": ",
		" = ", "'", `"`, `\"`, `\`, "\n", "\\\n", " ", "\t", ";", "|", "&", "$", "${", "}", "$(", ")", "`", "://", "@", "/", "?", "&", ",", "[", "]", "{", "{{", "}}",
		"<", ">", ":-", "mysql ", "curl ", "openssl ", "pass:", "htpasswd -b ", "-----", "END", "PRIVATE KEY", "identified by ", "login", "with", "set ",
		"setenv(", `"password",`, "name: ", "value: ", "\nvalue: ", `\\\"`, "<![CDATA[", "]]>", "-e ", "docker run ", `'\''`, "$'", "machine ", "printf ", "%s", "create user ", "for ", " by ", "${env:", "<<< ", "vault kv put ", "--arg ", "aws ", "--secret-string ", "Q~", "AZDO",
		"hunter2", "x", "1", ".", "_", "-", "%3D", "é", "\xff", "aB3dE6gH9jK2mN5pQ8sT1vW4y", redact.MaskPrefix + "token]", redact.MaskPrefix, "://u:",
	}
	for _, line := range []string{"ghp_{36}", "sk-{48}", "AKIA{up16}", "eyJ{20}.eyJ{20}.{20}", "{five}BEGIN PRIVATE KEY{five}", "123456789:AA{33}", "MT{24}.{6}.{38}", "PRIVATE+KEY+a+{hex8}+{44}"} {
		out = append(out, expand(line))
	}
	t.Logf("%d pieces", len(out))
	return out
}

func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	all := pieces(t)
	rounds := 20_000
	if testing.Short() {
		rounds = 5_000
	}
	for range rounds {
		var b strings.Builder
		for range 1 + rng.IntN(12) {
			b.WriteString(all[rng.IntN(len(all))])
		}
		in := b.String()
		checkText(t, in)
		quoted, err := json.Marshal([]any{in, map[string]string{"password": in, "authorization": in, "a": in}})
		if err != nil {
			t.Fatal(err)
		}
		checkJSON(t, quoted)
		checkArgv(t, strings.Split(in, " "))
	}
}

// TestLinear masks hostile texts in two sizes. Sixteen times the text may take sixteen times as long, with room for a busy
// machine; a quadratic rule takes 256 times, however often it is tried.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: measures time")
	}
	units := []string{
		"=", ":", "a:", "a:a:", "'", `"`, `\"`, `'"`, "`", "$(", "${", "{", "[", "[REDACTED:", "(", "-", "--", ".", "/", "@", "\\", " ", "\n", ",", "{{",
		"password", "password=", "password:", "password: ", "password='", `password="`, `password=\"`, "password=a'", "password=$(", "password=${", `password="$(`,
		"password \"", "--password ", "--password -", "token=$", "token: a ", "${password:-", "<password>", "key", "key=", "?key=", "sk-", "ghp_", "sk-ghp_", "eyJ", "eyJ.",
		"AKIA", "hf_", "SG.", "PRIVATE+KEY+", "PRIVATE+KEY+a+", "PRIVATE+KEY+a+00000000+", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n;", "bearer ",
		"bearer a.", "://", "a://", "a://b:c/", "a://b@", "a://b:${", "mysql ", "mysql -p", "curl -u ", "curl -u a:", "curl ", "docker login ", "oc secret ", "openssl pass:", "htpasswd -b ",
		"Authorization: ", `"Authorization: `, "Authorization: Basic ", "Authorization: AWS4-HMAC-SHA256 ", "Cookie: ", "Cookie: a=b; ", "cookie: a=", "1:AA", "123456789:AA", "M.", "identified by '", "a.aaaaaa.",
		"password set ", "login a password ", "setx token ", "mysql '", "mysql \"", "mysql $(", "mysql `", "curl \"-u", "AAAAAAAAAAAAAAAAAAAAAAAAA", "passwordpassword", "\\npassword", "password[", "password=[",
		`setenv("password",`, `setenv("password","`, `("password", `, "name: password, ", "name: password\n", `name="password">`, `\\\"password\\\":\\\"`, `<password><![CDATA[`, "key=`", "key: `",
		`-e 'PASSWORD=`, `-e 'PASSWORD=a'\''`, `-e "PASSWORD=$(`, `'\'' `, `env $'\''`, "docker -e ", "machine a login b password ", "login a\n", "identified with a by '", "identified with ",
		"create user password '", "set password for ", "set password for a = '", `set "password" `, "curl -x a:b@", "curl -u \":", "curl -sk", "printf '%s", "printf ", "vault put a=", "gh secret <<<",
		"LS0tLS1", "aB38Q~", "AZDO", "discord.com/api/v1/webhooks/", "${env:password} ",
	}
	for _, unit := range units {
		small, large := strings.Repeat(unit, 1<<12/len(unit)), strings.Repeat(unit, 1<<16/len(unit))
		base, long := max(clock(small), clock(small), clock(small)), clock(large)
		for range 30 {
			if long < 64*base {
				break
			}
			long = min(long, clock(large)) // the least is what no other work was in the way of
		}
		if long >= 64*base {
			t.Errorf("%q: got %v for 64 KiB, %v for 4 KiB, want less than 64 times that", unit, long, base)
		}
	}
}

// clock returns how long masking takes.
func clock(s string) time.Duration {
	start := time.Now()
	redact.Text(s)
	return time.Since(start)
}

func TestRulesAreStable(t *testing.T) {
	rules := redact.Rules()
	if !slices.IsSorted(rules) {
		t.Errorf("got %q, want them sorted", rules)
	}
	seen := map[string]bool{}
	for _, r := range rules {
		if r == "" || seen[r] {
			t.Errorf("got the rule %q, want distinct names", r)
		}
		seen[r] = true
	}
	// These names are in records that exist; none may go.
	for _, r := range []string{"password", "token", "secret", "key", "private-key", "credentials", "cookie", "authorization", "signature", "url-password", "url-token", "jwt"} {
		if !seen[r] {
			t.Errorf("got %q, want %q among them", slices.Sorted(maps.Keys(seen)), r)
		}
	}
}
