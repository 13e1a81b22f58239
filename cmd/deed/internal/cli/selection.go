package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/when"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/semconv"
	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// selection has the flags that choose records.
type selection struct {
	actors, actorTypes, onBehalfOf, sessions                                                   []string
	actions, operations, outcomes, kinds, targets, targetTypes, changed, attempts, stages, ids []string
	tenants, channels, addresses, routes, services, traces, metadata                           []string
	reason, failure, text                                                                      string
	since, until, on                                                                           string
	not                                                                                        []string
	filter                                                                                     string
}

// condition is a flag that is a condition, and may come after --not too.
type condition struct {
	group, name, placeholder, usage string
	values                          *[]string
	set                             func(f *query.Filter, value string) error
}

// The groups of the flags, which are the questions.
const (
	groupWho   = "Who"
	groupWhat  = "What"
	groupWhen  = "When"
	groupWhere = "Where"
	groupWhy   = "Why"
	groupMore  = "More"
)

func (s *selection) conditions() []condition {
	return []condition{
		{groupWho, "actor", "ACTOR", "who did it: TYPE/ID such as user/42, an ID of any type, or system or anonymous", &s.actors, setActor},
		{groupWho, "actor-type", "TYPE", "user, service, system, anonymous or unresolved", &s.actorTypes, func(f *query.Filter, v string) error { return parse(&f.ActorTypes, v, wordOf[audit.ActorType]) }},
		{groupWho, "on-behalf-of", "ACTOR", "for whom the actor acted", &s.onBehalfOf, func(f *query.Filter, v string) error {
			a, err := parseActor(v)
			f.OnBehalfOf = append(f.OnBehalfOf, a)
			return err
		}},
		{groupWho, "session", "FINGERPRINT", "the fingerprint of the session, as records have it", &s.sessions, appendTo(func(f *query.Filter) *[]string { return &f.Sessions })},
		{groupWhat, "action", "PATTERN", "what was done, such as invoice.approve or invoice.*", &s.actions, appendTo(func(f *query.Filter) *[]string { return &f.Actions })},
		{groupWhat, "operation", "OPERATION", "create, read, update, delete, execute, login or logout", &s.operations, func(f *query.Filter, v string) error { return parse(&f.Operations, v, wordOf[audit.Operation]) }},
		{groupWhat, "outcome", "OUTCOME", "success, failure, denied or unknown", &s.outcomes, func(f *query.Filter, v string) error { return parse(&f.Outcomes, v, wordOf[audit.Outcome]) }},
		{groupWhat, "target", "TARGET", "what it was done to: TYPE/ID such as invoice/1001, or an ID of any type", &s.targets, func(f *query.Filter, v string) error {
			f.Targets = append(f.Targets, parseTarget(v))
			return nil
		}},
		{groupWhat, "target-type", "TYPE", "a type of target, such as invoice", &s.targetTypes, appendTo(func(f *query.Filter) *[]string { return &f.TargetTypes })},
		{groupWhat, "changed", "FIELD", "a field that was changed, such as title or address.*", &s.changed, appendTo(func(f *query.Filter) *[]string { return &f.Changed })},
		{groupWhat, "attempt", "ID", "an attempt, by the ID of the record that began it", &s.attempts, func(f *query.Filter, v string) error { return parse(&f.Attempts, v, parseID) }},
		{groupWhat, "stage", "STAGE", "the place in an attempt: begin, end, or none", &s.stages, func(f *query.Filter, v string) error { return parse(&f.Stages, v, wordOf[query.Stage]) }},
		{groupWhat, "kind", "KIND", "intent or signal", &s.kinds, func(f *query.Filter, v string) error { return parse(&f.Kinds, v, wordOf[audit.Kind]) }},
		{groupWhat, "id", "ID", "the ID of a record", &s.ids, func(f *query.Filter, v string) error { return parse(&f.IDs, v, parseID) }},
		{groupWhere, "tenant", "TENANT", "the customer or organization", &s.tenants, appendTo(func(f *query.Filter) *[]string { return &f.Tenants })},
		{groupWhere, "channel", "CHANNEL", "how the actor came: api, admin, web, job, cli, system", &s.channels, appendTo(func(f *query.Filter) *[]string { return &f.Channels })},
		{groupWhere, "address", "ADDRESS", "the client's address", &s.addresses, setText(semconv.ClientAddressKey)},
		{groupWhere, "route", "ROUTE", "the route, such as /articles/:id", &s.routes, setText(semconv.HTTPRouteKey)},
		{groupWhere, "service", "NAME", "the service that recorded it", &s.services, func(f *query.Filter, v string) error {
			f.Resource = append(f.Resource, attribute.String("service.name", v))
			return nil
		}},
		{groupWhere, "trace", "ID", "the trace, by its ID in hexadecimal", &s.traces, func(f *query.Filter, v string) error { return parse(&f.TraceIDs, v, trace.TraceIDFromHex) }},
		{groupWhere, "metadata", "KEY[=VALUE]", "metadata, such as http.response.status_code=403", &s.metadata, setMetadata},
	}
}

