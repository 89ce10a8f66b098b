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
	{"name and value", `{"headers":[{"name":"Authorization","value":"Bearer abc"},{"value":7,"key":"DB_PASSWORD"}]}`, `{"headers":[{"name":"Authorization","value":"Bearer «authorization»"},{"value":"«password»","key":"DB_PASSWORD"}]}`, 2},
	{"harmless name and value", `{"headers":[{"name":"Accept","value":"hunter2"},{"name":"DB_PASSWORD","value":"$X"}]}`, `{"headers":[{"name":"Accept","value":"hunter2"},{"name":"DB_PASSWORD","value":"$X"}]}`, 0},
	{"value with a secret of its own", `{"value":"mysql -phunter2","name":"PASSWORD"}`, `{"value":"«password»","name":"PASSWORD"}`, 1},
	{"list of pairs", `{"headers":[["Authorization","abc1"],["Accept","x1"]]}`, `{"headers":[["Authorization","«authorization»"],["Accept","x1"]]}`, 1},
	{"list of names", `{"fields":[["password","username"],["token","id"]],"required":["password","name1"]}`, `{"fields":[["password","username"],["token","id"]],"required":["password","name1"]}`, 0},
	{"command and arguments", `{"command":"mysql","args":["-u","root","-phunter2"]}`, `{"command":"mysql","args":["-u","root","-p«password»"]}`, 1},
	{"arguments before the command", `{"args":["-u","me:pw \"x\""],"command":"/usr/bin/curl"}`, `{"args":["-u","me:«password»"],"command":"/usr/bin/curl"}`, 1},
	{"arguments with their command", `{"argv":["sudo","curl","-u","me:pw","TOKEN=ab"]}`, `{"argv":["sudo","curl","-u","me:«password»","TOKEN=«token»"]}`, 2},
	{"arguments of something else", `{"command":"ssh","args":["-p","2222","h"]}`, `{"command":"ssh","args":["-p","2222","h"]}`, 0},
	{"value below the name", `{"password":{"value":"x","since":"y"}}`, `{"password":{"value":"«password»","since":"y"}}`, 1},
	{"schema", `{"password":{"type":"string","description":"the password","default":"x"}}`, `{"password":{"type":"string","description":"the password","default":"x"}}`, 0},
	{"user and password", `{"auth":["me","hunter2"]}`, `{"auth":["me","«password»"]}`, 1},
	{"cookies", `{"cookies":{"sid":"abc1","lang":"en"}}`, `{"cookies":{"sid":"«cookie»","lang":"en"}}`, 1},
	{"jar of cookies", `{"cookies":[{"name":"sid","value":"abc1","domain":"h1.example","path":"/a1"}]}`, `{"cookies":[{"name":"sid","value":"«cookie»","domain":"h1.example","path":"/a1"}]}`, 1},
	{"JSON in JSON in JSON", `{"a":"{\"b\":\"{\\\"password\\\":\\\"x\\\",\\\"token\\\":7}\"}"}`, `{"a":"{\"b\":\"{\\\"password\\\":\\\"«password»\\\",\\\"token\\\":\\\"«token»\\\"}\"}"}`, 2},
	{"white space", " {\n \"password\" : \"x\" }\n", " {\n \"password\" : \"«password»\" }\n", 1},
	{"masked", `{"password":"«password»","token":"«token»"}`, `{"password":"«password»","token":"«token»"}`, 0},
	{"masked names", `{"x-«github-token:85558864»":1,"-«password»":"a1","h":[{"name":"«token:12345678»","value":"b1"}]}`, `{"x-«github-token:85558864»":1,"-«password»":"a1","h":[{"name":"«token:12345678»","value":"b1"}]}`, 0},
	{"values of a name", `{"name":"DB_PASSWORD","values":["hunter2"]}`, `{"name":"DB_PASSWORD","values":["«password»"]}`, 1},
	{"default of a name", `{"name":"DB_PASSWORD","default":"hunter2"}`, `{"name":"DB_PASSWORD","default":"«password»"}`, 1},
	{"new value of a name", `{"key":"DB_PASSWORD","new_value":"hunter2"}`, `{"key":"DB_PASSWORD","new_value":"«password»"}`, 1},
	{"new value below the name", `{"password":{"new":"hunter2"}}`, `{"password":{"new":"«password»"}}`, 1},
	{"typed into a field", `{"element":"Password field","ref":"e3","text":"hunter2"}`, `{"element":"Password field","ref":"e3","text":"«password»"}`, 1},
	{"typed into a selector", `{"selector":"input[name=password]","text":"hunter2"}`, `{"selector":"input[name=password]","text":"«password»"}`, 1},
	{"typed elsewhere", `{"element":"User field","ref":"e3","text":"hunter2"}`, `{"element":"User field","ref":"e3","text":"hunter2"}`, 0},
	{"key in lines", `{"k":["{five}BEGIN PRIVATE KEY{five}","{64}","{five}END PRIVATE KEY{five}"]}`, `{"k":["{five}BEGIN PRIVATE KEY{five}","«private-key»","{five}END PRIVATE KEY{five}"]}`, 1},
	{"results", `{"pass":12,"fail":0}`, `{"pass":12,"fail":0}`, 0},
	{"a number as a password", `{"pass":12345,"user":"me"}`, `{"pass":"«password»","user":"me"}`, 1},
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
