package viewer

import (
	"errors"
	"net/url"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/semconv"
)

// securityPage is the data of what may need somebody's attention.
type securityPage struct {
	Periods  []choice
	Sections []section
	Slow     bool
}

// section is a kind of events: how many there were, and the newest.
type section struct {
	Title, Explanation string
	Total              string
	Chart              *chart
	Rows               []row
	Empty              string
	All                string // the address of all of them
	Exports            []exportLink
	Partial            bool
}

// watched is a kind of events that the page shows.
type watched struct {
	title, explanation, empty string
	params                    url.Values // for the timeline
}

// watchlist is what the page shows, in order.
var watchlist = []watched{
	{
		"Denied access", "Somebody tried what they may not do.", "Nobody was denied anything.",
		url.Values{"outcome": {"denied"}},
	},
	{
		"Failed logins", "Many for one account, or from one address, may be an attack.", "No login failed.",
		url.Values{"operation": {"login"}, "outcome": {"failure", "denied"}},
	},
	{
		"Impersonation", "Somebody acted for somebody else.", "Nobody acted for somebody else.",
		url.Values{"on-behalf-of": {"*"}},
	},
	{
		"Missing coverage", "A request probably changed something, and the application recorded no event.", "No such request was noticed.",
		url.Values{"action": {semconv.ActionCoverageMissing}},
	},
	{
		"Rejected events", "A policy rejected an event: the event itself is not in the trail.", "No event was rejected.",
		url.Values{"action": {semconv.ActionRejected}},
	},
}

// sectionRows is how many records a section lists.
const sectionRows = 5

// errNotHere is the error of a condition that only other pages have.
var errNotHere = errors.New("this page has no such condition; the timeline has")

func (v *visit) security() (*content, error) {
	for _, name := range v.names() {
		if name != "since" && name != "zone" { // the page would show more than the address says
			return nil, v.badFilter(name, errNotHere)
		}
	}
	since := v.params.Get("since")
	if since == "" {
		since = "7d"
	}
	var f query.Filter
	span, err := v.clock.Parse(since)
	if err != nil {
		return nil, v.badFilter("since", err)
	}
	f.Since = span.Since.Truncate(time.Minute) // so that the counts of one person serve the next
	filters, expensive := make([]query.Filter, len(watchlist)), false
	for i := range watchlist {
		if filters[i], err = watchlist[i].filter(f); err != nil {
			return nil, err
		}
		expensive = expensive || v.isExpensive(&filters[i])
	}
	if err := v.look(f, expensive); err != nil {
		return nil, err
	}
	data := securityPage{Periods: v.periods(since)}
	data.Sections = make([]section, len(watchlist))
	errs := make([]error, len(watchlist))
	var waits []func()
	for i := range watchlist {
		waits = append(waits, beside(func() { data.Sections[i], errs[i] = v.section(&watchlist[i], filters[i], since) }))
	}
	for _, wait := range waits {
		wait()
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	data.Slow = v.ctx.Err() != nil
	return &content{template: "security.html", Title: v.language.word("Security"), Data: data}, nil
}

// periods are the times to choose from, with the one that was chosen.
func (v *visit) periods(since string) []choice {
	t := v.language.word
	periods := []choice{{"24h", t("24 hours"), false}, {"7d", t("7 days"), false}, {"30d", t("30 days"), false}, {"90d", t("90 days"), false}}
	for i := range periods {
		if periods[i].Value == since {
			periods[i].Selected = true
			return periods
		}
	}
	return append(periods, choice{since, visible(since), true}) // of the address
}

// filter adds the conditions of a section to a filter.
func (w *watched) filter(f query.Filter) (query.Filter, error) {
	for name, values := range w.params {
		for _, value := range values {
			if err := ask.Set(&f, name, value); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

func (v *visit) section(w *watched, f query.Filter, since string) (section, error) {
	s := section{Title: v.language.word(w.title), Explanation: v.language.word(w.explanation)}
	params := v.watchedParams(w)
	params.Set("since", since)
	s.All, s.Exports = v.address("", params), v.exports(params)
	records, _, partial, err := v.find(f, sectionRows)
	if err != nil {
		return s, err
	}
	s.Partial = partial
	for _, r := range records {
		s.Rows = append(s.Rows, v.row(r))
	}
	switch {
	case len(records) == 0 && partial:
		return s, nil // nobody knows whether there are none
	case len(records) == 0:
		s.Empty = v.language.word(w.empty)
		return s, nil
	}
	spanned, unit := v.span(f)
	if counts := v.count(spanned, v.facetsBy(nil, unit.facet), false); counts != nil {
		s.Total = v.records(counts)
		s.Chart = v.chart(spanned, unit, counts)
		s.Chart.Complete = ""
		for i := range s.Chart.Bars { // they lead to the timeline
			if b := &s.Chart.Bars[i]; b.Href != "" {
				b.Href = v.sectionBar(w, b.Href)
			}
		}
	}
	return s, nil
}

// watchedParams returns the parameters of the timeline that select what a section has, looks at the
// trail too.
func (v *visit) watchedParams(w *watched) url.Values {
	params := clone(w.params)
	if v.tracker != nil && !params.Has("action") {
		params.Set("looks", "shown")
	}
	return params
}

// sectionBar returns the address of the timeline for a bar of a section.
func (v *visit) sectionBar(w *watched, href string) string {
	u, err := url.Parse(href)
	if err != nil {
		return ""
	}
	params := v.watchedParams(w)
	params.Set("on", u.Query().Get("on"))
	return v.address("", params)
}
