package viewer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
)

// pageSize is how many records a page of a list has.
const pageSize = 50

// timelinePage is the data of the timeline.
type timelinePage struct {
	Looks   string // the address that shows who looked, or ""
	Exports []exportLink
	Chart   *chart
	Count   string // the address that counts, if that took too long, or ""
	Facets  []facetView
	Form    filterForm
	Chips   []chip
	Days    []day
	Older   string // the address of the next page, or ""
	Newest  string // the address of the first page, if this is another one
	Partial bool   // a part of the store could not be read
	Slow    bool   // the time was over
	Empty   string // why nothing is shown, or ""
	Clear   string // the address without a filter
}

// day has the records of a day.
type day struct {
	Title, Machine string
	Rows           []row
}

// chip is a condition of the filter, with the address without it.
type chip struct{ Name, Value, Remove string }

// filterForm has what the form of the filter shows.
type filterForm struct {
	Text, Actor, Action, Target, Since, Until string
	Outcomes                                  []choice
	Actors, Actions                           []proposal
	Hidden                                    []param // conditions that have no field
}

// choice is an option of a list.
type choice struct {
	Value, Text string
	Selected    bool
}

func (v *visit) timeline() (*content, error) {
	f, err := v.filter()
	if err != nil {
		return nil, err
	}
	all := v.params.Get("count") == "all"
	expensive := all || v.isExpensive(&f)
	withoutLooks, alone := v.withoutLooks(&f)
	if err := v.look(f, expensive); err != nil {
		return nil, err
	}
	data := timelinePage{Form: v.filterForm(), Chips: v.chips(), Clear: v.address("", nil), Exports: v.exports(v.params)}
	if withoutLooks {
		data.Looks = v.address("", v.with("looks", "shown"))
	}
	spanned, unit := v.span(f)
	if alone {
		spanned.Not = nil // an index counts all of a time
	}
	var counts *counted
	wait := beside(func() { counts = v.count(spanned, v.facetsBy(timelineFacets, unit.facet), all) })
	records, err := v.list(&data, f)
	wait()
	if counts == nil && len(records) > 0 {
		data.Count = v.address("", v.with("count", "all"))
	}
	if err == nil && counts != nil && counts.Records > 0 {
		data.Chart = v.chart(spanned, unit, counts)
		if f.Since.IsZero() && counts.Back.IsZero() { // the list has older ones
			data.Chart.Total = v.language.phrase("%s since %s", data.Chart.Total, v.language.date(spanned.Since))
		}
		if alone {
			data.Chart.Total += v.language.word(", including looks at the trail")
		}
		names := namesOf(records)
		data.Facets = v.facetViews(timelineFacets, counts, names)
		data.Form.Actors, data.Form.Actions = proposals(counts, query.ByActor, names), proposals(counts, query.ByAction, nil)
	}
	if err != nil {
		return nil, err
	}
	if len(data.Days) == 0 {
		data.Empty = v.emptyText(&data, &f)
	}
	return &content{template: "timeline.html", Title: v.language.word("Timeline"), Data: data}, nil
}

// withoutLooks leaves out who looked at the trail, unless the address or the filter asks. It
// reports whether it did, and whether that is the only condition but the time.
func (v *visit) withoutLooks(f *query.Filter) (did, alone bool) {
	if v.tracker == nil || v.params.Has("looks") || len(f.Actions) > 0 || len(f.IDs) > 0 {
		return false, false
	}
	only := *f
	only.Since, only.Until, only.After = time.Time{}, time.Time{}, ""
	f.Not = append(f.Not, query.Filter{Actions: []string{semconv.ActionTrailRead}})
	return true, isEmpty(&only)
}

// list finds a page of records and groups them by day. It returns the records.
func (v *visit) list(data *timelinePage, f query.Filter) ([]*record.Record, error) {
	records, more, partial, err := v.find(f, pageSize)
	if err != nil {
		return nil, err
	}
	data.Partial = partial
	data.Slow = v.ctx.Err() != nil
	data.Days = v.days(records, true)
	if more {
		params := v.with()
		params.Set("after", cursorOf(records[len(records)-1]))
		data.Older = v.address(v.page, params)
	}
	if v.params.Has("after") {
		data.Newest = v.address(v.page, v.with())
	}
	return records, nil
}

// days groups records by day. If named is true, today and yesterday are named so.
func (v *visit) days(records []*record.Record, named bool) []day {
	var days []day
	for _, r := range records {
		at := r.Time.In(v.clock.Zone)
		if machine := at.Format(time.DateOnly); len(days) == 0 || days[len(days)-1].Machine != machine {
			days = append(days, day{Title: v.language.date(at), Machine: machine})
		}
		last := &days[len(days)-1]
		one := v.row(r)
		one.When = one.Time.Clock
		last.Rows = append(last.Rows, one)
	}
	for i := range days {
		if !named {
			break
		}
		days[i].Title = v.relativeDay(&days[i])
	}
	return days
}

