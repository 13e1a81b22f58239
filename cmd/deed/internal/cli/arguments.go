package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// onlyCommands makes a command that has commands below it print its help, or say that there
// is no such command.
func onlyCommands(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return noCommand(cmd, args[0])
	}
}

// noCommand returns the error of a command that does not exist below cmd.
func noCommand(cmd *cobra.Command, name string) error {
	if similar := cmd.SuggestionsFor(name); len(similar) > 0 {
		return usagef("there is no command %q; did you mean %s?", name, strings.Join(similar, " or "))
	}
	return usagef("there is no command %q", name)
}

// helpCommand returns the command that prints the help of another one.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND]",
		Short:  "Print the help of a command",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return noCommand(of, rest[0])
			}
			return of.Help()
		},
	}
}

// usageArgs makes wrong arguments of the command, and of those below it, a usage error that
// says which are missing or too many.
func usageArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{wrongArguments(cmd, args, err)}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageArgs(sub)
	}
}

// wrongArguments says which arguments are missing or too many, as the usage of the command
// names them. A command without arguments has an error of its own.
func wrongArguments(cmd *cobra.Command, args []string, err error) error {
	var names, missing []string
	for _, name := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(name, "-") {
			break
		}
		if names = append(names, name); len(names) > len(args) && !strings.HasPrefix(name, "[") {
			missing = append(missing, strings.TrimSuffix(name, "..."))
		}
	}
	switch {
	case len(names) == 0:
		return err
	case len(missing) > 0:
		return fmt.Errorf("name %s: %s %s", strings.Join(missing, " and "), cmd.CommandPath(), strings.Join(names, " "))
	}
	return fmt.Errorf("%q is one argument too many: %s %s; put a text with spaces into quotes", args[len(names)], cmd.CommandPath(), strings.Join(names, " "))
}

// onlyFlags is the Args of a command that asks stores, which have a flag.
func onlyFlags(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !ignores(cmd, "from") {
		return fmt.Errorf("%s has only flags; to ask the store %q, add --from in front of it", cmd.CommandPath(), args[0])
	}
	return fmt.Errorf("%s has only flags, and %q is none", cmd.CommandPath(), args[0])
}
