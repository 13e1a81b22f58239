package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opendeed/audit/cmd/deed/internal/aside"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/sdk/ledger"
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

TO gets its name when the copy is complete. Until then it is TO` + copySuffix + `, which an interrupt removes. If the command is killed, the directory stays, and the next copy to TO says what to do.

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

// copySuffix is that of a copy until it is complete.
const copySuffix = ".part"

func (a *app) runLedgerCopy(cmd *cobra.Command, from, to, file string) error {
	ctx := cmd.Context()
	r, err := a.openLedger(from)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // read only
	if to, err = freeName(to); err != nil {
		return err
	}
	set := ledgerSet(from)
	if set.Policies, err = policiesFor(ctx, from, file); err != nil {
		return err
	}
	if err := a.recordLooking(ctx, cmd, set, &query.Filter{}); err != nil {
		return err
	}
	entries, damage, err := a.copyWhole(ctx, r, from, to)
	if err != nil {
		return err
	}
	if err := a.recordExport(ctx, cmd, set, &query.Filter{}, to, semconv.TrailRecordsKey.Int64(entries), semconv.TrailFileKey.String(to)); err != nil {
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

// freeName returns the path of a directory that does not exist, or is empty, without links.
func freeName(to string) (string, error) {
	to = filepath.Clean(to)
	if resolved, err := filepath.EvalSymlinks(to); err == nil {
		to = resolved
	}
	if names, err := os.ReadDir(to); err == nil && len(names) > 0 {
		return "", usagef("%s is not empty; name a directory that does not exist", to)
	}
	return to, nil
}

// copyWhole copies a ledger to a directory beside to, reads the copy to its end, and gives it the
// name last: no part of a ledger has the name of a backup. It returns what scrub does.
func (a *app) copyWhole(ctx context.Context, r *ledger.Reader, from, to string) (entries int64, damage int, err error) {
	part := to + copySuffix
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, 0, err
	}
	switch err := os.Mkdir(part, 0o700); {
	case errors.Is(err, fs.ErrExist):
		return 0, 0, fmt.Errorf("%s is a copy that was killed before it was complete, or one that still runs; if none runs, remove it and copy again", part)
	case err != nil:
		return 0, 0, err
	}
	stop := a.watchSize(part, sizeOf(from))
	err = a.copyParts(ctx, r, from, part)
	stop()
	if err == nil {
		entries, damage, err = a.scrub(ctx, part, to)
	}
	if err == nil {
		err = rename(part, to)
	}
	if err != nil {
		return 0, 0, errors.Join(err, os.RemoveAll(part))
	}
	return entries, damage, aside.SyncDir(filepath.Dir(to))
}

// copyParts copies the ledger, its seal and its dead letters.
func (a *app) copyParts(ctx context.Context, r *ledger.Reader, from, part string) error {
	sealed, err := seal.BeginBackup(sealFiles(from))
	if err != nil {
		return err
	}
	if _, err := r.CopyTo(ctx, part); err != nil {
		return err
	}
	if err := sealed.CopyTo(ctx, sealFiles(part)); err != nil {
		return err
	}
	letters := filepath.Join(from, deadLettersDir)
	if _, err := os.Stat(letters); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return a.copyDeadLetters(ctx, letters, filepath.Join(part, deadLettersDir))
}

func (a *app) copyDeadLetters(ctx context.Context, from, to string) error {
	r, err := a.openLedger(from)
	if err != nil {
		return err
	}
	_, err = r.CopyTo(ctx, to)
	return errors.Join(err, r.Close())
}

// rename gives a directory its name, which an empty directory may have.
func rename(part, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; name a directory that does not exist", err)
	}
	return os.Rename(part, to)
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
