package viewer

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/query/history"
)

// objectPage is the data of the life of one object.
type objectPage struct {
	Type, ID, Name string
	Tenant         string // whose object it is, if several have one, or ""
	Chips          []chip
	Clear          string  // the address without a filter
	Narrowed       bool    // not all of its records are considered
	Tenants        string  // the address that leads to those of all
	Form           []param // the parameters that the forms keep
	AsOf           string  // as it was written
	When           string  // what that means
	Future         bool    // it has not come yet
	State          stateView
	Columns        []versionColumn
	Fields         []fieldRow
	Earlier, Later string // the addresses of other versions, or ""
	Older          string // that there are older ones which the page does not have, or ""
	Events         []eventView
	Skipped        bool   // some versions changed nothing, and have no column
	Omitted        string // that older events are not listed, or ""
	Timeline       string
	Exports        []exportLink
	Slow, Partial  bool
}

// stateView is the object at a time.
type stateView struct {
	Text   string // whether it existed
	Notes  []string
	Fields []fieldState
}

// fieldState is a field at a time, and where it is known from.
type fieldState struct {
	Field  string
	Value  valueView
	Since  moment
	Href   string
	Actor  part
	Doubts []string
}

// versionColumn is a version in the table of fields.
type versionColumn struct {
	Name   string
	Href   string
	Time   moment
	Actor  part
	Effect string
	Kind   string
}

// fieldRow has the values of a field in the versions.
type fieldRow struct {
	Field string
	Cells []cell
}

// cell is the value that a version gave a field.
type cell struct {
	Kind       string // changed, gone, or "" if the version did not change it
	Value      valueView
	Unrecorded string // what the value was before, if no record says who changed that
}

// eventView is a record about the object, and what no record explains before it.
type eventView struct {
	row

	Version string
	Gaps    []string
}

// How much of a life a page shows.
const (
	maxColumns  = 5
	maxEvents   = 100
	maxVersions = 1000 // of which a page keeps the records, the newest
	maxTenants  = 30   // to choose from, if several have an object
)

// objectParams are the parameters of the page that are no conditions.
var objectParams = []string{"type", "id", "asof", "before", "in"}

func (v *visit) object() (*content, error) {
	target := audit.Target{Type: v.params.Get("type"), ID: v.params.Get("id")}
	if target.Type == "" || target.ID == "" {
		return nil, problemf(http.StatusBadRequest, "Which object?", "The address needs a type and an ID, such as object?type=invoice&id=1001.")
	}
	within, err := v.filter(objectParams...)
	if err != nil {
		return nil, err
	}
	looked := within
	looked.Targets = []audit.Target{target}
	if err := v.look(looked, v.isExpensive(&looked)); err != nil {
		return nil, err
	}
	at, when, err := v.asOf()
	if err != nil {
		return nil, err
	}
	data := objectPage{Type: visible(spaced(target.Type)), ID: visible(target.ID), AsOf: v.params.Get("asof"), When: when, Future: at.After(v.clock.Now)}
	data.Form, data.Chips, data.Clear = v.hiddenParams("asof", "before"), v.chips(objectParams...), v.objectAddress(target, v.params.Get("in"))
	data.Narrowed = isNarrow(within) || isNarrow(v.view.Within)
	versions, reader, within, err := v.ofOne(&data, target, within)
	if err != nil {
		return nil, err
	}
	about := v.about(target, within)
	data.Timeline, data.Exports = v.address("", about), v.exports(about)
	if len(versions) == 0 {
		if data.Partial {
			return nil, errBroken
		}
		return nil, problemf(http.StatusNotFound, "Nothing is known of this object", "No record is about it, or you may not see it. Check its type and its ID.")
	}
	if err := v.state(&data, reader, target, within, at); err != nil {
		return nil, err
	}
	data.Name = nameOf(versions)
	v.table(&data, versions)
	data.Slow = v.ctx.Err() != nil
	title := data.Name
	if title == "" {
		title = data.ID
	}
	return &content{template: "object.html", Title: data.Type + " " + title, Data: data}, nil
}

// isNarrow reports whether a filter may leave out records about an object of a tenant.
func isNarrow(f query.Filter) bool {
	f.Tenants, f.After = nil, ""
	return !isEmpty(&f)
}

// asOf returns the time of which the state is shown, and what a person calls it: now, unless the
// address says another. A day, month or year means its last instant.
func (v *visit) asOf() (at time.Time, when string, err error) {
	text := v.params.Get("asof")
	if text == "" {
		return v.clock.Now, v.language.word("As it is now"), nil
	}
	span, err := v.clock.Parse(text)
	if err != nil {
		return at, "", v.badFilter("asof", err)
	}
	if end := span.End(); end.After(span.Since) {
		at = end.Add(-1)
		return at, v.language.phrase("As of the end of %s", v.spanName(span.Since, at)+" ("+v.clock.Zone.String()+")"), nil
	}
	return span.Since, v.language.phrase("As of %s", v.moment(span.Since).Full), nil
}

