package audittest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/values"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Matcher is a condition on a record, for [Recorder.RequireRecord] and
// [Recorder.RequireNoRecord].
type Matcher struct {
	part string // the part of a record that it is about, or "" if want says so itself
	want string
	// check reports whether a record among all matches, and describes what it has in place
	// of what is wanted.
	check func(r *record.Record, all []*record.Record) (got string, ok bool)
}

// String returns the condition in words, e.g. `target article "1001"`.
func (m Matcher) String() string { return strings.TrimSpace(m.part + " " + m.want) }

// Match returns a Matcher for the records for which ok returns true. want describes them
// in failure messages, after "want one record with".
func Match(want string, ok func(*record.Record) bool) Matcher {
	return Matcher{"", want, func(r *record.Record, _ []*record.Record) (string, bool) {
		if ok(r) {
			return want, true
		}
		return "not " + want, false
	}}
}

// Not matches the records that m does not match.
func Not(m Matcher) Matcher {
	return Matcher{m.part, "not " + m.want, func(r *record.Record, all []*record.Record) (string, bool) {
		got, ok := m.check(r, all)
		return got, !ok
	}}
}

// Action matches the records with the given action, which is normalized as
// record.NormalizeAction does. Otherwise a typo would let RequireNoRecord pass.
func Action(action string) Matcher {
	return equal("action", record.NormalizeAction(action), actionOf)
}

// Actor matches the records of an actor with the type and ID of want, acting on behalf of
// the same actors as want. Names, roles and other details are not compared.
func Actor(want audit.Actor) Matcher { return equal("actor", actorText(want), actorOf) }

// Target matches the records whose target has the given type and ID.
func Target(targetType, id string) Matcher {
	return equal("target", targetText(audit.Target{Type: targetType, ID: id}), targetOf)
}

// TargetType matches the records whose target has the given type, whatever its ID, such as
// that of something which was created.
func TargetType(want string) Matcher {
	return Matcher{"target", "of type " + want, func(r *record.Record, _ []*record.Record) (string, bool) {
		return targetOf(r), r.Target.Type == want
	}}
}

// Outcome matches the records with the given outcome.
func Outcome(want audit.Outcome) Matcher { return equal("outcome", want.String(), outcomeOf) }

// Operation matches the records with the given operation.
func Operation(want audit.Operation) Matcher {
	return equal("operation", want.String(), func(r *record.Record) string { return r.Operation.String() })
}

// Kind matches the records of the given kind.
func Kind(want audit.Kind) Matcher { return equal("kind", want.String(), kindOf) }

// Reason matches the records with the given reason.
func Reason(want string) Matcher { return equal("reason", quote(want), reasonOf) }

// Failure matches the records with the given failure.
func Failure(want string) Matcher { return equal("failure", quote(want), failureOf) }

// Channel matches the records with the given channel.
func Channel(want string) Matcher {
	return equal("channel", quote(want), func(r *record.Record) string { return quote(r.Channel) })
}

// Tenant matches the records with the given tenant.
func Tenant(want string) Matcher {
	return equal("tenant", quote(want), func(r *record.Record) string { return quote(r.Tenant) })
}

// Changed matches the records whose changes include all of the given fields, whatever
// their values.
func Changed(fields ...string) Matcher {
	return Matcher{"changed", fmt.Sprintf("%q", fields), func(r *record.Record, _ []*record.Record) (string, bool) {
		return changedOf(r), !slices.ContainsFunc(fields, func(field string) bool { return changeOf(r, field) == nil })
	}}
}

// ChangedFrom matches the records in which the given field changed from the value before to
// the value after. They are recorded as package diff says: nil is a value that is absent, a
// time its text, and an attribute.Value itself. Of a sensitive field a record has no values.
//
//	audittest.ChangedFrom("title", "Old title", "New title")
func ChangedFrom(field string, before, after any) Matcher {
	old, want := valueOf(before), valueOf(after)
	return changedValues(field, valueText(old)+" to "+valueText(want), func(c *audit.Change) bool {
		return values.Equal(c.Old, old) && values.Equal(c.New, want)
	})
}

// ChangedTo matches the records in which the given field changed to the value after,
// whatever it was before. See [ChangedFrom].
func ChangedTo(field string, after any) Matcher {
	want := valueOf(after)
	return changedValues(field, "to "+valueText(want), func(c *audit.Change) bool { return values.Equal(c.New, want) })
}

func changedValues(field, want string, ok func(*audit.Change) bool) Matcher {
	return Matcher{"changed " + field, want, func(r *record.Record, _ []*record.Record) (string, bool) {
		c := changeOf(r, field)
		if c == nil {
			return "nothing", false
		}
		return valueText(c.Old) + " to " + valueText(c.New), ok(c)
	}}
}

// Metadata matches the records whose metadata includes all of the given keys with these
// values.
func Metadata(want ...attribute.KeyValue) Matcher {
	return Matcher{"metadata", metadataText(want), func(r *record.Record, _ []*record.Record) (string, bool) {
		var got []attribute.KeyValue
		ok := true
		for _, w := range want {
			at := slices.IndexFunc(r.Metadata, func(kv attribute.KeyValue) bool { return kv.Key == w.Key })
			if at < 0 {
				ok = false
				continue
			}
			got = append(got, r.Metadata[at])
			ok = ok && reflect.DeepEqual(r.Metadata[at].Value, w.Value)
		}
		return metadataText(got), ok
	}}
}

// AttemptBegun matches the records that begin an attempt, as audit.Begin and audit.Do do,
// whether or not it was finished.
func AttemptBegun() Matcher {
	return attempt(begun, func(got string) bool { return got == begun || got == leftOpen })
}

// AttemptFinished matches the records that finish an attempt.
func AttemptFinished() Matcher {
	return attempt(finished, func(got string) bool { return got == finished })
}

// AttemptLeftOpen matches the records that begin an attempt which no record finishes.
//
//	recorder.RequireNoRecord(t, audittest.AttemptLeftOpen())
func AttemptLeftOpen() Matcher {
	return attempt(leftOpen, func(got string) bool { return got == leftOpen })
}

func attempt(want string, ok func(got string) bool) Matcher {
	return Matcher{"attempt", want, func(r *record.Record, all []*record.Record) (string, bool) {
		got := attemptOf(r, all)
		return got, ok(got)
	}}
}

// equal matches the records of which text returns want.
func equal(part, want string, text func(*record.Record) string) Matcher {
	return Matcher{part, want, func(r *record.Record, _ []*record.Record) (string, bool) {
		got := text(r)
		return got, got == want
	}}
}

// changeOf returns the change of a field, or nil.
func changeOf(r *record.Record, field string) *audit.Change {
	at := slices.IndexFunc(r.Changes, func(c audit.Change) bool { return c.Field == field })
	if at < 0 {
		return nil
	}
	return &r.Changes[at]
}

// valueOf returns v as a diff records it.
func valueOf(v any) attribute.Value {
	if value, ok := v.(attribute.Value); ok {
		return value
	}
	return values.Of(reflect.ValueOf(v))
}
