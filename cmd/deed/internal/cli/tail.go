package cli

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/spf13/cobra"
)

type tailCommand struct {
	*app
	selection
	output

	lines    int
	follow   bool
	interval time.Duration
}

func (a *app) tail() *cobra.Command {
	c := &tailCommand{app: a}
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show the newest records, and those to come",
		Long: `Tail prints the newest records that match, the oldest of them first. With --follow it then prints each record as it is written, until it is interrupted.

In a ledger it reads what the writer appends. In other stores it asks again and again, and sees records whose time is up to ten minutes ago.`,
		Example: `deed tail
deed tail -f --outcome denied
deed tail -f -n 0 --format json | jq .actor`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	flags := cmd.Flags()
	c.selection.register(flags)
	c.output.register(flags, "") // -f is --follow, as in tail
	flags.IntVarP(&c.lines, "lines", "n", 10, "the newest `N` records first")
	flags.BoolVarP(&c.follow, "follow", "f", false, "go on with those to come")
	flags.DurationVar(&c.interval, "interval", 500*time.Millisecond, "how much `TIME` to wait before it looks for more; by default 500ms")
	group(flags, groupOutput, "lines", "follow", "interval")
	return cmd
}

func (c *tailCommand) run(cmd *cobra.Command) error {
	clock, err := c.clock()
	if err != nil {
		return err
	}
	filter, err := c.build(clock)
	if err != nil {
		return err
	}
	switch {
	case c.lines < 0:
		return usagef("--lines: it must not be negative")
	case c.interval < 10*time.Millisecond:
		return usagef("--interval: it must be at least 10ms")
	}
	matcher, err := query.NewMatcher(filter)
	if err != nil {
		return err
	}
	options := c.options()
	options.Zone, options.Follow = clock.Zone, c.follow
	out, err := c.printer(options)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	if err := c.recordLooking(ctx, cmd, set, &filter); err != nil {
		return err
	}
	var follower *source.Follower
	if c.follow { // before the newest are asked for, so that none between is missed
		if follower, err = set.Follow(ctx); err != nil {
			return err
		}
		defer func() { _ = follower.Close() }() // read only
	}
	newest, err := c.newest(ctx, set, filter)
	if err != nil {
		return err
	}
	printed := map[audit.ID]bool{}
	for _, r := range slices.Backward(newest) {
		printed[r.ID] = true
		if err := out.Print(r); err != nil {
			return err
		}
	}
	if !c.follow {
		if err := out.Close(); err != nil {
			return err
		}
		return c.finish(len(newest))
	}
	return c.followOn(ctx, follower, matcher, printed, out)
}

func (c *tailCommand) newest(ctx context.Context, set *source.Set, filter query.Filter) (newest []*record.Record, err error) {
	if c.lines == 0 {
		return nil, nil
	}
	filter.Limit = c.lines
	for r, err := range set.Reader.Find(ctx, filter) {
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			c.problem(err)
		default:
			newest = append(newest, r)
		}
	}
	return newest, nil
}

// followOn prints what is written from now on. An interrupt is how it ends, and no failure.
func (c *tailCommand) followOn(ctx context.Context, follower *source.Follower, matcher *query.Matcher, printed map[audit.ID]bool, out printing) error {
	if err := out.buffer.Flush(); err != nil {
		return err
	}
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		for r, err := range follower.Next(ctx) {
			switch {
			case ctx.Err() != nil:
			case err != nil:
				c.problem(err)
			case !printed[r.ID] && matcher.Matches(r):
				if err := out.Print(r); err != nil {
					return err
				}
			}
		}
		if err := out.buffer.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			if c.problems > 0 {
				return c.finish(1)
			}
			if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
				return err
			}
			return out.Close()
		case <-ticker.C:
		}
	}
}
