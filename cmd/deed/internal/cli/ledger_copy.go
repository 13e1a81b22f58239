package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
)

func (a *app) ledgerCopy() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "copy DIR TO",
		Short: "Copy a ledger, also beside its writer",
		Long: `Copy makes a consistent backup: the ledger as it was at one moment, with its sequence numbers, cursors and dead letters. The writer goes on meanwhile. The copy is then read to its end.

A copy has every record. With --record-to it is recorded as an export is, and the policy of a configuration can demand that: of --config, or of AUDIT_CONFIG_FILE if DIR is its ledger.

Never let two processes write to the original and to the copy: both would use the same sequence numbers.`,
		Example: `deed ledger copy /var/lib/shop/audit /backup/audit-2026-11-27
deed ledger copy /var/lib/shop/audit /backup/audit-2026-11-27 --config deploy.yaml --record-to looks --purpose 'nightly backup'`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runLedgerCopy(cmd, args[0], args[1], file)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration `FILE` whose policy says what must be recorded (default: AUDIT_CONFIG_FILE, if DIR is its ledger)")
	return cmd
}

// deadLettersDir is the ledger of the dead letters in the directory of a ledger.
const deadLettersDir = "dead-letters"

func (a *app) runLedgerCopy(cmd *cobra.Command, from, to, file string) error {
	ctx := cmd.Context()
	r, err := a.openLedger(from)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // read only
	if names, err := os.ReadDir(to); err == nil && len(names) > 0 {
		return usagef("%s is not empty; name a directory that does not exist", to)
	}
	set := ledgerSet(from)
	if set.Policies, err = policiesFor(ctx, from, file); err != nil {
		return err
	}
	if err := a.recordLooking(ctx, cmd, set, &query.Filter{}); err != nil {
		return err
	}
	sealed, err := seal.BeginBackup(sealFiles(from))
	if err != nil {
		return err
	}
	// A copy that is not complete must not be taken for a backup.
	if _, err := r.CopyTo(ctx, to); err != nil {
		return fmt.Errorf("%w; %s is no backup, remove it", err, to)
	}
	if err := sealed.CopyTo(ctx, sealFiles(to)); err != nil {
		return fmt.Errorf("%w; %s is no backup, remove it", err, to)
	}
	letters := filepath.Join(from, deadLettersDir)
	if _, err := os.Stat(letters); err == nil {
		if err := a.copyDeadLetters(ctx, letters, filepath.Join(to, deadLettersDir)); err != nil {
			return fmt.Errorf("%w; %s is no backup, remove it", err, to)
		}
	}
	entries, damage, err := a.scrub(ctx, to)
	if err != nil {
		return err
	}
	if err := a.recordExport(ctx, cmd, set, &query.Filter{}, to, semconv.TrailRecordsKey.Int64(entries), semconv.TrailFileKey.String(filepath.Clean(to))); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", term.Clean(to), howMany(entries, "entry")); err != nil {
		return err
	}
	if damage > 0 {
		return fmt.Errorf("the copy has the damage of the original, in %s: see above", howMany(int64(damage), "place"))
	}
	return nil
}

func (a *app) copyDeadLetters(ctx context.Context, from, to string) error {
	r, err := a.openLedger(from)
	if err != nil {
		return err
	}
	_, err = r.CopyTo(ctx, to)
	return errors.Join(err, r.Close())
}

// policiesFor returns the policy of a configuration, if it has one. Without a file it is that of
// the configuration in the environment, if dir is its ledger.
func policiesFor(ctx context.Context, dir, file string) ([]*policy.Policy, error) {
	if file == "" && os.Getenv(config.FileVariable) == "" {
		return nil, nil
	}
	c, err := loadConfig(ctx, file)
	if err != nil {
		return nil, err
	}
	if c.Policy() == nil || file == "" && !sameDir(c.LedgerDir(), dir) {
		return nil, nil
	}
	return []*policy.Policy{c.Policy()}, nil
}
