package viewer

import (
	"slices"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// facetView is a list of the values of a field, with counts, each a link to a filter.
type facetView struct {
	Title  string
	Values []facetValue
	Others string // how many records have other values, or ""
}

// facetValue is a value and its count.
type facetValue struct {
	Text, Hint string
	Records    string
	Least      string // "at least", if not all were counted
	Share      int    // of the largest, in twentieths
	Href       string // or "" for what no filter can say
	Selected   bool
}

// facetParam has the title of a facet and the name of the parameter for it.
type facetParam struct {
	by          query.Facet
	title, name string
}

var timelineFacets = []facetParam{
	{query.ByActor, "Actor", "actor"},
	{query.ByAction, "Action", "action"},
	{query.ByOutcome, "Outcome", "outcome"},
	{query.ByChannel, "Channel", "channel"},
	{query.ByTenant, "Tenant", "tenant"},
}

// topValues is how many values a facet lists.
const topValues = 7

// facetsBy returns what to count for facets and, as more, for a chart.
func (v *visit) facetsBy(params []facetParam, more ...query.Facet) query.Facets {
	by := query.Facets{Top: topValues, Zone: v.clock.Zone, By: slices.Clone(more)}
	for _, p := range params {
		by.By = append(by.By, p.by)
	}
	return by
}

// facetViews returns the facets of counts. Names are those of actors, by type and ID.
func (v *visit) facetViews(params []facetParam, counts *counted, names map[string]string) []facetView {
	var views []facetView
	for _, p := range params {
		for _, facet := range counts.Facets {
			if facet.By == p.by {
				if view := v.facetView(p, &facet, names); len(view.Values) > 0 {
					views = append(views, view)
				}
			}
		}
	}
	return views
}

func (v *visit) facetView(p facetParam, facet *query.FacetCounts, names map[string]string) facetView {
	view := facetView{Title: v.language.word(p.title)}
	if len(facet.Values) == 1 && facet.Values[0].Value == "" {
		return view // nobody has it
	}
	for _, value := range facet.Values {
		one := facetValue{Text: visible(value.Value), Records: number(value.Records)}
		if value.AtLeast {
			one.Records, one.Least = one.Records+"+", v.language.word("at least")
		}
		one.Share = max(1, int(value.Records*20/max(1, facet.Values[0].Records)))
		if name := names[value.Value]; p.by == query.ByActor && name != "" {
			one.Text, one.Hint = visible(name), visible(value.Value)
		}
		if p.by == query.ByOutcome {
			one.Text = v.language.word(value.Value)
		}
		one.Selected = slices.Contains(v.params[p.name], value.Value)
		switch {
		case value.Value == "":
			one.Text = v.language.word("none")
		case one.Selected:
			one.Href = v.address(v.page, v.without(p.name, value.Value))
		default:
			one.Href = v.address(v.page, v.with(p.name, value.Value))
		}
		view.Values = append(view.Values, one)
	}
	if facet.Others > 0 {
		view.Others = number(facet.Others)
	}
	return view
}

// proposal is a value that a browser proposes for a field of the form, and what it is.
type proposal struct{ Value, Label string }

// proposals returns the values of a facet that can be written as they are.
func proposals(counts *counted, by query.Facet, labels map[string]string) []proposal {
	var all []proposal
	for _, facet := range counts.Facets {
		if facet.By != by {
			continue
		}
		for _, value := range facet.Values {
			if value.Value != "" && visible(value.Value) == value.Value {
				all = append(all, proposal{value.Value, visible(labels[value.Value])})
			}
		}
	}
	return all
}

// namesOf returns the names of the actors of records.
func namesOf(records []*record.Record) map[string]string {
	names := map[string]string{}
	for _, r := range records {
		if r.Actor.Name != "" && names[actorText(&r.Actor)] == "" {
			names[actorText(&r.Actor)] = r.Actor.Name
		}
	}
	return names
}
