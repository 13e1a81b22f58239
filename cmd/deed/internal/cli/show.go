package cli

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

type showCommand struct {
	*app
	output
	publicKeys

	attempt bool
}

func (a *app) show() *cobra.Command {
	c := &showCommand{app: a}
	cmd := &cobra.Command{
		Use:   "show ID...",
		Short: "Show everything that records have",
		Long: `Show prints the records with these IDs, on a terminal over several lines each. Two different records with one ID are both printed: that is evidence.

With the public key of a sealed ledger, in --key or DEED_KEY, it says of each record which checkpoint proves it.

With --attempt it prints every record of the attempt that a record belongs to: its beginning and its result.`,
		Example: `deed show 0199c1f2-0000-7000-8000-000000000001
deed show --attempt --format json 0199c1f2-0000-7000-8000-000000000001`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.output.register(cmd.Flags(), "f")
	c.publicKeys.register(cmd)
	cmd.Flags().BoolVar(&c.attempt, "attempt", false, "all records of the attempt")
	group(cmd.Flags(), groupWhat, "attempt")
	return cmd
}

func (c *showCommand) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	clock, err := c.clock()
	if err != nil {
		return err
	}
	var ids []audit.ID
	for _, text := range args {
		id, err := ask.ID(text)
		if err != nil {
			return usagef("%s is not the ID of a record, such as 0199c1f2-0000-7000-8000-000000000001", text)
		}
		ids = append(ids, id)
	}
	options := c.options()
	options.Zone = clock.Zone
	if options.Format == "" && c.outputOptions(options).Terminal {
		options.Format = render.Text
	}
	out, err := c.printer(options)
	if err != nil {
		return err
	}
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	if err := c.recordLooking(ctx, cmd, set, &query.Filter{IDs: ids}); err != nil {
		return err
	}
	filters := []query.Filter{{IDs: ids, Ascending: true}}
	if c.attempt {
		if filters, err = c.attempts(ctx, set, filters[0]); err != nil {
			return err
		}
	}
	found, err := c.print(ctx, set, filters, out)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err == nil && (len(c.texts) > 0 || c.given() && len(sealedOf(set.Dirs)) > 0) {
		err = c.prove(ctx, set, filters)
	}
	if err != nil {
		return err
	}
	if len(found) > 0 {
		for _, id := range ids {
			if !found[id] {
				c.note("-- %v was not found", id)
			}
		}
	}
	return c.finish(len(found))
}

// print prints the records that match one of the filters, and returns their IDs.
func (c *showCommand) print(ctx context.Context, set *source.Set, filters []query.Filter, out printing) (found map[audit.ID]bool, err error) {
	found = map[audit.ID]bool{}
	for _, f := range filters {
		for r, err := range set.Reader.Find(ctx, f) {
			switch {
			case err != nil && ctx.Err() != nil:
				return found, err
			case err != nil:
				c.problem(err)
				continue
			}
			found[r.ID] = true
			if err := out.Print(r); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

// attempts returns filters for the attempts that the records which match f belong to, and for
// those that belong to none.
func (c *showCommand) attempts(ctx context.Context, set *source.Set, f query.Filter) ([]query.Filter, error) {
	all, others := query.Filter{Ascending: true}, f
	others.Stages = []query.Stage{query.StageNone}
	for r, err := range set.Reader.Find(ctx, f) {
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err == nil && !r.Attempt.IsZero(): // errors are shown when the records are
			all.Attempts = append(all.Attempts, r.Attempt)
		}
	}
	if len(all.Attempts) == 0 {
		return []query.Filter{f}, nil
	}
	return []query.Filter{all, others}, nil
}

// prove says of each record that matches one of the filters whether it was sealed.
func (c *showCommand) prove(ctx context.Context, set *source.Set, filters []query.Filter) error {
	keys, err := c.verifiers()
	if err != nil {
		return err
	}
	for _, f := range filters {
		if err := c.proveAll(ctx, set, f, keys); err != nil {
			return err
		}
	}
	return nil
}

func (c *showCommand) proveAll(ctx context.Context, set *source.Set, f query.Filter, keys []note.Verifier) error {
	for line, err := range query.Lines(ctx, set.Reader, f) {
		if err != nil {
			continue // it was shown
		}
		proof, err := proveInAny(ctx, set.Dirs, []byte(line.JSON), keys)
		if err != nil {
			c.problem(fmt.Errorf("%v is not proved: %w", line.ID, err))
			continue
		}
		c.note("-- %v is proved: it is leaf %d of %s in %s", line.ID, proof.Leaf, term.Count(proof.Checkpoint.Size), term.Clean(proof.Checkpoint.Origin))
	}
	return nil
}
