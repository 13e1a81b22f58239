package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Column is a text of a record.
type Column struct {
	// Name is that of the column, such as "actor_id".
	Name string

	text func(r *record.Record, zone *time.Location) string
	// in says where the text is in the canonical JSON.
	in place
}

// place says where the text of a column is in the canonical JSON of a record, so that
// CSV can copy it.
type place struct {
	// member is the path of the member whose text it is. If then is not empty, a slash and
	// the text of that member follow.
	member, then string
	// anyType reports whether the member may be no string. Then the record must be decoded.
	anyType bool
	// needs are the paths of members without which the text is empty. With one of them, the
	// record must be decoded.
	needs []string
	// time reports whether the text is the time of the record, in a zone.
	time bool
}

// csvTime is the form of times in CSV: spreadsheets read it, and it loses nothing.
const csvTime = "2006-01-02T15:04:05.000000000Z07:00"

// columns are all columns.
var columns = []Column{
	{"time", func(r *record.Record, zone *time.Location) string { return r.Time.In(zone).Format(csvTime) }, place{member: "time", time: true}},
	{"id", func(r *record.Record, _ *time.Location) string { return r.ID.String() }, place{member: "id"}},
	{"actor", func(r *record.Record, _ *time.Location) string { return ask.ActorText(&r.Actor) }, place{member: "actor.type", then: "actor.id"}},
	{"actor_type", func(r *record.Record, _ *time.Location) string { return r.Actor.Type.String() }, place{member: "actor.type"}},
	{"actor_id", func(r *record.Record, _ *time.Location) string { return r.Actor.ID }, place{member: "actor.id"}},
	{"actor_name", func(r *record.Record, _ *time.Location) string { return r.Actor.Name }, place{member: "actor.name"}},
	{"on_behalf_of", func(r *record.Record, _ *time.Location) string { return OnBehalfOf(&r.Actor) }, place{needs: []string{"actor.on_behalf_of"}}},
	{"action", func(r *record.Record, _ *time.Location) string { return r.Action }, place{member: "action"}},
	{"operation", func(r *record.Record, _ *time.Location) string { return unless(r.Operation == 0, r.Operation.String()) }, place{member: "operation"}},
	{"target", func(r *record.Record, _ *time.Location) string { return ask.TargetText(r.Target) }, place{member: "target.type", then: "target.id"}},
	{"target_type", func(r *record.Record, _ *time.Location) string { return r.Target.Type }, place{member: "target.type"}},
	{"target_id", func(r *record.Record, _ *time.Location) string { return r.Target.ID }, place{member: "target.id"}},
	{"target_name", func(r *record.Record, _ *time.Location) string { return r.Target.Name }, place{member: "target.name"}},
	{"outcome", func(r *record.Record, _ *time.Location) string { return r.Outcome.String() }, place{member: "outcome"}},
	{"reason", func(r *record.Record, _ *time.Location) string { return r.Reason }, place{member: "reason"}},
	{"failure", func(r *record.Record, _ *time.Location) string { return r.Failure }, place{member: "failure"}},
	{"why", func(r *record.Record, _ *time.Location) string { return Why(r) }, place{needs: []string{"reason", "failure"}}},
	{"changed", func(r *record.Record, _ *time.Location) string { return Changed(r) }, place{needs: []string{"changes"}}},
	{"changes", func(r *record.Record, _ *time.Location) string { return memberOf(r, "changes") }, place{member: "changes"}},
	{"tenant", func(r *record.Record, _ *time.Location) string { return r.Tenant }, place{member: "tenant"}},
	{"channel", func(r *record.Record, _ *time.Location) string { return r.Channel }, place{member: "channel"}},
	{"address", func(r *record.Record, _ *time.Location) string { return metadata(r, semconv.ClientAddressKey) }, place{member: "metadata.client.address", anyType: true}},
	{"route", func(r *record.Record, _ *time.Location) string { return metadata(r, semconv.HTTPRouteKey) }, place{member: "metadata.http.route", anyType: true}},
	{"service", func(r *record.Record, _ *time.Location) string { return service(r) }, place{member: "resource.service.name", anyType: true}},
	{"kind", func(r *record.Record, _ *time.Location) string { return r.Kind.String() }, place{member: "kind"}},
	{"attempt", func(r *record.Record, _ *time.Location) string { return unless(r.Attempt.IsZero(), r.Attempt.String()) }, place{member: "attempt"}},
	{"trace_id", func(r *record.Record, _ *time.Location) string {
		return unless(!r.TraceID.IsValid(), r.TraceID.String())
	}, place{member: "trace_id"}},
	{"metadata", func(r *record.Record, _ *time.Location) string { return memberOf(r, "metadata") }, place{member: "metadata"}},
	{"redacted", func(r *record.Record, _ *time.Location) string { return strings.Join(r.Redacted, " ") }, place{needs: []string{"redacted"}}},
	{"marks", func(r *record.Record, _ *time.Location) string { return memberOf(r, "marks") }, place{member: "marks"}},
}

// csvColumns are those of CSV, unless others are named.
var csvColumns = []string{
	"time", "id", "actor_type", "actor_id", "actor_name", "on_behalf_of", "action", "operation", "target_type", "target_id",
	"target_name", "outcome", "reason", "failure", "changes", "tenant", "channel", "service", "kind", "attempt", "trace_id",
	"metadata", "redacted", "marks",
}

// Text returns the text of the column. Times are in the zone.
func (c *Column) Text(r *record.Record, zone *time.Location) string { return c.text(r, zone) }

// ColumnNames returns the names of all columns.
func ColumnNames() []string {
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].Name
	}
	return names
}

// Columns returns the columns with the names, or, without names, those that CSV usually has.
func Columns(names ...string) ([]Column, error) {
	if len(names) == 0 {
		names = csvColumns
	}
	var found []Column
	for _, name := range names {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%q is not a column; there are %s", name, strings.Join(ColumnNames(), ", "))
		}
		found = append(found, columns[i])
	}
	return found, nil
}

// OnBehalfOf returns those for whom an actor acted, such as user/7 for user/8.
func OnBehalfOf(a *audit.Actor) string {
	var all []string
	for n := 0; a.OnBehalfOf != nil && n <= record.MaxDelegation; n++ {
		a = a.OnBehalfOf
		all = append(all, ask.ActorText(a))
	}
	return strings.Join(all, " for ")
}

// Why returns the reason and the failure of a record.
func Why(r *record.Record) string {
	switch {
	case r.Failure == "":
		return r.Reason
	case r.Reason == "":
		return r.Failure
	}
	return r.Reason + "; " + r.Failure
}

// Changed returns the fields of the changes of a record, separated by spaces.
func Changed(r *record.Record) string {
	fields := make([]string, len(r.Changes))
	for i := range r.Changes {
		fields[i] = r.Changes[i].Field
	}
	return strings.Join(fields, " ")
}

func metadata(r *record.Record, key attribute.Key) string {
	for _, kv := range r.Metadata {
		if kv.Key == key {
			return kv.Value.String()
		}
	}
	return ""
}

func service(r *record.Record) string {
	if r.Resource == nil {
		return ""
	}
	if v, ok := r.Resource.Set().Value("service.name"); ok {
		return v.String()
	}
	return ""
}

// memberOf returns the JSON of a member of the record's canonical JSON, or "".
func memberOf(r *record.Record, name string) string {
	line, err := query.LineOf(r)
	if err != nil {
		return ""
	}
	var cells [1]string
	findIn(&line, wantedOf([]string{name}), cells[:])
	return cells[0]
}

func unless(empty bool, text string) string {
	if empty {
		return ""
	}
	return text
}
