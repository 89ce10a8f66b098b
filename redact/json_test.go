package redact_test

import (
	"encoding/json"
	"testing"

	"github.com/etch-audit/etch/redact"
)

// jsonCases are documents and their masked form, written as in testdata/masked.txt.
var jsonCases = []struct {
	name, in, want string
	count          int
}{
	{"command", `{"command":"mysql -phunter2 shop"}`, `{"command":"mysql -p«password» shop"}`, 1},
	{"member", `{"password":"hunter2","user":"me"}`, `{"password":"«password»","user":"me"}`, 1},
	{"member with any text", `{"password":"a b; c \"d\" é"}`, `{"password":"«password»"}`, 1},
	{"number", `{"pin":1,"password":12345}`, `{"pin":1,"password":"«password»"}`, 1},
	{"negative number", `{"token": -1.5e3 }`, `{"token": "«token»" }`, 1},
	{"list", `{"passwords":["a",1,null]}`, `{"passwords":["«password»","«password»",null]}`, 2},
	{"nested", `{"a":[{"b":{"clientSecret":"x"}}]}`, `{"a":[{"b":{"clientSecret":"«secret»"}}]}`, 1},
	{"authorization", `{"authorization":"Bearer abc"}`, `{"authorization":"Bearer «authorization»"}`, 1},
	{"authorization without scheme", `{"Authorization":"abc"}`, `{"Authorization":"«authorization»"}`, 1},
	{"cookie", `{"cookie":"a=b; c=d"}`, `{"cookie":"«cookie»"}`, 1},
	{"private key", `{"private_key":"{five}BEGIN PRIVATE KEY{five}\n{64}\n{five}END PRIVATE KEY{five}\n"}`, `{"private_key":"«private-key»"}`, 1},
	{"private key in text", `{"text":"a\n{five}BEGIN PRIVATE KEY{five}\n{64}\n{five}END PRIVATE KEY{five}\nb"}`, `{"text":"a\n«private-key»\nb"}`, 1},
	{"escapes stay", `{"command":"A=\u0041\t\ud83d\ude00 TOKEN=\"a\u0062c\" \/ \ud800x"}`, `{"command":"A=\u0041\t\ud83d\ude00 TOKEN=\"«token»\" \/ \ud800x"}`, 1},
	{"escaped name in text", `{"command":"\u0050ASSWORD=x y"}`, `{"command":"\u0050ASSWORD=«password» y"}`, 1},
	{"JSON in a string", `{"body":"{\"password\":\"x\",\"n\":1}"}`, `{"body":"{\"password\":\"«password»\",\"n\":1}"}`, 1},
	{"arguments", `["tool","--password","a b","--user","me"]`, `["tool","--password","«password»","--user","me"]`, 1},
	{"option without value", `["tool","--password","--user","me"]`, `["tool","--password","--user","me"]`, 0},
	{"URL", `{"url":"https://u:p@h/"}`, `{"url":"https://u:«url-password»@h/"}`, 1},
	{"headers", `{"headers":{"X-Api-Key":"abc","Accept":"*/*"}}`, `{"headers":{"X-Api-Key":"«key»","Accept":"*/*"}}`, 1},
	{"scalar", `"PASSWORD=x"`, `"PASSWORD=«password»"`, 1},
	{"reference", `{"password":"${PW}","token":"$TOKEN"}`, `{"password":"${PW}","token":"$TOKEN"}`, 0},
	{"path of a key", `{"private_key":"/etc/ssl/a.key"}`, `{"private_key":"/etc/ssl/a.key"}`, 0},
	{"constants", `{"password":true,"token":null,"secret":"","passwords":[]}`, `{"password":true,"token":null,"secret":"","passwords":[]}`, 0},
	{"counts", `{"max_tokens":100,"tokens":5,"key":"a","author":"me","page_token":"abc"}`, `{"max_tokens":100,"tokens":5,"key":"a","author":"me","page_token":"abc"}`, 0},
	{"secrets as an object", `{"token":{"type":"x","n":1}}`, `{"token":{"type":"x","n":1}}`, 0},
	{"white space", " {\n \"password\" : \"x\" }\n", " {\n \"password\" : \"«password»\" }\n", 1},
	{"masked", `{"password":"«password»","token":"«token»"}`, `{"password":"«password»","token":"«token»"}`, 0},
	{"no JSON", `{"password":"x"`, `{"password":"«password»"`, 1},
	{"empty", ``, ``, 0},
}

func TestJSON(t *testing.T) {
	for _, c := range jsonCases {
		t.Run(c.name, func(t *testing.T) {
			in, want := []byte(expand(c.in)), expand(c.want)
			got, n := redact.JSON(in)
			if string(got) != want || n != c.count {
				t.Errorf("got  %s, %d\nwant %s, %d", got, n, want, c.count)
			}
			if n == 0 && len(in) > 0 && &got[0] != &in[0] {
				t.Error("got a copy, want the input itself")
			}
			checkJSON(t, in)
		})
	}
}

func TestJSONAllocates(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it goes with -race, under which a sync.Pool forgets at random")
	}
	in, err := json.Marshal(map[string]any{"command": cleanCommand, "n": 1, "quoted": "a \"b\"\nc", "list": []string{"a", "--b", "c"}})
	if err != nil {
		t.Fatal(err)
	}
	if allocs := testing.AllocsPerRun(100, func() { redact.JSON(in) }); allocs != 0 {
		t.Errorf("got %v allocations, want 0", allocs)
	}
}
