package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// What the flags --from and --index-cache, and --record-to and --purpose, are for: commands that
// ask stores, and commands that record who does what. Whatever shows or hands out records is one
// of the latter. --zone is for those that read or show times. The names are those after "deed ".
var (
	asking    = []string{"query", "show", "history", "asof", "stats", "gaps", "tail", "serve", "export", "prove", "disclose", "config dry-run"}
	recording = append([]string{
		"hold place", "hold lift", "hold list", "retention plan", "retention apply", "archive import", "erase", "dead-letters list", "dead-letters show", "dead-letters drop",
		"ledger copy", "ledger drain",
	}, asking...)
	timing = []string{
		"query", "show", "history", "asof", "stats", "gaps", "tail", "serve", "export", "verify-proof", "config dry-run",
		"hold place", "hold list", "retention plan", "retention apply", "dead-letters list", "dead-letters show", "dead-letters drop",
	}
)

// usedBy has the commands that use a flag of all commands. Flags that are not in it are for all.
var usedBy = map[string][]string{"from": asking, "index-cache": asking, "record-to": recording, "purpose": append([]string{"ledger repair", "ledger remove-cursor", "seal adopt"}, recording...), "zone": timing}

// ignores reports whether a command has no use for a flag. Those that have commands below them
// show all flags.
func ignores(cmd *cobra.Command, flag string) bool {
	users := usedBy[flag]
	return users != nil && !cmd.HasAvailableSubCommands() && !slices.Contains(users, nameOf(cmd))
}

func nameOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// checkShared rejects a flag that the command would ignore: nobody must think that a look was
// recorded, or that another store was asked.
func checkShared(cmd *cobra.Command) error {
	for _, flag := range slices.Sorted(maps.Keys(usedBy)) {
		if cmd.Flags().Changed(flag) && ignores(cmd, flag) {
			return usagef("--%s: %s has no use for it; leave it out", flag, cmd.CommandPath())
		}
	}
	return nil
}

// checkEmpty rejects a text that is empty, such as that of a variable of the shell which is not
// set: --since would select everything, and --record-to record nothing.
func checkEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" {
			err = usagef("--%s: it is empty; give it a value, or leave it out", f.Name)
		}
	})
	return err
}
