package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/custody"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/stamp"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/spf13/cobra"
)

type verifyCommand struct {
	*app
	publicKeys
	witnessPolicy
	stamped

	anchor   string
	archives string
	removals []string
	first    uint64
	format   string
	copied   copyFlags
}

func (a *app) verify() *cobra.Command {
	c := &verifyCommand{app: a}
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Find what was changed, removed or put in since it was sealed",
		Long: `Verify reads a sealed ledger and compares every entry with what was sealed. It names each entry that was changed, is missing, was put in, or stands at another place, and says which entries it can say nothing about, since no checkpoint covers them yet. It reads only, also beside the process that writes the ledger.

--anchor is the checkpoint that was kept elsewhere. Without it, nobody can tell whether the whole directory is an old copy. --witness-policy demands that witnesses have cosigned a checkpoint, and names when.

Entries that retention has removed are accounted for by the records of their removal, if these were sealed themselves: verify names who has removed them, when, and which archives have those that are kept. With --archives it reads these, and compares each entry there with what was sealed. The records of removals by deed are in the ledger of --record-to: name it with --removals, and seal it with deed seal now. Entries that are missing without such a record are findings, unless --first says that they may be.

With --mongodb it also compares a copy with what was sealed: it names each record that is missing there, changed, doubled or put in. The copy has what its exporter was given: say with --filter which records these are, and with --exporter the exporter's name. If DIR has the directory seal alone, and the ledger is elsewhere, the copy is compared with the checkpoint and the tiles. What is after the checkpoint is compared with the ledger.

Exit codes: 0 the ledger is what was sealed, 4 it is not, 3 it could not be verified.`,
		Example: `deed verify /var/lib/shop/audit --key audit.pub --anchor /mnt/elsewhere/audit.checkpoint
deed verify audit-ledger --key audit.pub --anchor audit.checkpoint --archives /backup/audit --removals looks
deed verify /var/lib/shop/audit --key audit.pub --mongodb mongodb://db.example.com/audit.records --filter '{"actions":["invoice.*"]}'
deed verify backup --key audit.pub --anchor audit.checkpoint --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0]) },
	}
	c.publicKeys.register(cmd)
	c.witnessPolicy.register(cmd)
	c.stamped.register(cmd)
	cmd.Flags().StringVar(&c.anchor, "anchor", "", "the `FILE` with the checkpoint that was kept elsewhere")
	cmd.Flags().StringVar(&c.archives, "archives", "", "the `DIRECTORY` of the archives of removed entries, or a URL such as s3://bucket/prefix, to verify them too")
	cmd.Flags().StringArrayVar(&c.removals, "removals", nil, "another ledger, in this `DIRECTORY`, that has sealed records of removals; may be repeated")
	cmd.Flags().Uint64Var(&c.first, "first", 1, "the `NUMBER` of the entry from which on all must be there")
	c.copied.register(cmd.Flags())
	formatFlag(cmd, &c.format)
	return cmd
}

// errNotSealed means that a ledger is not what was sealed. The findings were printed.
var errNotSealed = errors.New("the ledger is not what was sealed")

// notSealedError is an error about a proof, a checkpoint or a disclosure that is not what was
// sealed. It matches errNotSealed.
type notSealedError struct{ error }

// Is reports whether target is errNotSealed.
func (notSealedError) Is(target error) bool { return target == errNotSealed }

// Unwrap returns the error.
func (e notSealedError) Unwrap() error { return e.error }

func (c *verifyCommand) run(ctx context.Context, dir string) error {
	if err := checkFormat(c.format); err != nil {
		return err
	}
	keys, err := c.verifiers()
	if err != nil {
		return err
	}
	if err := c.load(); err != nil {
		return err
	}
	opts := seal.VerifyOptions{Keys: keys, From: c.first}
	if c.policy != nil {
		opts.Quorum = c.policy
	}
	if c.anchor != "" {
		if opts.Held, err = os.ReadFile(c.anchor); err != nil {
			return usagef("--anchor: %w", err)
		}
	}
	if err := c.checkStamp(c.anchor, opts.Held); err != nil {
		return err
	}
	r, err := c.openLedger(dir)
	if err != nil && c.copied.mongodb != "" && hasOnlySeal(dir) {
		return c.runCopy(ctx, dir, nil, &opts)
	}
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // read only
	if _, err := sealFiles(dir).Read("checkpoint"); err != nil && opts.Held == nil {
		return explainSeal(dir, err)
	}
	err = c.runLedger(ctx, dir, r, opts)
	if c.copied.mongodb == "" || err != nil && !errors.Is(err, errNotSealed) {
		return err
	}
	return errors.Join(err, c.runCopy(ctx, dir, r, &opts))
}

// hasOnlySeal reports whether a directory has the files of a seal, and no ledger.
func hasOnlySeal(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "state"))
	_, sealErr := sealFiles(dir).Read("checkpoint")
	return errors.Is(err, fs.ErrNotExist) && sealErr == nil
}

// runCopy verifies a copy, and prints the result.
func (c *verifyCommand) runCopy(ctx context.Context, dir string, r *ledger.Reader, opts *seal.VerifyOptions) error {
	report, err := c.verifyCopy(ctx, dir, r, opts)
	if err != nil {
		return err
	}
	if c.format == "json" {
		err = writeLine(c.stdout, report)
	} else {
		err = c.printCopy(report)
	}
	if err == nil && !report.Intact() {
		err = fmt.Errorf("%w, or its copy is not", errNotSealed)
	}
	return err
}

// runLedger verifies a ledger, and prints the result.
func (c *verifyCommand) runLedger(ctx context.Context, dir string, r *ledger.Reader, opts seal.VerifyOptions) error {
	stats, err := r.Stats()
	if err != nil {
		return err
	}
	var progress *term.Progress
	if term.Is(c.stderr) && !c.quiet {
		progress = term.NewProgress(c.stderr, "entries")
	}
	all := max(1, float64(stats.Next-stats.First))
	opts.Progress = func(entries int64) { progress.Update(entries, float64(entries)/all) }
	report, err := c.verify(ctx, r, opts)
	progress.Clear()
	if err != nil {
		return err
	}
	report.Dir = dir
	if c.format == "json" {
		err = writeLine(c.stdout, verified{report, c.proved})
	} else {
		err = c.print(report)
	}
	if err == nil && !report.Intact() {
		err = errNotSealed
	}
	return err
}

// verified is the report of a ledger as JSON.
type verified struct {
	*custody.Report

	// Stamped says when the checkpoint of the anchor existed. It is missing unless that was
	// demanded.
	Stamped *stamp.Stamp `json:"stamped,omitempty"`
}

// verify verifies the ledger, with its archives and the records of removals elsewhere.
func (c *verifyCommand) verify(ctx context.Context, r *ledger.Reader, opts seal.VerifyOptions) (*custody.Report, error) {
	o := custody.Options{Seal: opts}
	defer func() {
		for _, other := range o.Recorded {
			_ = other.Close() // read only
		}
	}()
	for _, dir := range c.removals {
		other, err := c.openLedger(dir)
		if err != nil {
			return nil, err
		}
		o.Recorded = append(o.Recorded, other)
	}
	if c.archives != "" {
		store, err := source.OpenArchives(ctx, c.archives)
		if err != nil {
			return nil, err
		}
		defer func() { _ = store.Close() }() // read only
		o.Store = store
	}
	return custody.Verify(ctx, r, o)
}

func (c *verifyCommand) print(r *custody.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %d to %d\n", term.Clean(r.Dir), howMany(r.Entries, "entry"), r.First, r.Last)
	if r.Held != nil {
		fmt.Fprintf(&b, "  proved     entries up to %d, by the checkpoint in %s\n", r.Proved, term.Clean(c.anchor))
	} else {
		fmt.Fprintf(&b, "  proved     nothing against an old copy of the whole directory: there is no --anchor\n")
	}
	if s := c.proved; s != nil {
		fmt.Fprintf(&b, "  stamped    that checkpoint existed at %s, says %s\n", s.Time.Format(time.RFC3339), term.Clean(s.Authority))
	}
	if r.Cosigned != nil {
		fmt.Fprintf(&b, "  cosigned   entries up to %d, by %s\n", r.Witnessed, c.cosigners(r.Cosigned))
	}
	if r.Sealed > r.Proved && r.Own != nil {
		fmt.Fprintf(&b, "  sealed     entries up to %d, by the checkpoint of the directory\n", r.Sealed)
	}
	if r.Last > r.Sealed {
		fmt.Fprintf(&b, "  unproved   entries %d to %d: no checkpoint covers them yet\n", r.Sealed+1, r.Last)
	}
	for _, gap := range r.Gaps {
		fmt.Fprintf(&b, "  gap        entries %v were lost before they were sealed\n", gap)
	}
	for i := range r.Removals {
		printRemoval(&b, &r.Removals[i])
	}
	for _, a := range r.Archives {
		fmt.Fprintf(&b, "  archive    %s: %s of %s entries are the ones that were sealed\n", term.Clean(a.Name), term.Count(a.Proved), term.Count(a.Entries))
	}
	printFindings(&b, r.Findings, r.More)
	if r.Intact() {
		b.WriteString("  intact: nothing that was sealed was changed, removed or put in\n")
	}
	_, err := fmt.Fprint(c.stdout, b.String())
	return err
}

// printFindings says what differs, and how many more findings there are.
func printFindings[F fmt.Stringer](b *strings.Builder, findings []F, more int64) {
	for _, f := range findings {
		fmt.Fprintf(b, "  ALTERED    %s\n", term.Clean(f.String()))
	}
	if more > 0 {
		fmt.Fprintf(b, "  ALTERED    and %s more\n", term.Count(more))
	}
}

// printRemoval says which entries were removed, and what accounts for them.
func printRemoval(b *strings.Builder, r *custody.Removal) {
	fmt.Fprintf(b, "  removed    entries %d to %d, by %s at %s", r.First, r.Last, term.Clean(r.Actor), r.Time.UTC().Format("2006-01-02 15:04:05Z"))
	if r.Reason != "" {
		fmt.Fprintf(b, " (%s)", term.Clean(r.Reason))
	}
	if r.Outcome != audit.OutcomeSuccess {
		fmt.Fprintf(b, ", outcome %s", r.Outcome)
	}
	where := ""
	if r.In != "" {
		where = " in " + term.Clean(r.In)
	}
	fmt.Fprintf(b, ": record %d%s\n", r.Entry, where)
	for _, text := range r.Discarded {
		fmt.Fprintf(b, "             past their time: %s\n", term.Clean(text))
	}
	if r.Damaged > 0 {
		fmt.Fprintf(b, "             could not be read, and given up: %s, %s\n", term.Count(r.Damaged), term.Clean(strings.Join(r.Gaps, ", ")))
	}
	for _, name := range r.Archives {
		fmt.Fprintf(b, "             archived in %s\n", term.Clean(name))
	}
}
