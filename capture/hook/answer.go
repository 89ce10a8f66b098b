package hook

import "encoding/json"

// Quote returns a text as a JSON string.
func Quote(text string) string { return string(appendQuoted(nil, text)) }

// Say is the answer with some JSON on standard output.
func Say(json string) Answer { return Answer{Stdout: []byte(json + "\n")} }

// Object returns a JSON object of texts: names and what they stand for, in turn.
func Object(pairs ...string) json.RawMessage {
	out := []byte{'{'}
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendQuoted(out, pairs[i])
		out = append(out, ':')
		out = appendQuoted(out, pairs[i+1])
	}
	return append(out, '}')
}
