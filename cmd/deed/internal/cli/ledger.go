package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/spf13/cobra"
)

func (a *app) ledger() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Look after a ledger: info, scrub, copy, repair, drain, remove-cursor",
		Long: `The commands below ledger look after the directory of a ledger.

Info, scrub and copy only read, also beside the process that writes it. Repair, drain and remove-cursor take the ledger's lock: stop the process first.`,
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.ledgerInfo(), a.ledgerScrub(), a.ledgerCopy(), a.ledgerRepair(), a.ledgerDrain(), a.ledgerRemoveCursor())
	return cmd
}

// ledgerOptions returns the options for ledgers.
func (a *app) ledgerOptions() []ledger.Option {
	if a.groupWritable {
		return []ledger.Option{ledger.WithGroupWritable()}
	}
	return nil
}

// openLedger opens a ledger for reading.
func (a *app) openLedger(dir string) (*ledger.Reader, error) {
	r, err := ledger.OpenReader(dir, a.ledgerOptions()...)
	return r, a.explain(dir, err)
}

// hasLedger returns an error if there is no ledger in dir. What opens one to write would make it.
func (a *app) hasLedger(dir string) error {
	r, err := a.openLedger(dir)
	if err != nil {
		return err
	}
	return r.Close()
}

// writeLedger opens the ledger in dir alone, to record in it what deed does to it.
func (a *app) writeLedger(dir string, how []ledger.Option, opts ...sdk.Option) (*sdk.TrackerProvider, error) {
	options := []sdk.LedgerOption{ledger.WithScrub(0)}
	for _, o := range append(a.ledgerOptions(), how...) {
		options = append(options, o)
	}
	provider, err := sdk.NewTrackerProvider(append(append(ownOptions(), sdk.WithLedger(dir, options...)), opts...)...)
	return provider, a.explain(dir, err)
}

// explain adds what to do to an error about a ledger.
func (a *app) explain(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s has no ledger; name the directory that the service passes to sdk.WithLedger, or ledger.dir of its configuration", dir)
	case errors.Is(err, ledger.ErrLocked):
		return fmt.Errorf("%s is open in another process, and this command needs it alone; stop that process first", dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; run deed as the user of the service", err)
	}
	return err
}

type ledgerInfo struct {
	Dir         string            `json:"dir"`
	First       uint64            `json:"first"`
	Next        uint64            `json:"next"`
	Entries     uint64            `json:"entries"`
	Bytes       int64             `json:"bytes"`
	Segments    int               `json:"segments"`
	Cursors     map[string]uint64 `json:"cursors"`
	Lag         map[string]uint64 `json:"lag"`
	Damaged     int               `json:"damaged"`
	Scrubbed    time.Time         `json:"scrubbed,omitzero"`
	Sidecars    int               `json:"sidecars"`
	DeadLetters int               `json:"dead_letters"`

	dead map[string]int // dead letters by exporter
}

// inspect returns what the files of a ledger say.
func (a *app) inspect(ctx context.Context, dir string) (info ledgerInfo, err error) {
	r, err := a.openLedger(dir)
	if err != nil {
		return info, err
	}
	defer func() { _ = r.Close() }() // read only
	stats, err := r.Stats()
	if err != nil {
		return info, err
	}
	sidecars, err := r.Sidecars()
	if err != nil {
		return info, err
	}
	info = ledgerInfo{
		Dir: dir, First: stats.First, Next: stats.Next, Entries: stats.Next - stats.First, Bytes: stats.Bytes, Segments: stats.Segments,
		Cursors: stats.Cursors, Lag: map[string]uint64{}, Damaged: max(stats.Damaged, stats.ScrubDamaged), Scrubbed: stats.Scrubbed, Sidecars: len(sidecars), dead: map[string]int{},
	}
	for name, committed := range stats.Cursors {
		info.Lag[name] = stats.Next - 1 - min(committed, stats.Next-1)
	}
	for letter, err := range a.deadLettersOf(ctx, dir) {
		if err != nil {
			a.problem(err)
		} else if !letter.Replayed {
			info.DeadLetters++
			info.dead[letter.Exporter]++
		}
	}
	return info, nil
}

// timeOf returns the time of the record in an entry, or zero if it cannot be read.
func (a *app) timeOf(ctx context.Context, dir string, seq uint64) (time.Time, error) {
	r, err := a.openLedger(dir)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = r.Close() }() // read only
	for e, err := range r.Entries(ctx, seq) {
		var one record.Record
		if err != nil || one.UnmarshalJSON(e.Data) != nil {
			break
		}
		return one.Time, nil
	}
	return time.Time{}, nil
}

func (a *app) ledgerInfo() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "info DIR",
		Short:   "Show what a ledger has, and how far its exporters are",
		Example: "deed ledger info /var/lib/shop/audit",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runLedgerInfo(cmd.Context(), args[0], format)
		},
	}
	formatFlag(cmd, &format)
	return cmd
}

