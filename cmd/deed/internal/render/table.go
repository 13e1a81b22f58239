package render

import (
	"io"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/term"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
)

// table aligns the records in columns. It collects some to measure them; the widths then
// stay.
type table struct {
	w       io.Writer
	o       Options
	palette term.Palette
	named   []report.Column
	columns []tableColumn // nil until they are laid out
	rows    []*record.Record
}

// tableColumn is a column of a table.
type tableColumn struct {
	title string
	text  func(r *record.Record) string
	style func(r *record.Record) term.Style
	least int // columns of the terminal that it should get, at least
	most  int // that it gets if there is room
	// rank decides which columns are left out first where there is no room: those with the
	// highest. Rank 0 is never left out, but may get less than least.
	rank  int
	fixed bool // whether it is of no use when it is cut
	width int
}

// measured is how many records are collected.
const measured = 200

const gap = "  "

func newTable(w io.Writer, o Options, named []report.Column) *table {
	return &table{w: w, o: o, named: named, palette: term.Palette{Colors: o.Colors}}
}

func (t *table) Print(r *record.Record) error {
	r = erasure.Shown(r)
	if t.columns != nil {
		return t.writeRow(r)
	}
	t.rows = append(t.rows, r)
	if len(t.rows) < measured && !t.o.Follow {
		return nil
	}
	return t.begin()
}

// Close writes what is collected.
func (t *table) Close() error {
	if t.columns != nil || len(t.rows) == 0 {
		return nil
	}
	return t.begin()
}

func (t *table) begin() error {
	t.columns = t.layOut()
	var b strings.Builder
	for i := range t.columns {
		c := &t.columns[i]
		t.cell(&b, i, c.title, term.Dim)
	}
	if _, err := io.WriteString(t.w, strings.TrimRight(b.String(), " ")+"\n"); err != nil {
		return err
	}
	for _, r := range t.rows {
		if err := t.writeRow(r); err != nil {
			return err
		}
	}
	t.rows = nil
	return nil
}

func (t *table) writeRow(r *record.Record) error {
	var b strings.Builder
	for i := range t.columns {
		c := &t.columns[i]
		var style term.Style
		if c.style != nil {
			style = c.style(r)
		}
		t.cell(&b, i, term.Clean(c.text(r)), style)
	}
	_, err := io.WriteString(t.w, strings.TrimRight(b.String(), " ")+"\n")
	return err
}

// cell appends a cell. The last one is not padded.
func (t *table) cell(b *strings.Builder, i int, text string, style term.Style) {
	c := &t.columns[i]
	text = term.Fit(text, c.width)
	if i > 0 {
		b.WriteString(gap)
	}
	b.WriteString(t.palette.In(style, text))
	if i < len(t.columns)-1 {
		b.WriteString(strings.Repeat(" ", max(0, c.width-term.Width(text))))
	}
}

// narrow is the width below which times have no year and outcomes are short.
const narrow = 80

// layOut chooses the columns and their widths.
func (t *table) layOut() []tableColumn {
	columns := t.usual()
	if t.named != nil {
		columns = nil
		for _, c := range t.named {
			columns = append(columns, tableColumn{title: strings.ToUpper(c.Name), text: func(r *record.Record) string { return c.Text(r, t.o.Zone) }, least: 4, most: 200})
		}
	}
	kept := columns[:0]
	for _, c := range columns {
		used := 0
		for _, r := range t.rows {
			used = max(used, term.Width(term.Clean(c.text(r))))
		}
		if used == 0 && c.rank > 0 && !t.o.Follow {
			continue // nobody has it
		}
		if t.o.Follow {
			used = c.most
		}
		c.width = max(min(used, c.most), term.Width(c.title))
		c.least = min(c.least, c.width)
		kept = append(kept, c)
	}
	if t.o.Width == 0 {
		return kept
	}
	return fit(kept, t.o.Width)
}

// smallest is the least width of a column for which there is no room.
const smallest = 4

