package redact_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etch-audit/etch/redact"
)

// newMasker returns a Masker with everything that options offer.
func newMasker(t testing.TB) *redact.Masker {
	t.Helper()
	m, err := redact.New(redact.Options{
		Key: []byte("key of the test"),
		Rules: []redact.Rule{
			{Name: "acme-token", Pattern: `acme_[0-9a-f]{8,}`},
			{Name: "acme-pin", Pattern: `(?i)\bpin[ =]+(\d{4,8})\b`},
			{Name: "loud", Pattern: `\b[A-Z]{12,}\b`},
		},
		Allow: []string{`AKIAIOSFODNN7EXAMPLE`, `public-\w+`},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOwnRules(t *testing.T) {
	m := newMasker(t)
	tags := regexp.MustCompile(`:[0-9a-f]{8}\]`)
	for _, c := range []struct{ in, want string }{
		{"curl acme_0123456789ab", "curl [REDACTED:acme-token]"},
		{"unlock --pin 1234 door", "unlock --pin [REDACTED:acme-pin] door"},
		{"PIN=1234; PASSWORD=hunter2", "PIN=[REDACTED:acme-pin]; PASSWORD=[REDACTED:password]"},
		{"aws configure set aws_access_key_id AKIAIOSFODNN7EXAMPLE", "aws configure set aws_access_key_id AKIAIOSFODNN7EXAMPLE"},
		{"PASSWORD=public-demo", "PASSWORD=public-demo"},
		{"PASSWORD=public-demo!", "PASSWORD=[REDACTED:password]"},
		{"PASSWORD=acme_0123456789ab", "PASSWORD=[REDACTED:password]"},
		{"ABCDEFGHIJKLMNOP", "[REDACTED:loud]"},
		{"nothing here", "nothing here"},
	} {
		got, _ := m.Text(c.in)
		if bare := tags.ReplaceAllString(got, "]"); bare != c.want {
			t.Errorf("%q: got %q, want %q and tags", c.in, got, c.want)
		}
		if again, n := m.Text(got); again != got || n != 0 {
			t.Errorf("masked again: got %q, %d, want %q, 0", again, n, got)
		}
	}
}

// TestGroups shows which part of a match is the secret.
func TestGroups(t *testing.T) {
	m, err := redact.New(redact.Options{Rules: []redact.Rule{
		{Name: "pin", Pattern: `(?i)pin=(\d+)|code=(\d+)|door\d+`}, {Name: "maybe", Pattern: `try=(\d*)`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, want string }{
		{"pin=123", "pin=[REDACTED:pin]"},
		{"code=456", "code=[REDACTED:pin]"},
		{"door789", "[REDACTED:pin]"},
		{"try=1 try=", "try=[REDACTED:maybe] try="},
	} {
		if got, _ := m.Text(c.in); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

// TestTags shows that equal secrets are equal in masked text however they are
// written, that different ones differ, and that another key gives other tags.
func TestTags(t *testing.T) {
	m := newMasker(t)
	tag := func(masked string) string {
		t.Helper()
		found := regexp.MustCompile(`\[REDACTED:[a-z-]+:([0-9a-f]{8})\]`).FindStringSubmatch(masked)
		if found == nil {
			t.Fatalf("no tag in %q", masked)
		}
		return found[1]
	}
	text := func(m *redact.Masker, s string) string { out, _ := m.Text(s); return tag(out) }
	secret := `hun"ter2 x`
	quoted, err := json.Marshal(map[string]string{"password": secret})
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := m.JSON(quoted)
	argv, _ := m.Argv([]string{"tool", "--password", secret})
	label, _ := m.Named("password", secret)
	want := text(m, `PASSWORD='`+secret+`'`)
	got := []string{tag(string(doc)), tag(argv[2]), tag(label)}
	if !slices.Equal(got, []string{want, want, want}) {
		t.Errorf("one secret in JSON, arguments and a label: got the tags %q, want %q each", got, want)
	}
	if a, b := text(m, "PASSWORD=one"), text(m, "PASSWORD=two"); a == b {
		t.Errorf("two secrets have one tag %q", a)
	}
	other, err := redact.New(redact.Options{Key: []byte("another key")})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := text(m, "PASSWORD=one"), text(other, "PASSWORD=one"); a == b {
		t.Errorf("two keys give one tag %q", a)
	}
	number, _ := m.JSON([]byte(`{"pin_password": 12345}`))
	if got, want := tag(string(number)), text(m, "PASSWORD=12345"); got != want {
		t.Errorf("a number: got the tag %q, want %q", got, want)
	}
}

func TestNilMasker(t *testing.T) {
	var m *redact.Masker
	for n, c := range maskedCases(t) {
		got, count := m.Text(c[0])
		if want, wantCount := redact.Text(c[0]); got != want || count != wantCount {
			t.Errorf("masked.txt:%d: got %q, %d, want %q, %d", n, got, count, want, wantCount)
		}
	}
}

func TestWrongRules(t *testing.T) {
	for _, c := range []struct {
		opts redact.Options
		want string
	}{
		{redact.Options{Rules: []redact.Rule{{Name: "Acme", Pattern: "x"}}}, `rule "Acme": a name has 1 to 32 lower-case letters`},
		{redact.Options{Rules: []redact.Rule{{Name: "", Pattern: "x"}}}, `rule "": a name has`},
		{redact.Options{Rules: []redact.Rule{{Name: "password", Pattern: "x"}}}, `rule "password": there is a built-in rule`},
		{redact.Options{Rules: []redact.Rule{{Name: "a", Pattern: "x"}, {Name: "a", Pattern: "y"}}}, `rule "a": the name is used twice`},
		{redact.Options{Rules: []redact.Rule{{Name: "a", Pattern: "x("}}}, `rule "a": error parsing regexp`},
		{redact.Options{Rules: []redact.Rule{{Name: "a", Pattern: "x*"}}}, `matches the empty text`},
		{redact.Options{Allow: []string{`a)|(.*`}}, `allow pattern "a)|(.*": error parsing regexp`},
		{redact.Options{Allow: []string{"x("}}, `allow pattern "x(": error parsing regexp`},
	} {
		_, err := redact.New(c.opts)
		if _, ok := errors.AsType[*redact.RuleError](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got the error %v, want a RuleError with %q", c.opts, err, c.want)
		}
	}
	many := make([]redact.Rule, 300)
	for i := range many {
		many[i] = redact.Rule{Name: fmt.Sprintf("rule-%d", i), Pattern: "x"}
	}
	if _, err := redact.New(redact.Options{Rules: many}); err == nil {
		t.Error("got no error for 300 rules")
	}
}

// TestMaskerFixedPoint shows for random texts that masked text stays as it is,
// with rules of the caller's own that match parts of masks.
func TestMaskerFixedPoint(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	m := newMasker(t)
	greedy, err := redact.New(redact.Options{Rules: []redact.Rule{
		{Name: "greedy", Pattern: `x\S+`}, {Name: "within", Pattern: `REDACTED`}, {Name: "group", Pattern: `key (\S+)`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{"acme_0123456789ab", "PASSWORD=", "hunter2", " ", "[REDACTED:", "password", ":1a2b3c4d", "]", "\"", "'", "x", "pin 4711", "key ", "token: ", ";", "\\", "https://u:p@h/", "ABCDEFGHIJKLMNOPQ", "loud", "greedy"}
	for range 20_000 {
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		for _, m := range []*redact.Masker{m, greedy} {
			got, n := m.Text(b.String())
			if (n == 0) != (got == b.String()) {
				t.Fatalf("got a count of %d for %q from %q", n, got, b.String())
			}
			if again, n := m.Text(got); again != got || n != 0 {
				t.Fatalf("masked again: got %q, %d\nwant %q, 0\nfrom %q", again, n, got, b.String())
			}
		}
	}
}

func FuzzMasker(f *testing.F) {
	for _, c := range maskedCases(f) {
		f.Add(c[0])
	}
	f.Add("pin 1234 acme_0123456789ab [REDACTED:acme-token:12345678] [REDACTED:loud]")
	m := newMasker(f)
	f.Fuzz(func(t *testing.T, in string) {
		got, n := m.Text(in)
		if (n == 0) != (got == in) {
			t.Fatalf("got a count of %d for %q from %q", n, got, in)
		}
		if again, n := m.Text(got); again != got || n != 0 {
			t.Fatalf("masked again: got %q, %d\nwant %q, 0\nfrom %q", again, n, got, in)
		}
		quoted, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if doc, _ := m.JSON(quoted); !json.Valid(doc) {
			t.Fatalf("got no valid JSON: %q\nfrom %q", doc, quoted)
		}
	})
}