// formatFlag adds --format for commands whose output is text or JSON.
func formatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVarP(format, "format", "f", "text", "`FORMAT`: text or json")
	group(cmd.Flags(), groupOutput, "format")
}

func checkFormat(format string) error {
	if format != "text" && format != "json" {
		return usagef("--format: %q is not a format; use text or json", format)
	}
	return nil
}

func (a *app) runLedgerInfo(ctx context.Context, dir, format string) error {
	if err := checkFormat(format); err != nil {
		return err
	}
	info, err := a.inspect(ctx, dir)
	if err != nil {
		return err
	}
	if format == "json" {
		if err := writeLine(a.stdout, info); err != nil {
			return err
		}
		return a.finish(1)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", term.Clean(dir))
	fmt.Fprintf(&b, "  entries       %s (%d to %d)\n", term.Count(int64(info.Entries)), info.First, max(info.First, info.Next)-1)
	fmt.Fprintf(&b, "  size          %s in %s, %d of them indexed\n", term.Bytes(info.Bytes), howMany(int64(info.Segments), "segment"), info.Sidecars)
	for _, name := range slices.Sorted(maps.Keys(info.Cursors)) {
		if name == seal.CursorName {
			fmt.Fprintf(&b, "  seal          %s\n", behind(info.Lag[name]))
			continue
		}
		fmt.Fprintf(&b, "  exporter      %s: %s\n", name, behind(info.Lag[name]))
	}
	if info.DeadLetters > 0 {
		fmt.Fprintf(&b, "  dead letters  %d; deed dead-letters list %s\n", info.DeadLetters, term.Clean(dir))
	}
	scrubbed := "never by a process that writes it; deed ledger scrub reads everything now"
	if !info.Scrubbed.IsZero() {
		scrubbed = info.Scrubbed.Format(time.RFC3339)
	}
	fmt.Fprintf(&b, "  scrubbed      %s\n", scrubbed)
	if info.Damaged > 0 {
		fmt.Fprintf(&b, "  damage        %d; deed ledger scrub %s\n", info.Damaged, term.Clean(dir))
	}
	if _, err := fmt.Fprint(a.stdout, b.String()); err != nil {
		return err
	}
	return a.finish(1)
}

func behind(lag uint64) string {
	if lag == 0 {
		return "has everything"
	}
	return howMany(int64(lag), "entry") + " behind"
}

func (a *app) ledgerScrub() *cobra.Command {
	return &cobra.Command{
		Use:   "scrub DIR",
		Short: "Read everything, and name what cannot be read",
		Long: `Scrub reads every entry of a ledger and checks it. It changes nothing. It names each damaged place and the entries that are lost there, and ends with exit code 3 if there is any.

A process that has the ledger open does the same in the background, once a day.`,
		Example: "deed ledger scrub /var/lib/shop/audit",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runLedgerScrub(cmd.Context(), args[0]) },
	}
}

func (a *app) runLedgerScrub(ctx context.Context, dir string) error {
	entries, damage, err := a.scrub(ctx, dir, dir)
	if err != nil {
		return err
	}
	if damage > 0 {
		return fmt.Errorf("%s; %s can be read; %s", howMany(int64(damage), "damaged place"), howMany(entries, "entry"), a.remedy(dir))
	}
	_, err = fmt.Fprintf(a.stdout, "%s: %s, no damage\n", term.Clean(dir), howMany(entries, "entry"))
	return err
}

// remedy says what to do about damage.
func (a *app) remedy(dir string) string {
	if found, err := ledger.TrySalvage(dir, a.ledgerOptions()...); err == nil && len(found.Damage) == 0 {
		return "the ledger opens all the same, and a repair has nothing to do; copy what is lost from a backup, or ask the exporters for it"
	}
	return fmt.Sprintf("deed ledger repair --dry-run %s says what a repair would lose", dir)
}

// scrub reads all entries, prints each damaged place, and returns how many there are. Shown is the
// directory that it names.
func (a *app) scrub(ctx context.Context, dir, shown string) (entries int64, damage int, err error) {
	r, err := a.openLedger(dir)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = r.Close() }() // read only
	stats, err := r.Stats()
	if err != nil {
		return 0, 0, err
	}
	progress := a.progress("entries")
	all := max(1, float64(stats.Next-stats.First))
	for e, err := range r.Entries(ctx, 0) {
		if err != nil {
			progress.Clear()
			place, corrupt := errors.AsType[*ledger.CorruptError](err)
			if _, removed := errors.AsType[*ledger.RemovedError](err); !corrupt && !removed {
				return entries, damage, err
			}
			if corrupt {
				damage++
				if dir != shown {
					place.Dir = shown
				}
				a.complain(err)
			}
			continue
		}
		if entries++; entries%1000 == 0 {
			progress.Update(entries, float64(e.Seq-stats.First)/all)
		}
	}
	progress.Clear()
	if damage < stats.Damaged {
		damage = stats.Damaged
		a.complain(fmt.Errorf("%s: a cursor or the header of a segment is damaged, which costs no entry", shown))
	}
	return entries, damage, nil
}
