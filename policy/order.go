package policy

import (
	"slices"
	"strconv"
)

// checkOrder notes rules that can never be met. In a list where the first match decides,
// that is how most mistakes look: the exception stands behind what it is one of.
func (c *checker) checkOrder() {
	for i := range c.policy.events {
		r := &c.policy.events[i]
		for j := range c.policy.events[:i] {
			if c.hidden(r.index, &c.policy.events[j], r) {
				break
			}
		}
	}
	for i := range c.policy.requests {
		r := &c.policy.requests[i]
		for j := range c.policy.requests[:i] {
			if c.hiddenRequest(r.index, &c.policy.requests[j], r) {
				break
			}
		}
	}
}

func (c *checker) hidden(index int, before, r *eventRule) bool {
	return before.covers(r) && c.neverMet(index, before.index)
}

func (c *checker) hiddenRequest(index int, before, r *requestRule) bool {
	return before.covers(r) && c.neverMet(index, before.index)
}

// neverMet notes that a rule stands behind one that meets everything that it would.
func (c *checker) neverMet(index, before int) bool {
	if c.broken[before] || c.broken[index] {
		return false // it may be meant otherwise
	}
	c.index = index
	c.wrong("", "it can never be met, because "+strconv.Quote(c.policy.rules[before].Name)+
		" comes first and meets everything that it would; put it before that")
	return true
}

func (r *eventRule) covers(s *eventRule) bool {
	return r.actions.cover(s.actions) && r.targets.cover(s.targets) && r.channels.cover(s.channels) && r.actorTypes.cover(s.actorTypes)
}

func (r *requestRule) covers(s *requestRule) bool {
	methods := len(r.methods) == 0 || len(s.methods) > 0 &&
		!slices.ContainsFunc(s.methods, func(m string) bool { return !slices.Contains(r.methods, m) })
	return methods && r.routes.cover(s.routes) && r.channels.cover(s.channels)
}
