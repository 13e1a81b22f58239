package policy

import (
	"slices"

	"github.com/opendeed/audit"
)

// Policy is an ordered list of rules. It never changes, is safe for concurrent use, and
// a nil one has no rules.
type Policy struct {
	rules    []Rule
	events   []eventRule
	requests []requestRule
}

// eventRule is a rule about events, ready for use.
type eventRule struct {
	index             int // of the rule
	actions           patterns
	targets           patterns
	channels          patterns
	actorTypes        actorTypes
	require           []string
	requireActorTypes actorTypes
	refuseAnonymous   bool
}

// requestRule is a rule about requests, ready for use.
type requestRule struct {
	index    int // of the rule
	methods  []string
	routes   patterns
	channels patterns
	exempt   string
}

// New returns the policy of the rules, in their order, or an *Error with everything that
// is wrong with them. A rule that can never be met, because one before it meets
// everything that it would, is wrong. Without rules there are no demands.
func New(rules ...Rule) (*Policy, error) {
	c := checker{policy: &Policy{rules: make([]Rule, len(rules))}}
	for i := range rules {
		c.policy.rules[i] = rules[i].clone()
	}
	return c.check()
}

// Rules returns the rules, in their order.
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

// Find returns the index in Rules of the first rule that the event meets in the channel,
// or -1.
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
		if r := &p.events[i]; r.isMet(e, channel) {
			return r
		}
	}
	return nil
}

func (r *eventRule) isMet(e *audit.Event, channel string) bool {
	return r.actions.match(e.Action) && r.targets.match(e.Target.Type) && r.channels.match(channel) && r.actorTypes.match(e.Actor.Type)
}

// Explain returns the name of the rule that the event meets in the channel, or "", and
// why a provider would refuse it for that: *audit.ValidationError, or
// audit.ErrAnonymousNotAllowed. The event is as it would be in a record: its action
// normalised, with the actor, the tenant and the metadata of its context.
func (p *Policy) Explain(e *audit.Event, channel string) (rule string, problems []error) {
	r := p.find(e, channel)
	if r == nil {
		return "", nil
	}
	return p.rules[r.index].Name, r.problems(e, channel)
}

// problems returns what the event lacks.
func (r *eventRule) problems(e *audit.Event, channel string) []error {
	if e.Kind != audit.KindIntent {
		return nil // a signal cannot know why
	}
	var problems []error
	switch {
	case e.Actor.Type == audit.ActorAnonymous && NeedsNoLeave(e):
	case r.refuseAnonymous && isAnonymous(&e.Actor) && !NeedsNoLeave(e):
		problems = append(problems, audit.ErrAnonymousNotAllowed)
	case !r.requireActorTypes.match(e.Actor.Type):
		problems = append(problems, &audit.ValidationError{
			Field: "actor.type", Reason: "it must be " + r.requireActorTypes.String() + " for this action",
		})
	}
	for _, field := range r.require {
		if !has(e, channel, field) {
			problems = append(problems, &audit.ValidationError{Field: field, Reason: "it is required for this action"})
		}
	}
	return problems
}

// Coverage returns what the first rule about requests says that this one meets: whether
// it must leave an event if it succeeds, or else why it need not. A rule is met where
// each of its lists matches: Methods, Routes and Channels. The route is the pattern that
// the router matched, "" where there was none.
func (p *Policy) Coverage(method, route, channel string) (required bool, exemption string, matched bool) {
	if p == nil {
		return false, "", false
	}
	for i := range p.requests {
		if r := &p.requests[i]; r.isMet(method, route, channel) {
			return r.exempt == "", r.exempt, true
		}
	}
	return false, "", false
}

func (r *requestRule) isMet(method, route, channel string) bool {
	return (len(r.methods) == 0 || slices.Contains(r.methods, method)) && r.routes.match(route) && r.channels.match(channel)
}
