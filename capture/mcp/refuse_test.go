package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/etch-audit/etch"
	"github.com/google/go-cmp/cmp"
)

// strict refuses the tool "bad", and what has "rm" among its arguments.
func strict() Options {
	return Options{Deny: etch.RiskHigh, Judge: func(e *etch.Event) (etch.Risk, []string) {
		if e.Action.Tool == "bad" || bytes.Contains(e.Action.Arguments, []byte("rm")) {
			return etch.RiskCritical, []string{"test: it is bad"}
		}
		return etch.RiskLow, nil
	}}
}

// counted counts how often is judged.
func counted(opt Options) (Options, *atomic.Int64) {
	n, judge := new(atomic.Int64), opt.Judge
	opt.Judge = func(e *etch.Event) (etch.Risk, []string) {
		n.Add(1)
		return judge(e)
	}
	return opt, n
}

const (
	refusedWhy  = "risk critical is at or above the limit high: test: it is bad"
	noJSONText  = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: it is not JSON"}}`
	halvedText  = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: half of a surrogate pair is in it, and readers differ in what that says"}}`
	garbledText = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: it is not UTF-8, and readers differ in what stands there"}}`
	refusedText = `{"jsonrpc":"2.0","id":%s,"error":{"code":-32080,"message":"etch refuses this call: ` + refusedWhy + `"}}`
)

