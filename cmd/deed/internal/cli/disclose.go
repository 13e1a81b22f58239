package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/seal"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/attribute"
)

type discloseCommand struct {
	*app
	publicKeys

	file string
}

func (a *app) disclose() *cobra.Command {
	c := &discloseCommand{app: a}
	cmd := &cobra.Command{
		Use:   "disclose ID FIELD",
		Short: "Open one erasable field of a record, for somebody who can check it",
		Long: `Disclose prints a disclosure: the record as it was stored, what one of its erasable fields says, and what proves it. Whoever gets it can check with deed verify-disclosure that the record is committed to that value. They need no key of the store, and learn nothing about other fields. With the public key of a sealed ledger, in --key or DEED_KEY, the disclosure also proves that the record was sealed.

FIELD is a path, such as metadata.customer.email, changes.email.old, changes.email.new or actor.name. What is disclosed is recorded in the ledger of --record-to, which is required.`,
		Example: `deed disclose 0199c1f2-0000-7000-8000-000000000001 metadata.customer.email --config deploy.yaml --record-to looks --purpose 'order of the court' > email.disclosure`,
		Args:    cobra.ExactArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], args[1]) },
	}
	c.register(cmd)
	cmd.Flags().StringVar(&c.file, "config", "", "the configuration `FILE` with the key store, whose stores are asked unless --from names others (default: AUDIT_CONFIG_FILE, or the environment)")
	return cmd
}

func (c *discloseCommand) run(cmd *cobra.Command, text, field string) error {
	ctx := cmd.Context()
	id, err := ask.ID(text)
	if err != nil {
		return usagef("%s is not the ID of a record, such as 0199c1f2-0000-7000-8000-000000000001", text)
	}
	if c.recordTo == "" {
		return usagef("name the ledger for the record of this with --record-to; nothing is shown without it")
	}
	_, keys, release, err := keyStore(ctx, c.file)
	if err != nil {
		return err
	}
	defer disconnect(ctx, release)
	if len(c.from) == 0 && c.file != "" {
		c.from = []string{c.file}
	}
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	d, err := c.find(ctx, set, keys, id, field)
	if err != nil {
		return err
	}
	if c.given() {
		if d.Proof, err = c.proof(ctx, set, d); err != nil {
			return err
		}
	}
	encoded, err := d.Encode()
	if err != nil {
		return err
	}
	return c.recorded(cmd, set.Dirs, set.Policies, func(ctx context.Context, t audit.Tracker) error {
		err := t.Track(ctx, audit.Event{
			Action: semconv.ActionTrailDisclose, Operation: audit.OperationRead, Outcome: audit.OutcomeSuccess, Reason: c.purpose,
			Target:   audit.Target{Type: "audit.record", ID: id.String()},
			Metadata: []attribute.KeyValue{semconv.DisclosedFieldKey.String(field), semconv.TrailSourcesKey.StringSlice(set.Names)},
		})
		if err != nil {
			return fmt.Errorf("--record-to: nothing was shown, since it could not be recorded: %w", err)
		}
		_, err = c.stdout.Write(encoded)
		return err
	})
}

// find opens the field of the record with an ID. Of two records with one ID, it is the first that
// has the field.
func (c *discloseCommand) find(ctx context.Context, set *source.Set, keys erasure.KeyStore, id audit.ID, field string) (d *erasure.Disclosure, err error) {
	err = errNothing
	for r, errFind := range set.Reader.Find(ctx, query.Filter{IDs: []audit.ID{id}, Ascending: true}) {
		if errFind != nil {
			return nil, errFind
		}
		if d, err = erasure.Disclose(ctx, keys, r, field); !errors.Is(err, erasure.ErrNotErasable) {
			return d, err
		}
		err = notErasable(err, r)
	}
	return nil, err
}

// notErasable adds the fields of a record that have erasable values.
func notErasable(err error, r *record.Record) error {
	var fields []string
	for field := range erasure.Values(r) {
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	if len(fields) == 0 {
		return fmt.Errorf("%w, and neither has any other field of this record", err)
	}
	return fmt.Errorf("%w; this record has some in %s", err, strings.Join(fields, ", "))
}

// proof returns the proof of the record of a disclosure.
func (c *discloseCommand) proof(ctx context.Context, set *source.Set, d *erasure.Disclosure) ([]byte, error) {
	verifiers, err := c.verifiers()
	if err != nil {
		return nil, err
	}
	entry, err := d.Record.AppendJSON(nil)
	if err != nil {
		return nil, err
	}
	proof, err := proveInAny(ctx, set.Dirs, entry, verifiers)
	if err != nil {
		return nil, err
	}
	return proof.Encode(), nil
}

type verifyDisclosureCommand struct {
	*app
	publicKeys
}

func (a *app) verifyDisclosure() *cobra.Command {
	c := &verifyDisclosureCommand{app: a}
	cmd := &cobra.Command{
		Use:   "verify-disclosure FILE",
		Short: "Check a disclosure, and show the value that it discloses",
		Long: `Verify-disclosure checks that the record in a disclosure is committed to the value that it discloses, and prints the value as JSON. With the public key of the sealed ledger, in --key or DEED_KEY, it also checks that the record was sealed. FILE may be - for standard input.

Exit codes: 0 the value is genuine, 4 it is not, 3 the file cannot be read.`,
		Example: "deed verify-disclosure email.disclosure --key audit.pub",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	c.register(cmd)
	return cmd
}

func (c *verifyDisclosureCommand) run(file string) error {
	text, err := readInput(file)
	if err != nil {
		return err
	}
	d, err := erasure.ReadDisclosure(text)
	if errors.Is(err, erasure.ErrNotDisclosed) {
		return notSealedError{fmt.Errorf("%s: %w", file, err)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	proved, err := c.prove(d)
	if err != nil {
		return err
	}
	for _, o := range d.Openings {
		if _, err := fmt.Fprintln(c.stdout, term.Clean(string(o.Value))); err != nil {
			return err
		}
	}
	c.note("-- genuine: record %s is committed to this value of %s; %s", d.Record.ID, term.Clean(d.Field), proved)
	return nil
}

// prove checks the proof of the record, and says what it proves.
func (c *verifyDisclosureCommand) prove(d *erasure.Disclosure) (string, error) {
	switch {
	case !c.given() && len(d.Proof) == 0:
		return "nothing proves the record itself", nil
	case !c.given():
		return "add --key to check the proof of the record itself", nil
	case len(d.Proof) == 0:
		return "", errors.New("the disclosure has no proof of its record; ask for one that was made with --key, or leave out --key")
	}
	verifiers, err := c.verifiers()
	if err != nil {
		return "", err
	}
	entry, err := d.Record.AppendJSON(nil)
	if err != nil {
		return "", err
	}
	proof, err := seal.OpenProof(d.Proof, entry, verifiers...)
	if errors.Is(err, seal.ErrNotProved) {
		return "", notSealedError{err}
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the record is leaf %d of %s in %s", proof.Leaf, term.Count(proof.Checkpoint.Size), term.Clean(proof.Checkpoint.Origin)), nil
}

// maxInput is the size of the largest proof or disclosure that is read, in bytes. Somebody else has
// made it.
const maxInput = 64 << 20

// readInput reads a file, or standard input if its name is -.
func readInput(file string) ([]byte, error) {
	var from io.Reader = os.Stdin
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the file that the user names
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // read only
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err == nil && len(text) > maxInput {
		err = fmt.Errorf("%s is larger than %s, which no proof is", term.Clean(file), term.Bytes(maxInput))
	}
	return text, err
}
