package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// shells are those that completion scripts exist for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(_ *place, std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells, "|"),
		Short: "Print the completion script of a shell",
		Example: `  source <(etch completion bash)
  etch completion zsh > "${fpath[1]}/_etch"
  etch completion fish > ~/.config/fish/completions/etch.fish
  etch completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := exactArgs("the name of a shell: "+strings.Join(shells, ", "))(cmd, args); err != nil {
				return err
			}
			return oneOf("shell", args[0], shells)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCompletion(cmd.Context(), cmd.Root(), args[0], std)
		},
	}
}

func runCompletion(_ context.Context, root *cobra.Command, shell string, std stdio) error {
	const descriptions = true
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(std.out, descriptions)
	case "zsh":
		return root.GenZshCompletion(std.out)
	case "fish":
		return root.GenFishCompletion(std.out, descriptions)
	default:
		return root.GenPowerShellCompletionWithDesc(std.out)
	}
}

// completes makes a shell complete the values of a flag.
func completes[T ~string](cmd *cobra.Command, flag string, values ...T) {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = string(v)
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("main: bad flag " + flag)
	}
}