// register adds the flags.
func (s *selection) register(flags *pflag.FlagSet) {
	for _, c := range s.conditions() {
		flags.StringArrayVar(c.values, c.name, nil, "`"+c.placeholder+"`: "+c.usage)
		group(flags, c.group, c.name)
	}
	flags.StringVar(&s.reason, "reason", "", "`WORDS` of the reason")
	flags.StringVar(&s.failure, "failure", "", "`WORDS` of the failure")
	flags.StringVar(&s.text, "text", "", "`WORDS` anywhere in the texts of a record, in any case")
	group(flags, groupWhy, "reason", "failure", "text")
	flags.StringVar(&s.since, "since", "", "from this `TIME` on: 24h, 7d, 2026-11-20, 2026-11-20T14:30, today")
	flags.StringVar(&s.until, "until", "", "up to this `TIME`; a day, month or year is included")
	flags.StringVar(&s.on, "on", "", "in this `SPAN`: 2026-11-20, 2026-11, 2026, 2026-11-20T14, today, yesterday")
	group(flags, groupWhen, "since", "until", "on")
	flags.StringArrayVar(&s.not, "not", nil, "leave out what `FLAG=VALUE` would select, such as --not action=*.read")
	flags.StringVar(&s.filter, "filter", "", "start with the `FILTER` in a file, or in a text that begins with {, as exports have it in their manifest")
	group(flags, groupMore, "not", "filter")
}

// build returns the filter. The flags narrow what --filter selects.
func (s *selection) build(clock when.Clock) (f query.Filter, err error) {
	if s.filter != "" {
		if f, err = readFilter(s.filter); err != nil {
			return f, usagef("--filter: %w", err)
		}
	}
	conditions := s.conditions()
	for _, c := range conditions {
		for _, v := range *c.values {
			if err := c.set(&f, v); err != nil {
				return f, usagef("--%s: %w", c.name, err)
			}
		}
	}
	for _, text := range s.not {
		var excluded query.Filter
		if err := setNot(conditions, &excluded, text); err != nil {
			return f, usagef("--not: %w", err)
		}
		f.Not = append(f.Not, excluded)
	}
	for _, words := range []struct {
		to   *string
		text string
	}{{&f.Reason, s.reason}, {&f.Failure, s.failure}, {&f.Text, s.text}} {
		if words.text != "" {
			*words.to = words.text
		}
	}
	if err := s.span(clock, &f); err != nil {
		return f, err
	}
	err = f.Validate()
	return f, err
}

func (s *selection) span(clock when.Clock, f *query.Filter) error {
	if s.on != "" {
		if s.since != "" || s.until != "" {
			return usagef("--on says both ends; leave out --since and --until")
		}
		span, err := clock.ParseSpan(s.on)
		if err != nil {
			return usagef("--on: %w", err)
		}
		f.Since, f.Until = span.Since, span.Until
	}
	if s.since != "" {
		span, err := clock.Parse(s.since)
		if err != nil {
			return usagef("--since: %w", err)
		}
		f.Since = span.Since
	}
	if s.until != "" {
		span, err := clock.Parse(s.until)
		if err != nil {
			return usagef("--until: %w", err)
		}
		f.Until = span.End()
	}
	return nil
}