// What the policy refuses does not reach the server, is answered, and recorded;
// everything else passes as it came.
func TestDenyStdio(t *testing.T) {
	call := func(id, tool string) string { return fmt.Sprintf(toolCall, id, tool) }
	wide := func(tool string) string {
		return "{\n \"jsonrpc\": \"2.0\", \"id\": 4,\n\"method\":\"tools/call\",\"params\":{\"name\":\"" + tool + "\"}\n}"
	}
	ambiguous := `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"bad","name":"good"}}`
	for name, test := range map[string]struct{ says, passes, hears string }{
		"a call":               {call("1", "bad"), "", fmt.Sprintf(refusedText, "1")},
		"by its arguments":     {`{"id":"x","method":"tools/call","params":{"name":"sh","arguments":{"command":"rm"}}}`, "", fmt.Sprintf(refusedText, `"x"`)},
		"another":              {call("1", "good") + "\r", call("1", "good") + "\r\n", ""},
		"long arguments":       {`{"id":1,"method":"tools/call","params":{"name":"sh","arguments":{"a":"` + strings.Repeat("x", 1<<20) + `","b":"rm"}}}`, "", fmt.Sprintf(refusedText, "1")},
		"without an id":        {`{"method":"tools/call","params":{"name":"bad"}}`, "", ""},
		"over lines":           {wide("bad"), "", fmt.Sprintf(refusedText, "4")},
		"over lines, harmless": {wide("good"), wide("good") + "\n", ""},
		"a batch": {
			"[" + call("1", "good") + "," + call("2", "bad") + `,{"method":"notifications/initialized"}]`, "",
			`[{"jsonrpc":"2.0","id":1,"error":{"code":-32080,"message":"etch refuses this call, which came together with another: ` + refusedWhy + `"}},` +
				fmt.Sprintf(refusedText, "2") + "]",
		},
		"two on a line": {
			call("1", "bad") + call("2", "bad"), "", fmt.Sprintf(refusedText, "1") + "\n" + fmt.Sprintf(refusedText, "2"),
		},
		"no JSON": {
			"bad", "", `{"jsonrpc":"2.0","id":null,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: it is not JSON"}}`,
		},
		"a value that is none": {
			`{"id":1,"method":"tools/call","params":{"name":"sh","arguments":{"t":NaN,"command":"x"}}}`, "", fmt.Sprintf(noJSONText, "1"),
		},
		"a comment": {
			`{"id":1,"method":"ping","params":{"x":/*,"y":*/1}}`, "", fmt.Sprintf(noJSONText, "1"),
		},
		"no JSON in an answer": {`{"id":1,"result":NaN}`, "", fmt.Sprintf(noJSONText, "null")},
		"one of two": {
			call("1", "good") + ` {"id":2,"method":"ping","params":{"x":1,}}`, "", fmt.Sprintf(noJSONText, "1") + "\n" + fmt.Sprintf(noJSONText, "2"),
		},
		"a batch without end": {"[ ", "", fmt.Sprintf(noJSONText, "null")},
		"a CR within": {
			`{"id":1,"method":"ping","params":` + "\r" + call("2", "bad") + "\r}", "",
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: a CR stands in it, where some readers end a line"}}`,
		},
		"a CR at each end": {"{\r\n\"id\":1,\"method\":\"ping\"\r\n}\r", "{\r\n\"id\":1,\"method\":\"ping\"\r\n}\r\n", ""},
		"a batch that is a line within": {
			`{"id":1,"method":"ping","params":` + "\n[{}," + call("2", "bad") + "]\n}",
			"", fmt.Sprintf(noJSONText, "1") + "\n[" + fmt.Sprintf(refusedText, "2") + "]\n" + fmt.Sprintf(noJSONText, "null"),
		},
		"no UTF-8": {
			call("1", "go\xffod") + "\n" + `{"id":2,"method":"ping","params":"` + "\xed\xa0\x80" + `"}` + "\n" + `{"id":3,"result":"` + "\xc3" + `"}`, "",
			fmt.Sprintf(garbledText, "1") + "\n" + fmt.Sprintf(garbledText, "2") + "\n" + fmt.Sprintf(garbledText, "null"),
		},
		"half of a pair": {
			`{"id":1,"method":"tools/call","params":{"name":"sh","arguments":{"command":"r\ud800m"}}}` + "\n" + `{"id":2,"meth\uDC00od":"ping"}`, "",
			fmt.Sprintf(halvedText, "1"), // of the other nobody knows that it asks for anything
		},
		"a whole pair": {`{"id":1,"method":"ping","params":"\ud83d\ude00"}`, `{"id":1,"method":"ping","params":"\ud83d\ude00"}` + "\n", ""},
		"UTF-8":        {call("1", "gö\U0001F600d"), call("1", "gö\U0001F600d") + "\n", ""},
		"readers differ": {
			ambiguous, "", `{"jsonrpc":"2.0","id":5,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: a member is given twice or in other letters"}}`,
		},
		"a line within": {
			`{"id":1,"method":"tools/call","params":` + "\n" + `{"id":2,"method":"ping"}` + "\n}",
			`{"id":2,"method":"ping"}` + "\n",
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: it is not JSON"}}` + "\n" +
				`{"jsonrpc":"2.0","id":null,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: it is not JSON"}}`,
		},
		"lines that are none, then one": {
			"{\"id\":1,\n\"method\":\"x\",\n" + call("2", "good"), call("2", "good") + "\n",
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32080,"message":"etch refuses this call: it cannot be judged: it is not JSON"}}`,
		},
		"lists, answers, empty lines": {
			`{"id":1,"method":"tools/list"}` + "\n\n" + `{"id":9,"result":{}}`, `{"id":1,"method":"tools/list"}` + "\n\n" + `{"id":9,"result":{}}` + "\n", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := `{"id":"first","method":"ping"}`+"\n", `{"id":"last","method":"ping"}`+"\n"
			passed := t.TempDir() + "/passed"
			p := tapped(t, &Command{Options: strict(), Argv: serverArgv("replay", os.DevNull, passed)})
			heard := p.hears()
			p.says(before + test.says + "\n" + after)
			if err := p.in.Close(); err != nil {
				t.Fatal(err)
			}
			if out := p.wait(); out.Exit != 0 || out.Unrecorded != nil {
				t.Errorf("got %+v", out)
			}
			got, err := os.ReadFile(passed)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(before+test.passes+after, string(got)); d != "" {
				t.Errorf("the server gets (-want +got):\n%s", d)
			}
			if test.hears != "" {
				test.hears += "\n"
			}
			if d := cmp.Diff(test.hears, string(heard())); d != "" {
				t.Errorf("the client hears (-want +got):\n%s", d)
			}
		})
	}
}

// What is refused is on record, before the client hears of it, and each call was
// judged once.
func TestDenyRecord(t *testing.T) {
	opt, judged := counted(strict())
	p := tapped(t, &Command{Options: opt, Argv: serverArgv("answer")})
	p.says(fmt.Sprintf(toolCall, "1", "good") + "\n")
	p.line()
	p.says("[" + fmt.Sprintf(toolCall, "2", "bad") + "," + fmt.Sprintf(toolCall, "3", "good") + "]\n")
	p.line()
	want := []string{
		"session_start success", "tool_call attempt good", "tool_call completion good success",
		"tool_call attempt bad", "tool_call completion bad blocked " + refusedWhy,
		"tool_call attempt good", "tool_call completion good blocked it came together with what is refused",
	}
	if d := cmp.Diff(want, told(p.log.all())); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	e := p.log.all()[4]
	if e.Action.Allowed || e.Action.Approved || e.Action.Risk != etch.RiskCritical || e.Security.PolicyMatch != "deny_risk=high" || e.CallID != p.log.all()[3].CallID {
		t.Errorf("got %+v, %+v", e.Action, e.Security)
	}
	for _, line := range []string{"words\n", `{"method":"ping","x":NaN}` + "\n"} {
		before := len(p.log.all())
		p.says(line)
		p.line()
		events := p.log.all()
		if len(events) != before+1 {
			t.Fatalf("%s: %d events were added, want 1", line, len(events)-before)
		}
		if e := events[before]; e.Type != etch.SecurityEvent || e.Action.Allowed || e.Result.Type != etch.Blocked {
			t.Errorf("%s: got %+v, %+v", line, e, e.Action)
		}
	}
	for want, line := range map[string]string{
		notJSON: `{"x":NaN,"method":"tools/call","params":{"name":"good"}}`,
		loneCR:  "{\"id\":1,\r\"method\":\"tools/call\",\"params\":{\"name\":\"good\"}}",
	} {
		p.says(line + "\n")
		p.line()
		events := p.log.all()
		if e := events[len(events)-1]; e.Action.Tool != "good" || e.Action.Allowed || e.Result.Reason != want {
			t.Errorf("%s: got %+v, %+v", line, e, e.Action)
		}
	}
	if err := p.in.Close(); err != nil {
		t.Fatal(err)
	}
	p.wait()
	if n := judged.Load(); n != 3 { // what cannot be judged is not
		t.Errorf("3 calls were judged %d times", n)
	}
}

// What is too much to be held back is refused, with bounded memory, and the next
// line passes.
func TestDenyTooLong(t *testing.T) {
	for name, write := range map[string]func(w io.Writer){
		"long": func(w io.Writer) {
			_, _ = io.WriteString(w, `{"id":1,"method":"tools/call","params":{"name":"good","arguments":{"a":"`)
			for piece := bytes.Repeat([]byte("x"), 1<<20); piece != nil; {
				for range mostHeld>>20 + 4 {
					_, _ = w.Write(piece)
				}
				piece = nil
			}
			_, _ = io.WriteString(w, "\"}}}\n")
		},
		"many": func(w io.Writer) {
			_, _ = io.WriteString(w, strings.Repeat(`{"id":1,"method":"ping"}`, 5*mostHeldCount)+"\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			passed := t.TempDir() + "/passed"
			p := tapped(t, &Command{Options: strict(), Argv: serverArgv("replay", os.DevNull, passed)})
			heard := p.hears()
			write(p.in)
			const last = `{"id":2,"method":"ping"}` + "\n"
			p.says(last)
			if err := p.in.Close(); err != nil {
				t.Fatal(err)
			}
			p.wait()
			if got, err := os.ReadFile(passed); err != nil || string(got) != last {
				t.Errorf("the server gets %.100q, %v", got, err)
			}
			if got := heard(); !bytes.Contains(got, []byte(`"id":1,`)) || !bytes.Contains(got, []byte("it is too long")) {
				t.Errorf("the client hears %.200q", got)
			}
		})
	}
}

// Of long arguments the same is recorded with a policy and without: they are all there
// to be judged, and shall not all be read once more for the record.
func TestDenyRecordsNoMore(t *testing.T) {
	call := fmt.Sprintf(`{"id":1,"method":"tools/call","params":{"name":"good","arguments":{"a":%q}}}`+"\n", strings.Repeat("x", slotArguments.keeps()))
	var recorded [2]string
	for i, opt := range []Options{{}, strict()} {
		opt.Arguments = func(string, json.RawMessage) (json.RawMessage, string) {
			t.Error("they are read")
			return nil, ""
		}
		log := new(notebook)
		w := newWitness(log, &opt)
		r := &running{Command: &Command{Options: opt}, w: w, s: newSession(&opt, "mcp_1", start, w.add), deaf: true}
		take, _ := r.unjudged()
		if opt.judges() {
			take = r.gate().feed
		}
		take([]byte(call))
		if err := w.close(); err != nil {
			t.Fatal(err)
		}
		for _, e := range log.all() {
			if e.Phase == etch.Attempt {
				recorded[i] = string(e.Action.Arguments)
			}
		}
	}
	if !strings.HasPrefix(recorded[0], `{"bytes":`) || recorded[0] != recorded[1] {
		t.Errorf("got %.200q", recorded)
	}
}

// Without a policy nothing is judged or held back.
func TestDenyOff(t *testing.T) {
	opt := strict()
	opt.Deny = ""
	p := tapped(t, &Command{Options: opt, Argv: serverArgv("echo")})
	heard := p.hears()
	const text = "words\n{\n" + `{"method":"tools/call","params":{"name":"bad"}}` + "\n" + `{"id":1,"method":"tools/call","params":{"name":"` + "\xff\xfe" + `"}}` + "\n"
	p.says(text)
	if err := p.in.Close(); err != nil {
		t.Fatal(err)
	}
	p.wait()
	if got := string(heard()); got != text {
		t.Errorf("got %q", got)
	}
}

// Whatever the pieces in which it comes, the same is refused.
func FuzzGate(f *testing.F) {
	f.Add([]byte("{\"id\":1,\n\"method\":\"tools/call\",\"params\":{\"name\":\"bad\"}}\n{}{\n{\"id\":1}\n\n[{}]\nx"), uint64(1))
	f.Add([]byte("{\"id\":1,\r\"a\":NaN}\r\n[{}]{\"a\":\"\\\"}\"}\n[\n{\"id\":1,\n\"a\":tru}\r"), uint64(3))
	f.Add([]byte("{\"id\":1,\"params\":\n{\"id\":2,\"method\":\"a\"}\n}{\"method\":\"bad\"}\n"), uint64(2))
	f.Add([]byte("{\"id\":\"\xff\"}\n{\"id\":\"\xc3\n\xa9\"}\n"), uint64(4))
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		run := func(random *rand.Rand) (passed, denied string, handed []*message) {
			opt, judged := counted(strict())
			calls := int64(0)
			var pass, deny, all bytes.Buffer
			see := func(messages []*message, refused bool) {
				for _, m := range messages {
					if (m.refused != nil) != refused {
						t.Fatalf("%+v was decided otherwise than handed on", m)
					}
					if isCall(m) {
						calls++
					}
				}
			}
			g := &gate{
				opt: &opt,
				pass: func(data []byte, messages []*message) bool {
					pass.Write(data)
					all.Write(data)
					see(messages, false)
					handed = append(handed, messages...)
					return true
				},
				deny: func(data []byte, messages []*message, answer []byte) bool {
					all.Write(data)
					see(messages, true)
					fmt.Fprintf(&deny, "%s|%s|", data, answer)
					return true
				},
			}
			for rest := text; len(rest) > 0; {
				n := len(rest)
				if random != nil {
					n = 1 + random.IntN(min(n, 8))
				}
				g.feed(rest[:n])
				rest = rest[n:]
			}
			g.end()
			if !bytes.Equal(all.Bytes(), text) {
				t.Fatalf("%q was decided, want %q", all.Bytes(), text)
			}
			if n := judged.Load(); n > calls {
				t.Fatalf("%d calls were judged %d times", calls, n)
			}
			return pass.String(), deny.String(), handed
		}
		passed, denied, handed := run(nil)
		inPieces, deniedInPieces, _ := run(rand.New(rand.NewPCG(seed, 0)))
		if passed != inPieces || denied != deniedInPieces {
			t.Fatalf("in pieces %q passes and %q does not, at once %q and %q", inPieces, deniedInPieces, passed, denied)
		}
		opt := strict()
		if !isJSON([]byte(passed)) || hasLoneCR([]byte(passed)) {
			t.Fatalf("of %q passes %q", text, passed)
		}
		found := outlined([]byte(passed), true, nil)
		if !reflect.DeepEqual(found, handed) {
			t.Fatalf("of %q passes %q, and what is handed on is not what is in it (-in it +handed):\n%s", text, passed, cmp.Diff(found, handed, exported))
		}
		if why := opt.decide(found, ""); why != nil {
			t.Fatalf("of %q passes %q: %s", text, passed, why.reason)
		}
	})
}

