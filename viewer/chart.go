package viewer

import (
	"time"

	"github.com/opendeed/audit/internal/calendar"
	"github.com/opendeed/audit/query"
)

// chart is how many records there are in each hour, day or month. It is drawn by the server,
// and each bar is a link to its records.
type chart struct {
	Title       string
	Bars        []bar
	Width       int // of the drawing; a bar has barStep units
	First, Last string
	Total       string
	Note        string // that not all were counted
	Complete    string // the address of the complete counts, or ""
}

// bar is a bar of a chart.
type bar struct {
	X, Y, Height int
	Kind         string // a class of the stylesheet
	Href, Title  string // Href is "" if there are no records
}

// The size of a bar, in units of the drawing.
const (
	barStep   = 10
	barHeight = 60
)

// period is the unit of a chart.
type period struct {
	facet  query.Facet
	start  func(time.Time) time.Time // of the period with a time
	next   func(time.Time) time.Time
	layout string // for the parameter "on"
	name   func(*visit, time.Time) string
}

// The longest spans that are shown by hours and by days, and what is shown by default.
const (
	hoursUpTo   = 49 * time.Hour
	daysUpTo    = 124 * 24 * time.Hour
	defaultDays = 30
)

var (
	byHour = period{
		query.ByHour, func(t time.Time) time.Time {
			_, offset := t.Zone()
			shift := time.Duration(offset) * time.Second
			return t.Add(shift).Truncate(time.Hour).Add(-shift)
		},
		func(t time.Time) time.Time { return t.Add(time.Hour) }, "2006-01-02T15",
		func(v *visit, t time.Time) string { return v.language.date(t) + ", " + t.Format("15:04") },
	}
	byDay = period{
		query.ByDay, func(t time.Time) time.Time { return dateOf(t, t.Day()) },
		func(t time.Time) time.Time { return dateOf(t, t.Day()+1) }, time.DateOnly,
		func(v *visit, t time.Time) string { return v.language.date(t) },
	}
	byMonth = period{
		query.ByDay, func(t time.Time) time.Time { return dateOf(t, 1) },
		func(t time.Time) time.Time { return calendar.DayStart(t.Year(), t.Month()+1, 1, t.Location()) }, "2006-01",
		func(v *visit, t time.Time) string {
			return v.language.word(t.Month().String()) + " " + t.Format("2006")
		},
	}
)

// dateOf returns the beginning of a day of the month of a time.
func dateOf(t time.Time, day int) time.Time {
	return calendar.DayStart(t.Year(), t.Month(), day, t.Location())
}

// span returns the filter of a chart, with both ends, and its unit.
func (v *visit) span(f query.Filter) (query.Filter, period) {
	now := v.clock.Now.In(v.clock.Zone)
	if f.Until.IsZero() || f.Until.After(now) {
		f.Until = byDay.next(now)
	}
	if f.Since.IsZero() {
		until := f.Until.In(v.clock.Zone)
		f.Since = dateOf(until, until.Day()-defaultDays)
	}
	if f.Until.Before(f.Since) {
		f.Until = f.Since
	}
	f.Since, f.Until = f.Since.In(v.clock.Zone), f.Until.In(v.clock.Zone)
	switch length := f.Until.Sub(f.Since); {
	case length <= hoursUpTo:
		return f, byHour
	case length <= daysUpTo:
		return f, byDay
	}
	return f, byMonth
}

// maxBars is how many bars a chart has at most: those of the latest months of a longer time.
const maxBars = 130

// chart draws the counts of a filter with both ends.
func (v *visit) chart(f query.Filter, p period, counts *counted) *chart {
	var starts []time.Time
	for t := p.start(f.Since); t.Before(f.Until); t = p.next(t) {
		starts = append(starts, t)
	}
	starts = starts[max(0, len(starts)-maxBars):]
	records, most := make([]int64, len(starts)), int64(1)
	for _, facet := range counts.Facets {
		if facet.By != p.facet {
			continue
		}
		for _, value := range facet.Values {
			start := p.start(value.Start.In(v.clock.Zone))
			for i := range starts {
				if starts[i].Equal(start) {
					records[i] += value.Records
					most = max(most, records[i])
				}
			}
		}
	}
	c := &chart{Width: len(starts) * barStep, Total: v.records(counts)}
	for i, start := range starts {
		c.Bars = append(c.Bars, v.bar(p, start, i, records[i], most, counts))
	}
	if len(starts) > 0 {
		c.First, c.Last = p.name(v, starts[0]), p.name(v, starts[len(starts)-1])
		c.Title = v.language.phrase("Activity from %s to %s", c.First, c.Last)
	}
	if !counts.Back.IsZero() {
		c.Note = v.language.phrase("Counted back to %s.", v.moment(counts.Back).Full)
		params := v.with("count", "all")
		c.Complete = v.address(v.page, params)
	}
	return c
}

// records says how many records were counted.
func (v *visit) records(c *counted) string {
	if c.AtLeast {
		return v.language.amount(c.Records, "At least 1 record", "At least %s records")
	}
	return v.language.amount(c.Records, "1 record", "%s records")
}

func (v *visit) bar(p period, start time.Time, i int, records, most int64, counts *counted) bar {
	params := v.with("on", start.Format(p.layout), "since", "", "until", "")
	height := int(records * barHeight / most)
	if records > 0 {
		height = max(height, 2)
	}
	b := bar{X: i * barStep, Height: height, Y: barHeight - height, Kind: "counted"}
	n := number(records)
	if start.Before(counts.Back) {
		b.Kind, b.Y, b.Height = "uncounted", 0, barHeight
		n = v.language.word("not all counted")
	}
	b.Title = p.name(v, start) + ": " + n
	if records > 0 || b.Kind == "uncounted" {
		b.Href = v.address(v.page, params)
	}
	return b
}