// spanName returns the name of the day, month or year that has a first and a last instant.
func (v *visit) spanName(first, last time.Time) string {
	switch {
	case dateOf(first, first.Day()).Equal(dateOf(last, last.Day())):
		return byDay.name(v, last)
	case dateOf(first, 1).Equal(dateOf(last, 1)):
		return byMonth.name(v, last)
	}
	return last.Format("2006")
}

// about returns the parameters of the timeline that select what the page is about.
func (v *visit) about(target audit.Target, within query.Filter) url.Values {
	params := v.with()
	for _, name := range objectParams {
		params.Del(name)
	}
	params.Set("target", ask.TargetText(target))
	if len(within.Tenants) == 1 {
		params.Set("tenant", within.Tenants[0])
	}
	return params
}

// ofOne returns the versions of the object, a reader of their records, and the filter for them.
// If several tenants have such an object, it is that of the tenant in the parameter "in", from
// whose record a link has led here. Otherwise that parameter does not matter: records without a
// tenant belong to the object too.
func (v *visit) ofOne(data *objectPage, target audit.Target, within query.Filter) ([]*history.Version, query.Reader, query.Filter, error) {
	versions, reader, err := v.versions(data, target, within)
	mixed, ok := errors.AsType[*history.MixedError](err)
	if tenant := v.params.Get("in"); ok && mixed.Field == "tenant" && tenant != "" && len(within.Tenants) == 0 {
		data.Events, data.Tenant, data.Tenants = nil, visible(tenant), v.address("object", v.with("in", ""))
		within.Tenants = []string{tenant}
		versions, reader, err = v.versions(data, target, within)
		mixed, ok = errors.AsType[*history.MixedError](err)
	}
	if ok {
		err = v.mixed(mixed, target, within)
	}
	return versions, reader, within, err
}

// versions returns the newest versions of the object, oldest first, and a reader of all of its
// records. It fills the list of events.
func (v *visit) versions(data *objectPage, target audit.Target, within query.Filter) ([]*history.Version, query.Reader, error) {
	reader, err := v.life(target, within)
	if err != nil {
		return nil, nil, err
	}
	var versions []*history.Version
	for version, err := range history.Of(v.ctx, reader, target, within) {
		if err != nil {
			if _, ok := errors.AsType[*history.MixedError](err); ok {
				return nil, nil, err
			}
			if _, ok := errors.AsType[*query.FilterError](err); ok {
				return nil, nil, v.badFilter("", err)
			}
			v.unread(data, err)
			continue
		}
		if len(versions) == 2*maxVersions {
			versions = slices.Delete(versions, 0, maxVersions)
		}
		versions = append(versions, version)
	}
	if n := len(versions); n > maxVersions {
		versions = slices.Delete(versions, 0, n-maxVersions)
	}
	for _, version := range slices.Backward(versions) {
		if len(data.Events) == maxEvents {
			data.Omitted = v.language.amount(int64(versions[len(versions)-1].Number-maxEvents), "1 older record is in the timeline.", "%s older records are in the timeline.")
			break
		}
		e := eventView{row: v.row(version.Record), Version: strconv.Itoa(version.Number)}
		for _, gap := range version.Gaps {
			e.Gaps = append(e.Gaps, v.language.word(gapTexts[gap]))
		}
		data.Events = append(data.Events, e)
	}
	return versions, reader, nil
}

// unread notes that a part of the store could not be read, and reports why, unless the time is
// over.
func (v *visit) unread(data *objectPage, err error) {
	if v.ctx.Err() == nil {
		data.Partial = true
		v.onError(v.ctx, err)
	}
}

var gapTexts = map[history.Gap]string{
	history.Earlier:    "It existed before. The records of that time are not here.",
	history.Reappeared: "It was deleted before. No record says how it came back.",
	history.Recreated:  "It existed already. No record says that it was deleted.",
	history.Unlisted:   "Not all changes of this record are known.",
}

// mixed says that the records are about several objects, and leads to each.
func (v *visit) mixed(err *history.MixedError, target audit.Target, within query.Filter) error {
	if err.Field != "tenant" {
		return problemf(http.StatusConflict, "Several objects have this type and ID", "%s",
			v.language.phrase("They differ in %s. Add it to the address, such as &metadata=KEY=VALUE.", err.Field))
	}
	if err := v.admitSearch(); err != nil { // it counts all records
		return err
	}
	p := problemf(http.StatusConflict, "Several tenants have this object", "Choose the tenant whose object you mean.")
	about := within
	about.Targets = []audit.Target{target}
	counts := v.count(about, query.Facets{By: []query.Facet{query.ByTenant}, Top: maxTenants}, true)
	all := counts != nil && !counts.AtLeast
	if counts != nil {
		for _, facet := range counts.Facets {
			all = all && facet.Others == 0
			for _, value := range facet.Values {
				if value.Value != "" {
					p.leads(visible(value.Value), v.address("object", v.with("in", "", "tenant", value.Value)))
				}
			}
		}
	}
	if !all {
		p.text = v.language.word("Choose the tenant whose object you mean. Not all tenants are listed: to see the others, look at all of its records.")
	}
	p.leads(v.language.word("All of its records"), v.address("", v.about(target, within)))
	return p
}

