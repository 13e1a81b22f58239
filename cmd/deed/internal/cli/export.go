package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/exportfile"
	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/cobra"
)

type exportCommand struct {
	*app
	selection
	output

	path          string
	named         bool // by --out
	force, resume bool
}

func (a *app) export() *cobra.Command {
	c := &exportCommand{app: a}
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write records to a file, with a manifest",
		Long: `Export writes the records that match to a file, the oldest first, and FILE` + exportfile.ManifestSuffix + ` with the number of records, their range, the filter and the SHA-256 of the file.

Without --out, FILE is a new one in the current directory, such as audit-20261127-143000.csv; its name is on standard output. The file gets its name when it is complete. An export that was interrupted continues with --resume and the same flags. Without --until it has what was recorded up to its beginning.

In CSV, cells that a spreadsheet would take for a formula begin with an apostrophe. Parquet has the columns of CSV without that, and the JSON of each record; an export in Parquet cannot be continued, so --resume begins anew.`,
		Example: `deed export --tenant acme --on 2026-11 --format csv --out november.csv
deed export --tenant acme --on 2026-11 --format csv
deed export --target invoice/1001 --out invoice.jsonl
deed export --tenant acme --on 2026-11 --format csv --out november.csv --resume
deed export --since 90d --out quarter.parquet`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	flags := cmd.Flags()
	c.selection.register(flags)
	flags.StringVarP(&c.path, "out", "o", "", "the `FILE` to write; by default a new one in the current directory")
	flags.StringVarP(&c.format, "format", "f", "", "`FORMAT`: jsonl, csv or parquet; by default what the name of the file ends in, or jsonl")
	flags.StringVar(&c.columns, "columns", "", "the `COLUMNS` of CSV or Parquet, separated by commas; see deed query --help")
	flags.BoolVar(&c.force, "force", false, "replace the file if it exists")
	flags.BoolVar(&c.resume, "resume", false, "continue an export that was interrupted")
	group(flags, groupOutput, "out", "format", "columns", "force", "resume")
	return cmd
}

// formats are the names of formats for --format, and the endings of files.
var exportFormats = map[string]render.Format{"csv": render.CSV, "jsonl": render.JSON, "json": render.JSON, "parquet": exportfile.Parquet}

func (c *exportCommand) run(cmd *cobra.Command) error {
	clock, err := c.clock()
	if err != nil {
		return err
	}
	c.named = c.path != ""
	switch {
	case c.named:
	case c.resume:
		return usagef("--resume: name the file with --out, as the interrupted export printed it")
	case c.force:
		return usagef("--force: without --out no file is replaced; name the file, or leave --force out")
	case c.format == "":
		c.format = string(render.JSON)
	}
	plan := report.Plan{Format: string(c.exportFormat()), Zone: clock.Zone.String()}
	if plan.Format == "" {
		if c.format != "" {
			return usagef("--format: %q is not a format; use jsonl, csv or parquet", c.format)
		}
		return usagef("--out: the name %s ends in none of .jsonl, .csv and .parquet; say with --format which it is", c.path)
	}
	c.format = plan.Format
	plan.Columns = c.output.options().Columns
	if plan.Columns != nil && plan.Format == string(render.JSON) {
		return usagef("--columns: the format %s has no columns", plan.Format)
	}
	filter, err := c.build(clock)
	if err != nil {
		return err
	}
	filter.Ascending = true
	ctx := cmd.Context()
	set, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer set.Close()
	if err := c.end(ctx, set.Reader, &filter, clock.Now); err != nil {
		return err
	}
	if plan.Filter, err = json.Marshal(filter); err != nil {
		return err
	}
	plan.Sources = set.Names
	if err := c.recordLooking(ctx, cmd, set, &filter); err != nil {
		return err
	}
	if !c.named {
		if c.path, err = exportfile.Reserve(report.FileName(clock.Now, strings.Replace(plan.Format, string(render.JSON), "jsonl", 1))); err != nil {
			return err
		}
	}
	file, after, err := exportfile.Create(c.path, plan, clock.Zone, c.force, c.resume)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // Finish and Stop report what matters
	filter.After = after
	return c.write(cmd, set, &filter, file)
}

// end sets the end of the time if it is open: the same as before if an export continues.
func (c *exportCommand) end(ctx context.Context, reader query.Reader, filter *query.Filter, now time.Time) error {
	if !filter.Until.IsZero() {
		return nil
	}
	if c.resume {
		known, err := exportfile.Known(c.path)
		if err != nil {
			return err
		}
		if known != nil {
			var before query.Filter
			err := before.UnmarshalJSON(known)
			filter.Until = before.Until
			return err
		}
	}
	filter.Until = latest(ctx, reader, *filter, now.UTC())
	if !filter.Since.Before(filter.Until) {
		return usagef("--since: it is later than now, and nothing is recorded from then on; add --until")
	}
	return nil
}

