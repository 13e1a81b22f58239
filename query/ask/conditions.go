package ask

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Group is the question that a condition is about.
type Group string

// The groups.
const (
	Who   Group = "Who"
	What  Group = "What"
	Where Group = "Where"
	Why   Group = "Why"
)

// Condition is a condition that has a name. Given more than once, it matches any of its
// values, unless it is one of words; the * of on-behalf-of narrows what others select.
type Condition struct {
	Group Group
	Name  string
	// Placeholder stands for the value in a description, such as ACTOR.
	Placeholder string
	// Usage says what it selects.
	Usage string
	// Words reports whether the value is words of a text. A second value replaces the first.
	Words bool

	set func(f *query.Filter, value string) error
}

var conditions = []Condition{
	{Who, "actor", "ACTOR", "who did it: TYPE/ID such as user/42, an ID of any type, anonymous or unresolved", false, setActor},
	{Who, "actor-type", "TYPE", "user, service, system, anonymous or unresolved", false, func(f *query.Filter, v string) error { return add(&f.ActorTypes, v, wordOf[audit.ActorType]) }},
	{Who, "on-behalf-of", "ACTOR", "for whom the actor acted; * for whoever that was", false, setOnBehalfOf},
	{Who, "session", "FINGERPRINT", "the fingerprint of the session, as records have it", false, appendTo(func(f *query.Filter) *[]string { return &f.Sessions })},
	{What, "action", "PATTERN", "what was done, such as invoice.approve or invoice.*", false, appendTo(func(f *query.Filter) *[]string { return &f.Actions })},
	{What, "operation", "OPERATION", "create, read, update, delete, execute, login or logout", false, func(f *query.Filter, v string) error { return add(&f.Operations, v, wordOf[audit.Operation]) }},
	{What, "outcome", "OUTCOME", "success, failure, denied or unknown", false, func(f *query.Filter, v string) error { return add(&f.Outcomes, v, wordOf[audit.Outcome]) }},
	{What, "target", "TARGET", "what it was done to: TYPE/ID such as invoice/1001, or an ID of any type", false, func(f *query.Filter, v string) error {
		f.Targets = append(f.Targets, Target(v))
		return nil
	}},
	{What, "target-type", "TYPE", "a type of target, such as invoice", false, appendTo(func(f *query.Filter) *[]string { return &f.TargetTypes })},
	{What, "changed", "FIELD", "a field that was changed, such as title or address.*", false, appendTo(func(f *query.Filter) *[]string { return &f.Changed })},
	{What, "attempt", "ID", "an attempt, by the ID of the record that began it", false, func(f *query.Filter, v string) error { return add(&f.Attempts, v, ID) }},
	{What, "stage", "STAGE", "the place in an attempt: begin, end, or none", false, func(f *query.Filter, v string) error { return add(&f.Stages, v, wordOf[query.Stage]) }},
	{What, "kind", "KIND", "intent or signal", false, func(f *query.Filter, v string) error { return add(&f.Kinds, v, wordOf[audit.Kind]) }},
	{What, "id", "ID", "the ID of a record", false, func(f *query.Filter, v string) error { return add(&f.IDs, v, ID) }},
	{Where, "tenant", "TENANT", "the customer or organization", false, appendTo(func(f *query.Filter) *[]string { return &f.Tenants })},
	{Where, "channel", "CHANNEL", "how the actor came: api, admin, web, job, cli, system", false, appendTo(func(f *query.Filter) *[]string { return &f.Channels })},
	{Where, "address", "ADDRESS", "the client's address", false, setText(semconv.ClientAddressKey)},
	{Where, "route", "ROUTE", "the route, such as /articles/:id", false, setText(semconv.HTTPRouteKey)},
	{Where, "service", "NAME", "the service that recorded it", false, func(f *query.Filter, v string) error {
		f.Resource = append(f.Resource, attribute.String("service.name", v))
		return nil
	}},
	{Where, "trace", "ID", "the trace, by its ID in hexadecimal", false, func(f *query.Filter, v string) error { return add(&f.TraceIDs, v, trace.TraceIDFromHex) }},
	{Where, "metadata", "KEY[=VALUE]", "metadata, such as http.response.status_code=403", false, Metadata},
	{Why, "reason", "WORDS", "words of the reason", true, func(f *query.Filter, v string) error { f.Reason = v; return nil }},
	{Why, "failure", "WORDS", "words of the failure", true, func(f *query.Filter, v string) error { f.Failure = v; return nil }},
	{Why, "text", "WORDS", "words anywhere in the texts of a record, in any case", true, func(f *query.Filter, v string) error { f.Text = v; return nil }},
}

// Conditions returns all conditions: a name for each field of a filter that selects records,
// except times and Not.
func Conditions() []Condition { return append([]Condition(nil), conditions...) }

// ErrUnknown is the error of a name that is not one of a condition.
var ErrUnknown = errors.New("it is not a condition; use one such as actor, action, outcome, target, tenant or text")

// Set adds a condition to the filter. The error does not have its name. It is [ErrUnknown] if
// there is no condition of that name.
func Set(f *query.Filter, name, value string) error {
	for i := range conditions {
		if conditions[i].Name == name {
			return conditions[i].set(f, value)
		}
	}
	return ErrUnknown
}

// SetNot excludes what a condition selects, which is written NAME=VALUE, such as
// action=*.read.
func SetNot(f *query.Filter, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("write NAME=VALUE, such as action=*.read")
	}
	var excluded query.Filter
	if err := Set(&excluded, name, value); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	f.Not = append(f.Not, excluded)
	return nil
}

// SetTime sets the bounds of the filter: name is since, until or on. An empty value sets
// nothing.
func SetTime(f *query.Filter, clock Clock, name, value string) error {
	if value == "" {
		return nil
	}
	parse := clock.Parse
	if name == "on" {
		parse = clock.ParseSpan
	}
	span, err := parse(value)
	if err != nil {
		return err
	}
	switch name {
	case "since":
		f.Since = span.Since
	case "until":
		f.Until = span.End()
	case "on":
		f.Since, f.Until = span.Since, span.Until
	default:
		return ErrUnknown
	}
	return nil
}

func appendTo(list func(f *query.Filter) *[]string) func(*query.Filter, string) error {
	return func(f *query.Filter, v string) error {
		to := list(f)
		*to = append(*to, v)
		return nil
	}
}

func setText(key attribute.Key) func(*query.Filter, string) error {
	return func(f *query.Filter, v string) error {
		f.Metadata = append(f.Metadata, key.String(v))
		return nil
	}
}

// setOnBehalfOf adds an actor, or requires that there is one.
func setOnBehalfOf(f *query.Filter, text string) error {
	if text == "*" {
		f.Delegated = true
		return nil
	}
	return add(&f.OnBehalfOf, text, Actor)
}

func setActor(f *query.Filter, text string) error { return add(&f.Actors, text, Actor) }

// add appends a value that a function parses.
func add[T any](to *[]T, text string, parse func(string) (T, error)) error {
	v, err := parse(text)
	if err != nil {
		return err
	}
	*to = append(*to, v)
	return nil
}
