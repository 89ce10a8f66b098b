// Package redact masks known secrets in texts before they are hashed or stored: in shell commands, argument vectors, JSON
// argument objects, URLs and messages.
//
// # The mask
//
// Only the secret's own bytes are replaced. Names, users, hosts, flags and authentication schemes stay, because they are what
// an auditor asks for. The replacement names the rule that found the secret:
//
//	mysql -u root -p[REDACTED:password] shop
//	Authorization: Bearer [REDACTED:authorization]
//	git push https://ci:[REDACTED:url-password]@git.example.com/a.git
//
// The form is stable: [MaskPrefix], the name of a rule from [Rules], and "]". Masked text is a fixed point: masking it again
// changes nothing and counts nothing. A look-alike of a mask with an unknown rule name is no mask, so nothing can be hidden
// by writing one.
//
// # What is masked
//
//   - tokens that are known by their shape, wherever they stand (shapes.go);
//   - the value of a secret name: NAME=value, name: value, "name": "value", --name value, ${NAME:-value}, <name>value</name>
//     (names.go). A value ends where the shell's word ends; quotes are honoured. What holds no secret stays: an empty value,
//     a reference such as $VAR, ${VAR}, $(command), %VAR%, {{ template }}, a file name where a key is expected, true, null;
//   - the same where name and value are apart: two members (name: NAME, value: x), two arguments of a call that sets something, an element
//     of a map, the format and the arguments of printf (named_pair.go, call.go, arguments.go);
//   - Authorization and Cookie headers; the scheme and the cookies' names stay;
//   - passwords and token-like users of URLs, signatures in their queries;
//   - the password arguments of commands that have their own way to write them (commands.go);
//   - .netrc files over their lines, passwords of users in SQL (netrc.go, sql.go);
//   - PEM blocks of private keys, also in base64, and private keys of signed notes.
//
// All rules are data: a shape, a name or a command is added in one line of its table.
//
// Text is treated as bytes; invalid UTF-8 passes unchanged. The time is linear in the length for any input, and text in
// which nothing is masked costs one walk and no allocation.
//
// # What masking does to the audit
//
// A mask hides bytes, and so a caller who wants something hidden will try to make it look like a secret. Values therefore end
// where a shell could begin a command: PASSWORD=x;reboot keeps "reboot", PASSWORD="x$(reboot)" keeps "$(reboot)", and of
// password=\"; reboot; \" nothing is masked, for an escaped quote opens no string (confine.go). Judge the risk of a command
// before masking it, never after: a string that is all of a value may still be run later (password="reboot"; eval "$password"),
// a program may be named like a token or a line of a private key, and a shell of another kind may run what bash refuses.
//
// # Known gaps
//
// This is no proof that a text holds no secret. What is not found: names or tokens split by quotes or escapes (PASS'WORD'=x,
// ghp_abc\"def), encoded secrets (base64, hex, percent-escapes in names), values held in variables of harmless names,
// passwords piped from echo or written in here-documents without a name, YAML block scalars, passwords in positional arguments
// of commands that are not in the table, comparisons (token == "x"), the rest of an unquoted value after a separator of the shell (PASSWORD=a;b,
// https://u:a&b@h) or after a command substitution, a value that a shell would run (password= x at the start of a command, $password = x), PuTTY and .pgpass files, and secrets without a shape in plain prose. On the other side, a word after a
// secret name in prose ("password: ask") may be masked.
package redact

import (
	"slices"
	"strings"
)

// MaskPrefix begins every mask; the name of the rule and "]" follow. It is a stable part of the format of stored records.
const MaskPrefix = "[REDACTED:"

// Rules returns the names that can stand in a mask, sorted.
func Rules() []string {
	names := slices.Clone(ruleNames[:])
	slices.Sort(names)
	return names
}

// Text masks the secrets in s and returns the masked text and the number of masked places. Where nothing is to be masked it
// returns s itself and 0, and does not allocate.
func Text(s string) (string, int) { return (*Masker)(nil).Text(s) }