// latest returns when everything that is recorded now and matches has ended: now, or after the
// newest record if the clock of whoever recorded it was ahead.
func latest(ctx context.Context, reader query.Reader, filter query.Filter, now time.Time) time.Time {
	if filter.Since.Before(now) {
		filter.Since = now
	}
	filter.Ascending, filter.Limit = false, 1
	for r, err := range reader.Find(ctx, filter) {
		if err != nil {
			continue // the export reports it
		}
		if end := r.Time.UTC().Add(1); end.Year() <= 9999 { // the last of a filter
			return end
		}
	}
	return now
}

func (c *exportCommand) exportFormat() render.Format {
	if c.format != "" {
		return exportFormats[c.format]
	}
	for ending, format := range exportFormats {
		if len(c.path) > len(ending) && c.path[len(c.path)-len(ending)-1:] == "."+ending {
			return format
		}
	}
	return ""
}

// checkpointInterval is how much work a kill can lose.
const checkpointInterval = 2 * time.Second

func (c *exportCommand) write(cmd *cobra.Command, set *source.Set, filter *query.Filter, file *exportfile.File) error {
	ctx := cmd.Context()
	progress := c.progress("records")
	var part func(time.Time) float64
	if progress != nil {
		part = partOf(ctx, set.Reader, *filter)
	}
	if err := c.copy(ctx, set, filter, file, func(at time.Time) {
		if progress != nil {
			progress.Update(file.Records(), part(at))
		}
	}, progress.Clear); err != nil {
		return c.resumable(err)
	}
	progress.Clear()
	if err := ctx.Err(); err != nil {
		if stopErr := file.Stop(); stopErr != nil {
			return stopErr
		}
		if c.format == string(exportfile.Parquet) {
			c.note("-- interrupted; an export in Parquet begins anew")
			return err
		}
		again := "--resume"
		if !c.named {
			again = "--out " + c.path + " --resume"
		}
		c.note("-- %s so far; the same command with %s continues", howMany(file.Records(), "record"), again)
		return err
	}
	actor, _ := osUser()
	m, err := file.Finish(actor.ID, "deed "+version())
	if err != nil {
		return c.resumable(err)
	}
	if err := c.recordExport(ctx, cmd, set, filter, c.path,
		semconv.TrailRecordsKey.Int64(m.Records), semconv.TrailFileKey.String(m.File), semconv.TrailSHA256Key.String(m.SHA256)); err != nil {
		return err
	}
	if !c.named {
		if _, err := fmt.Fprintln(c.stdout, c.path); err != nil {
			return err
		}
	}
	c.note("-- %s: %s, %s, SHA-256 %s", term.Clean(c.path), howMany(m.Records, "record"), term.Bytes(m.Bytes), m.SHA256)
	if dirs := sealedOf(set.Dirs); len(dirs) == 1 && m.Records > 0 && c.format == string(render.JSON) {
		c.note("-- the ledger is sealed; deed prove-export %s --ledger %s --key KEY proves these records", term.Clean(c.path), term.Clean(dirs[0]))
	}
	return c.finish(1)
}

// resumable adds to an error of the file, such as that of a full disk, how to continue.
func (c *exportCommand) resumable(err error) error {
	if c.format == string(exportfile.Parquet) {
		return fmt.Errorf("%w; correct that, and run the command again: an export in Parquet begins anew", err)
	}
	return fmt.Errorf("%w; correct that, and run the command again with --resume, which continues", err)
}

// copy writes the records to the file, until ctx ends. It calls update now and then, and pause
// before it prints an error.
func (c *exportCommand) copy(ctx context.Context, set *source.Set, filter *query.Filter, file *exportfile.File, update func(time.Time), pause func()) error {
	saved := time.Now()
	n := 0
	for l, err := range query.Lines(ctx, set.Reader, *filter) {
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			pause()
			c.problem(err)
			file.Problem(err)
			continue
		}
		if err := file.Add(l); err != nil {
			return err
		}
		if n++; n%1000 == 0 {
			update(l.Time)
			if time.Since(saved) > checkpointInterval {
				if err := file.Checkpoint(); err != nil {
					return err
				}
				saved = time.Now()
			}
		}
	}
	return nil
}
