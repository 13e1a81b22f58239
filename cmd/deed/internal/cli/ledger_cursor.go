package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
)

func (a *app) ledgerRemoveCursor() *cobra.Command {
	var confirmed bool
	cmd := &cobra.Command{
		Use:   "remove-cursor DIR EXPORTER",
		Short: "Stop keeping records for an exporter that will not come back",
		Long: `A ledger remembers, in a cursor for each exporter, what that exporter has. It keeps the records that an exporter lacks, also if the service does not configure the exporter any more, and such a ledger grows until it is full.

Remove-cursor removes the cursor of an exporter. The records stay until retention removes them, and the exporter never gets those that it lacks, unless it is configured again while the ledger has them: it then starts with the oldest record. It takes the ledger's lock, and closes attempts that were left open.

Without --yes it prints what the exporter lacks, and changes nothing. With --yes it needs --purpose, which says why. It first records in the ledger itself who removes the cursor of which exporter, as audit.cursor.remove, and removes nothing if it cannot; then it records the result.`,
		Example: "deed ledger remove-cursor /var/lib/shop/audit old-siem --purpose 'replaced, ticket 4711' --yes",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if confirmed && a.purpose == "" {
				return usagef("say why with --purpose")
			}
			lacking, err := a.lackingOf(args[0], args[1])
			if err != nil {
				return err
			}
			if confirmed {
				return a.removeCursor(cmd, args[0], args[1])
			}
			_, err = fmt.Fprintln(a.stdout, lacking)
			a.note("-- nothing was changed; add --yes and --purpose to remove the cursor of %s", term.Clean(args[1]))
			return err
		},
	}
	cmd.Flags().BoolVar(&confirmed, "yes", false, "do it")
	return cmd
}

// lacking is what an exporter lacks of a ledger: how many entries, and the first and the last one.
type lacking struct {
	log         string // the ID of the ledger
	exporter    string
	entries     uint64
	first, last uint64
}

func (l *lacking) String() string {
	if l.entries == 0 {
		return term.Clean(l.exporter) + " has everything"
	}
	return fmt.Sprintf("%s lacks %s (%d to %d)", term.Clean(l.exporter), howMany(int64(l.entries), "entry"), l.first, l.last)
}

// lackingOf returns what an exporter lacks of the ledger in dir.
func (a *app) lackingOf(dir, exporter string) (*lacking, error) {
	r, err := a.openLedger(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // read only
	id, err := r.ID()
	if err != nil {
		return nil, a.explain(dir, err)
	}
	stats, err := r.Stats()
	if err != nil {
		return nil, a.explain(dir, err)
	}
	committed, ok := stats.Cursors[exporter]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s has no cursor of an exporter with the name %q; deed ledger info %s lists them", dir, exporter, dir)
	case exporter == seal.CursorName:
		return nil, errors.New("that is the cursor of the seal, which keeps entries until they are sealed; a service that does not seal this ledger any more removes it with sdk.TrackerProvider.RemoveCursor")
	}
	l := &lacking{log: hex.EncodeToString(id[:]), exporter: exporter}
	if first := max(committed+1, stats.First); first < stats.Next {
		l.entries, l.first, l.last = stats.Next-first, first, stats.Next-1
	}
	return l, nil
}

// removeCursor removes a cursor between two records in the ledger.
func (a *app) removeCursor(cmd *cobra.Command, dir, exporter string) error {
	provider, err := a.writeLedger(dir, nil)
	if err != nil {
		return err
	}
	var lacking *lacking
	err = a.acting(cmd, provider, func(ctx context.Context) (err error) {
		if lacking, err = a.lackingOf(dir, exporter); err != nil { // nobody else writes now
			return err
		}
		remove := func(context.Context) error { return provider.RemoveCursor(exporter) }
		return audit.Do(ctx, provider.Tracker(trackerName), lacking.removal(a.purpose), remove)
	})
	if err != nil {
		return a.explain(dir, err)
	}
	_, err = fmt.Fprintf(a.stdout, "removed; %s\n", lacking)
	return err
}

// removal returns the event of the removal of the cursor.
func (l *lacking) removal(reason string) audit.Event {
	event := audit.Event{
		Action: semconv.ActionCursorRemove, Operation: audit.OperationDelete, Reason: reason,
		Target:   audit.Target{Type: "audit.exporter", ID: l.exporter},
		Metadata: []attribute.KeyValue{semconv.TrailLogKey.String(l.log), semconv.TrailRecordsKey.Int64(int64(l.entries))},
	}
	if l.entries > 0 {
		event.Metadata = append(event.Metadata, semconv.TrailFirstKey.Int64(int64(l.first)), semconv.TrailLastKey.Int64(int64(l.last)))
	}
	return event
}
