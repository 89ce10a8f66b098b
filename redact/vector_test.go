package redact_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/shellword"
	"github.com/etch-audit/etch/redact"
)

// TestVector: an argument vector that was written as a shell would be given it loses no part of a secret.
func TestVector(t *testing.T) {
	for _, argv := range [][]string{
		{"env", "PASSWORD=a'HUNTER b", "true"},
		{"env", "A=b", "PASSWORD=a;HUNTER", "true"},
		{"env", "PASSWORD=line\nHUNTER", "true"},
		{"env", "PASSWORD=a\x01HUNTER\xff", "true"},
		{"sudo", "docker", "run", "-e", "PASSWORD=correct horse HUNTER", "x"},
		{"tool", "PASSWORD=a HUNTER"},
		{"mysql", "-pa'HUNTER"},
		{"curl", "-u", "user:a'HUNTER", "x"},
		{"curl", "-H", "X-Api-Key: it's HUNTER", "x"},
		{"curl", "-H", "X-Api-Key: its a HUNTER", "x"},
		{"tool", "--password", "it's HUNTER"},
		{"tool", "--password=it's; HUNTER"},
	} {
		text := shellword.Quote(argv)
		got, n := redact.Text(text)
		if n == 0 || strings.Contains(got, "HUNTER") || !strings.HasPrefix(got, argv[0]) {
			t.Errorf("%s: got %s, %d", text, got, n)
		}
		checkText(t, text)
		if masked, _ := redact.Argv(argv); strings.Contains(strings.Join(masked, " "), "HUNTER") {
			t.Errorf("%q: got %q", argv, masked)
		}
	}
}

// TestSettings: where an option says that a quoted word is a setting, its value ends with the quote.
func TestSettings(t *testing.T) {
	for in, want := range map[string]string{
		`docker run -e 'PASSWORD=a;HUNTER' x && ls`:               `docker run -e 'PASSWORD=«password»' x && ls`,
		`ls | sudo docker run -e "PASSWORD=correct horse" x; ls`:  `ls | sudo docker run -e "PASSWORD=«password»" x; ls`,
		`docker run --env='PASSWORD=it'\''s a' x && ls`:           `docker run --env='PASSWORD=«password»' x && ls`,
		`helm install --set "db.password=a;b" x | cat`:            `helm install --set "db.password=«password»" x | cat`,
		`env 'PASSWORD=a b' x && ls`:                              `env 'PASSWORD=«password»' x && ls`,
		`export "PASSWORD=a b"; ls`:                               `export "PASSWORD=«password»"; ls`,
		`curl -H "X-Api-Key: its a b" x && ls`:                    `curl -H "X-Api-Key: «key»" x && ls`,
		`docker run -e "PASSWORD=x$(rm -rf /)" x && ls`:           `docker run -e "PASSWORD=«password»$(rm -rf /)" x && ls`,
		`docker run -e 'PASSWORD=${PW}' -e "TOKEN=$T" x && ls`:    `docker run -e 'PASSWORD=${PW}' -e "TOKEN=$T" x && ls`,
		`docker run -e 'GREETING=hello; world' -e 'A=it'\''s' x`:  `docker run -e 'GREETING=hello; world' -e 'A=it'\''s' x`,
		`sh -c 'echo it'\''s a key: value'`:                       `sh -c 'echo it'\''s a key: value'`,
		`git commit -m 'don'\''t ask for a password; say please'`: `git commit -m 'don'\''t ask for a password; say please'`,
		`mysql -e 'select '\''a'\''' -pHUNTER`:                    `mysql -e 'select '\''a'\''' -p«password»`,
		`etch note 'it'\''s' 'DB_PASSWORD=x' and $'TOKEN=a\001b'`: `etch note 'it'\''s' 'DB_PASSWORD=«password»' and '«PLAIN»'`,
	} {
		want = strings.Replace(expand(want), "'[REDACTED:PLAIN]'", "'TOKEN="+redact.MaskPrefix+"token]'", 1)
		if got, _ := redact.Text(expand(in)); got != want {
			t.Errorf("%s:\n  got  %s\n  want %s", in, got, want)
		}
		checkText(t, in)
	}
}

// TestCodeStays: an argument that is code is masked to where a command could begin, whatever name it begins with.
func TestCodeStays(t *testing.T) {
	for _, argv := range [][]string{
		{"bash", "-c", "password=x; REBOOT"},
		{"bash", "-lc", "PASSWORD=x; REBOOT"},
		{"sudo", "sh", "-c", "--password=x; REBOOT"},
		{"ssh", "h", "PASSWORD=x; REBOOT"},
		{"timeout", "5", "ssh", "h", "export", "PASSWORD=x; REBOOT"},
		{"eval", "PASSWORD=x; REBOOT"},
		{"ruby", "-e", "PASSWORD=1; REBOOT"},
		{"ruby", "docker", "-e", "PASSWORD=1; REBOOT"},
		{"unknown", "PASSWORD=1; REBOOT"},
		{"docker", "exec", "c", "sh", "-c", "PASSWORD=1\nREBOOT"},
		{"powershell", "-Command", "PASSWORD=1; REBOOT"},
	} {
		masked, _ := redact.Argv(argv)
		if !strings.HasSuffix(masked[len(masked)-1], "REBOOT") || slices.Equal(masked, argv) {
			t.Errorf("%q: got %q", argv, masked)
		}
		quoted, err := json.Marshal(argv)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := redact.JSON(quoted); !strings.Contains(string(got), "REBOOT") {
			t.Errorf("%s: got %s", quoted, got)
		}
		for _, text := range []string{shellword.Quote(argv), shellword.Quote(argv) + " && ls", shellword.Quote(append(argv, "it's"))} {
			if got, _ := redact.Text(text); !strings.Contains(got, "REBOOT") {
				t.Errorf("%s: got %s", text, got)
			}
		}
	}
}