// nameOf returns the newest name of the object.
func nameOf(versions []*history.Version) string {
	for _, version := range slices.Backward(versions) {
		if name := version.Record.Target.Name; name != "" {
			return visible(name)
		}
	}
	return ""
}

// existenceTexts say whether the object exists now (true), or existed then.
var existenceTexts = map[bool]map[history.Existence]string{
	true: {
		history.Present: "It exists.", history.Gone: "It does not exist.", history.Unrecorded: "No record says whether it exists.",
	},
	false: {
		history.Present: "It existed.", history.Gone: "It did not exist.", history.Unrecorded: "No record says whether it existed.",
	},
}

// state fills the state of the object at a time.
func (v *visit) state(data *objectPage, reader query.Reader, target audit.Target, within query.Filter, at time.Time) error {
	state, err := history.AsOf(v.ctx, reader, target, at, within)
	if state == nil {
		return v.badFilter("", err)
	}
	if err != nil && !data.Partial {
		v.unread(data, err)
	}
	view := &data.State
	t := v.language.word
	view.Text = t(existenceTexts[data.AsOf == ""][state.Exists])
	if !state.Complete && state.Exists == history.Present {
		view.Notes = append(view.Notes, t("Other fields may have had values that were not recorded."))
	}
	if state.Omitted > 0 {
		view.Notes = append(view.Notes, t("It has more fields than this page shows."))
	}
	for _, f := range state.Fields {
		one := fieldState{Field: visible(f.Name), Value: v.value(f.Value), Since: v.moment(f.Source.Time), Href: v.recordAddress(f.Source.ID), Actor: v.actorPart(&f.Source.Actor)}
		if f.Doubtful {
			one.Doubts = append(one.Doubts, t("It may have changed since: a later record does not say."))
		}
		if f.Later {
			one.Doubts = append(one.Doubts, t("No record of that time has this value. A later record says that it replaced it."))
		}
		view.Fields = append(view.Fields, one)
	}
	return nil
}

// table fills the table of fields by versions: those that changed the object, the newest at
// the right.
func (v *visit) table(data *objectPage, versions []*history.Version) {
	changing := slices.DeleteFunc(slices.Clone(versions), func(x *history.Version) bool {
		return x.Effect == history.None || len(x.Changes) == 0 && x.Effect != history.Deleted && x.Effect != history.Created
	})
	data.Skipped = len(changing) < len(versions)
	end := len(changing)
	if before, err := strconv.Atoi(v.params.Get("before")); err == nil {
		end = 0
		for end < len(changing) && changing[end].Number < before {
			end++
		}
	}
	start := max(0, end-maxColumns)
	fields := map[string]int{} // the row of each field
	for _, version := range changing {
		for _, c := range version.Changes {
			fields[c.Field] = 0
		}
	}
	if len(fields) == 0 {
		return
	}
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		fields[name] = i
		data.Fields = append(data.Fields, fieldRow{Field: visible(name), Cells: make([]cell, end-start)})
	}
	for i, version := range changing[start:end] {
		data.Columns = append(data.Columns, v.column(version))
		v.fillColumn(data.Fields, fields, i, version)
	}
	if start == 0 && versions[0].Number > 1 {
		data.Older = v.language.phrase("The page has the newest %s versions. The records of older ones are in the timeline.", number(maxVersions))
	}
	if start > 0 {
		data.Earlier = v.address(v.page, v.with("before", strconv.Itoa(changing[start].Number)))
	}
	if end < len(changing) {
		data.Later = v.address(v.page, v.with("before", ""))
		if next := end + maxColumns; next < len(changing) {
			data.Later = v.address(v.page, v.with("before", strconv.Itoa(changing[next].Number)))
		}
	}
}

// fillColumn fills the cells of a version. rows has the row of each field.
func (v *visit) fillColumn(table []fieldRow, rows map[string]int, column int, version *history.Version) {
	for _, c := range version.Changes {
		one := cell{Kind: "changed", Value: v.value(c.New)}
		if c.Unrecorded {
			one.Unrecorded = visible(c.Expected.String())
		}
		table[rows[c.Field]].Cells[column] = one
	}
	if version.Effect == history.Deleted {
		for row := range table {
			table[row].Cells[column] = cell{Kind: "gone"}
		}
	}
}

func (v *visit) column(version *history.Version) versionColumn {
	r := version.Record
	return versionColumn{
		Name: strconv.Itoa(version.Number), Href: v.recordAddress(r.ID), Time: v.moment(r.Time), Actor: v.actorPart(&r.Actor),
		Effect: v.language.word(version.Effect.String()), Kind: version.Effect.String(),
	}
}

// hiddenParams returns the parameters of the page that a form keeps.
func (v *visit) hiddenParams(except ...string) []param {
	var hidden []param
	for _, name := range v.names() {
		for _, value := range v.params[name] {
			if !slices.Contains(except, name) {
				hidden = append(hidden, param{name, value})
			}
		}
	}
	return hidden
}
