package archtest

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// A word must not stand anywhere in the repository.
type word struct {
	form   *regexp.Regexp
	except []string // matches that mean nothing
	reason string
}

// words are put together from pieces, so that this file is none of its own
// findings.
var words = []word{
	{
		form: regexp.MustCompile(`/ho` + `me/[A-Za-z0-9._-]+`),
		except: []string{
			"/ho" + "me/agent", "/ho" + "me/alice", "/ho" + "me/bob", "/ho" + "me/dev", "/ho" + "me/me", "/ho" + "me/NAME",
			"/ho" + "me/u", "/ho" + "me/user", "/ho" + "me/you",
		},
		reason: "somebody's home directory (examples are alice's, bob's or user's)",
	},
	{form: regexp.MustCompile(`/wo` + `rk/(main|shared)\b`), reason: "a path of the machine it was written on"},
	{form: regexp.MustCompile(`/ro` + `ot/(go|\.cache|\.config)\b`), reason: "a path of the machine it was written on"},
	{form: regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`), reason: "unfinished work is an issue, not a comment"},
	{form: regexp.MustCompile(`(?i)not (yet )?imple` + `mented`), reason: "what does not exist is not offered"},
	{form: regexp.MustCompile(`(?i)\b(proxy\.gol` + `ang\.org|registry\.npm` + `js\.org|pypi\.` + `org|index\.cra` + `tes\.io)\b`), reason: "a package registry's host is the builder's choice"},
	{form: regexp.MustCompile(`(?i)co-auth` + `ored-by|gener` + `ated (with|by) (an? )?(ai|llm|claude|gpt|copilot)\b`), reason: "who wrote it is not part of it"},
}

func wordRule(table []word) rule {
	return rule{
		name:   "words",
		reason: "what stands in the repository is true on every machine and at every time",
		check:  func(t *tree) []finding { return checkWords(t, table) },
	}
}

// checkWords reads every text of the repository, test data too.
func checkWords(t *tree, table []word) []finding {
	var found []finding
	err := fs.WalkDir(t.files, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case name == ".git": // of a work tree: says where the repository is
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		text, err := fs.ReadFile(t.files, name)
		if err != nil {
			return err
		}
		if !bytes.ContainsRune(text, 0) {
			found = append(found, findWords(name, text, table)...)
		}
		return nil
	})
	if err != nil {
		found = append(found, finding{".", err.Error()})
	}
	return found
}

func findWords(name string, text []byte, table []word) []finding {
	var found []finding
	for _, w := range table {
		for _, at := range w.form.FindAllIndex(text, -1) {
			match := string(text[at[0]:at[1]])
			if slices.Contains(w.except, strings.TrimRight(match, "._-")) {
				continue
			}
			line := 1 + bytes.Count(text[:at[0]], []byte("\n"))
			found = append(found, finding{fmt.Sprintf("%s:%d", name, line), fmt.Sprintf("%q: %s", match, w.reason)})
		}
	}
	return found
}
