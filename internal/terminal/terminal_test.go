package terminal_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/etch-audit/etch/internal/terminal"
)

func TestText(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"ls -la", "ls -la"},
		{`C:\dir`, `C:\dir`},
		{"grüße 中文 🙂", "grüße 中文 🙂"},
		{"e\u0301", "e\u0301"},
		{"a\nb\tc\rd", `a\nb\tc\rd`},
		{"\x1b[2J\x1b]0;title\x07", `\x1b[2J\x1b]0;title\x07`},
		{"\x00\x7f", `\x00\u007f`},
		{"\u009b31m", `\u009b31m`}, // CSI as one character
		{"\x9b31m", `\x9b31m`},     // and as a byte that is no UTF-8
		{"a\xffb\xc3", `a\xffb\xc3`},
		{"\xed\xa0\x80", `\xed\xa0\x80`}, // a surrogate
		{"\ufffd", "\ufffd"},
		{"rm \u202efoo\u202c \u2066x\u2069", `rm \u202efoo\u202c \u2066x\u2069`},
		{"\u200b\u200d\u200e\ufeff\u00ad", `\u200b\u200d\u200e\ufeff\u00ad`},
		{"a\u00a0b\u3000c", `a\u00a0b\u3000c`}, // blanks that are not the common one
		{"\u2028\u2029", `\u2028\u2029`},
		{"\U000e0041", `\udb40\udc41`}, // a tag: text that nobody sees
		{"\ue000\U0010ffff", `\ue000\udbff\udfff`},
		{"x\ufe0f\u3164y", `x\ufe0f\u3164y`},
		{"e\u0301\u0302\u0303\u0304", "e\u0301\u0302\u0303\u0304"},
		{"e\u0301\u0301\u0301\u0301\u0301\u0301x\u0301", "e\u0301\u0301\u0301\u0301" + `\u0301\u0301` + "x\u0301"},
		{"\u4e2d" + strings.Repeat("\u0301", 6), "\u4e2d" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
	} {
		if got := terminal.Text(test.in); got != test.want {
			t.Errorf("Text(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "grüße": 5, "中文": 4, "🙂!": 3, "e\u0301x": 2, "한글": 4, "…": 1, "ﬁ": 1, "ｆ": 2,
	} {
		if got := terminal.Width(text); got != want {
			t.Errorf("Width(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		in   string
		most int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"abc", 1, "…"},
		{"abc", 0, ""},
		{"", 0, ""},
		{"a", 1, "a"},
		{"中文字", 6, "中文字"},
		{"中文字", 5, "中文…"},
		{"中文字", 4, "中…"},
		{"grüße", 5, "grüße"},
		{"grüße", 4, "grü…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301"},
	} {
		got := terminal.Cut(test.in, test.most)
		if got != test.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.in, test.most, got, test.want)
		}
		if w := terminal.Width(got); w > test.most {
			t.Errorf("Cut(%q, %d) takes %d columns", test.in, test.most, w)
		}
	}
}

// Whatever the pieces in which a text is written, the outcome is the same.
func TestWriterInPieces(t *testing.T) {
	const text = "one\r\ntwo \x1b[0m\n中文\u009b\xff\xe4\n\r\rthree\xf0\x9f\x99"
	const want = "one\r\ntwo \\x1b[0m\n中文\\u009b\\xff\\xe4\n\\r\\rthree\\xf0\\x9f\\x99"
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		w := terminal.NewWriter(&out)
		for at := 0; at < len(text); at += size {
			piece := text[at:min(len(text), at+size)]
			if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Fatalf("Write(%q) = %d, %v", piece, n, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != want {
			t.Errorf("in pieces of %d: %q, want %q", size, out.String(), want)
		}
	}
}

// harmful returns the first character that a terminal would not just show.
func harmful(s string) (rune, bool) {
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) || unicode.Is(unicode.Z, r) && r != ' ' {
			return r, true
		}
	}
	return 0, false
}

