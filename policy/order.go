package policy

import (
	"slices"
	"strconv"
)

// checkOrder reports rules that never match, because an earlier rule matches everything
// that they would. Most such rules are exceptions in the wrong place.
func (c *checker) checkOrder() {
	events := c.policy.events
	for i := range events {
		r := &events[i]
		for j := range events[:i] {
			if events[j].covers(r) && c.reportHidden(r.index, events[j].index) {
				break
			}
		}
	}
	requests := c.policy.requests
	for i := range requests {
		r := &requests[i]
		for j := range requests[:i] {
			if requests[j].covers(r) && c.reportHidden(r.index, requests[j].index) {
				break
			}
		}
	}
}

// reportHidden reports that the earlier rule hides another. It does nothing and returns
// false if one of them is invalid, since it may be meant to match something else.
func (c *checker) reportHidden(index, earlier int) bool {
	if c.invalid[earlier] || c.invalid[index] {
		return false
	}
	c.index = index
	c.report("", "it never matches, because "+strconv.Quote(c.policy.rules[earlier].Name)+
		" is before it and matches everything that it would; move it before that rule")
	return true
}

func (r *eventRule) covers(s *eventRule) bool {
	return r.actions.covers(s.actions) && r.targets.covers(s.targets) && r.channels.covers(s.channels) && r.actorTypes.covers(s.actorTypes)
}

func (r *requestRule) covers(s *requestRule) bool {
	methods := len(r.methods) == 0 || len(s.methods) > 0 &&
		!slices.ContainsFunc(s.methods, func(m string) bool { return !slices.Contains(r.methods, m) })
	return methods && r.routes.covers(s.routes) && r.channels.covers(s.channels)
}
