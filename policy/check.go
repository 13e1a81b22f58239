package policy

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/names"
)

// checker compiles rules into a policy and collects everything that is wrong with them.
type checker struct {
	policy  *Policy
	index   int // of the rule being checked
	errs    []*RuleError
	invalid map[int]bool // indices of rules with an error
}

func (c *checker) check() (*Policy, error) {
	c.invalid = map[int]bool{}
	first := map[string]int{}
	for i := range c.policy.rules {
		r := &c.policy.rules[i]
		c.index = i
		c.checkName(r, first)
		if r.Methods != nil || r.Routes != nil || r.MatchesRequests() {
			c.addRequestRule(r)
		} else {
			c.addEventRule(r)
		}
	}
	c.checkOrder()
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, func(a, b *RuleError) int { return cmp.Compare(a.Index, b.Index) })
		return nil, &Error{Rules: c.errs}
	}
	return c.policy, nil
}

// report adds an error for the rule being checked.
func (c *checker) report(field, reason string) {
	c.invalid[c.index] = true
	c.errs = append(c.errs, &RuleError{Index: c.index, Rule: c.policy.rules[c.index].Name, Field: field, Reason: reason})
}

// checkName checks that the name is unique. first maps names to the index of their first rule.
func (c *checker) checkName(r *Rule, first map[string]int) {
	switch other, taken := first[r.Name]; {
	case strings.TrimSpace(r.Name) == "":
		c.report("name", "it is missing")
	case !isPlain(r.Name):
		c.report("name", notPlain)
	case taken:
		c.report("name", "rule "+strconv.Itoa(other+1)+" has the same name; rename one of them")
	default:
		first[r.Name] = c.index
	}
}

func (c *checker) addEventRule(r *Rule) {
	c.checkList("actions", r.Actions, checkAction)
	c.checkList("targets", r.Targets, checkPattern)
	c.checkList("channels", r.Channels, checkPattern)
	c.checkList("require", r.Require, checkRequirement)
	c.checkList("exporters", r.Exporters, checkExporter)
	if len(r.Exporters) > 1 && slices.Contains(r.Exporters, NoExporter) {
		c.report("exporters", NoExporter+" must be the only element")
	}
	switch r.Changes {
	case "", ChangesFull, ChangesFields, ChangesOmitted:
	default:
		c.report("changes", strconv.Quote(string(r.Changes))+" is not full, fields or omitted")
	}
	required := c.parseActorTypes("require_actor_types", r.RequireActorTypes,
		audit.ActorUser, audit.ActorService, audit.ActorSystem, audit.ActorAnonymous)
	if r.RejectAnonymous && slices.Contains(required, audit.ActorAnonymous) {
		c.report("reject_anonymous", "it contradicts require_actor_types, which lists anonymous")
	}
	c.policy.events = append(c.policy.events, eventRule{
		index: c.index, actions: r.Actions, targets: r.Targets, channels: r.Channels,
		actorTypes: c.parseActorTypes("actor_types", r.ActorTypes,
			audit.ActorUser, audit.ActorService, audit.ActorSystem, audit.ActorAnonymous, audit.ActorUnresolved),
		require: r.Require, requireActorTypes: required, rejectAnonymous: r.RejectAnonymous,
	})
}

func (c *checker) addRequestRule(r *Rule) {
	c.checkList("methods", r.Methods, checkMethod)
	c.checkList("routes", r.Routes, checkPattern)
	c.checkList("channels", r.Channels, checkPattern)
	switch {
	case r.RequireEvent && r.Exempt != "":
		c.report("exempt", "it contradicts require_event")
	case !r.MatchesRequests():
		c.report("require_event", "a rule with methods or routes matches requests; set require_event, or set exempt to a reason")
	case !r.RequireEvent && strings.TrimSpace(r.Exempt) == "":
		c.report("exempt", "it must give a reason")
	case !isPlain(r.Exempt):
		c.report("exempt", notPlain)
	}
	for _, f := range [...]struct {
		name string
		set  bool
	}{
		{"actions", r.Actions != nil},
		{"targets", r.Targets != nil},
		{"actor_types", r.ActorTypes != nil},
		{"require", r.Require != nil},
		{"require_actor_types", r.RequireActorTypes != nil},
		{"reject_anonymous", r.RejectAnonymous},
		{"changes", r.Changes != ""},
		{"exporters", r.Exporters != nil},
	} {
		if f.set {
			c.report(f.name, "the rule matches requests, to which this does not apply; add another rule for events")
		}
	}
	c.policy.requests = append(c.policy.requests, requestRule{
		index: c.index, methods: r.Methods, routes: r.Routes, channels: r.Channels, exempt: r.Exempt,
	})
}

// checkList reports invalid elements of a list. A list that is empty but not nil is
// invalid, because it could mean all or none.
func (c *checker) checkList(field string, list []string, check func(string) (reason string)) {
	if list != nil && len(list) == 0 {
		c.report(field, "the list is empty; omit it to match everything")
	}
	for i, text := range list {
		if reason := check(text); reason != "" {
			c.report(field+"["+strconv.Itoa(i)+"]", reason)
		}
	}
}

// parseActorTypes returns the actor types with the given names.
func (c *checker) parseActorTypes(field string, names []string, known ...audit.ActorType) actorTypes {
	var types actorTypes
	c.checkList(field, names, func(name string) string {
		i := slices.IndexFunc(known, func(t audit.ActorType) bool { return t.String() == name })
		if i < 0 {
			return strconv.Quote(name) + " is not " + actorTypes(known).String()
		}
		types = append(types, known[i])
		return ""
	})
	return types
}

// checkAction returns what is wrong with a pattern of actions, or "".
func checkAction(p string) string {
	switch {
	case p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789_.*") != "":
		return strconv.Quote(p) + " is not an action pattern: use lowercase letters, digits, underscores, dots and *"
	case !strings.Contains(p, "*") && !names.ValidAction(p):
		return strconv.Quote(p) + " is not an action: use words of lowercase letters, digits and underscores, joined by dots"
	}
	return ""
}

func checkPattern(p string) string {
	if p == "" || !isPlain(p) {
		return strconv.Quote(p) + " is not a pattern: " + notPlain
	}
	return ""
}

func checkRequirement(field string) string {
	if !isRequirable(field) {
		return "the field " + strconv.Quote(field) +
			" cannot be required; use reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY"
	}
	return ""
}

func checkExporter(name string) string {
	if !names.Valid(name) {
		return strconv.Quote(name) + " is not an exporter name: it does not match " + names.Pattern
	}
	return ""
}

var methodName = regexp.MustCompile("^[A-Z0-9!#$%&'*+.^_`|~-]+$")

func checkMethod(name string) string {
	if !methodName.MatchString(name) {
		return strconv.Quote(name) + ` is not an HTTP method, such as "GET"`
	}
	return ""
}

const notPlain = "it must not be empty or have unprintable characters"

// isPlain reports whether s is valid UTF-8 with printable characters only.
func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
