//go:build goexperiment.jsonv2

package etch

import (
	"bytes"
	"encoding/json/jsontext"
	"errors"
	"io"
	"strings"
	"testing"
)

// encoding/json/jsontext is as strict as the scanner means to be: they must
// agree on every text.
func FuzzScannerAgainstJSONText(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e3,null],"b":{"c":"\ud83d\ude42\n"}}`, `{"a":1,"\u0061":2}`, `"\ud800"`, "\"\xff\"", `[[[]]]`, ` 1 `, `{"a":tru}`,
		`{"":{"":[]},"a":{}}`, `"\udc00\ud800"`, `"\uD83D\uDE42"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := checkArguments(text)
		if err != nil && strings.Contains(err.Error(), "deep") {
			return
		}
		d := jsontext.NewDecoder(bytes.NewReader(text))
		_, want := d.ReadValue()
		if want == nil {
			if _, want = d.ReadToken(); errors.Is(want, io.EOF) {
				want = nil
			} else if want == nil {
				want = errors.New("a second value")
			}
		}
		if (err == nil) != (want == nil) {
			t.Errorf("%q: scanner says %v, jsontext says %v", text, err, want)
		}
	})
}
