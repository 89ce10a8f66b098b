package redact_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"github.com/etch-audit/etch/redact"
)

// programs are names that nothing else in the generated commands has; $ is replaced with one of them.
var programs = strings.Fields(`albatros bramble cormorant dunlin egret fulmar gannet heron ibis jacana kestrel lapwing merlin nightjar
	osprey petrel quetzal raven shrike turnstone umbrette vireo wagtail xenops yellowlegs zosterops`)

// shellPieces are what a command is made of that tries to hide another: the beginnings and ends of everything that is masked,
// of everything that a shell quotes, and programs between separators.
var shellPieces = []string{
	`password=`, `PASSWORD=`, `password= `, `password = `, `password: `, `"password": `, `$password = `, `--password `, `--password=`, `token=$`, `TOKEN=${X:-`, `${TOKEN:-`, `}`,
	`http://u:`, `"http://u:`, `http://`, `@h`, `@h/p"`, `<password>`, `</password>`, "</password>\n", `Authorization: Bearer `, `"Authorization: `, `authorization=`, `Cookie: a=b; c=`, `set password `,
	`login u password `, `mysql -p`, `curl -u a:`, `htpasswd -b f u `, `redis-cli -a `, `IDENTIFIED BY '`, `-----BEGIN PRIVATE KEY-----`, `-----END PRIVATE KEY-----`,
	"-----BEGIN PRIVATE KEY-----\n", "\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ\n",
	`"`, `'`, `"`, `'`, `\"`, `\'`, `\\`, `\`, `$'`, `"'`, `'"`, `\\\"`, "`", `$(`, `)`, `(`, `{{`, `}}`, `[`, `]`, `{`, `,`, `x`, `x1`, `hunter2`,
	`; $ a; `, `| $ -x | `, ` & $ & `, "\n$ a b\n", ` && $ `, `;$;`, `|$|`, "\n$\n", ` $ `, `$ x`, `;`, "\n", ` `, ` | `, ` # `, ` # it's` + "\n", ` \` + "\n",
	`echo `, `echo it\'s `, `: '`, `: "`, `sh -c '`, `sh -c "`, `bash -c "echo `, `eval "`, `eval '`, "cat <<E\n", "cat <<'E' >f\n", "sh <<E\n", "\nE\n", `<<< "`, ` > f `, ` 2>&1 `,
	`X=1 `, `env `, `if `, `; then `, `; fi`, `for i in a; do `, `; done`, `case x in a) `, `;; esac`, `((1<<E))`, `$((1+1))`, `[[ a =~ b ]]`, `<(`, `echo "$(echo `, `)"`, "echo `",
}

// TestMaskHidesNoCommand generates commands around everything that is masked, and shows that each program that a shell
// would run is still there in the masked text.
func TestMaskHidesNoCommand(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2)) // always the same: what fails is what was changed
	rounds := 20_000
	if testing.Short() {
		rounds = 5_000
	}
	masked, run := 0, 0
	for range rounds {
		in := generated(rng)
		n, names := checkHides(t, in)
		masked, run = masked+n, run+names
	}
	t.Logf("%d masks, %d programs", masked, run)
	if masked < rounds/20 || run < rounds/20 {
		t.Errorf("got %d masks and %d programs in %d commands: the test shows too little", masked, run, rounds)
	}
}

// generated returns a command of random pieces.
func generated(rng *rand.Rand) string {
	var b strings.Builder
	used := rng.IntN(len(programs))
	for range 2 + rng.IntN(12) {
		piece := shellPieces[rng.IntN(len(shellPieces))]
		if strings.Contains(piece, "$ ") || strings.Contains(piece, "$;") || strings.Contains(piece, "$|") || strings.Contains(piece, "$\n") {
			piece = strings.Replace(piece, "$", programs[used%len(programs)], 1)
			used++
		}
		b.WriteString(piece)
	}
	return b.String()
}

// checkHides asserts that masking hides no program that a shell would run, and returns how many masks and programs there are.
func checkHides(t *testing.T, in string) (masks, names int) {
	t.Helper()
	run := runBy(in, 0)
	masked, n := redact.Text(in)
	for name := range run {
		if !strings.Contains(masked, name) {
			t.Fatalf("%s is hidden:\n  in  %q\n  got %q", name, in, masked)
		}
	}
	return n, len(run)
}

// runBy returns the programs, of those that the test knows, that a shell runs of a text: all lines that can be read, for it
// reads one after the other.
func runBy(text string, depth int) map[string]bool {
	found := make(map[string]bool)
	if depth > 4 {
		return found
	}
	var file *syntax.File
	for {
		var err error
		if file, err = syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), ""); err == nil {
			break
		}
		text = text[:strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n')+1]
		for strings.HasSuffix(text, "\\\n") { // one line with the next
			text = text[:strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n')+1]
		}
		if text == "" {
			return found
		}
	}
	add := func(more map[string]bool) {
		for name := range more {
			found[name] = true
		}
	}
	syntax.Walk(file, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.CallExpr:
			args := literals(node.Args)
			if len(args) > 0 && args[0] == "env" { // env a=b program
				n := slices.IndexFunc(args[1:], func(arg string) bool { return !strings.Contains(arg, "=") })
				args = args[n+1:]
			}
			switch {
			case slices.ContainsFunc(node.Assigns, func(a *syntax.Assign) bool { return !syntax.ValidName(a.Name.Value) }):
				// --password=x is the name of a command, whatever the parser says.
			case len(args) > 0 && slices.Contains(programs, args[0]):
				found[args[0]] = true
			case len(args) > 2 && (args[0] == "sh" || args[0] == "bash") && args[1] == "-c":
				add(runBy(args[2], depth+1))
			case len(args) == 2 && args[0] == "eval":
				add(runBy(args[1], depth+1))
			}
		case *syntax.Stmt:
			call, ok := node.Cmd.(*syntax.CallExpr)
			if ok && len(call.Args) > 0 && call.Args[0].Lit() == "sh" && len(call.Args) == 1 {
				for _, r := range node.Redirs {
					if r.Hdoc != nil {
						add(runBy(strings.Join(literals([]*syntax.Word{r.Hdoc}), ""), depth+1))
					}
				}
			}
		}
		return true
	})
	return found
}

var (
	escapeInWord   = regexp.MustCompile(`(?s)\\(.)`)
	escapeInQuotes = regexp.MustCompile("\\\\([\"$`\\\\])")
	escapeInANSI   = strings.NewReplacer(`\n`, "\n", `\'`, "'", `\"`, `"`, `\\`, `\`)
)

// literals returns what words say, but for what is only known when they are run.
func literals(all []*syntax.Word) []string {
	var out []string
	for _, w := range all {
		var b strings.Builder
		literal(&b, w.Parts, escapeInWord)
		out = append(out, b.String())
	}
	return out
}

// literal writes what parts of a word say, in which a backslash escapes what the pattern says.
func literal(b *strings.Builder, parts []syntax.WordPart, escape *regexp.Regexp) {
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(escape.ReplaceAllString(strings.ReplaceAll(part.Value, "\\\n", ""), "$1"))
		case *syntax.SglQuoted:
			text := part.Value
			if part.Dollar {
				text = escapeInANSI.Replace(text)
			}
			b.WriteString(text)
		case *syntax.DblQuoted:
			literal(b, part.Parts, escapeInQuotes)
		}
	}
}
