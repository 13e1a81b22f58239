package cli

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// output has the flags that say how records are written.
type output struct {
	format  string
	columns string
}

// register adds the flags. Short is the one-letter name of --format, or empty.
func (o *output) register(flags *pflag.FlagSet, short string) {
	flags.StringVarP(&o.format, "format", short, "", "`FORMAT`: table, text, json (a record in each line) or csv; a table on a terminal, else json")
	flags.StringVar(&o.columns, "columns", "", "the `COLUMNS` of a table or of CSV, separated by commas: "+strings.Join(report.ColumnNames(), ", "))
	group(flags, groupOutput, "format", "columns")
}

const groupOutput = "Output"

// acceptJSONL lets --format jsonl mean json, in all commands: deed export names the same lines so.
func acceptJSONL(cmd *cobra.Command) {
	if f := cmd.Flags().Lookup("format"); f != nil && f.Value.String() == "jsonl" {
		_ = f.Value.Set(string(render.JSON)) // it is a text, which takes any
	}
}

func (o *output) options() render.Options {
	options := render.Options{Format: render.Format(o.format)}
	if o.columns != "" {
		options.Columns = strings.Split(o.columns, ",")
		if options.Format == "" {
			options.Format = render.Table
		}
	}
	return options
}

// terminalLimit is how many records a terminal gets unless --limit says otherwise.
const terminalLimit = 50

type queryCommand struct {
	*app
	selection
	output

	limit  int
	oldest bool
	after  string
}

func (a *app) query() *cobra.Command {
	c := &queryCommand{app: a}
	cmd := &cobra.Command{
		Use:   "query",
		Short: "Find records: who did what, when, where and why",
		Long: `Query prints the records that match every flag, the newest first. A flag that is repeated matches any of its values.

On a terminal it prints a table of at most 50 records, and says how to get the next ones. Elsewhere it prints all of them, as JSON lines.`,
		Example: `deed query --actor user/42 --since 24h
deed query --action 'invoice.*' --outcome denied --on 2026-11
deed query --target invoice/1001 --changed amount --format text
deed query --text 'chargeback acme' --not actor-type=system
deed query --since today --format csv --columns time,actor,action,target,why`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	flags := cmd.Flags()
	c.selection.register(flags)
	c.output.register(flags, "f")
	flags.IntVarP(&c.limit, "limit", "n", -1, "at most `N` records; 0 for all (default 50 on a terminal, else all)")
	flags.BoolVar(&c.oldest, "oldest", false, "the oldest first")
	flags.StringVar(&c.after, "after", "", "the page after the record with this `CURSOR`")
	group(flags, groupOutput, "limit", "oldest", "after")
	return cmd
}

func (c *queryCommand) run(cmd *cobra.Command) error {
	clock, err := c.clock()
	if err != nil {
		return err
	}
	filter, err := c.build(clock)
	if err != nil {
		return err
	}
	options := c.options()
	options.Zone = clock.Zone
	out, err := c.printer(options)
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("limit") && c.limit < 0 {
		return usagef("--limit: it must not be negative; 0 is for all records")
	}
	filter.Ascending, filter.After, filter.Limit = c.oldest, c.after, c.limit
	if isPeople := c.outputOptions(options).Terminal; c.limit < 0 {
		filter.Limit = 0
		if isPeople {
			filter.Limit = terminalLimit
		}
	}
	page := filter.Limit
	if page > 0 && page < math.MaxInt {
		filter.Limit++ // the next one says that there are more
	}
	if err := filter.Validate(); err != nil { // all but the cursor was validated before
		return usagef("--after: it is no cursor; copy the one that the page before has ended with")
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
	return c.print(ctx, set, filter, page, out)
}

func (c *queryCommand) print(ctx context.Context, set *source.Set, filter query.Filter, page int, out printing) error {
	found, cursor := 0, ""
	for r, err := range set.Reader.Find(ctx, filter) {
		if err != nil {
			if ctx.Err() != nil {
				return errors.Join(out.Close(), err)
			}
			c.problem(err)
			continue
		}
		if page > 0 && found == page {
			if err := out.Close(); err != nil {
				return err
			}
			c.note("-- more than %s; the next ones: --after %s; all of them: --limit 0", howMany(int64(page), "record"), cursor)
			return c.finish(found)
		}
		if err := out.Print(r); err != nil {
			return err
		}
		if found++; found == page {
			cursor = query.CursorOf(r)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return c.finish(found)
}
