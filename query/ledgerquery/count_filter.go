package ledgerquery

import (
	"reflect"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/internal/index"
)

// isCountable reports whether an index can estimate which entries match a filter.
func isCountable(f *query.Filter) bool {
	rest := *f
	rest.Since, rest.Until = time.Time{}, time.Time{}
	rest.Not = nil
	for i := range f.Not {
		if not := &f.Not[i]; !not.Since.IsZero() || !not.Until.IsZero() || !isCountable(not) {
			return false
		}
	}
	for _, names := range [][]string{idsOf(f.Actors, actorID), f.Tenants, f.Channels} {
		for _, name := range names {
			if _, ok := index.NameTexts(name); !ok {
				return false
			}
		}
	}
	rest.Actors, rest.ActorTypes, rest.Tenants, rest.Channels = nil, nil, nil, nil
	rest.Actions, rest.Operations, rest.Outcomes, rest.Kinds = nil, nil, nil, nil
	return reflect.ValueOf(rest).IsZero()
}

// estimate returns which entries match a countable filter, without its times.
func (p *partCount) estimate(f *query.Filter) (e index.Estimate, err error) {
	e = index.Estimate{Sure: p.all, Maybe: index.NoPlaces()}
	and := func(one index.Estimate, failed error) {
		if err == nil && failed == nil {
			e = e.And(one, p.part.Len())
		}
		if err == nil {
			err = failed
		}
	}
	if len(f.Actors) > 0 {
		and(p.estimateActors(f.Actors))
	}
	if len(f.ActorTypes) > 0 {
		and(p.hasOne(index.ActorType, textsOf(f.ActorTypes)))
	}
	if len(f.Tenants) > 0 {
		and(p.hasOne(index.Tenant, nameTexts(f.Tenants)))
	}
	if len(f.Channels) > 0 {
		and(p.hasOne(index.Channel, nameTexts(f.Channels)))
	}
	if len(f.Actions) > 0 {
		column := p.column(index.Action)
		and(column.HasMatch(f.Actions))
	}
	if len(f.Operations) > 0 {
		var texts []string
		for _, o := range f.Operations {
			text := o.String()
			if o == audit.OperationUnspecified {
				text = ""
			}
			texts = append(texts, text)
		}
		and(p.hasOne(index.Operation, texts))
	}
	if len(f.Outcomes) > 0 {
		and(p.hasOne(index.Outcome, textsOf(f.Outcomes)))
	}
	if len(f.Kinds) > 0 {
		and(p.hasOne(index.Kind, textsOf(f.Kinds)))
	}
	for i := range f.Not {
		if err != nil {
			return e, err
		}
		excluded, failed := p.estimate(&f.Not[i])
		and(excluded.Not(p.all), failed)
	}
	return e, err
}

func (p *partCount) estimateActors(actors []audit.Actor) (e index.Estimate, err error) {
	e = index.Estimate{Sure: index.NoPlaces(), Maybe: index.NoPlaces()}
	for i := range actors {
		one, err := p.hasOne(index.ActorID, nameTexts([]string{actors[i].ID}))
		if err != nil {
			return e, err
		}
		if actors[i].Type != audit.ActorNone {
			typed, err := p.hasOne(index.ActorType, []string{actors[i].Type.String()})
			if err != nil {
				return e, err
			}
			one = one.And(typed, p.part.Len())
		}
		e = e.Or(one, p.part.Len())
	}
	return e, nil
}

func (p *partCount) hasOne(field index.Field, texts []string) (index.Estimate, error) {
	column := p.column(field)
	return column.HasOne(texts...)
}

// textsOf returns the texts of constants.
func textsOf[T interface{ String() string }](values []T) (texts []string) {
	for _, v := range values {
		texts = append(texts, v.String())
	}
	return texts
}

// nameTexts returns the texts in JSON of names that are not cut.
func nameTexts(names []string) (texts []string) {
	for _, name := range names {
		forms, _ := index.NameTexts(name)
		texts = append(texts, forms...)
	}
	return texts
}