func setNot(conditions []condition, f *query.Filter, text string) error {
	name, value, ok := strings.Cut(strings.TrimPrefix(text, "--"), "=")
	if !ok {
		return errors.New("write FLAG=VALUE, such as action=*.read")
	}
	switch name {
	case "reason":
		f.Reason = value
		return nil
	case "failure":
		f.Failure = value
		return nil
	case "text":
		f.Text = value
		return nil
	}
	for _, c := range conditions {
		if c.name == name {
			return c.set(f, value)
		}
	}
	return fmt.Errorf("%q is not a flag that selects records; use one such as actor, action, outcome, target, tenant or text", name)
}

func readFilter(text string) (f query.Filter, err error) {
	data := []byte(text)
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		if data, err = os.ReadFile(text); err != nil { //nolint:gosec // the user names the file
			return f, err
		}
	}
	err = f.UnmarshalJSON(data)
	return f, err
}

// parse appends a value that a function parses.
func parse[T any](to *[]T, text string, parseOne func(string) (T, error)) error {
	v, err := parseOne(text)
	*to = append(*to, v)
	return err
}

// wordOf returns the constant with the name.
func wordOf[T interface {
	~uint8
	Valid() bool
	String() string
}](name string,
) (T, error) {
	var words []string
	for v := T(0); v < 32; v++ {
		if !v.Valid() || v.String() == "" {
			continue
		}
		if v.String() == name {
			return v, nil
		}
		words = append(words, v.String())
	}
	return 0, fmt.Errorf("%q is none of %s", name, strings.Join(words, ", "))
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

// setMetadata accepts an attribute of any type with that text.
func setMetadata(f *query.Filter, text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		f.Metadata = append(f.Metadata, attribute.KeyValue{Key: attribute.Key(key)})
		return nil
	}
	k := attribute.Key(key)
	f.Metadata = append(f.Metadata, k.String(value))
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		f.Metadata = append(f.Metadata, k.Int64(n))
	}
	if x, err := strconv.ParseFloat(value, 64); err == nil {
		f.Metadata = append(f.Metadata, k.Float64(x))
	}
	if value == "true" || value == "false" {
		f.Metadata = append(f.Metadata, k.Bool(value == "true"))
	}
	return nil
}

func setActor(f *query.Filter, text string) error {
	a, err := parseActor(text)
	f.Actors = append(f.Actors, a)
	return err
}

// parseActor parses TYPE/ID, the ID of an actor of any type, or a type of actors without ID.
func parseActor(text string) (audit.Actor, error) {
	word, id, hasID := strings.Cut(text, "/")
	t, _ := wordOf[audit.ActorType](word) // otherwise the text is an ID
	switch {
	case text == "":
		return audit.Actor{}, errors.New("it is empty; write TYPE/ID, such as user/42")
	case t == audit.ActorNone:
		return audit.Actor{ID: text}, nil
	case hasID && id == "":
		return audit.Actor{}, fmt.Errorf("the ID is missing after %s/", word)
	case !hasID && t != audit.ActorAnonymous && t != audit.ActorUnresolved:
		return audit.Actor{}, fmt.Errorf("write %s/ID, or use --actor-type for all of a type", word)
	}
	return audit.Actor{Type: t, ID: id}, nil
}

// parseTarget parses TYPE/ID, or the ID of a target of any type.
func parseTarget(text string) audit.Target {
	if kind, id, ok := strings.Cut(text, "/"); ok && kind != "" {
		return audit.Target{Type: kind, ID: id}
	}
	return audit.Target{ID: text}
}

func parseID(text string) (id audit.ID, err error) {
	err = id.UnmarshalText([]byte(text))
	return id, err
}
