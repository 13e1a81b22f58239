package audittest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Matcher is a condition on a record, for [Recorder.RequireRecord] and
// [Recorder.RequireNoRecord].
type Matcher struct {
	want string
	// check reports whether the record matches, and describes what it has in place of
	// what is wanted.
	check func(*record.Record) (got string, ok bool)
}

// String returns the condition in words, e.g. `target article "1001"`.
func (m Matcher) String() string { return m.want }

// Match returns a Matcher for the records for which ok returns true. want describes them
// in failure messages, after "want one record with".
func Match(want string, ok func(*record.Record) bool) Matcher {
	return Matcher{want, func(r *record.Record) (string, bool) {
		if ok(r) {
			return want, true
		}
		return "not " + want, false
	}}
}

// Not matches the records that m does not match.
func Not(m Matcher) Matcher {
	return Matcher{"not " + m.want, func(r *record.Record) (string, bool) {
		got, ok := m.check(r)
		return got, !ok
	}}
}

// Action matches the records with the given action, which is normalized as
// record.NormalizeAction does. Otherwise a typo would let RequireNoRecord pass.
func Action(action string) Matcher {
	return equal("action", record.NormalizeAction(action), func(r *record.Record) string { return r.Action })
}

// Actor matches the records of an actor with the type and ID of want, acting on behalf of
// the same actors as want. Names, roles and other details are not compared.
func Actor(want audit.Actor) Matcher {
	return equal("actor", actorText(want), func(r *record.Record) string { return actorText(r.Actor) })
}

// Target matches the records whose target has the given type and ID.
func Target(targetType, id string) Matcher {
	want := audit.Target{Type: targetType, ID: id}
	return equal("target", targetText(want), func(r *record.Record) string { return targetText(r.Target) })
}

// Outcome matches the records with the given outcome.
func Outcome(want audit.Outcome) Matcher {
	return equal("outcome", want.String(), func(r *record.Record) string { return r.Outcome.String() })
}

// Operation matches the records with the given operation.
func Operation(want audit.Operation) Matcher {
	return equal("operation", want.String(), func(r *record.Record) string { return r.Operation.String() })
}

// Kind matches the records of the given kind.
func Kind(want audit.Kind) Matcher {
	return equal("kind", want.String(), func(r *record.Record) string { return r.Kind.String() })
}

// Reason matches the records with the given reason.
func Reason(want string) Matcher {
	return equal("reason", quote(want), func(r *record.Record) string { return quote(r.Reason) })
}

// Failure matches the records with the given failure.
func Failure(want string) Matcher {
	return equal("failure", quote(want), func(r *record.Record) string { return quote(r.Failure) })
}

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
	return Matcher{fmt.Sprintf("changed %q", fields), func(r *record.Record) (string, bool) {
		changed := changedFields(r)
		return fmt.Sprintf("changed %q", changed), containsAll(changed, fields)
	}}
}

// Metadata matches the records whose metadata includes all of the given keys with these
// values.
func Metadata(want ...attribute.KeyValue) Matcher {
	return Matcher{"metadata " + metadataText(want), func(r *record.Record) (string, bool) {
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
		return "metadata " + metadataText(got), ok
	}}
}

// equal matches the records for which text returns want.
func equal(name, want string, text func(*record.Record) string) Matcher {
	return Matcher{name + " " + want, func(r *record.Record) (string, bool) {
		got := text(r)
		return name + " " + got, got == want
	}}
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

func actorText(a audit.Actor) string {
	text := a.Type.String()
	if a.ID != "" {
		text += " " + quote(a.ID)
	}
	if a.OnBehalfOf != nil {
		text += " on behalf of " + actorText(*a.OnBehalfOf)
	}
	return text
}

func targetText(t audit.Target) string {
	if t.Type == "" && t.ID == "" {
		return "none"
	}
	return fmt.Sprintf("%s %q", t.Type, t.ID)
}

func metadataText(kvs []attribute.KeyValue) string {
	parts := make([]string, len(kvs))
	for i, kv := range kvs {
		value := kv.Value.String()
		if kv.Value.Type() == attribute.STRING {
			value = quote(value)
		}
		parts[i] = string(kv.Key) + "=" + value
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func changedFields(r *record.Record) []string {
	fields := make([]string, len(r.Changes))
	for i, c := range r.Changes {
		fields[i] = c.Field
	}
	return fields
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
