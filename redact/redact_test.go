package redact_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/etch-audit/etch/redact"
)

var placeholder = regexp.MustCompile(`\{(hex|up|)(\d+)\}`)

// expand turns a line of testdata into the text it stands for. The tokens are put together here, so that no file of the
// repository holds a text that a secret scanner takes for a real one.
func expand(s string) string {
	alphabets := map[string]string{
		"":    "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7",
		"hex": "0a1b2c3d4e5f6789",
		"up":  "A2B3C4D5E6F7G2H3",
	}
	s = placeholder.ReplaceAllStringFunc(s, func(m string) string {
		parts := placeholder.FindStringSubmatch(m)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			panic(err)
		}
		a := alphabets[parts[1]]
		return strings.Repeat(a, n/len(a)+1)[:n]
	})
	return strings.NewReplacer("{five}", "-----", "«", redact.MaskPrefix, "»", "]", "␤", "\n", "␉", "\t").Replace(s)
}

// lines returns the cases of a file of testdata with their line numbers.
func lines(t testing.TB, name string) map[int]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int]string{}
	for i, line := range strings.Split(string(data), "\n") {
		if line != "" && !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "== ") {
			out[i+1] = line
		}
	}
	return out
}

// maskedCases returns the pairs of masked.txt by line.
func maskedCases(t testing.TB) map[int][2]string {
	t.Helper()
	all := lines(t, "masked.txt")
	out := map[int][2]string{}
	for n, line := range all {
		if strings.HasPrefix(line, "=> ") {
			continue
		}
		want, ok := strings.CutPrefix(all[n+1], "=> ")
		if !ok {
			t.Fatalf("masked.txt:%d: no line with the result after it", n)
		}
		out[n] = [2]string{expand(line), expand(want)}
	}
	return out
}

func TestMasked(t *testing.T) {
	cases := maskedCases(t)
	if len(cases) < 150 {
		t.Errorf("got %d cases, want 150 or more", len(cases))
	}
	seen := map[string]bool{}
	for n, c := range cases {
		got, count := redact.Text(c[0])
		if got != c[1] {
			t.Errorf("masked.txt:%d:\n  in   %q\n  got  %q\n  want %q", n, c[0], got, c[1])
		}
		if (count == 0) != (c[0] == got) {
			t.Errorf("masked.txt:%d: got a count of %d for %q", n, count, got)
		}
		if again, count := redact.Text(got); again != got || count != 0 {
			t.Errorf("masked.txt:%d: masked again: got %q, %d, want %q, 0", n, again, count, got)
		}
		for _, r := range redact.Rules() {
			seen[r] = seen[r] || strings.Contains(got, redact.MaskPrefix+r+"]")
		}
	}
	for _, r := range redact.Rules() {
		if !seen[r] {
			t.Errorf("no case masks by the rule %s", r)
		}
	}
}

func TestClean(t *testing.T) {
	cases := lines(t, "clean.txt")
	if len(cases) < 100 {
		t.Errorf("got %d cases, want 100 or more", len(cases))
	}
	for n, line := range cases {
		in := expand(line)
		got, count := redact.Text(in)
		if got != in || count != 0 {
			t.Errorf("clean.txt:%d:\n  in  %q\n  got %q, %d", n, in, got, count)
		}
		if allocs := testing.AllocsPerRun(20, func() { redact.Text(in) }); allocs != 0 {
			t.Errorf("clean.txt:%d: got %v allocations for %q, want 0", n, allocs, in)
		}
	}
}