// Text masks as the function [Text] does. A text that is one argument vector, written as package shellword does, is masked as [Argv]
// does first.
func (m *Masker) Text(text string) (masked string, count int) {
	s, total := m.vector(text)
	c := scan{m: m, s: s}
	c.run()
	if len(c.spans) == 0 {
		return s, total
	}
	for range maxRounds {
		spans := c.settle()
		total += len(spans)
		c = scan{m: m, s: m.replace(c.s, spans)}
		c.run()
		if len(c.spans) == 0 {
			break
		}
	}
	return c.s, total
}

// maxRounds bounds how often masked text is walked again. A second walk finds nothing in all but contrived text, where one
// mask changes how the bytes around it read; it is what makes "masked again is unchanged" hold there too.
const maxRounds = 6

// span is one place to mask: bytes [start, end) of the text.
type span struct {
	start, end int
	rule       rule
	value      bool // of a name, a URL or a command: it may be none for the shell
}

// scan is one walk over one text. The fields after spans exist to keep the walk linear: they remember how far a
// question has already been answered.
type scan struct {
	m     *Masker // nil is one without options
	s     string
	spans []span
	last  int // end of the newest span: what stands left of it reads as a mask

	nameEnd   int               // names up to here are judged
	runEnd    [classCount]int   // ends of runs of one class
	runStart  [classCount]int   // and where they were measured from
	unclosed  [2]int            // from here on there is no closing ' or ", plus 1; 0 is not known
	commanded [commandCount]int // arguments up to here are judged for this command

	limits map[int]int // where values end that the readers take too far, by their starts
}

// run collects the spans to mask.
func (c *scan) run() {
	c.walk()
	c.confine()
	c.ownSpans()
}

// walk goes through the text once and collects what the package's own rules find.
func (c *scan) walk() {
	m, s := &triggers, c.s
	accept := m.accept
	var state uint16
	for i := 0; i < len(s); {
		state = m.step(state, s[i])
		i++
		if state < accept {
			continue
		}
		if end := c.hit(m.found(state), i); end > 0 {
			i, state = end, 0
		}
	}
}

// hit tries the rules whose keyword ends at i and returns where the walk goes on, or 0 where no rule took anything.
func (c *scan) hit(found []trigger, i int) int {
	for _, t := range found {
		start := i - int(t.length)
		end := 0
		switch t.kind {
		case onMask:
			end = c.m.maskEnd(c.s, start)
		case onName:
			end = c.name(start, i)
		case onShape:
			end = c.shape(&shapes[t.index], start, i)
		case onURL:
			end = c.url(start, i)
		case onPEM:
			end = c.pem(start, i)
		case onBearer:
			end = c.bearer(start, i)
		case onTelegram:
			end = c.telegram(start)
		case onDot:
			end = c.discord(start)
		case onIdentified:
			end = c.identified(start, i)
		case onAzure:
			end = c.azure(start)
		case onAzureDevOps:
			end = c.azureDevOps(start)
		case onCommand:
			c.command(int(t.index), start, i)
		}
		if end > 0 {
			return end
		}
	}
	return 0
}

// add notes that the bytes [start, end) are a secret, and returns end.
func (c *scan) add(start, end int, r rule) int {
	if c.m.allows(c.s[start:end]) {
		return end
	}
	c.spans = append(c.spans, span{start: start, end: end, rule: r})
	c.last = end
	return end
}

// settle sorts the spans and joins those that overlap. Arguments of commands are found ahead of the walk, so the spans
// are not in order as they come.
func (c *scan) settle() []span {
	slices.SortStableFunc(c.spans, func(a, b span) int { return a.start - b.start })
	out := c.spans[:1]
	for _, next := range c.spans[1:] {
		prev := &out[len(out)-1]
		if next.start < prev.end {
			prev.end = max(prev.end, next.end)
			prev.value = prev.value || next.value
			continue
		}
		out = append(out, next)
	}
	return out
}

// replace returns s with each span replaced by the mask of its rule.
func (m *Masker) replace(s string, spans []span) string {
	var b strings.Builder
	b.Grow(len(s) + len(spans)*longestMask)
	from := 0
	for _, p := range spans {
		b.WriteString(s[from:p.start])
		b.WriteString(m.mask(p.rule, s[p.start:p.end]))
		from = p.end
	}
	b.WriteString(s[from:])
	return b.String()
}
