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
)

// checker makes a policy of its rules, and notes everything that is wrong with them.
type checker struct {
	policy *Policy
	index  int // of the rule that is looked at
	wrongs []*RuleError
	broken map[int]bool // rules that something is wrong with
}

func (c *checker) check() (*Policy, error) {
	c.broken = map[int]bool{}
	names := map[string]int{}
	for i := range c.policy.rules {
		r := &c.policy.rules[i]
		c.index = i
		c.checkName(r, names)
		if r.Methods != nil || r.Routes != nil || r.AboutRequests() {
			c.addRequestRule(r)
		} else {
			c.addEventRule(r)
		}
	}
	c.checkOrder()
	if len(c.wrongs) > 0 {
		slices.SortStableFunc(c.wrongs, func(a, b *RuleError) int { return cmp.Compare(a.Index, b.Index) })
		return nil, &Error{Rules: c.wrongs}
	}
	return c.policy, nil
}

func (c *checker) wrong(field, reason string) {
	c.broken[c.index] = true
	c.wrongs = append(c.wrongs, &RuleError{Index: c.index, Rule: c.policy.rules[c.index].Name, Field: field, Reason: reason})
}

func (c *checker) checkName(r *Rule, names map[string]int) {
	switch first, known := names[r.Name]; {
	case strings.TrimSpace(r.Name) == "":
		c.wrong("name", "it is missing")
	case !isPlain(r.Name):
		c.wrong("name", notPlain)
	case known:
		c.wrong("name", "rule "+strconv.Itoa(first+1)+" has the same name; give one of them another")
	default:
		names[r.Name] = c.index
	}
}

func (c *checker) addEventRule(r *Rule) {
	c.each("actions", r.Actions, wrongAction)
	c.each("targets", r.Targets, wrongPattern)
	c.each("channels", r.Channels, wrongPattern)
	c.each("require", r.Require, wrongRequirement)
	c.each("exporters", r.Exporters, wrongExporter)
	if len(r.Exporters) > 1 && slices.Contains(r.Exporters, NoExporter) {
		c.wrong("exporters", NoExporter+" must stand alone")
	}
	switch r.Changes {
	case "", ChangesRecord, ChangesFields, ChangesSome:
	default:
		c.wrong("changes", strconv.Quote(string(r.Changes))+" is none of record, fields, some")
	}
	required := c.actorTypes("require_actor_types", r.RequireActorTypes,
		audit.ActorUser, audit.ActorService, audit.ActorSystem, audit.ActorAnonymous)
	if r.RefuseAnonymous && slices.Contains(required, audit.ActorAnonymous) {
		c.wrong("refuse_anonymous", "it contradicts require_actor_types, which lists anonymous")
	}
	c.policy.events = append(c.policy.events, eventRule{
		index: c.index, actions: r.Actions, targets: r.Targets, channels: r.Channels,
		actorTypes: c.actorTypes("actor_types", r.ActorTypes,
			audit.ActorUser, audit.ActorService, audit.ActorSystem, audit.ActorAnonymous, audit.ActorUnresolved),
		require: r.Require, requireActorTypes: required, refuseAnonymous: r.RefuseAnonymous,
	})
}

func (c *checker) addRequestRule(r *Rule) {
	c.each("methods", r.Methods, wrongMethod)
	c.each("routes", r.Routes, wrongPattern)
	c.each("channels", r.Channels, wrongPattern)
	switch {
	case r.Cover && r.Exempt != "":
		c.wrong("exempt", "it contradicts cover")
	case !r.AboutRequests():
		c.wrong("cover", "a rule with methods or routes is about requests: it needs cover, or exempt with the reason")
	case !r.Cover && strings.TrimSpace(r.Exempt) == "":
		c.wrong("exempt", "it must say why")
	case !isPlain(r.Exempt):
		c.wrong("exempt", notPlain)
	}
	for _, f := range [...]struct {
		name  string
		given bool
	}{
		{"actions", r.Actions != nil},
		{"targets", r.Targets != nil},
		{"actor_types", r.ActorTypes != nil},
		{"require", r.Require != nil},
		{"require_actor_types", r.RequireActorTypes != nil},
		{"refuse_anonymous", r.RefuseAnonymous},
		{"changes", r.Changes != ""},
		{"exporters", r.Exporters != nil},
	} {
		if f.given {
			c.wrong(f.name, "the rule is about requests, which have none; make it a rule of its own")
		}
	}
	c.policy.requests = append(c.policy.requests, requestRule{
		index: c.index, methods: r.Methods, routes: r.Routes, channels: r.Channels, exempt: r.Exempt,
	})
}

// each notes a list that is given and empty, since it might stand for all or for none,
// and its elements that are wrong.
func (c *checker) each(field string, list []string, wrong func(string) string) {
	if list != nil && len(list) == 0 {
		c.wrong(field, "the list is empty; leave it out if it does not matter")
	}
	for i, text := range list {
		if reason := wrong(text); reason != "" {
			c.wrong(field+"["+strconv.Itoa(i)+"]", reason)
		}
	}
}

// actorTypes returns the types that words stand for.
func (c *checker) actorTypes(field string, words []string, known ...audit.ActorType) actorTypes {
	var types actorTypes
	c.each(field, words, func(word string) string {
		i := slices.IndexFunc(known, func(t audit.ActorType) bool { return t.String() == word })
		if i < 0 {
			return strconv.Quote(word) + " is not " + actorTypes(known).String()
		}
		types = append(types, known[i])
		return ""
	})
	return types
}

func wrongAction(p string) string {
	switch {
	case p == "" || strings.Trim(p, "abcdefghijklmnopqrstuvwxyz0123456789_.*") != "":
		return strconv.Quote(p) + " is no pattern of actions: it has lower-case letters, digits, underscores, dots and *"
	case !strings.Contains(p, "*") && !audit.ValidAction(p):
		return strconv.Quote(p) + " is no action: it has words of lower-case letters, digits and underscores, joined by dots"
	}
	return ""
}

func wrongPattern(p string) string {
	if p == "" || !isPlain(p) {
		return strconv.Quote(p) + " is no pattern: " + notPlain
	}
	return ""
}

func wrongRequirement(field string) string {
	if !isRequirable(field) {
		return "the field " + strconv.Quote(field) +
			" cannot be required; it is reason, target, target.name, tenant, channel, outcome, changes or metadata.KEY"
	}
	return ""
}

var (
	exporterName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)
	methodName   = regexp.MustCompile("^[A-Z0-9!#$%&'*+.^_`|~-]+$")
)

func wrongExporter(name string) string {
	if !exporterName.MatchString(name) {
		return strconv.Quote(name) + " is no name of an exporter: it has lower-case letters, digits, _ and -, at most 64"
	}
	return ""
}

func wrongMethod(name string) string {
	if !methodName.MatchString(name) {
		return strconv.Quote(name) + ` is no method: it is written like "GET"`
	}
	return ""
}

const notPlain = "it must have characters, and only such as can be printed"

func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
