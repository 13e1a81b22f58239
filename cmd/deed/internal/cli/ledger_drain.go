package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/query"
	"github.com/spf13/cobra"
)

func (a *app) ledgerDrain() *cobra.Command {
	var file string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "drain DIR",
		Short: "Export what a ledger still holds, such as that of a pod that is gone",
		Long: `Drain exports every record that the exporters of a configuration do not have yet, then ends. It takes the ledger's lock, closes attempts that were left open, and can be repeated: exporters get each record under the same ID.

The configuration is that of the service; only its directory is replaced by DIR. What is handed out is recorded with --record-to, which the policy of the configuration can demand.`,
		Example: "deed ledger drain --config deploy.yaml /mnt/dead-pod/audit",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runLedgerDrain(cmd, args[0], file, timeout)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration `FILE` with the exporters (default: AUDIT_CONFIG_FILE, or the environment)")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this `TIME`; 0 waits as long as it takes")
	return cmd
}

func (a *app) runLedgerDrain(cmd *cobra.Command, dir, file string, timeout time.Duration) error {
	ctx := cmd.Context()
	if err := a.hasLedger(dir); err != nil {
		return err
	}
	if err := named(file); err != nil {
		return err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	c, err := config.Load(ctx, config.WithFile(file), config.WithLedgerDir(dir))
	if err != nil {
		return err
	}
	set := ledgerSet(dir)
	if p := c.Policy(); p != nil {
		set.Policies = append(set.Policies, p)
	}
	if err := a.recordLooking(ctx, cmd, set, &query.Filter{}); err != nil {
		return err
	}
	provider, err := c.NewTrackerProvider(ctx)
	if err != nil {
		return a.explain(dir, err)
	}
	flushed := provider.ForceFlush(ctx)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := cmp.Or(flushed, provider.Shutdown(end)); err != nil {
		return fmt.Errorf("%w; run the command again, it continues", err)
	}
	if err := a.recordExport(ctx, cmd, set, &query.Filter{}, "the drain of "+dir); err != nil {
		return err
	}
	return a.runLedgerInfo(ctx, dir, "text")
}
