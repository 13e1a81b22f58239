package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/seal/witness"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
)

func (a *app) seal() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "seal",
		Short: "Seal a ledger, accept one that was restored, publish its hashes, or have a checkpoint stamped: now, adopt, serve, timestamp",
		Long: `A process that has a ledger open seals it by itself, with sdk.WithSeal or the key seal of a configuration. Now and adopt take the ledger's lock: stop the process first. Serve and timestamp only read it.

Deed keygen makes a key, deed verify finds what was altered since, and deed prove proves one record.`,
	}
	onlyCommands(cmd)
	cmd.AddCommand(a.sealNow(), a.sealAdopt(), a.sealServe(), a.sealTimestamp())
	return cmd
}

// sealing are the flags of commands that sign.
type sealing struct {
	witnessPolicy

	key, previous, anchor string
}

func (s *sealing) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.key, "private-key", "", "the `FILE` of the private key, from deed keygen")
	cmd.Flags().StringVar(&s.previous, "previous-key", "", "the `FILE` of the private key that this one replaces; both sign")
	cmd.Flags().StringVar(&s.file, "witness-policy", "", "the `FILE` that names the witnesses, who are asked to cosign")
	cmd.Flags().StringVar(&s.anchor, "anchor", "", "the `FILE` that keeps the newest checkpoint, outside of the directory")
}

// options returns the key and the options of the seal.
func (s *sealing) options() (*seal.Key, []seal.Option, error) {
	if s.key == "" {
		return nil, nil, usagef("name the private key with --private-key; deed keygen makes one")
	}
	key, err := seal.LoadKey(s.key)
	if err != nil {
		return nil, nil, err
	}
	if err := s.load(); err != nil {
		return nil, nil, err
	}
	var opts []seal.Option
	if s.previous != "" {
		previous, err := seal.LoadKey(s.previous)
		if err != nil {
			return nil, nil, err
		}
		opts = append(opts, seal.WithPreviousKey(previous))
	}
	if s.policy != nil {
		opts = append(opts, seal.WithWitnesses(witness.NewClient(s.policy)))
	}
	if s.anchor != "" {
		opts = append(opts, seal.WithAnchor(seal.AnchorFile(s.anchor)))
	}
	return key, opts, nil
}

func (a *app) sealNow() *cobra.Command {
	var s sealing
	cmd := &cobra.Command{
		Use:     "now DIR",
		Short:   "Seal a ledger that no process writes",
		Example: "deed seal now /var/lib/shop/audit --private-key audit.key --anchor /mnt/elsewhere/audit.checkpoint",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runSealNow(cmd.Context(), args[0], &s) },
	}
	s.register(cmd)
	return cmd
}

func (a *app) runSealNow(ctx context.Context, dir string, s *sealing) (err error) {
	key, opts, err := s.options()
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil { // this must not create a ledger
		return a.explain(dir, err)
	}
	l, err := ledger.OpenContext(ctx, dir, append(a.ledgerOptions(), ledger.WithScrub(0))...)
	if err != nil {
		return a.explain(dir, err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	opts = append(opts, seal.WithErrorHandler(func(err error) {
		if _, ok := errors.AsType[*seal.WitnessError](err); ok { // other errors are returned
			a.complain(err)
		}
	}))
	sealer, err := seal.Start(ctx, l, key, opts...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealTimeout)
	defer cancel()
	if err := sealer.Close(ctx); err != nil {
		return err
	}
	a.noteUnheld(s)
	c := sealer.Newest()
	_, err = fmt.Fprintf(a.stdout, "%s: sealed, %s leaves in %s\n", term.Clean(dir), term.Count(c.Size), term.Clean(c.Origin))
	return err
}

func (a *app) sealAdopt() *cobra.Command {
	var s sealing
	cmd := &cobra.Command{
		Use:   "adopt DIR",
		Short: "Record that a ledger was restored on purpose, and seal it as it is",
		Long: `A process does not seal a ledger that lacks what was sealed, or contradicts it: an old copy, another ledger, or one whose entries were altered. If that is so on purpose, such as after a restore, adopt accepts what is there. It appends a record that says who has adopted it and why, and signs it. If the ledger contradicts what was signed before, its tree gets another origin, so verifying against an older checkpoint still fails.

Keep the checkpoint of the anchor before: it is the evidence of what was sealed.`,
		Example: `deed seal adopt /var/lib/shop/audit --private-key audit.key --anchor /mnt/elsewhere/audit.checkpoint --purpose "restored from the backup of Nov 20, ticket 4711"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runSealAdopt(cmd, args[0], &s)
		},
	}
	s.register(cmd)
	return cmd
}

func (a *app) runSealAdopt(cmd *cobra.Command, dir string, s *sealing) error {
	if a.purpose == "" {
		return usagef("say with --purpose why the ledger is accepted")
	}
	key, opts, err := s.options()
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil { // this must not create a ledger
		return a.explain(dir, err)
	}
	provider, err := a.writeLedger(dir, nil, sdk.WithSeal(key, append(opts, seal.WithAdopt())...))
	if err != nil {
		return err
	}
	err = a.acting(cmd, provider, func(ctx context.Context) error {
		return provider.Tracker(trackerName).Track(context.WithoutCancel(ctx), audit.Event{ // it is adopted
			Action: semconv.ActionSealAdopt, Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess, Reason: a.purpose,
			Target: audit.Target{Type: "audit.trail", ID: dir},
		})
	})
	if err != nil {
		return err
	}
	a.noteUnheld(s)
	_, err = fmt.Fprintf(a.stdout, "%s: adopted and sealed\n", term.Clean(dir))
	return err
}

// noteUnheld says if nothing outside of the ledger's directory has its checkpoints.
func (a *app) noteUnheld(s *sealing) {
	if s.anchor == "" && s.policy == nil {
		a.note("-- nothing outside of the directory has the checkpoint, so nobody would notice that all of it was replaced; pass --anchor, or --witness-policy")
	}
}
