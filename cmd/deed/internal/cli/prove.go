package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/seal"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

type proveCommand struct {
	*app
	publicKeys
}

func (a *app) prove() *cobra.Command {
	c := &proveCommand{app: a}
	cmd := &cobra.Command{
		Use:     "prove ID",
		Short:   "Print the proof that a record was sealed",
		Long:    `Prove prints a proof of a record in a sealed ledger: the record itself, the signed checkpoint, and the hashes between them. Whoever has the proof and the public key can check it with deed verify-proof, or with any program that knows C2SP's tlog-proofs. They need neither the ledger nor the service.`,
		Example: `deed prove 0199c1f2-0000-7000-8000-000000000001 --key audit.pub > login.tlog-proof`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0]) },
	}
	c.register(cmd)
	return cmd
}

func (c *proveCommand) run(cmd *cobra.Command, text string) error {
	ctx := cmd.Context()
	id, err := ask.ID(text)
	if err != nil {
		return usagef("%s is not the ID of a record, such as 0199c1f2-0000-7000-8000-000000000001", text)
	}
	keys, err := c.verifiers()
	if err != nil {
		return err
	}
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	if len(set.Dirs) == 0 {
		return usagef("only a ledger has proofs; name its directory with --from")
	}
	filter := query.Filter{IDs: []audit.ID{id}, Ascending: true}
	if err := c.recordLooking(ctx, cmd, set, &filter); err != nil {
		return err
	}
	found, err := c.print(ctx, set, filter, keys)
	if err != nil {
		return err
	}
	return c.finish(found)
}

// print prints the proof of the first record that matches and was sealed.
func (c *proveCommand) print(ctx context.Context, set *source.Set, f query.Filter, keys []note.Verifier) (found int, err error) {
	for line, err := range query.Lines(ctx, set.Reader, f) {
		switch {
		case err != nil && ctx.Err() != nil:
			return 0, err
		case err != nil:
			c.problem(err)
			continue
		}
		proof, err := proveInAny(ctx, set.Dirs, []byte(line.JSON), keys)
		if err != nil {
			return 0, err
		}
		_, err = c.stdout.Write(proof.Encode())
		return 1, err
	}
	return 0, nil
}

// proveInAny returns the proof of an entry in one of several ledgers.
func proveInAny(ctx context.Context, dirs []string, entry []byte, keys []note.Verifier) (*seal.Proof, error) {
	errs := []error{}
	for _, dir := range dirs {
		proof, err := proveIn(ctx, dir, entry, keys)
		if err == nil {
			return proof, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", dir, explainSeal(dir, err)))
	}
	if len(errs) == 0 {
		return nil, errors.New("only a ledger has proofs")
	}
	return nil, errors.Join(errs...)
}

func proveIn(ctx context.Context, dir string, entry []byte, keys []note.Verifier) (*seal.Proof, error) {
	files := sealFiles(dir)
	seq, err := seal.Locate(ctx, files, entry, keys...)
	if err != nil {
		return nil, err
	}
	return seal.Prove(files, seq, entry, keys...)
}

type verifyProofCommand struct {
	*app
	publicKeys
	witnessPolicy

	format string
}

func (a *app) verifyProof() *cobra.Command {
	c := &verifyProofCommand{app: a}
	cmd := &cobra.Command{
		Use:   "verify-proof FILE",
		Short: "Check a proof, and show the record that it proves",
		Long: `Verify-proof checks that the record in a proof was sealed: one of the keys has signed the checkpoint, and the hashes lead from the record to it. Then it prints the record. FILE may be - for standard input.

Exit codes: 0 the record was sealed, 4 the proof does not prove it, 3 the file cannot be read.`,
		Example: "deed verify-proof login.tlog-proof --key audit.pub",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	c.publicKeys.register(cmd)
	c.witnessPolicy.register(cmd)
	cmd.Flags().StringVarP(&c.format, "format", "f", "", "`FORMAT` of the record: text or json; text on a terminal, else json")
	group(cmd.Flags(), groupOutput, "format")
	return cmd
}

func (c *verifyProofCommand) run(file string) error {
	keys, err := c.verifiers()
	if err == nil {
		err = c.load()
	}
	if err != nil {
		return err
	}
	text, err := readInput(file)
	if err != nil {
		return err
	}
	proof, err := seal.OpenProof(text, nil, keys...)
	if errors.Is(err, seal.ErrNotProved) {
		return notSealedError{fmt.Errorf("%s: %w", file, err)}
	}
	if err == nil {
		err = c.check(&proof.Checkpoint)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var r record.Record
	if err := r.UnmarshalJSON(proof.Entry); err != nil {
		return fmt.Errorf("the proof is genuine, and what it proves is no record: %w", err)
	}
	clock, err := c.clock()
	if err != nil {
		return err
	}
	options := render.Options{Format: render.Format(c.format), Zone: clock.Zone}
	if c.format == "" && c.outputOptions(options).Terminal {
		options.Format = render.Text
	}
	out, err := c.printer(options)
	if err != nil {
		return err
	}
	if err := errors.Join(out.Print(&r), out.Close()); err != nil {
		return err
	}
	c.note("-- proved: it is leaf %d of %s in %s", proof.Leaf, term.Count(proof.Checkpoint.Size), term.Clean(proof.Checkpoint.Origin))
	if c.policy != nil {
		c.note("-- cosigned by %s", c.cosigners(&proof.Checkpoint))
	}
	return nil
}

// sealTimeout is how long the last checkpoint may take.
const sealTimeout = time.Minute
