package main

import (
	"errors"
	"fmt"

	"github.com/etch-audit/etch/internal/site"
	"github.com/etch-audit/etch/server/token"
	"github.com/spf13/cobra"
)

type tokenOptions struct {
	place  *place
	name   string
	rights string
	revoke string
}

func newServeToken(at *place, std stdio) *cobra.Command {
	opts := tokenOptions{place: at}
	cmd := &cobra.Command{
		Use:   "token [NAME]",
		Short: "Make, list or revoke the tokens of HTTP",
		Example: `  etch serve token ci                       # may send
  etch serve token dashboard --rights read  # may ask
  etch serve token                          # which there are
  etch serve token --revoke ci`,
		Long: `Makes a token and prints its secret, once: the file keeps only its SHA-256. A
request shows it as "Authorization: Bearer SECRET". Without a name it lists the
tokens there are. A daemon that runs takes note of each change at once.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return exactArgs("NAME")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				opts.name = args[0]
			}
			if opts.revoke != "" && (opts.name != "" || cmd.Flags().Changed("rights")) {
				return usagef("", "--revoke takes the name itself, and nothing besides")
			}
			if opts.name == "" && cmd.Flags().Changed("rights") {
				return usagef("name the token that is to have them", "--rights without a name")
			}
			return runServeToken(opts, std)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&opts.rights, "rights", "send", "what it is good for: `RIGHTS`, send, read or send,read")
	cmd.Flags().StringVar(&opts.revoke, "revoke", "", "take the token of this `NAME` away")
	once(cmd.Flags(), "revoke")
	completes(cmd, "rights", "send", "read", "send,read")
	return cmd
}

func runServeToken(opts tokenOptions, std stdio) error {
	rights, err := token.ParseRights(opts.rights)
	if err != nil {
		return fail(exitUsage, "", err)
	}
	resolved, err := opts.place.load(std)
	if err != nil {
		return err
	}
	path := resolved.TokensPath()
	if path == "" {
		return usagef("name a log with --log", "the configured destination is a stream: there is no daemon for it")
	}
	if err := site.Make(resolved); err != nil {
		return err
	}
	file := token.Open(path)
	switch {
	case opts.revoke != "":
		return tokenError(file, file.Change(func(l *token.List) error { return l.Revoke(opts.revoke) }))
	case opts.name == "":
		return listTokens(file, std)
	}
	var secret string
	err = file.Change(func(l *token.List) (err error) {
		secret, err = l.Make(opts.name, rights)
		return err
	})
	if err != nil {
		return tokenError(file, err)
	}
	if _, err := fmt.Fprintln(std.out, secret); err != nil {
		return err
	}
	std.note("token %s may %s; this is the only time that it is shown", opts.name, rights)
	return nil
}

// tokenError says what can be done about a file of tokens.
func tokenError(file *token.File, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, token.ErrName):
		return fail(exitUsage, "", err)
	case errors.Is(err, token.ErrExists):
		return fail(exitFailed, "--revoke it first, or take another name", err)
	case errors.Is(err, token.ErrNone):
		return fail(exitFailed, "\"etch serve token\" lists those there are", err)
	case errors.Is(err, token.ErrPermissions):
		return fail(exitFailed, "run chmod 600 "+file.Path(), err)
	}
	return err
}

func listTokens(file *token.File, std stdio) error {
	list, err := file.List()
	if err != nil {
		return tokenError(file, err)
	}
	if len(list.Tokens()) == 0 {
		std.note("there is no token in %s", file.Path())
	}
	for _, t := range list.Tokens() {
		if _, err := fmt.Fprintf(std.out, "%s\t%s\n", t.Name, t.Rights); err != nil {
			return err
		}
	}
	return nil
}
