package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/cmd/deed/internal/source"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/spf13/cobra"
)

// counted are what --by can name, and the facets by which an index counts them.
var counted = map[string]query.Facet{
	"actor": query.ByActor, "hour": query.ByHour, "day": query.ByDay, "action": query.ByAction, "outcome": query.ByOutcome,
	"target_type": query.ByTargetType, "tenant": query.ByTenant, "channel": query.ByChannel,
}

// timeTexts are the forms of times that are counted.
var timeTexts = map[string]string{"hour": "15:00", "day": time.DateOnly}

// inOrder are those that are sorted by their text.
var inOrder = map[string]bool{"hour": true, "day": true}

// maxCounted is how many different texts are counted of each. The records of the others are
// counted together, so that the memory has a limit.
const maxCounted = 100_000

type statsCommand struct {
	*app
	selection

	by     string
	top    int
	format string
}

func (a *app) stats() *cobra.Command {
	c := &statsCommand{app: a}
	names := strings.Join(slices.Sorted(maps.Keys(counted)), ", ")
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count records by actor, action, outcome and hour",
		Long: `Stats counts the records that match. On a terminal it draws a chart of each count; elsewhere it prints JSON lines.

Hours and days are those of --zone.`,
		Example: `deed stats --since 24h
deed stats --by actor --outcome denied --on 2026-11
deed stats --by hour --actor user/42 --zone Europe/Berlin`,
		Args: onlyFlags,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	flags := cmd.Flags()
	c.register(flags)
	flags.StringVar(&c.by, "by", "actor,action,outcome,hour", "what to count, separated by commas: `LIST` of "+names)
	flags.IntVar(&c.top, "top", 10, "the most frequent `N` of each; 0 for all")
	flags.StringVarP(&c.format, "format", "f", "", "`FORMAT`: chart, json (a count in each line) or csv; a chart on a terminal, else json")
	group(flags, groupOutput, "by", "top", "format")
	return cmd
}

// count is how many records have a text.
type count struct {
	By    string `json:"by"`
	Value string `json:"value"`
	Count int64  `json:"count"`
}

