package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/viewer/internal/scope"
)

// visit is one request for a page.
type visit struct {
	*viewer

	ctx    context.Context
	w      http.ResponseWriter
	r      *http.Request
	actor  audit.Actor // zero for pages that show nothing of the trail
	view   View
	reader *scope.Reader
	page   string
	params url.Values // of the address, without empty ones
	clock  ask.Clock

	searches bool   // the visit has a slot for expensive searches
	release  func() // of the slot of an expensive search or an export
}

// newVisit reads the address of a page. If there is an error, the visit is not nil, and can show
// that.
func (v *viewer) newVisit(ctx context.Context, w http.ResponseWriter, r *http.Request, actor audit.Actor, view View) (*visit, error) {
	visit := v.anybody(r)
	visit.ctx, visit.w, visit.actor, visit.view = ctx, w, actor, view
	mask, err := scope.NewMask(view.Fields, view.Hidden, view.Within)
	if err != nil {
		return visit, err
	}
	if visit.reader, err = scope.NewReader(v.store, view.Within, mask); err != nil {
		return visit, err
	}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return visit, problemf(http.StatusBadRequest, "This address is damaged", "A part of it is not readable. Start from the timeline, and set the filter again.")
	}
	for name, values := range params {
		for _, value := range values {
			if value = strings.TrimSpace(value); value != "" {
				visit.params.Add(name, value)
			}
		}
	}
	if name := visit.params.Get("zone"); name != "" {
		zone, err := v.namedZone(name)
		if err != nil {
			visit.params.Del("zone")
			return visit, problemf(http.StatusBadRequest, "There is no such time zone", "Write a name such as Europe/Berlin, an offset such as +01:00, or utc.")
		}
		visit.clock.Zone = zone
	}
	return visit, nil
}

var errLocal = errors.New("the zone of this machine has no name that is the same everywhere")

// namedZone returns the zone with a name. That of this machine is meant only if WithZone has it:
// the form has its name then.
func (v *viewer) namedZone(name string) (*time.Location, error) {
	if name == v.zone.String() {
		return v.zone, nil
	}
	zone, err := ask.ParseZone(name)
	if err == nil && zone == time.Local {
		err = errLocal
	}
	return zone, err
}

// anybody returns a visit of somebody who sees nothing.
func (v *viewer) anybody(r *http.Request) *visit {
	return &visit{viewer: v, r: r, ctx: r.Context(), params: url.Values{}, clock: ask.Clock{Now: v.now(), Zone: v.zone}, release: func() {}}
}

// The parameters of addresses that are not conditions.
var otherParams = []string{"zone", "after", "count", "looks"}

// onceParams are conditions of which a second one would replace the first.
var onceParams = []string{"text", "reason", "failure"}

var errTwice = errors.New("give it once, with all its words")

// filter returns the filter in the address. The parameters have the names of the flags of the
// command deed. own are parameters of the page.
func (v *visit) filter(own ...string) (f query.Filter, err error) {
	for _, name := range v.names() {
		for _, value := range v.params[name] {
			var err error
			switch {
			case slices.Contains(otherParams, name), slices.Contains(own, name):
			case name == "not":
				err = ask.SetNot(&f, value)
			case name == "since", name == "until", name == "on":
				err = v.narrowTime(&f, name, value)
			case slices.Contains(onceParams, name) && len(v.params[name]) > 1:
				err = errTwice
			default:
				err = ask.Set(&f, name, value)
			}
			if err != nil {
				return f, v.badFilter(name, err)
			}
		}
	}
	f.After = v.params.Get("after")
	if err := f.Validate(); err != nil {
		return f, v.badFilter("", err)
	}
	return f, nil
}

// narrowTime adds a condition for the time: every one of them holds.
func (v *visit) narrowTime(f *query.Filter, name, value string) error {
	var one query.Filter
	if err := ask.SetTime(&one, v.clock, name, value); err != nil {
		return err
	}
	if one.Since.After(f.Since) {
		f.Since = one.Since
	}
	if !one.Until.IsZero() && (f.Until.IsZero() || one.Until.Before(f.Until)) {
		f.Until = one.Until
	}
	return nil
}

