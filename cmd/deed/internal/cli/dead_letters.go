package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/spf13/cobra"
)

func (a *app) deadLetters() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead-letters",
		Short: "Look at what an exporter rejected, and export it again: list, show, replay, drop",
		Long: `A dead letter is what an exporter did not get from its ledger: a record that it rejected permanently, or entries that cannot be read. It is kept with the reason.

List and show only read, also beside the process that writes the ledger. Replay and drop take the ledger's lock: stop the process first, or call ReplayDeadLetters or DropDeadLetters in it.`,
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.deadLettersList(), a.deadLettersShow(), a.deadLettersReplay(), a.deadLettersDrop())
	return cmd
}

// deadLettersOf returns the dead letters of the ledger in dir.
func (a *app) deadLettersOf(ctx context.Context, dir string) iter.Seq2[sdk.DeadLetter, error] {
	return sdk.ReadDeadLetters(ctx, dir, a.ledgerOptions()...)
}

func (a *app) deadLettersList() *cobra.Command {
	var format, exporter string
	var all bool
	cmd := &cobra.Command{
		Use:     "list DIR",
		Short:   "List dead letters that wait for a replay",
		Example: "deed dead-letters list /var/lib/shop/audit --exporter mongodb",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return a.listDeadLetters(cmd, args[0], format, func(letter *sdk.DeadLetter) bool {
				return (all || !letter.Replayed) && (exporter == "" || letter.Exporter == exporter)
			})
		},
	}
	formatFlag(cmd, &format)
	cmd.Flags().StringVar(&exporter, "exporter", "", "only those of the exporter with this `NAME`")
	cmd.Flags().BoolVar(&all, "all", false, "those that were replayed or dropped too")
	return cmd
}

// listDeadLetters prints a line for each dead letter that is wanted.
func (a *app) listDeadLetters(cmd *cobra.Command, dir, format string, wanted func(*sdk.DeadLetter) bool) error {
	ctx := cmd.Context()
	clock, err := a.clock()
	if err != nil {
		return err
	}
	if err := a.hasLedger(dir); err != nil {
		return err
	}
	if err := a.recordLooking(ctx, cmd, ledgerSet(dir), &query.Filter{}); err != nil {
		return err
	}
	width := 0
	if a.forPeople() {
		width = a.width()
	}
	found := 0
	for letter, err := range a.deadLettersOf(ctx, dir) {
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			a.problem(err)
			continue
		case !wanted(&letter):
			continue
		}
		found++
		if format == "json" {
			if err := writeLine(a.stdout, letter); err != nil {
				return err
			}
			continue
		}
		line := fmt.Sprintf("%8s  %s  %-12s %s  %s", seqText(&letter), letter.Time.In(clock.Zone).Format("2006-01-02 15:04:05"),
			term.Clean(letter.Exporter), term.Clean(whatText(&letter)), term.Clean(letter.Reason))
		if width > 0 {
			line = term.Fit(line, width)
		}
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	return a.finish(found)
}

// ledgerSet returns the set that a record of a look at the dead letters of a ledger names.
func ledgerSet(dir string) *source.Set {
	return &source.Set{Names: []string{filepath.Clean(dir)}, Dirs: []string{dir}}
}

func seqText(letter *sdk.DeadLetter) string {
	if letter.Through > 0 {
		return fmt.Sprintf("%d-%d", letter.Seq, letter.Through)
	}
	return strconv.FormatUint(letter.Seq, 10)
}

// whatText says what a dead letter is about.
func whatText(letter *sdk.DeadLetter) string {
	switch {
	case letter.Record != nil:
		return strings.TrimSpace(letter.Record.Action + " " + ask.TargetText(letter.Record.Target))
	case letter.Through > 0:
		return "unreadable entries"
	}
	return "not a record"
}