// relativeDay returns the title of a day, with a word for today and yesterday.
func (v *visit) relativeDay(d *day) string {
	now := v.clock.Now.In(v.clock.Zone)
	switch d.Machine {
	case now.Format("2006-01-02"):
		return v.language.word("Today") + " · " + d.Title
	case dateOf(now, now.Day()-1).Format("2006-01-02"):
		return v.language.word("Yesterday") + " · " + d.Title
	}
	return d.Title
}

// maxTwins is how many records with one time and ID a page may have more than its size.
const maxTwins = 10

// find returns the first records that match, and whether there are more. Records with the
// same time and ID are on one page, since a cursor does not distinguish them; of very many, the
// others are not listed. If the time is over, it returns what was found. partial reports whether
// a part of the store could not be read.
func (v *visit) find(f query.Filter, size int) (records []*record.Record, more, partial bool, err error) {
	f.Limit = size + maxTwins
	for r, err := range v.reader.Find(v.ctx, f) {
		if err != nil {
			if v.ctx.Err() == nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
				if _, ok := errors.AsType[*query.FilterError](err); ok {
					return nil, false, false, v.badFilter("", err)
				}
				v.onError(v.ctx, err)
				partial = true
			}
			continue
		}
		if n := len(records); n >= size && !isTwin(r, records[n-1]) {
			return records, true, partial, nil
		}
		records = append(records, r)
	}
	if v.ctx.Err() != nil && len(records) == 0 {
		return nil, false, partial, errSlow
	}
	return records, v.ctx.Err() != nil || len(records) == f.Limit, partial, nil
}

func isTwin(a, b *record.Record) bool { return a.ID == b.ID && a.Time.Equal(b.Time) }

// cursorOf returns the cursor after a record and its twins, for the newest first.
func cursorOf(r *record.Record) string { return query.Position{Time: r.Time, ID: r.ID}.Cursor() }

// formFields are the conditions that the form has a field for. A condition that is repeated
// stays as it is.
var formFields = []string{"text", "actor", "action", "target", "since", "until", "outcome"}

func (v *visit) filterForm() filterForm {
	field := func(name string) string {
		if len(v.params[name]) == 1 {
			return v.params.Get(name)
		}
		return ""
	}
	f := filterForm{
		Text: field("text"), Actor: field("actor"), Action: field("action"), Target: field("target"), Since: field("since"), Until: field("until"),
		Outcomes: []choice{{"", v.language.word("Any outcome"), false}, {"success", v.language.word("Succeeded"), false}, {"failure", v.language.word("Failed"), false}, {"denied", v.language.word("Denied"), false}, {"unknown", v.language.word("Unknown"), false}},
	}
	for i := range f.Outcomes {
		f.Outcomes[i].Selected = f.Outcomes[i].Value == field("outcome")
	}
	for _, name := range v.names() {
		for _, value := range v.params[name] {
			if name != "after" && name != "count" && (!slices.Contains(formFields, name) || len(v.params[name]) > 1) {
				f.Hidden = append(f.Hidden, param{name, value})
			}
		}
	}
	return f
}

// chips returns the conditions of the filter. own are parameters of the page that are none.
func (v *visit) chips(own ...string) []chip {
	var chips []chip
	for _, name := range v.names() {
		if slices.Contains(otherParams, name) && name != "looks" || slices.Contains(own, name) {
			continue
		}
		for _, value := range v.params[name] {
			c := chip{Name: v.language.word(chipName(name)), Value: visible(value), Remove: v.address(v.page, v.without(name, value))}
			switch {
			case name == "looks":
				c.Value = v.language.word("shown")
			case name == "on-behalf-of" && value == "*":
				c.Value = v.language.word("anybody")
			}
			chips = append(chips, c)
		}
	}
	return chips
}

// chipName returns the name of a parameter for people.
func chipName(name string) string {
	switch name {
	case "text":
		return "Words"
	case "not":
		return "Without"
	case "asof":
		return "As of"
	case "looks":
		return "Looks at the trail"
	}
	return strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "-", " ")
}

// emptyText says why no record is shown, and what to do.
func (v *visit) emptyText(data *timelinePage, f *query.Filter) string {
	switch {
	case data.Partial, data.Slow:
		return v.language.word("Nothing was found in the part of the trail that could be read.")
	case v.params.Has("after"):
		return v.language.word("There are no older records.")
	case !f.Until.IsZero() && !f.Until.After(f.Since):
		return v.language.word("The time of this filter ends before it begins.")
	case len(data.Chips) > 0 && (!f.Since.IsZero() || !f.Until.IsZero()):
		return v.language.word("No record matches this filter. Remove a condition, or choose a longer time.")
	case len(data.Chips) > 0:
		return v.language.word("No record matches this filter. Remove a condition.")
	}
	if !v.seesAllRecords() {
		return v.language.word("There are no records yet that you may see.")
	}
	return v.language.word("There are no records yet. Each event that the service tracks appears here.")
}
