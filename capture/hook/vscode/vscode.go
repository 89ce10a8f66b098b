// Package vscode knows what is special of the hooks of VS Code: nothing. They have the
// shape that agents share, and it reads the files of others.
package vscode

import "github.com/etch-audit/etch/capture/hook"

var agent = hook.Agent{Name: "vscode", Aliases: []string{"vs-code"}}

// Agent returns what is special of VS Code. All callers share it.
func Agent() *hook.Agent { return &agent }
