// Package droid knows what is special of the hooks of Droid (Factory): nothing. They have
// the shape that agents share.
package droid

import "github.com/etch-audit/etch/capture/hook"

var agent = hook.Agent{Name: "droid", Aliases: []string{"factory"}, Settings: hook.SettingsIn("", ".factory", ".factory", "settings.json"), Comments: true}

// Agent returns what is special of Droid. All callers share it.
func Agent() *hook.Agent { return &agent }
