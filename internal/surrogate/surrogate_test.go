package surrogate

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestIn(t *testing.T) {
	for text, want := range map[string]bool{
		``:                         false,
		`"a"`:                      false,
		`"\ud83d\ude00"`:           false,
		`"\uD83D\uDE00\n"`:         false,
		`"\ud83d"`:                 true,
		`"\ude00"`:                 true,
		`"\ud83da\ude00"`:          true,
		`"\ud83d\n"`:               true,
		`"\ud83d\\ude00"`:          true,
		`"\ud83d\ud83d\ude00"`:     true,
		`"\ude00\ud83d"`:           true,
		`"\\ud83d"`:                false, // a backslash, and letters
		`"\\\ud83d"`:               true,
		`"\ud7ff\ue000"`:           false,
		`{"\udc00":1}`:             true,
		`"\ud83d`:                  true,
		`"\ud83d\u00e4\ude00"`:     true,
		`"\ud83d","\ude00"`:        true,
		`"\ufffd` + "\ufffd" + `"`: false,
	} {
		if got := In([]byte(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestPieces: into whatever pieces JSON is cut, the answer is the same, and there is a half exactly
// where the standard library's reader puts a U+FFFD of its own.
func TestPieces(t *testing.T) {
	part := rapid.SampledFrom([]string{`\ud83d`, `\ude00`, `\uDBFF`, `\n`, `\\`, `\"`, `a`, `ud83d`, `\u0041`, "\u00e4", `\udfff`})
	rapid.Check(t, func(t *rapid.T) {
		text := `"` + strings.Join(rapid.SliceOf(part).Draw(t, "parts"), "") + `"`
		var said string
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			t.Fatal(err)
		}
		want := strings.ContainsRune(said, utf8.RuneError)
		var c Check
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			c.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		if got := c.Lone(); got != want || In([]byte(text)) != want {
			t.Errorf("%s: %v in pieces, %v at once, want %v", text, got, In([]byte(text)), want)
		}
	})
}
