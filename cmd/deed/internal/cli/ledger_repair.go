package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
)

func (a *app) ledgerRepair() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "repair DIR --purpose TEXT",
		Short: "Repair a damaged ledger, and list what is lost",
		Long: `Repair opens a damaged ledger, keeps everything that can be read, and lists what is lost, as the file losses in the directory then does too. No segment is changed, and no sequence number is used again. It takes the ledger's lock: stop the process that writes it first. It closes attempts that were left open.

With --dry-run it changes nothing, and lists what a repair would lose. Do that first, and copy the directory.

Without --dry-run it needs --purpose, which says why. A damaged ledger accepts no record, so the repair comes first: then the ledger gets a record of who has repaired it and what is lost, as audit.ledger.repair.`,
		Example: `deed ledger repair --dry-run /var/lib/shop/audit
deed ledger repair /var/lib/shop/audit --purpose 'disk failure, ticket 4711'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runLedgerRepair(cmd, args[0], dryRun) },
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "change nothing")
	return cmd
}

func (a *app) runLedgerRepair(cmd *cobra.Command, dir string, dryRun bool) error {
	if !dryRun && a.purpose == "" {
		return usagef("say why with --purpose, or look first with --dry-run")
	}
	if _, err := os.Stat(dir); err != nil { // a repair must not create a ledger
		return a.explain(dir, err)
	}
	found, err := ledger.TrySalvage(dir, a.ledgerOptions()...)
	if err != nil {
		return a.explain(dir, err)
	}
	if len(found.Damage) == 0 {
		_, err = fmt.Fprintf(a.stdout, "%s: nothing to repair, the ledger opens as it is\n", term.Clean(dir))
		a.note("-- deed ledger scrub %s reads every entry, and names those that are damaged all the same", term.Clean(dir))
		return err
	}
	if dryRun {
		err := a.printLosses("a repair would lose", found.Damage)
		a.note("-- nothing was changed; copy the directory, then run the command without --dry-run, with --purpose")
		return err
	}
	return a.repair(cmd, dir, found.Damage)
}

// repair repairs the ledger in dir, and records in it who has done that. Nobody else can open the
// ledger in between.
func (a *app) repair(cmd *cobra.Command, dir string, damage []error) error {
	provider, err := a.writeLedger(dir, []ledger.Option{ledger.WithSalvage()})
	if err != nil {
		return err
	}
	printed := a.printLosses("lost", damage)
	recorded := a.acting(cmd, provider, func(ctx context.Context) error {
		event, err := a.repairEvent(dir, damage)
		if err != nil {
			return err
		}
		return provider.Tracker(trackerName).Track(context.WithoutCancel(ctx), event) // the repair is done
	})
	losses := term.Clean(filepath.Join(dir, "losses"))
	if recorded != nil {
		return errors.Join(printed, fmt.Errorf("the ledger is repaired, but it has no record of who did that: %w; keep %s, which lists what is lost, and note who has repaired it", recorded, losses))
	}
	a.note("-- repaired, and recorded in the ledger; %s lists what is lost", losses)
	return printed
}

func (a *app) printLosses(verb string, damage []error) error {
	for _, lost := range damage {
		if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", verb, term.Clean(describe(lost))); err != nil {
			return err
		}
	}
	return nil
}

// repairEvent returns the event of a repair.
func (a *app) repairEvent(dir string, damage []error) (audit.Event, error) {
	r, err := a.openLedger(dir)
	if err != nil {
		return audit.Event{}, err
	}
	id, err := r.ID()
	if err := errors.Join(err, r.Close()); err != nil {
		return audit.Event{}, err
	}
	lost := make([]string, len(damage))
	for i, err := range damage {
		lost[i] = describe(err)
	}
	return audit.Event{
		Action: semconv.ActionLedgerRepair, Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Reason: a.purpose,
		Target:   audit.Target{Type: "audit.trail", ID: filepath.Clean(dir)},
		Metadata: []attribute.KeyValue{semconv.TrailLogKey.String(hex.EncodeToString(id[:])), semconv.RepairLostKey.StringSlice(lost)},
	}, nil
}

// describe says what damage costs.
func describe(err error) string {
	corrupt, ok := errors.AsType[*ledger.CorruptError](err)
	switch {
	case !ok:
		return err.Error()
	case corrupt.First == 0:
		return fmt.Sprintf("nothing but %s: %s", corrupt.File, corrupt.Reason)
	case corrupt.Last == 0:
		return fmt.Sprintf("the entries from %d on, in %s at byte %d: %s", corrupt.First, corrupt.File, corrupt.Offset, corrupt.Reason)
	}
	text := fmt.Sprintf("%s, %d to %d", howMany(int64(corrupt.Last-corrupt.First+1), "entry"), corrupt.First, corrupt.Last)
	if corrupt.First == corrupt.Last {
		text = fmt.Sprintf("entry %d", corrupt.First)
	}
	if !corrupt.After.IsZero() || !corrupt.Before.IsZero() {
		text += ", written"
	}
	if !corrupt.After.IsZero() {
		text += " after " + corrupt.After.UTC().Format(time.RFC3339)
	}
	if !corrupt.Before.IsZero() {
		text += " before " + corrupt.Before.UTC().Format(time.RFC3339)
	}
	return text + fmt.Sprintf(", in %s at byte %d: %s", corrupt.File, corrupt.Offset, corrupt.Reason)
}
