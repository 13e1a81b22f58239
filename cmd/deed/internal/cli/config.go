package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/query"
	"github.com/spf13/cobra"
)

func (a *app) config() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check a configuration, and try its policy on what is recorded",
		Long:  "The commands below config work on the configuration of a service: a file, or, without one, AUDIT_CONFIG_FILE or the environment. None connects to a server, or opens a ledger for writing.",
	}
	check := &cobra.Command{
		Use:     "check [FILE]",
		Short:   "List what is wrong with a configuration",
		Example: "deed config check deploy.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(cmd.Context(), config.WithFile(first(args)))
			if err != nil {
				return err
			}
			for _, warning := range c.Warnings() {
				a.note("warning: %s", warning)
			}
			a.note("the configuration is valid; a start also opens the files and servers that it names")
			return nil
		},
	}
	show := &cobra.Command{
		Use:     "show [FILE]",
		Short:   "Print a configuration without its secrets",
		Example: "deed config show deploy.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(cmd.Context(), config.WithFile(first(args)))
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(a.stdout, c.String())
			return err
		},
	}
	onlyCommands(cmd)
	cmd.AddCommand(check, show, a.configDryRun())
	return cmd
}

// named returns a usage error if neither the command line nor the environment names a
// configuration.
func named(file string) error {
	if file != "" || os.Getenv(config.FileVariable) != "" || os.Getenv("AUDIT_EXPORTERS") != "" || os.Getenv("AUDIT_LEDGER_DIR") != "" {
		return nil
	}
	return usagef("name the configuration of the service with --config, or in %s", config.FileVariable)
}

// loadConfig loads the configuration of --config, or that of the environment.
func loadConfig(ctx context.Context, file string) (*config.Config, error) {
	if err := named(file); err != nil {
		return nil, err
	}
	c, err := config.Load(ctx, config.WithFile(file))
	if err != nil {
		return nil, fmt.Errorf("%w; deed config check explains a configuration", err)
	}
	return c, nil
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) configDryRun() *cobra.Command {
	s := &selection{}
	cmd := &cobra.Command{
		Use:   "dry-run [FILE]",
		Short: "Try the policy of a configuration on stored records",
		Long: `Dry-run prints which rule of the policy each stored record matches, and what would have been rejected. It asks the stores of --from, or those of the configuration.

It cannot say anything about events that were never recorded.`,
		Example: `deed config dry-run deploy.yaml --since 7d
deed config dry-run new.yaml --from /var/lib/shop/audit --action 'payout.*'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runDryRun(cmd, s, first(args)) },
	}
	s.register(cmd.Flags())
	return cmd
}

func (a *app) runDryRun(cmd *cobra.Command, s *selection, file string) error {
	clock, err := a.clock()
	if err != nil {
		return err
	}
	filter, err := s.build(clock)
	if err != nil {
		return err
	}
	filter.Ascending = true
	ctx := cmd.Context()
	c, err := config.Load(ctx, config.WithFile(file))
	if err != nil {
		return err
	}
	if c.Policy() == nil {
		return fmt.Errorf("the configuration has no policy; add rules below the key policy")
	}
	if len(a.from) == 0 && file != "" {
		a.from = []string{file}
	}
	set, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	if err := a.recordLooking(ctx, cmd, set, &filter); err != nil {
		return err
	}
	w := a.stdout
	if a.forPeople() {
		w = term.CleanWriter(w)
	}
	return query.DryRun(w, c.Policy(), set.Reader.Find(ctx, filter))
}
