package query

import (
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query/internal/scan"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/trace"
)

// MatchesLine reports whether the record of a line matches the filter. Lines of a LineScanner
// are decoded only if the filter compares something else than IDs, times, types and names of
// the record, its actor and its target, or if the record covers further targets or has marks.
// The error is that of decoding.
func (m *Matcher) MatchesLine(l *Line) (bool, error) {
	if m.timesOnly {
		f := &m.filter
		return (f.Since.IsZero() || !l.Time.Before(f.Since)) && (f.Until.IsZero() || l.Time.Before(f.Until)), nil
	}
	r := partialRecords.Get().(*record.Record) //nolint:errcheck,forcetypeassert // it has records only
	defer partialRecords.Put(r)
	// Marks say whether a name was cut, and what is covered counts as a target.
	if m.scannable && l.found != nil && !l.found.more && setPartial(r, l) {
		return m.Matches(r), nil
	}
	var decoded record.Record
	if err := decoded.UnmarshalJSON([]byte(l.JSON)); err != nil {
		return false, err
	}
	return m.Matches(&decoded), nil
}

// partialRecords has records with the members that a scannable filter compares.
var partialRecords = sync.Pool{New: func() any { return new(record.Record) }}

// comparesTimesOnly reports whether a filter selects a range of times, or everything.
func comparesTimesOnly(f Filter) bool {
	f.Since, f.Until = time.Time{}, time.Time{}
	f.Ascending, f.After, f.Limit = false, "", 0
	return reflect.ValueOf(f).IsZero()
}

// isScannable reports whether a filter compares nothing but what setPartial sets.
func isScannable(f Filter) bool {
	for _, excluded := range f.Not {
		if !isScannable(excluded) {
			return false
		}
	}
	f.Not = nil
	f.IDs, f.Attempts, f.TraceIDs = nil, nil, nil
	f.Delegated = false
	f.Actors, f.ActorTypes, f.Targets, f.TargetTypes = nil, nil, nil, nil
	f.Actions, f.Operations, f.Outcomes, f.Kinds = nil, nil, nil, nil
	f.Tenants, f.Channels = nil, nil
	return comparesTimesOnly(f)
}

// somebody is on whose behalf an actor acted, where it only matters that there is one.
var somebody audit.Actor

// setPartial sets what a scannable filter compares, and what Count counts by. It reports false
// if the record must be decoded.
func setPartial(r *record.Record, l *Line) bool {
	if l.found == nil {
		return false
	}
	r.Time, r.ID = l.Time, l.ID
	r.Kind, r.Operation, r.Outcome, r.Actor.Type = l.found.kind, l.found.operation, l.found.outcome, l.found.actorType
	r.Action, r.Actor.ID, r.Target.Type, r.Target.ID, r.Tenant, r.Channel = "", "", "", "", "", ""
	r.Attempt, r.TraceID, r.Actor.OnBehalfOf = [16]byte{}, trace.TraceID{}, nil
	for _, m := range l.found.members {
		ok := true
		switch m.Path {
		case scan.Action:
			r.Action = m.Text(l.JSON) // it never has escapes
		case scan.ActorID:
			ok = setName(&r.Actor.ID, m, l)
		case scan.ActorOnBehalfOf:
			r.Actor.OnBehalfOf = &somebody
		case scan.TargetType:
			ok = setName(&r.Target.Type, m, l)
		case scan.TargetID:
			ok = setName(&r.Target.ID, m, l)
		case scan.Tenant:
			ok = setName(&r.Tenant, m, l)
		case scan.Channel:
			ok = setName(&r.Channel, m, l)
		case scan.Attempt:
			ok = r.Attempt.UnmarshalText([]byte(m.Text(l.JSON))) == nil
		case scan.TraceID:
			var err error
			r.TraceID, err = trace.TraceIDFromHex(m.Text(l.JSON))
			ok = err == nil
		default:
		}
		if !ok {
			return false
		}
	}
	return true
}

// setName sets a text, and reports false if it has escapes.
func setName(name *string, m scan.Member, l *Line) bool {
	*name = m.Text(l.JSON)
	return strings.IndexByte(*name, '\\') < 0
}