func (a *app) deadLettersShow() *cobra.Command {
	var format, exporter string
	cmd := &cobra.Command{
		Use:     "show DIR NUMBER",
		Short:   "Show a dead letter with its record",
		Long:    "Show prints the dead letters of one entry, by the number that deed dead-letters list prints first: one for each exporter that rejected it.",
		Example: "deed dead-letters show /var/lib/shop/audit 1042",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			seq, err := strconv.ParseUint(args[1], 10, 64)
			if err != nil {
				return usagef("%s is not the number of an entry; deed dead-letters list prints them", args[1])
			}
			return a.showDeadLetters(cmd, args[0], seq, exporter, format)
		},
	}
	formatFlag(cmd, &format)
	cmd.Flags().StringVar(&exporter, "exporter", "", "only that of the exporter with this `NAME`")
	return cmd
}

func (a *app) showDeadLetters(cmd *cobra.Command, dir string, seq uint64, exporter, format string) error {
	ctx := cmd.Context()
	clock, err := a.clock()
	if err != nil {
		return err
	}
	if err := a.hasLedger(dir); err != nil {
		return err
	}
	if err := a.recordLooking(ctx, cmd, ledgerSet(dir), &query.Filter{}); err != nil {
		return err
	}
	text, err := stdout.New(stdout.WithWriter(a.stdout), stdout.WithText(), stdout.WithColor(a.colors(a.stdout)))
	if err != nil {
		return err
	}
	found := 0
	for letter, err := range a.deadLettersOf(ctx, dir) {
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			a.problem(err)
			continue
		case seq < letter.Seq || seq > max(letter.Seq, letter.Through) || exporter != "" && letter.Exporter != exporter:
			continue
		}
		found++
		if format == "json" {
			if err := writeLine(a.stdout, letter); err != nil {
				return err
			}
			continue
		}
		if err := a.printDeadLetter(ctx, text, &letter, clock.Zone); err != nil {
			return err
		}
	}
	return a.finish(found)
}

// printDeadLetter prints a dead letter and its record, which text exports to standard output.
func (a *app) printDeadLetter(ctx context.Context, text *stdout.Exporter, letter *sdk.DeadLetter, zone *time.Location) error {
	if _, err := fmt.Fprintf(a.stdout, "entry %s, rejected by %s at %s after %d attempts: %s\n", seqText(letter), term.Clean(letter.Exporter),
		letter.Time.In(zone).Format(time.RFC3339), letter.Attempts, term.Clean(letter.Reason)); err != nil {
		return err
	}
	if letter.Record != nil {
		return text.Export(ctx, []*record.Record{letter.Record})
	}
	if letter.Raw == nil {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "    %q\n", letter.Raw)
	return err
}

func (a *app) deadLettersReplay() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "replay DIR EXPORTER",
		Short: "Export dead letters again",
		Long: `Replay exports the records of an exporter's dead letters again, after the cause of their rejection was corrected. A record that is rejected again becomes a new dead letter, and the command ends with exit code 3. Dead letters without a record are skipped. It takes the ledger's lock, and exports what else the ledger holds, too.

The configuration is that of the service; only its directory is replaced by DIR.`,
		Example: "deed dead-letters replay --config deploy.yaml /var/lib/shop/audit mongodb",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.replayDeadLetters(cmd.Context(), args[0], args[1], file)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration `FILE` with the exporter (default: AUDIT_CONFIG_FILE, or the environment)")
	return cmd
}

func (a *app) replayDeadLetters(ctx context.Context, dir, exporter, file string) error {
	if err := a.hasLedger(dir); err != nil {
		return err
	}
	if err := named(file); err != nil {
		return err
	}
	before, err := a.waiting(ctx, dir, exporter)
	if err != nil {
		return err
	}
	provider, err := config.NewTrackerProvider(ctx, config.WithFile(file), config.WithLedgerDir(dir))
	if err != nil {
		return a.explain(dir, err)
	}
	delivered, err := provider.ReplayDeadLetters(ctx, exporter)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(err, provider.Shutdown(end))
	if _, printErr := fmt.Fprintf(a.stdout, "%d delivered to %s\n", delivered, term.Clean(exporter)); printErr != nil || err != nil {
		return errors.Join(err, printErr)
	}
	if before.bare > 0 {
		a.note("-- %s without a record, of which nothing can be delivered; deed dead-letters list --all %s still shows it", howMany(before.bare, "dead letter"), term.Clean(dir))
	}
	after, err := a.waiting(end, dir, exporter)
	if err == nil && after.all > 0 {
		err = fmt.Errorf("%s left, rejected again or since; deed dead-letters list %s --exporter %s says why", howMany(after.all, "dead letter"), dir, exporter)
	}
	return err
}

