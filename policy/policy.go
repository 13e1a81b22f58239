package policy

import (
	"errors"
	"slices"

	"github.com/opendeed/audit"
)

// ErrAnonymousNotAllowed is the error of an event whose actor is anonymous, where neither the
// provider nor the policy allows that for the action.
var ErrAnonymousNotAllowed = errors.New("audit: anonymous is not allowed for this action; allow it with sdk.WithAnonymous or set an actor")

// Policy is an ordered list of rules. It is immutable and safe for concurrent use. A nil
// Policy has no rules.
type Policy struct {
	rules    []Rule
	events   []eventRule
	requests []requestRule
}

// eventRule is a compiled rule that matches events.
type eventRule struct {
	index             int // of the rule in Policy.rules
	actions           patterns
	targets           patterns
	channels          patterns
	actorTypes        actorTypes
	require           []string
	requireActorTypes actorTypes
	rejectAnonymous   bool
}

// requestRule is a compiled rule that matches requests.
type requestRule struct {
	index    int // of the rule in Policy.rules
	methods  []string
	routes   patterns
	channels patterns
	exempt   string
}

// New returns a policy with the given rules, in order. If rules are invalid it returns
// an *Error that lists everything that is wrong. A rule that can never match, because an
// earlier rule matches everything that it would, is invalid. A policy without rules
// requires nothing.
func New(rules ...Rule) (*Policy, error) {
	c := checker{policy: &Policy{rules: make([]Rule, len(rules))}}
	for i := range rules {
		c.policy.rules[i] = rules[i].clone()
	}
	return c.check()
}

// Rules returns a copy of the rules, in order.
func (p *Policy) Rules() []Rule {
	if p == nil {
		return nil
	}
	rules := slices.Clone(p.rules)
	for i := range rules {
		rules[i] = rules[i].clone()
	}
	return rules
}

// Find returns the index, in Rules, of the first rule that matches the event in the
// channel, or -1.
func (p *Policy) Find(e *audit.Event, channel string) int {
	if r := p.find(e, channel); r != nil {
		return r.index
	}
	return -1
}

func (p *Policy) find(e *audit.Event, channel string) *eventRule {
	if p == nil {
		return nil
	}
	for i := range p.events {
		if r := &p.events[i]; r.matches(e, channel) {
			return r
		}
	}
	return nil
}

func (r *eventRule) matches(e *audit.Event, channel string) bool {
	return r.actions.matches(e.Action) && r.targets.matches(e.Target.Type) && r.channels.matches(channel) && r.actorTypes.matches(e.Actor.Type)
}

// Explain returns the name of the first rule that matches the event in the channel, or
// "", and the problems for which a provider would reject the event:
// *audit.ValidationError or ErrAnonymousNotAllowed. The event must be as it would
// be in a record: with a normalized action, and with the actor, the tenant and the
// metadata of its context.
func (p *Policy) Explain(e *audit.Event, channel string) (rule string, problems []error) {
	r := p.find(e, channel)
	if r == nil {
		return "", nil
	}
	return p.rules[r.index].Name, r.problems(e, channel)
}

// problems returns the requirements that the event does not meet.
func (r *eventRule) problems(e *audit.Event, channel string) []error {
	if e.Kind != audit.KindIntent {
		return nil // a signal does not know the reason
	}
	var problems []error
	switch {
	case e.Actor.Type == audit.ActorAnonymous && AnonymousAllowed(e):
	case r.rejectAnonymous && isAnonymous(&e.Actor) && !AnonymousAllowed(e):
		problems = append(problems, ErrAnonymousNotAllowed)
	case !r.requireActorTypes.matches(e.Actor.Type):
		problems = append(problems, &audit.ValidationError{
			Field: "actor.type", Reason: "it must be " + r.requireActorTypes.String() + " for this action",
		})
	}
	for _, field := range r.require {
		if !hasField(e, channel, field) {
			problems = append(problems, &audit.ValidationError{Field: field, Reason: "it is required for this action"})
		}
	}
	return problems
}

// Coverage returns what the first matching request rule says about a request: whether it
// must leave an event if it succeeds, or else the reason for its exemption. A rule
// matches if all of its lists do: Methods, Routes and Channels. The route is the pattern
// that the router matched, or "".
func (p *Policy) Coverage(method, route, channel string) (required bool, exemption string, matched bool) {
	if p == nil {
		return false, "", false
	}
	for i := range p.requests {
		if r := &p.requests[i]; r.matches(method, route, channel) {
			return r.exempt == "", r.exempt, true
		}
	}
	return false, "", false
}

func (r *requestRule) matches(method, route, channel string) bool {
	return (len(r.methods) == 0 || slices.Contains(r.methods, method)) && r.routes.matches(route) && r.channels.matches(channel)
}
