package risk

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/expand"
)

// output returns what a call prints, as far as it is constant, and otherwise
// where it comes from: most programs pass on what they read.
func (w *walker) output(c *call) flow {
	o := parseOptions(c.args, "")
	switch c.name {
	case "echo":
		return echo(c.args)
	case "true", "false", ":", "test", "[", "cp", "mv", "rm", "mkdir", "touch", "chmod", "chown", "export", "unset", "wait", "sleep", "kill", "mkfifo":
		return flow{}
	case "cat", "tee", "head", "tail", "nl", "tac", "dd", "pv", "buffer", "sponge":
		return w.cat(c, o)
	case "base64", "base32", "uudecode", "openssl", "basenc", "xxd", "rev", "tr", "gunzip", "gzip", "zcat", "unxz", "xz", "bunzip2", "bzip2", "uncompress", "gpg", "iconv", "hex":
		return w.filter(c, o)
	case "tar", "zip", "7z", "cpio", "rar", "mysqldump", "pg_dump":
		return c.in.merge(c.read).merge(flow{some: true, packed: true})
	case "curl", "wget", "nc", "fetch", "aria2c", "lynx", "w3m", "elinks", "links", "invoke-webrequest", "iwr", "invoke-restmethod", "irm", "http", "https", "xh", "telnet", "socat", "dig", "host", "nslookup", "lwp-request", "get", "ftp", "tftp":
		return flow{some: true, net: !w.local(c)}.merge(c.read)
	case "wc", "sha256sum", "sha1sum", "md5sum", "sha512sum", "cksum", "shasum", "b2sum", "ssh-keygen", "stat", "ls", "file", "date", "basename", "dirname", "pwd", "id", "whoami", "uname", "nproc", "hostname", "git", "seq", "mktemp", "expr", "pgrep", "pidof":
		return unknownFlow
	case "which":
		return textFlow(o.operand(0) + "\n")
	case "printenv":
		return flow{some: true, secret: "the environment"}
	}
	return c.in.opaque().merge(c.read)
}

func echo(args []word) flow {
	escapes, newline := false, "\n"
	for len(args) > 0 && len(args[0].text) > 1 && args[0].text[0] == '-' && strings.Trim(args[0].text[1:], "neE") == "" {
		escapes = escapes || strings.Contains(args[0].text, "e")
		if strings.Contains(args[0].text, "n") {
			newline = ""
		}
		args = args[1:]
	}
	x := join(args)
	if x.open {
		return x.flow.opaque()
	}
	text := x.text
	if escapes {
		text = ansiC(text)
	}
	return wordFlow(word{text: text, flow: x.flow}).withText(text + newline)
}

// withText returns the flow with another constant text.
func (a flow) withText(s string) flow {
	if len(s) > maxText {
		return a.opaque()
	}
	a.text, a.known, a.some = s, true, true
	return a
}

func (w *walker) printf(c *call) flow {
	args := c.args
	if len(args) > 1 && args[0].literal("-v") {
		out := formatted(args[2:])
		v := word{text: "$(…)", lead: "$(…)", open: true, flow: out}
		if out.known {
			v = word{text: out.text, flow: out}
		}
		w.set(args[1].text, []word{v})
		return flow{}
	}
	if len(args) > 0 && args[0].literal("--") {
		args = args[1:]
	}
	return formatted(args)
}

// formatted computes printf's output; the format is used again while
// arguments are left.
func formatted(args []word) flow {
	x := join(args)
	if len(args) == 0 || x.open || wide(args[0].text) {
		return x.flow.opaque()
	}
	rest := make([]string, 0, len(args))
	for _, a := range args[1:] {
		rest = append(rest, a.text)
	}
	var b strings.Builder
	for range maxFields {
		s, used, err := expand.Format(nil, args[0].text, slices.Clip(rest))
		if err != nil {
			return x.flow.opaque()
		}
		b.WriteString(s)
		rest = rest[min(used, len(rest)):]
		if used == 0 || len(rest) == 0 || b.Len() > maxText {
			break
		}
	}
	return wordFlow(word{flow: x.flow}).withText(b.String())
}

// wide reports whether a format asks for padding that is not worth computing.
func wide(format string) bool {
	digits := 0
	for _, r := range format {
		if r < '0' || r > '9' {
			digits = 0
			continue
		}
		if digits++; digits > 3 {
			return true
		}
	}
	return false
}