// fit leaves out columns until the others have their least width, then shrinks the widest.
func fit(columns []tableColumn, width int) []tableColumn {
	for {
		least, last := -len(gap), 0
		for i := range columns {
			least += len(gap) + columns[i].least
			if columns[i].rank > columns[last].rank {
				last = i
			}
		}
		if least <= width || columns[last].rank == 0 {
			break
		}
		columns = append(columns[:last], columns[last+1:]...)
	}
	for _, floor := range []func(c *tableColumn) int{
		func(c *tableColumn) int { return c.least },
		func(*tableColumn) int { return smallest },
	} {
		shrink(columns, width, floor)
	}
	return columns
}

// shrink takes from the widest columns until all fit, and leaves each its floor.
func shrink(columns []tableColumn, width int, floor func(*tableColumn) int) {
	total := -len(gap)
	for i := range columns {
		total += len(gap) + columns[i].width
	}
	for ; total > width; total-- {
		widest := -1
		for i := range columns {
			c := &columns[i]
			if c.width > floor(c) && !c.fixed && (widest < 0 || c.width > columns[widest].width) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		columns[widest].width--
	}
}

// usual returns the columns of a table for which none are named.
func (t *table) usual() []tableColumn {
	isNarrow := t.o.Width > 0 && t.o.Width < narrow
	layout := "2006-01-02 15:04:05"
	if isNarrow {
		layout = "01-02 15:04"
	}
	outcome := tableColumn{title: "OUTCOME", text: func(r *record.Record) string { return r.Outcome.String() }, style: outcomeStyle, least: 7, most: 7, fixed: true}
	if isNarrow {
		outcome.title, outcome.least, outcome.most = "", 4, 4
		outcome.text = func(r *record.Record) string { return shortOutcomes[r.Outcome] }
	}
	return []tableColumn{
		{
			title: "TIME " + ZoneName(t.o.Zone, isNarrow), least: len(layout), most: len(layout), fixed: true,
			text:  func(r *record.Record) string { return r.Time.In(t.o.Zone).Format(layout) },
			style: func(*record.Record) term.Style { return term.Dim },
		},
		outcome,
		{title: "ACTOR", text: ActorCell, least: 14, most: 32},
		{title: "ACTION", text: func(r *record.Record) string { return r.Action }, style: func(*record.Record) term.Style { return term.Bold }, least: 22, most: 40},
		{title: "TARGET", text: func(r *record.Record) string { return ask.TargetText(r.Target) }, least: 18, most: 48},
		{title: "CHANGED", text: report.Changed, least: 12, most: 32, rank: 3},
		{title: "WHY", text: report.Why, least: 20, most: 60, rank: 2},
		{title: "TENANT", text: func(r *record.Record) string { return r.Tenant }, least: 6, most: 20, rank: 4},
		{title: "ID", text: func(r *record.Record) string { return r.ID.String() }, least: 36, most: 36, fixed: true, rank: 5},
	}
}

// shortOutcomes are words for a narrow terminal.
var shortOutcomes = map[audit.Outcome]string{
	audit.OutcomeSuccess: "ok", audit.OutcomeFailure: "fail", audit.OutcomeDenied: "deny", audit.OutcomeUnknown: "?",
}

// ActorCell returns an actor and those on whose behalf it acted.
func ActorCell(r *record.Record) string {
	if r.Actor.OnBehalfOf == nil {
		return ask.ActorText(&r.Actor)
	}
	return ask.ActorText(&r.Actor) + " for " + report.OnBehalfOf(&r.Actor)
}

func outcomeStyle(r *record.Record) term.Style {
	switch r.Outcome {
	case audit.OutcomeSuccess:
		return term.Green
	case audit.OutcomeFailure, audit.OutcomeDenied:
		return term.Red
	default:
		return term.Yellow
	}
}

// ZoneName returns the name of a zone for a title.
func ZoneName(zone *time.Location, short bool) string {
	name := zone.String()
	if zone == time.Local {
		name, _ = time.Now().Zone()
	}
	if i := strings.LastIndexByte(name, '/'); short && i >= 0 {
		name = name[i+1:]
	}
	return name
}
