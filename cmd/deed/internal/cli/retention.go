package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/sdk/control"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/spf13/cobra"
)

func (a *app) retention() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Archive and remove records whose time is over: plan, apply",
		Long: `The commands below retention apply the rules of a configuration, key retention: how long records are kept, and when they may leave for an archive.

Plan only reads, also beside the process that writes the ledger. Apply takes the ledger's lock, or asks the process to remove segments, if its configuration has ledger.control. Otherwise stop the process first, or let it call retention.ApplyLedger itself. A collection of MongoDB needs none of that.`,
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.retentionPlan(), a.retentionApply())
	return cmd
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "the configuration `FILE` with the retention (default: AUDIT_CONFIG_FILE, or the environment)")
}

func (a *app) retentionPlan() *cobra.Command {
	var file, format string
	var drop map[string]int64
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what an apply would do, and change nothing",
		Long: `Plan reads the ledger or the collection, and prints what deed retention apply would archive and remove now, what stays beyond its class because it shares a segment, until when, and why.

A segment of a ledger is removed as a whole, the oldest first, once each of its records is past its time or may leave for an archive.`,
		Example: "deed retention plan --config deploy.yaml",
		Args:    onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return a.runRetentionPlan(cmd, file, format, drop)
		},
	}
	configFlag(cmd, &file)
	formatFlag(cmd, &format)
	dropFlag(cmd, &drop)
	return cmd
}

func (a *app) runRetentionPlan(cmd *cobra.Command, file, format string, drop map[string]int64) error {
	ctx := cmd.Context()
	clock, err := a.clock()
	if err != nil {
		return err
	}
	c, err := loadRetention(ctx, file)
	if err != nil {
		return err
	}
	if err := a.recordLooking(ctx, cmd, storeOf(c), &query.Filter{}); err != nil {
		return err
	}
	options := a.retentionOptions(c.Retention())
	if options.DropDamaged, err = dropDamaged(c.Retention(), drop); err != nil {
		return err
	}
	switch store, err := source.OpenArchives(ctx, c.Retention().Archives); {
	case errors.Is(err, fs.ErrNotExist):
		a.note("-- %s; an apply needs it", term.Clean(source.MissingArchives(c.Retention().Archives).Error()))
	case err != nil:
		return err
	default:
		defer func() { _ = store.Close() }() // read only
		options.Store = store
	}
	progress := a.watchRetention(&options)
	plan, err := a.plan(ctx, c, options)
	progress.Clear()
	if plan == nil {
		return err
	}
	if format == "json" {
		return errors.Join(writeLine(a.stdout, plan), err)
	}
	return errors.Join(a.printPlan(plan, clock), err)
}

// storeOf describes the store of a configuration, for the record of a look at it.
func storeOf(c *config.Config) *source.Set {
	set := &source.Set{Names: []string{c.Retention().Store}}
	if dir := c.LedgerDir(); dir != "" {
		set.Dirs = append(set.Dirs, dir)
		if c.Retention().Store == "" {
			set.Names[0] = dir
		}
	}
	if p := c.Policy(); p != nil {
		set.Policies = append(set.Policies, p)
	}
	return set
}

// plan makes the plan of the store of a configuration. It may return a plan and an error.
func (a *app) plan(ctx context.Context, c *config.Config, options retention.Options) (*retention.Plan, error) {
	if store := c.Retention().Store; store != "" {
		collection, release, err := c.RetainedCollection()
		if err != nil {
			return nil, err
		}
		defer disconnect(ctx, release)
		return retention.PlanCollection(ctx, store, collection, options)
	}
	r, err := a.openLedger(c.LedgerDir())
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // read only
	return retention.PlanLedger(ctx, r, options)
}

// disconnect closes a connection whose replies have been read.
func disconnect(ctx context.Context, release func(context.Context) error) {
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	_ = release(end) // nothing is pending
}

func (a *app) retentionOptions(r *config.Retention) retention.Options {
	return retention.Options{Policy: r.Policy, AllLogs: r.AllLogs, Reason: a.purpose}
}

// watchRetention shows how many records are examined. The caller clears what it returns.
func (a *app) watchRetention(o *retention.Options) *term.Progress {
	progress := a.progress("records")
	if progress != nil {
		o.Progress = progress.Update
	}
	return progress
}

