package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opendeed/audit/query/report"
	"github.com/spf13/cobra"
)

// shells are those for which there is completion, with how to install it.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the completion for a shell: bash, zsh, fish or powershell",
		Long: `Completion prints a script by which a shell completes commands, flags and their values.

Bash: deed completion bash > /etc/bash_completion.d/deed
Zsh: deed completion zsh > "${fpath[1]}/_deed"
Fish: deed completion fish > ~/.config/fish/completions/deed.fish
PowerShell: deed completion powershell | Out-String | Invoke-Expression`,
		Example:   "deed completion bash",
		ValidArgs: shells,
		Args:      cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usagef("%q is not a shell; use bash, zsh, fish or powershell", args[0])
		},
	}
}

// flagValues are what a shell proposes for a flag.
var flagValues = map[string][]string{
	"actor-type": {"user", "service", "system", "anonymous", "unresolved"},
	"operation":  {"create", "read", "update", "delete", "execute", "login", "logout"},
	"outcome":    {"success", "failure", "denied", "unknown"},
	"kind":       {"intent", "signal"},
	"stage":      {"begin", "end", "none"},
	"since":      {"1h", "24h", "7d", "today", "yesterday"},
	"on":         {"today", "yesterday"},
	"zone":       {"utc", "local"},
	"by":         {"actor", "action", "outcome", "hour", "day", "target_type", "tenant", "channel"},
	"columns":    report.ColumnNames(),
}

// completeFlags proposes the values of the command's flags.
func completeFlags(cmd *cobra.Command) {
	for name, values := range flagValues {
		if cmd.Flags().Lookup(name) != nil && cmd.Flags().Lookup(name).Value.Type() != "bool" {
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // once for each
		}
	}
}

func (a *app) man() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man [COMMAND...]",
		Short: "Print the manual page of a command",
		Long: `Man prints the manual page of deed, or of one of its commands, for man -l -.

With --dir it writes the pages of all commands.`,
		Example: `deed man query | man -l -
deed man --dir /usr/local/share/man/man1`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if dir != "" {
				return writeManPages(root, dir)
			}
			found, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q", strings.Join(args, " "))
			}
			_, err = fmt.Fprint(a.stdout, manPage(found))
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write the pages of all commands into this `DIRECTORY`")
	return cmd
}

func writeManPages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // manual pages are for all users
		return err
	}
	for _, cmd := range subcommands(root) {
		path := filepath.Join(dir, manName(cmd)+".1")
		if err := os.WriteFile(path, []byte(manPage(cmd)), 0o644); err != nil { //nolint:gosec // as above
			return err
		}
	}
	return nil
}
