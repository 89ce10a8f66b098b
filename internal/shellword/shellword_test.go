package shellword_test

import (
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/etch-audit/etch/internal/shellword"
)

func TestQuote(t *testing.T) {
	for _, test := range []struct {
		argv []string
		want string
	}{
		{[]string{"git", "push", "origin", "main"}, "git push origin main"},
		{[]string{"echo", ""}, "echo ''"},
		{[]string{"echo", "it's"}, `echo 'it'\''s'`},
		{[]string{"sh", "-c", "a; b"}, "sh -c 'a; b'"},
		{[]string{"echo", "$HOME", "*", "~"}, "echo '$HOME' '*' '~'"},
		{[]string{"A=b"}, "'A=b'"},
		{[]string{"env", "A=b"}, "env A=b"},
		{[]string{"if"}, "'if'"},
		{[]string{"echo", "a\nb"}, "echo 'a\nb'"},
		{[]string{"echo", "\x1b[31m'\\"}, `echo $'\033[31m\'\\'`},
		{[]string{"echo", "\xff1"}, `echo $'\3771'`},
		{[]string{"echo", "\u0085é"}, `echo $'\302\205é'`},
		{[]string{"echo", "grüß"}, "echo 'grüß'"},
	} {
		if got := shellword.Quote(test.argv); got != test.want {
			t.Errorf("Quote(%q): got %s, want %s", test.argv, got, test.want)
		}
	}
}

// What bash reads from the quoted command is what was quoted.
func TestQuoteReadsBack(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash: it is the judge of its own quoting")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const alphabet = "ab'\"\\$`!*?[]{}()<>|&;~#=%^ \t\n\x01\x1b\x7f\x80\xff\xc2\x85é-0"
	for range 50 {
		argv := []string{"printf", `%s\0`}
		for range 8 {
			word := make([]byte, random.IntN(8))
			for i := range word {
				word[i] = alphabet[random.IntN(len(alphabet))]
			}
			argv = append(argv, string(word))
		}
		command := shellword.Quote(argv)
		out, err := exec.Command(bash, "-c", command).Output()
		if err != nil {
			t.Fatalf("bash -c %q: %v", command, err)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		if !slices.Equal(got, argv[2:]) {
			t.Fatalf("%s: got %q, want %q", command, got, argv[2:])
		}
	}
}
