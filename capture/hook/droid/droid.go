// Package droid knows what is special of the hooks of Droid (Factory): nothing. They have
// the shape that agents share.
package droid

import "github.com/etch-audit/etch/capture/hook"

var agent = hook.Agent{Name: "droid", Aliases: []string{"factory"}, Settings: settings, Comments: true}

// Agent returns what is special of Droid. All callers share it.
func Agent() *hook.Agent { return &agent }

// settings finds the files of Droid's settings.
func settings(cwd string, getenv func(string) (string, bool)) []string {
	return hook.SettingsIn("", ".factory", ".factory", "settings.json")(cwd, getenv)
}