// cat passes on files and input.
func (w *walker) cat(c *call, o options) flow {
	if c.name == "tee" || len(o.operands) == 0 || c.name == "dd" {
		return c.in.merge(c.read)
	}
	var out flow
	for _, x := range o.operands {
		switch f := w.fileFlow(x); {
		case x.literal("-"):
			out = out.merge(c.in)
		case f.some:
			out = out.merge(f)
		case netDevice(x) != "":
			out = out.merge(flow{some: true, net: true})
		default:
			out = out.merge(unknownFlow)
		}
	}
	out = out.merge(c.read)
	if c.name == "tac" || c.name == "nl" || c.name == "head" || c.name == "tail" {
		if strings.Count(out.text, "\n") > 1 {
			return out.opaque()
		}
	}
	return out
}

// filter computes encodings and their inverses.
func (w *walker) filter(c *call, o options) flow {
	in := c.in.merge(c.read)
	for _, x := range o.operands {
		if f := w.fileFlow(x); f.some {
			in = in.merge(f)
		}
	}
	decode := o.has("d", "D", "decode", "decompress", "uncompress") || strings.HasPrefix(c.name, "un") || c.name == "gunzip" || c.name == "bunzip2" || c.name == "zcat"
	out := in.opaque()
	switch c.name {
	case "rev":
		out = in.mapText(reverseLines)
		out.decoded = true
	case "tr":
		if o.has("d", "s", "c", "C", "t") || len(o.operands) != 2 {
			return out
		}
		text, ok := translate(in.text, o.operands[0].text, o.operands[1].text)
		if ok && in.known {
			out = in.withText(text)
		}
		// Changing the case of text or its separators is no disguise.
		out.decoded = in.decoded || disguises(o.operands[0].text, o.operands[1].text)
	case "xxd":
		if !o.has("r", "rp", "pr", "rps") {
			out.packed = true
			return out
		}
		out = decodedText(in, func(s string) ([]byte, error) { return hex.DecodeString(strings.Join(strings.Fields(s), "")) })
	case "base64":
		if decode {
			return decodedText(in, func(s string) ([]byte, error) {
				return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
			})
		}
		out.packed = true
	case "iconv":
		return out
	default:
		out.decoded, out.packed = in.decoded || decode, in.packed || !decode
	}
	return out
}

func (a flow) mapText(f func(string) string) flow {
	if !a.known {
		return a.opaque()
	}
	return a.withText(f(a.text))
}

// decodedText is a flow's text after decoding; whatever comes out of a
// decoder was hidden before it.
func decodedText(in flow, decode func(string) ([]byte, error)) flow {
	out := in.opaque()
	if in.known {
		if b, err := decode(in.text); err == nil {
			out = in.withText(string(b))
		}
	}
	out.decoded = true
	return out
}

func reverseLines(s string) string {
	lines := strings.SplitAfter(s, "\n")
	for i, line := range lines {
		body, end := strings.CutSuffix(line, "\n")
		r := []rune(body)
		slices.Reverse(r)
		lines[i] = string(r)
		if end {
			lines[i] += "\n"
		}
	}
	return strings.Join(lines, "")
}

// disguises reports whether a translation is one that hides text (rot13,
// shifted alphabets) and not a change of case or of separators.
func disguises(from, to string) bool {
	if len(from) < 3 {
		return false
	}
	if strings.EqualFold(from, to) || strings.HasPrefix(from, "[:") {
		return false
	}
	return strings.ContainsAny(to, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
}

// translate does what tr does with two sets of characters and ranges.
func translate(s, from, to string) (string, bool) {
	a, b := expandSet(ansiC(from)), expandSet(ansiC(to))
	if len(a) == 0 || len(b) == 0 || strings.Contains(from+to, "[:") {
		return "", false
	}
	return strings.Map(func(r rune) rune {
		if i := slices.Index(a, r); i >= 0 {
			return b[min(i, len(b)-1)]
		}
		return r
	}, s), true
}

func expandSet(s string) []rune {
	r := []rune(s)
	var out []rune
	for i := 0; i < len(r) && len(out) < maxFields; i++ {
		if i+2 < len(r) && r[i+1] == '-' && r[i] <= r[i+2] && r[i+2]-r[i] < maxFields {
			for x := r[i]; x <= r[i+2]; x++ {
				out = append(out, x)
			}
			i += 2
			continue
		}
		out = append(out, r[i])
	}
	return out
}