// What a client is told stands between the server's lines, whoever writes when.
func TestInserter(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var got bytes.Buffer
	i := newInserter(&got)
	var telling sync.WaitGroup
	const lines = 2000
	telling.Go(func() {
		for n := range lines {
			i.tell(fmt.Appendf(nil, "told %d\n", n))
		}
	})
	for n := range lines {
		line := fmt.Sprintf("said %d %s\n", n, strings.Repeat("x", random.IntN(20)))
		for len(line) > 0 {
			k := 1 + random.IntN(len(line))
			if _, err := i.Write([]byte(line[:k])); err != nil {
				t.Fatal(err)
			}
			line = line[k:]
		}
	}
	telling.Wait()
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	said, told := 0, 0
	for line := range strings.Lines(got.String()) {
		switch {
		case strings.HasPrefix(line, fmt.Sprintf("said %d ", said)):
			said++
		case line == fmt.Sprintf("told %d\n", told):
			told++
		default:
			t.Fatalf("got the line %q", line)
		}
	}
	if said != lines || told != lines {
		t.Errorf("%d lines and %d came", said, told)
	}
}

// A client that takes nothing more does not hold up who tells it something.
func TestInserterGone(t *testing.T) {
	i := newInserter(failing{})
	if _, err := i.Write([]byte("x\n")); err == nil {
		t.Error("the failure is not told")
	}
	for range 5 {
		i.tell(make([]byte, mostWaiting))
	}
	if err := i.Close(); err != nil {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }

// A body that other readers may read as another text does not reach a server, and
// a form, which is no message, does.
func TestDenyHTTPWritten(t *testing.T) {
	opt := strict()
	address, _ := proxied(t, &opt, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body) // to a client that compares it
	})
	const ping, form = `{"id":1,"method":"ping"}`, "grant_type=client_credentials&scope=x"
	const formKind = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		body        string
		kind, coded []string
		status      int
		hears       string
	}{
		{ping, nil, nil, http.StatusOK, ping},
		{ping, []string{"application/json"}, []string{"identity", ""}, http.StatusOK, ping},
		{ping, []string{`application/json; charset="UTF-8"`}, nil, http.StatusOK, ping},
		{ping, []string{"application/json; charset=utf-7"}, nil, http.StatusUnsupportedMediaType, "utf-8"},
		{ping, []string{"application/json; charset*=utf-16''utf-16"}, nil, http.StatusUnsupportedMediaType, "utf-8"},
		{ping, []string{"application/json", "application/json; charset=utf-7"}, nil, http.StatusUnsupportedMediaType, "one Content-Type"},
		{ping, []string{"application/json, text/plain; charset=utf-7"}, nil, http.StatusUnsupportedMediaType, "one Content-Type"},
		{ping, []string{""}, nil, http.StatusUnsupportedMediaType, "one Content-Type"},
		{ping, nil, []string{"", "gzip"}, http.StatusUnsupportedMediaType, "no encoding"},
		{ping, nil, []string{"identity", "gzip"}, http.StatusUnsupportedMediaType, "no encoding"},
		{ping + "\r" + ping, nil, nil, http.StatusOK, ping + "\r" + ping}, // of a body nobody reads lines
		{`{"id":1,"method":"ping","x":NaN}`, nil, nil, http.StatusOK, fmt.Sprintf(noJSONText, "1")},
		{form, []string{formKind}, nil, http.StatusOK, form},
		{form, []string{formKind + "; charset=utf-8"}, nil, http.StatusOK, form},
		{"1\n" + fmt.Sprintf(toolCall, "1", "bad"), []string{formKind}, nil, http.StatusOK, "-32080"},
		{"-1 " + fmt.Sprintf(toolCall, "1", "bad"), []string{formKind}, nil, http.StatusOK, "-32080"},
		{"true" + fmt.Sprintf(toolCall, "1", "bad"), []string{formKind}, nil, http.StatusOK, "-32080"},
		{"a=b&" + fmt.Sprintf(toolCall, "1", "bad"), []string{formKind}, nil, http.StatusOK, "-32080"},
		{"a=b[", []string{formKind}, nil, http.StatusOK, "-32080"},
		{"4711=x&y=-%7B%22a%22%7D", []string{formKind}, nil, http.StatusOK, "4711=x&y=-%7B%22a%22%7D"},
		{form, nil, nil, http.StatusOK, fmt.Sprintf(noJSONText, "null")},
		{fmt.Sprintf(toolCall, "1", "bad"), []string{formKind}, nil, http.StatusOK, fmt.Sprintf(refusedText, "1")},
		{" " + fmt.Sprintf(toolCall, "1", "bad"), []string{formKind}, nil, http.StatusOK, fmt.Sprintf(refusedText, "1")},
		{"\ufeff" + ping, []string{formKind}, nil, http.StatusOK, fmt.Sprintf(noJSONText, "null")},
		{"/**/" + ping, []string{formKind}, nil, http.StatusOK, fmt.Sprintf(noJSONText, "null")},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range map[string][]string{"Content-Type": test.kind, "Content-Encoding": test.coded} {
			if values != nil {
				r.Header[name] = values
			}
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != test.status || !strings.Contains(string(got), test.hears) {
			t.Errorf("%s %q %q: got %d %s, %v, want %d %s", test.body, test.kind, test.coded, response.StatusCode, got, err, test.status, test.hears)
		}
	}
}