func (c *statsCommand) run(cmd *cobra.Command) error {
	clock, err := c.clock()
	if err != nil {
		return err
	}
	filter, err := c.build(clock)
	if err != nil {
		return err
	}
	fields := strings.Split(c.by, ",")
	for _, f := range fields {
		if _, ok := counted[f]; !ok {
			return usagef("--by: %q is none of %s", f, strings.Join(slices.Sorted(maps.Keys(counted)), ", "))
		}
	}
	if c.top < 0 {
		return usagef("--top: it must not be negative; 0 is for all")
	}
	if c.format == "" {
		c.format = "json"
		if c.forPeople() {
			c.format = "chart"
		}
	}
	if c.format != "json" && c.format != "chart" && c.format != "csv" {
		return usagef("--format: %q is not a format; use chart, json or csv", c.format)
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
	total, counts, err := c.count(ctx, set, filter, fields, clock.Zone)
	if err != nil {
		return err
	}
	if total > 0 {
		if err := c.print(total, fields, counts, clock.Zone); err != nil {
			return err
		}
	}
	return c.finish(int(total))
}

func (c *statsCommand) count(ctx context.Context, set *source.Set, filter query.Filter, fields []string, zone *time.Location) (total int64, counts []map[string]int64, err error) {
	if total, counts, ok := countByIndex(ctx, set.Reader, filter, fields, zone); ok {
		return total, counts, nil
	}
	return c.countByReading(ctx, set.Reader, filter, fields, zone)
}

func (c *statsCommand) countByReading(ctx context.Context, reader query.Reader, filter query.Filter, fields []string, zone *time.Location) (total int64, counts []map[string]int64, err error) {
	counts = make([]map[string]int64, len(fields))
	var columns []string // of the fields that are no times
	for i, f := range fields {
		counts[i] = map[string]int64{}
		if timeTexts[f] == "" {
			columns = append(columns, f)
		}
	}
	texts, err := textsOf(columns, zone)
	if err != nil {
		return 0, nil, err
	}
	progress, part := c.progress("records"), func(time.Time) float64 { return -1 }
	if progress != nil {
		part = partOf(ctx, reader, filter)
	}
	for l, err := range query.Lines(ctx, reader, filter) {
		var ofLine []string
		if err == nil {
			ofLine, err = texts.Of(&l)
		}
		if err != nil {
			progress.Clear()
			if ctx.Err() != nil {
				return total, counts, err
			}
			c.problem(err)
			continue
		}
		if total++; total%1000 == 0 {
			progress.Update(total, part(l.Time))
		}
		for i, f := range fields {
			if form := timeTexts[f]; form != "" {
				counts[i][l.Time.In(zone).Format(form)]++
				continue
			}
			addText(counts[i], ofLine[0])
			ofLine = ofLine[1:]
		}
	}
	progress.Clear()
	return total, counts, nil
}

// textsOf returns a report.Texts, also of no columns.
func textsOf(names []string, zone *time.Location) (*report.Texts, error) {
	if len(names) == 0 {
		return report.NewTexts(nil, zone), nil
	}
	columns, err := report.Columns(names...)
	return report.NewTexts(columns, zone), err
}

// addText counts a text, which is a part of a line.
func addText(counts map[string]int64, text string) {
	if _, known := counts[text]; !known {
		if len(counts) == maxCounted {
			text = others
		}
		text = strings.Clone(text) // it would keep the whole line
	}
	counts[text]++
}

// others stands for texts that are not counted one by one.
const others = "(others)"

// sorted returns the counts in order: the most frequent first, or by their text.
func sortedCounts(field string, counts map[string]int64, top int) []count {
	all := make([]count, 0, len(counts))
	for value, n := range counts {
		all = append(all, count{field, value, n})
	}
	slices.SortFunc(all, func(a, b count) int {
		if inOrder[field] {
			return cmp.Compare(a.Value, b.Value)
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	if top == 0 || inOrder[field] || len(all) <= top {
		return all
	}
	rest := count{By: field, Value: others}
	for _, one := range all[top:] {
		rest.Count += one.Count
	}
	return append(all[:top], rest)
}

func (c *statsCommand) print(total int64, fields []string, counts []map[string]int64, zone *time.Location) error {
	var b strings.Builder
	switch c.format {
	case "csv":
		b.WriteString("by,value,count\r\n")
	case "chart":
		fmt.Fprintf(&b, "%s\n", howMany(total, "record"))
	}
	for i, field := range fields {
		all := sortedCounts(field, counts[i], c.top)
		switch c.format {
		case "json":
			for _, one := range all {
				if err := writeLine(c.stdout, one); err != nil {
					return err
				}
			}
		case "csv":
			for _, one := range all {
				line := append(append(append([]byte(nil), one.By...), ','), report.AppendCell(nil, one.Value)...)
				fmt.Fprintf(&b, "%s,%d\r\n", line, one.Count)
			}
		default:
			title := field
			if field == "hour" || field == "day" {
				title += " (" + render.ZoneName(zone, false) + ")"
			}
			c.chart(&b, title, all)
		}
	}
	_, err := fmt.Fprint(c.stdout, b.String())
	return err
}

// chart draws a bar for each count, as wide as the terminal allows.
func (c *statsCommand) chart(b *strings.Builder, title string, all []count) {
	palette := term.Palette{Colors: c.colors(c.stdout)}
	width := c.width()
	label, number, most := 0, 0, int64(1)
	for _, one := range all {
		label = max(label, min(term.Width(labelOf(one)), width/2))
		number = max(number, len(term.Count(one.Count)))
		if one.Value != others {
			most = max(most, one.Count)
		}
	}
	room := max(4, min(60, width-label-number-6))
	b.WriteString("\n" + palette.In(term.Bold, "By "+strings.ReplaceAll(title, "_", " ")) + "\n")
	for _, one := range all {
		if one.Value == others {
			fmt.Fprintf(b, "  %s  %*s\n", term.Pad(others, label), number, term.Count(one.Count))
			continue
		}
		bar := bar(float64(one.Count)/float64(most), room)
		fmt.Fprintf(b, "  %s  %*s  %s\n", term.Pad(term.Fit(labelOf(one), label), label), number, term.Count(one.Count), palette.In(term.Cyan, bar))
	}
}

func labelOf(one count) string { return cmp.Or(term.Clean(one.Value), "(none)") }

// bar draws a part of a width with eighths of blocks.
func bar(part float64, width int) string {
	eighths := max(1, int(part*float64(width)*8+0.5))
	text := strings.Repeat("█", eighths/8)
	if eighths%8 > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[eighths%8-1])
	}
	return text
}