// dropFlag adds the flag for what is given up.
func dropFlag(cmd *cobra.Command, drop *map[string]int64) {
	cmd.Flags().StringToInt64Var(drop, "drop-damaged", nil, "give up what cannot be read in a segment of the ledger: `SEGMENT=ENTRIES`, as the plan says; the others are archived first")
}

// dropDamaged returns what the flag gives up.
func dropDamaged(r *config.Retention, drop map[string]int64) (map[uint64]int64, error) {
	if len(drop) > 0 && r.Store != "" {
		return nil, usagef("--drop-damaged: the policy is for a collection of MongoDB, which has no segments")
	}
	damaged := map[uint64]int64{}
	for text, n := range drop {
		number, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n <= 0 {
			return nil, usagef("--drop-damaged: write SEGMENT=ENTRIES, the number of a segment and how many of its entries cannot be read, such as 3=12")
		}
		damaged[number] = n
	}
	return damaged, nil
}

func (a *app) retentionApply() *cobra.Command {
	var file, format string
	var drop map[string]int64
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Archive and remove what deed retention plan says",
		Long: `Apply works segment by segment, the oldest first: it archives what is kept longer, reads the archives back, verifies them, and then removes the segment. It also removes archives whose time is over. What it does is recorded in the ledger of --record-to, which is required.

It may be interrupted, or killed, at any time, and continues when it is run again.

A segment with entries that cannot be read stays, since nobody knows how long they must be kept. If they cannot be restored from a backup, --drop-damaged gives them up: the segment then leaves as the policy says, once what can be read is archived. The record of the removal, and the manifests of the archives, say which entries are missing. While a hold is in force the segment stays.`,
		Example: `deed retention apply --config deploy.yaml --record-to looks --purpose 'every quarter'
deed retention apply --drop-damaged 3=12 --purpose 'disk failure, no backup' --record-to looks`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return a.runRetentionApply(cmd, file, format, drop)
		},
	}
	configFlag(cmd, &file)
	formatFlag(cmd, &format)
	dropFlag(cmd, &drop)
	return cmd
}

func (a *app) runRetentionApply(cmd *cobra.Command, file, format string, drop map[string]int64) (err error) {
	clock, err := a.clock()
	if err != nil {
		return err
	}
	c, err := loadRetention(cmd.Context(), file)
	if err != nil {
		return err
	}
	damaged, err := dropDamaged(c.Retention(), drop)
	if err != nil {
		return err
	}
	if len(damaged) > 0 && a.purpose == "" {
		return usagef("--drop-damaged: say why with --purpose")
	}
	set := storeOf(c)
	return a.recorded(cmd, set.Dirs, set.Policies, func(ctx context.Context, t audit.Tracker) error {
		where := c.Retention().Archives
		store, err := source.OpenArchives(ctx, where)
		if err != nil {
			return missingArchives(where, err)
		}
		defer func() { _ = store.Close() }() // objects are durable
		options := a.retentionOptions(c.Retention())
		options.Store, options.Tracker, options.DropDamaged = store, t, damaged
		progress := a.watchRetention(&options)
		report, err := a.apply(ctx, c, options)
		progress.Clear()
		if report == nil {
			return err
		}
		return errors.Join(err, a.printReport(report, err, format, clock)) // also what was done before an error
	})
}

// apply applies the rules to the store of a configuration. It may return a report and an error.
func (a *app) apply(ctx context.Context, c *config.Config, options retention.Options) (report *retention.Report, err error) {
	if store := c.Retention().Store; store != "" {
		collection, release, err := c.RetainedCollection()
		if err != nil {
			return nil, err
		}
		defer disconnect(ctx, release)
		return retention.ApplyCollection(ctx, store, collection, options)
	}
	dir := c.LedgerDir()
	r, err := a.openLedger(dir) // which creates none
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // read only
	l, err := ledger.Open(dir, append(a.ledgerOptions(), ledger.WithScrub(0))...)
	if errors.Is(err, ledger.ErrLocked) {
		remove := func(seq uint64) (uint64, error) { return control.RemoveBefore(ctx, dir, seq) }
		if _, err := remove(0); errors.Is(err, control.ErrUnavailable) {
			return nil, fmt.Errorf("%s is open in another process, which does not listen for commands; stop it first, open its ledger with "+
				"sdk.WithControl (ledger.control of the configuration), or let it call retention.ApplyLedger itself", dir)
		}
		return retention.ApplyLedger(ctx, r, remove, options)
	}
	if err != nil {
		return nil, a.explain(dir, err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return retention.ApplyLedger(ctx, r, l.RemoveBefore, options)
}