// What the policy refuses does not reach a server that speaks HTTP.
func TestDenyHTTP(t *testing.T) {
	opt, judged := counted(strict())
	reached := ""
	address, recorded := proxied(t, &opt, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		reached += string(body) + "\n"
		testServer(t)(w, r.WithContext(r.Context()))
	})
	good, bad := fmt.Sprintf(toolCall, "1", "json"), fmt.Sprintf(toolCall, "2", "bad")
	for _, test := range []struct {
		body, coding string
		status       int
		hears        string
	}{
		{good, "", http.StatusBadRequest, ""}, // the body was read
		{bad, "", http.StatusOK, fmt.Sprintf(refusedText, "2") + "\n"},
		{`{"method":"tools/call","params":{"name":"bad"}}`, "", http.StatusForbidden, "etch refuses this call: " + refusedWhy + "\n"},
		{bad, "gzip", http.StatusUnsupportedMediaType, "the MCP proxy judges what is sent, and takes no encoding\n"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		if test.coding != "" {
			r.Header.Set("Content-Encoding", test.coding)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != test.status || test.hears != "" && string(got) != test.hears {
			t.Errorf("%s: got %d %s, %v", test.body, response.StatusCode, got, err)
		}
	}
	if n := judged.Load(); n != 3 {
		t.Errorf("3 calls were judged %d times", n)
	}
	if want := good + "\n"; reached != want {
		t.Errorf("the server gets %q, want %q", reached, want)
	}
	want := []string{
		"session_start success", "tool_call attempt json", "tool_call completion json error HTTP 400 Bad Request end=refused",
		"tool_call attempt bad", "tool_call completion bad blocked " + refusedWhy,
		"tool_call attempt bad", "tool_call completion bad blocked " + refusedWhy, "session_end success reason=the proxy ended",
	}
	if d := cmp.Diff(want, recorded()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}