// names returns the names of the parameters, in an order that is always the same.
func (v *visit) names() []string {
	var names []string
	for name := range v.params {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// badFilter says what is wrong with a condition, and leads to the page without it.
func (v *visit) badFilter(name string, err error) error {
	bad, ok := errors.AsType[*query.FilterError](err)
	switch {
	case ok && bad.Field == "After":
		p := problemf(http.StatusBadRequest, "There is no such page of the list", "Its address was shortened or changed on the way.")
		p.leads(v.language.word("To the newest records"), v.address(v.page, v.with()))
		return p
	case ok:
		err = fmt.Errorf("%s: %s", bad.Field, bad.Reason)
	case errors.Is(err, ask.ErrUnknown), errors.Is(err, errNotHere):
		err = fmt.Errorf("%s: %w", visible(name), err)
	case name != "":
		err = fmt.Errorf("%s: %w", chipName(name), err)
	}
	p := problemf(http.StatusBadRequest, "This filter cannot be used", "%v.", err)
	switch {
	case ok && bad.Field == "Until":
		p.leads(v.language.word("Without these times"), v.address(v.page, v.with("since", "", "until", "", "on", "")))
	case name != "":
		p.leads(v.language.word("Without this condition"), v.address(v.page, v.with(name, "")))
	}
	return p
}

// address returns the relative address of a page. The time zone is kept.
func (v *visit) address(page string, params url.Values) string {
	if zone := v.params.Get("zone"); zone != "" && !params.Has("zone") {
		params = clone(params)
		params.Set("zone", zone)
	}
	u := url.URL{Path: "./" + page, RawQuery: params.Encode()}
	return u.String()
}

// with returns the parameters of this page, without the place in the list, and with others.
// A value of "" removes a parameter.
func (v *visit) with(pairs ...string) url.Values {
	params := clone(v.params)
	params.Del("after")
	params.Del("count")
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			params.Del(pairs[i])
		} else {
			params.Set(pairs[i], pairs[i+1])
		}
	}
	return params
}

// without returns the parameters of this page, as with does, without one value of a parameter.
func (v *visit) without(name, value string) url.Values {
	params := v.with()
	params[name] = slices.DeleteFunc(params[name], func(s string) bool { return s == value })
	if len(params[name]) == 0 {
		delete(params, name)
	}
	return params
}

func clone(params url.Values) url.Values {
	c := make(url.Values, len(params))
	for name, values := range params {
		c[name] = slices.Clone(values)
	}
	return c
}

func (v *visit) recordAddress(id audit.ID) string {
	return v.address("record", url.Values{"id": {id.String()}})
}

// objectAddress returns the address of the object of a target, in the tenant of a record, or "".
func (v *visit) objectAddress(t audit.Target, tenant string) string {
	if t.Type == "" || t.ID == "" {
		return ""
	}
	params := url.Values{"type": {t.Type}, "id": {t.ID}}
	if tenant != "" {
		params.Set("in", tenant)
	}
	return v.address("object", params)
}

func (v *visit) actorAddress(a *audit.Actor) string {
	return v.address("actor", url.Values{"actor": {actorText(a)}})
}

func actorText(a *audit.Actor) string { return ask.ActorText(a) }

// moment is a time in the zone of the page.
type moment struct {
	Machine string // for the attribute datetime
	Clock   string // 14:30:05
	Day     string // Thursday, 26 November 2026
	Full    string // both, to the millisecond, with the zone
	Ago     string // 5 minutes ago
}

// shortTime returns the day and the time of a list of several days, such as 26 Nov 15:25. It
// has the year if that is another one.
func (v *visit) shortTime(t time.Time) string {
	local := t.In(v.clock.Zone)
	month := []rune(v.language.word(local.Month().String()))
	day := strconv.Itoa(local.Day()) + " " + string(month[:min(3, len(month))])
	if local.Year() != v.clock.Now.In(v.clock.Zone).Year() {
		day += " " + strconv.Itoa(local.Year())
	}
	return day + " " + local.Format("15:04")
}

func (v *visit) moment(t time.Time) moment {
	local := t.In(v.clock.Zone)
	return moment{
		Machine: t.UTC().Format(time.RFC3339Nano), Clock: local.Format("15:04:05"), Day: v.language.date(local),
		Full: v.language.date(local) + ", " + local.Format("15:04:05.000 MST"), Ago: v.language.ago(v.clock.Now.Sub(t)),
	}
}

// hasHealth reports whether the page about the pipeline is shown: it has no tenant.
func (v *visit) hasHealth() bool {
	return v.health != nil && v.seesAll()
}

// seesAll reports whether the person sees every record with every field.
func (v *visit) seesAll() bool {
	return v.seesAllRecords() && len(v.view.Fields)+len(v.view.Hidden) == 0
}

// seesAllRecords reports whether the person sees every record, perhaps without some fields. Others
// cannot know from what they see that something did not happen.
func (v *visit) seesAllRecords() bool { return v.view.All && isEmpty(&v.view.Within) }

func isEmpty(f *query.Filter) bool {
	text, err := f.MarshalJSON()
	return err == nil && string(text) == "{}"
}
