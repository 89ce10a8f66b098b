package archtest

import (
	"os"
	"testing"
)

// TestTree holds the present tree to every rule.
func TestTree(t *testing.T) {
	tree, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	rules := append(
		banRules(bans, layers),
		layerRule(layers),
		ownerRule(owners, testModules, layers),
		closureRule(closures),
		sleepRule(awake),
		sizeRule(longs),
		nameRule,
		mainFileRule,
		commentRule,
		panicRule(relays),
		wordRule(words),
	)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range r.check(tree) {
				t.Errorf("%s\n\tthe rule: %s", f, r.reason)
			}
		})
	}
}