// waitingLetters counts the dead letters of an exporter that were not replayed, and those of them
// that have no record.
type waitingLetters struct{ all, bare int64 }

func (a *app) waiting(ctx context.Context, dir, exporter string) (w waitingLetters, err error) {
	for letter, err := range a.deadLettersOf(ctx, dir) {
		switch {
		case err != nil && ctx.Err() != nil:
			return w, err
		case err != nil || letter.Exporter != exporter || letter.Replayed:
			continue // a replay skips what is damaged, and list names it
		case letter.Record == nil:
			w.bare++
		}
		w.all++
	}
	return w, nil
}

func (a *app) deadLettersDrop() *cobra.Command {
	var through uint64
	var confirmed bool
	cmd := &cobra.Command{
		Use:   "drop DIR EXPORTER",
		Short: "Give up dead letters: their exporter never gets them",
		Long: `Drop gives up the dead letters of an exporter. The exporter never gets their records, which stay in the ledger as long as it keeps them. It takes the ledger's lock, and closes attempts that were left open.

Without --yes it prints what it would give up, and changes nothing. With --yes it needs --purpose, which says why. It first records in the ledger itself who gives up how many dead letters of which exporter, as audit.dead_letter.drop, and gives up nothing if it cannot; then it records the result. With --record-to the look at them is recorded there too.`,
		Example: "deed dead-letters drop /var/lib/shop/audit mongodb --through 1042 --purpose 'ticket 4711' --yes",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if confirmed {
				return a.dropDeadLetters(cmd, args[0], args[1], through)
			}
			return a.previewDrop(cmd, args[0], args[1], through)
		},
	}
	cmd.Flags().Uint64Var(&through, "through", 0, "only those before the first one of an entry after this `NUMBER`")
	cmd.Flags().BoolVar(&confirmed, "yes", false, "do it")
	return cmd
}

// previewDrop prints the dead letters that a drop gives up.
func (a *app) previewDrop(cmd *cobra.Command, dir, exporter string, through uint64) error {
	stays := false // a letter that was rejected again comes after those of later entries
	err := a.listDeadLetters(cmd, dir, "text", func(letter *sdk.DeadLetter) bool {
		if letter.Exporter != exporter || letter.Replayed {
			return false
		}
		stays = stays || through != 0 && letter.Seq > through
		return !stays
	})
	if err == nil {
		a.note("-- nothing was changed; add --yes and --purpose to give these up")
	}
	return err
}

func (a *app) dropDeadLetters(cmd *cobra.Command, dir, exporter string, through uint64) error {
	if a.purpose == "" {
		return usagef("say why with --purpose")
	}
	if err := a.hasLedger(dir); err != nil {
		return err
	}
	if err := a.recordLooking(cmd.Context(), cmd, ledgerSet(dir), &query.Filter{}); err != nil {
		return err
	}
	provider, err := a.writeLedger(dir, nil)
	if err != nil {
		return err
	}
	dropped := 0
	err = a.acting(cmd, provider, func(ctx context.Context) (err error) {
		dropped, err = provider.DropDeadLetters(ctx, exporter, through, a.purpose)
		return err
	})
	if err != nil {
		return fmt.Errorf("%d dropped: %w", dropped, a.explain(dir, err))
	}
	if _, err := fmt.Fprintf(a.stdout, "%d dropped\n", dropped); err != nil {
		return err
	}
	return a.finish(dropped)
}
