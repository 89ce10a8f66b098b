package token

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// digest returns the third word of the line of a secret.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func parse(t *testing.T, text string) *List {
	t.Helper()
	l, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFind(t *testing.T) {
	l := parse(t, "# agents\n\nweb send "+digest("one")+"\naudit.1 read "+digest("two")+"\r\nboth send,read "+digest("three"))
	for _, c := range []struct {
		secret string
		want   Token
		ok     bool
	}{
		{"one", Token{"web", Send}, true},
		{"two", Token{"audit.1", Read}, true},
		{"three", Token{"both", Send | Read}, true},
		{"One", Token{}, false},
		{"", Token{}, false},
		{digest("one"), Token{}, false}, // what the file says lets nobody in
	} {
		got, ok := l.Find(c.secret)
		if got != c.want || ok != c.ok {
			t.Errorf("Find(%q) = %v, %v, want %v, %v", c.secret, got, ok, c.want, c.ok)
		}
	}
}

func TestParseErrors(t *testing.T) {
	good := digest("x")
	for text, want := range map[string]string{
		"a send":                     "line 1: 2 words",
		"\n#\na send " + good + " b": "line 3: 4 words",
		"a write " + good:            "line 1: rights \"write\"",
		"a send, " + good:            "rights \"send,\"",
		"a SEND " + good:             "rights \"SEND\"",
		"a,b send " + good:           "line 1: a token's name",
		strings.Repeat("a", 65) + " send " + good: "line 1: a token's name",
		"a send " + good[1:]:                      "is not the 64 hexadecimal digits",
		"a send " + good + "00":                   "is not the 64 hexadecimal digits",
		"a send " + "g" + good[1:]:                "is not the 64 hexadecimal digits",
		"a send " + good + "\na read " + good:     "line 2: there is a token of that name: a",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %q", text, err, want)
		}
	}
}

func TestMakeRevoke(t *testing.T) {
	l := parse(t, "# kept\nold send "+digest("x")+"\n")
	secret, err := l.Make("new", Send|Read)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "etch_") || len(secret) < len("etch_")+43 {
		t.Errorf("secret %q has not 256 bits behind etch_", secret)
	}
	if strings.Contains(string(l.Format()), secret) {
		t.Error("the file holds the secret itself")
	}
	other, err := new(List).Make("new", Send)
	if err != nil || other == secret {
		t.Errorf("a second secret is %q, %v; the first was %q", other, err, secret)
	}
	again := parse(t, string(l.Format()))
	if got, ok := again.Find(secret); !ok || got != (Token{"new", Send | Read}) {
		t.Errorf("read back, the secret is that of %v, %v", got, ok)
	}
	if _, err := again.Make("new", Send); !errors.Is(err, ErrExists) {
		t.Errorf("Make of a name that is there = %v, want %v", err, ErrExists)
	}
	for _, name := range []string{"", "a b", "a/b", "#a", "ä", strings.Repeat("a", 65)} {
		if _, err := again.Make(name, Send); !errors.Is(err, ErrName) {
			t.Errorf("Make(%q) = %v, want %v", name, err, ErrName)
		}
	}
	if err := again.Revoke("new"); err != nil {
		t.Fatal(err)
	}
	if _, ok := again.Find(secret); ok {
		t.Error("a revoked token is found")
	}
	if diff := cmp.Diff(again.Tokens(), []Token{{"old", Send}}); diff != "" {
		t.Errorf("tokens left (-got +want):\n%s", diff)
	}
	if !strings.HasPrefix(string(again.Format()), "# kept\n") {
		t.Error("a comment is lost")
	}
	for _, name := range []string{"new", "", "# kept"} {
		if err := again.Revoke(name); !errors.Is(err, ErrNone) {
			t.Errorf("Revoke(%q) = %v, want %v", name, err, ErrNone)
		}
	}
}

func TestRights(t *testing.T) {
	for text, want := range map[string]Rights{"send": Send, "read": Read, "send,read": Send | Read} {
		got, err := ParseRights(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("ParseRights(%q) = %v (%d), %v", text, got, got, err)
		}
	}
	if got, err := ParseRights("read,send"); err != nil || got != Send|Read {
		t.Errorf("ParseRights in the other order = %v, %v", got, err)
	}
	for _, text := range []string{"", "all", "send,", ",", "send read", "send,send,x"} {
		if got, err := ParseRights(text); err == nil {
			t.Errorf("ParseRights(%q) = %v, want an error", text, got)
		}
	}
}

// FuzzParse: what is read is written as it can be read again, and every token of
// it has a name and rights.
func FuzzParse(f *testing.F) {
	f.Add([]byte("# a\nx send,read " + digest("x") + "\n\n y read " + digest("y")))
	f.Add([]byte("x send 00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(l.Format())
		if err != nil {
			t.Fatalf("%v\n%q", err, l.Format())
		}
		if diff := cmp.Diff(again.lines, l.lines, cmp.AllowUnexported(line{})); diff != "" {
			t.Errorf("read back (-got +want):\n%s", diff)
		}
		for _, token := range l.Tokens() {
			if !isName(token.Name) || token.Rights == 0 || token.Rights > Send|Read {
				t.Errorf("token %+v", token)
			}
		}
	})
}