func FuzzText(f *testing.F) {
	f.Add("ls -la", 5)
	f.Add("\x1b[2J\u202e\u009b\xff\r\n", 3)
	f.Add("中文🙂e\u0301", 4)
	f.Fuzz(func(t *testing.T, text string, most int) {
		shown := terminal.Text(text)
		if r, ok := harmful(shown); ok {
			t.Errorf("Text(%q) holds %U", text, r)
		}
		if again := terminal.Text(shown); again != shown {
			t.Errorf("Text twice: %q, %q", shown, again)
		}
		cut := terminal.Cut(shown, most)
		if w := terminal.Width(cut); w > max(0, most) {
			t.Errorf("Cut(%q, %d) takes %d columns", shown, most, w)
		}
		if kept, isCut := strings.CutSuffix(cut, "…"); cut != shown && most > 0 && (!isCut || !strings.HasPrefix(shown, kept)) {
			t.Errorf("Cut(%q, %d) = %q", shown, most, cut)
		}
		checkJSON(t, text)
	})
}

// checkJSON writes a string of JSON through a Writer: it stays the same value.
func checkJSON(t *testing.T, text string) {
	t.Helper()
	text = strings.ToValidUTF8(text, "?")
	var in, out bytes.Buffer
	enc := json.NewEncoder(&in)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		t.Fatal(err)
	}
	w := terminal.NewWriter(&out)
	if _, err := w.Write(in.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if r, ok := harmful(strings.TrimSuffix(out.String(), "\n")); ok {
		t.Errorf("JSON of %q holds %U", text, r)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != text {
		t.Errorf("JSON of %q became %q (%v)", text, got, err)
	}
}

func TestFold(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"short", 10, []string{"short"}},
		{"ten of ten", 10, []string{"ten of ten"}},
		{"make lint test race", 10, []string{"make lint", "test race"}},
		{"a/path/without/blanks", 10, []string{"a/path/wit", "hout/blank", "s"}},
		{"x yyyyyyyyyyyyyyy", 10, []string{"x yyyyyyyy", "yyyyyyy"}}, // a blank in the first half breaks nothing
		{"日本語の長いテキスト", 9, []string{"日本語の", "長いテキ", "スト"}},
		{"one two three four five six seven eight nine", 10, []string{"one two", "three four", "five six", "…ight nine"}},
		{"日本", 1, []string{"日", "本"}},
	} {
		got := terminal.Fold(test.text, test.width, 4)
		if diff := cmp.Diff(got, test.want); diff != "" {
			t.Errorf("Fold(%q, %d) (-got +want):\n%s", test.text, test.width, diff)
		}
	}
}

// No line is too wide, and nothing is lost but blanks, and the middle of what is
// too long.
// The end of what is left out does not begin with a mark that would stand on "…".
func TestFoldMark(t *testing.T) {
	lines := terminal.Fold("abcdefghe\u0301xyz", 4, 1)
	if len(lines) != 1 || lines[0] != "…xyz" {
		t.Errorf("got %q, want …xyz", lines)
	}
}

func FuzzFold(f *testing.F) {
	f.Add("make lint && make test", 10, 4)
	f.Add("日本語 \u0301x", 3, 2)
	f.Fuzz(func(t *testing.T, text string, width, most int) {
		text, width, most = terminal.Text(text), 2+max(0, width%100), 1+max(0, most%6)
		lines := terminal.Fold(text, width, most)
		if len(lines) > most {
			t.Fatalf("%d lines, want at most %d", len(lines), most)
		}
		for _, line := range lines {
			if n := terminal.Width(line); n > width {
				t.Errorf("%d columns, want at most %d: %q", n, width, line)
			}
		}
		rest := strings.ReplaceAll(text, " ", "")
		for _, line := range lines {
			line = strings.ReplaceAll(line, " ", "")
			if end, ok := strings.CutPrefix(line, "…"); ok && !strings.HasPrefix(rest, line) {
				rest = rest[max(0, len(rest)-len(end)):]
				line = end
			}
			if !strings.HasPrefix(rest, line) {
				t.Fatalf("%q is not in %q: %q", line, rest, lines)
			}
			rest = rest[len(line):]
		}
		if rest != "" {
			t.Errorf("%q is lost of %q: %q", rest, text, lines)
		}
	})
}
