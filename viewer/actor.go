package viewer

import (
	"net/http"
	"net/url"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
)

// actorPage is the data of the activity of one actor.
type actorPage struct {
	timelinePage

	Avatar   avatar
	Name, ID string
	Heat     *heatMap
	Timeline string
	Behalf   string // the address of what others did on behalf of the actor
}

// heatMap is how much somebody does at which hour of which weekday.
type heatMap struct {
	Rows     []heatRow
	Note     string
	Complete string // the address of the complete counts, or ""
}

type heatRow struct {
	Day   string
	Cells []heatCell
}

// heatCell is an hour of a weekday. Level is from 0 to 5.
type heatCell struct {
	Level int
	Title string
}

var actorFacets = []facetParam{
	{query.ByAction, "Action", "action"},
	{query.ByOutcome, "Outcome", "outcome"},
	{query.ByTargetType, "Type of target", "target-type"},
	{query.ByChannel, "Channel", "channel"},
}

// heatDays is how far back the heat map goes, unless the filter has a beginning.
const heatDays = 90

func (v *visit) actorPage() (*content, error) {
	who, err := ask.Actor(v.params.Get("actor"))
	if err != nil || len(v.params["actor"]) != 1 {
		return nil, problemf(http.StatusBadRequest, "Which actor?", "The address needs one actor, such as actor?actor=user/42.")
	}
	f, err := v.filter()
	if err != nil {
		return nil, err
	}
	all := v.params.Get("count") == "all"
	if err := v.look(f, all || v.isExpensive(&f)); err != nil {
		return nil, err
	}
	data := actorPage{ID: visible(actorText(&who)), Avatar: avatarOf(&who)}
	data.Chips, data.Clear = v.chips("actor"), v.address(v.page, url.Values{"actor": v.params["actor"]})
	data.Timeline = v.address("", v.with())
	data.Exports = v.exports(v.params)
	if who.ID != "" {
		data.Behalf = v.address("", v.only("on-behalf-of", actorText(&who)))
	}
	spanned := v.lastDays(f, heatDays)
	var counts *counted
	wait := beside(func() { counts = v.count(spanned, v.facetsBy(actorFacets, query.ByHour), all) })
	records, err := v.list(&data.timelinePage, f)
	wait()
	if counts == nil && len(records) > 0 {
		data.Count = v.address(v.page, v.with("count", "all"))
	}
	if err == nil && counts != nil && counts.Records > 0 {
		data.Heat = v.heat(spanned, counts)
		data.Facets = v.facetViews(actorFacets, counts, nil)
	}
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.Actor.Name != "" && r.Actor.ID == who.ID {
			who.Name = r.Actor.Name
			data.Name, data.Avatar = visible(who.Name), avatarOf(&who)
			break
		}
	}
	if len(records) == 0 {
		data.Empty = v.emptyText(&data.timelinePage, &f)
		if len(data.Chips) == 0 && data.Newest == "" && !data.Partial && !data.Slow {
			data.Empty = v.language.word("No record has this actor, or you may not see it. Check the type and the ID.")
		}
	}
	title := data.Name
	if title == "" {
		title = v.actorPart(&who).Text
	}
	data.Name = title
	return &content{template: "actor.html", Title: title, Data: data}, nil
}

// lastDays returns the filter with a beginning.
func (v *visit) lastDays(f query.Filter, days int) query.Filter {
	if f.Since.IsZero() {
		end := v.clock.Now
		if !f.Until.IsZero() && f.Until.Before(end) {
			end = f.Until
		}
		end = end.In(v.clock.Zone)
		f.Since = dateOf(end, end.Day()-days)
	}
	return f
}

// heat returns the heat map of counts by hour.
func (v *visit) heat(f query.Filter, counts *counted) *heatMap {
	var records [7][24]int64
	most := int64(1)
	for _, facet := range counts.Facets {
		if facet.By != query.ByHour {
			continue
		}
		for _, value := range facet.Values {
			at := value.Start.In(v.clock.Zone)
			day, hour := int(at.Weekday()+6)%7, at.Hour()
			records[day][hour] += value.Records
			most = max(most, records[day][hour])
		}
	}
	h := &heatMap{Note: v.language.phrase("%s since %s", v.records(counts), v.language.date(f.Since.In(v.clock.Zone)))}
	if !counts.Back.IsZero() {
		h.Note = v.language.phrase("%s, counted back to %s", v.records(counts), v.moment(counts.Back).Full)
		h.Complete = v.address(v.page, v.with("count", "all"))
	}
	for day := range records {
		weekday := time.Weekday((day + 1) % 7)
		row := heatRow{Day: v.language.word(weekday.String())}
		for hour, n := range records[day] {
			level := 0
			if n > 0 {
				level = 1 + int((n-1)*5/most)
			}
			row.Cells = append(row.Cells, heatCell{min(level, 5), row.Day + " " + time.Date(2000, 1, 1, hour, 0, 0, 0, time.UTC).Format("15:04") + ": " + number(n)})
		}
		h.Rows = append(h.Rows, row)
	}
	return h
}
