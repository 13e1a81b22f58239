package config

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit/policy"
)

// checkPolicy validates the rules with policy.New, and checks the exporters that they name.
func (c *Config) checkPolicy() {
	rules, d := c.model.Policy, c.decoder
	if len(rules) == 0 {
		return
	}
	c.checkRuleNames()
	var valid []policy.Rule
	var indices []int // of the valid rules in the file
	for i := range rules {
		if rule := rules[i].rule(); d.hasProblem(index("policy", i)) {
			// Its lists may be incomplete. Checked with the others, it might hide some of
			// them.
			_, err := policy.New(rule)
			c.reportRules(err, []int{i}, false)
		} else {
			valid, indices = append(valid, rule), append(indices, i)
		}
	}
	p, err := policy.New(valid...)
	c.reportRules(err, indices, true)
	c.checkRuleExporters()
	c.policy = p
}

// checkRuleNames reports repeated names. policy.New does too, but with numbers, not paths.
func (c *Config) checkRuleNames() {
	first := map[text]int{}
	for i := range c.model.Policy {
		name := c.model.Policy[i].Name
		if earlier, exists := first[name]; exists && name != "" {
			c.decoder.report(join(index("policy", i), "name"), "it is also the name of "+index("policy", earlier)+"; rename one of them")
		} else {
			first[name] = i
		}
	}
}

// elementReasons has the messages for invalid elements of lists. The reasons of policy.New
// quote the element, which may be a secret in the wrong place.
var elementReasons = map[string]string{
	"actions":   actionRule,
	"targets":   plainRule,
	"channels":  plainRule,
	"require":   fieldRule,
	"exporters": nameRule,
	"methods":   "it is not an HTTP method, such as GET",
	"routes":    plainRule,
}

const plainRule = "it must not be empty or have unprintable characters"

// reportRules reports the errors of policy.New for the rules with these indices in the file.
func (c *Config) reportRules(err error, indices []int, valid bool) {
	invalid, ok := errors.AsType[*policy.Error](err)
	if !ok {
		return
	}
	d := c.decoder
	for _, w := range invalid.Rules {
		i := indices[w.Index]
		path := index("policy", i)
		if !valid && (w.Field == "require_event" || w.Field == "name" && c.model.Policy[i].Name == "") {
			continue // it may be set, but could not be decoded
		}
		if w.Field != "" {
			path += "." + w.Field
		}
		if d.hasProblem(path) {
			continue // already reported
		}
		message, suggestion := w.Reason, ""
		field, _, element := strings.Cut(w.Field, "[")
		switch n := d.at(path); {
		case element:
			message = elementReasons[field]
			if field == "require" {
				suggestion = nearest(n.Value, requirable)
			}
		case field == "": // the message has the name of an earlier rule
			for j, earlier := range indices[:w.Index] {
				name := strconv.Quote(string(c.model.Policy[earlier].Name))
				message = strings.Replace(message, name, index("policy", indices[j]), 1)
			}
		}
		message = d.clean(message) // in case policy.New quotes more
		d.problems = append(d.problems, d.problemAt(d.at(path), path, Problem{
			Message: message, Suggestion: suggestion, Err: &policy.RuleError{Index: i, Field: w.Field, Reason: message},
		}))
	}
}

// checkRuleExporters reports exporters in rules that the file does not have.
func (c *Config) checkRuleExporters() {
	d := c.decoder
	names, known := c.exporterNames()
	for i := range c.model.Policy {
		for j, name := range c.model.Policy[i].Exporters {
			path := index(join(index("policy", i), "exporters"), j)
			if d.hasProblem(path) {
				continue
			}
			position := slices.Index(names, string(name))
			switch {
			case name == policy.NoExporter && position >= 0:
				d.report(path, "none means no exporter, but "+index("exporters", position)+" has this name; rename it")
			case name == policy.NoExporter && d.nodes["ledger"] == nil:
				d.report(path, "without a ledger its records would be recorded nowhere; name an exporter, or add a ledger")
			case name == policy.NoExporter || position >= 0 || !known:
			case len(names) == 0:
				d.report(path, "there are no exporters; use none")
			default:
				suggestion := nearest(string(name), names)
				if d.clean(suggestion) != suggestion {
					suggestion = ""
				}
				d.problem(d.at(path), path, d.clean("no exporter has this name; the exporters are: "+strings.Join(names, ", ")), suggestion)
			}
		}
	}
}

// exporterNames returns the names of the exporters. known is false if another problem may
// have changed a name.
func (c *Config) exporterNames() (names []string, known bool) {
	x, d := &c.model.Exporters, c.decoder
	known = x.none != (len(x.list) > 0)
	for i, e := range x.list {
		if e == nil {
			names, known = append(names, ""), false
			continue
		}
		names = append(names, e.common().name())
		known = known && !d.hasProblem(join(index("exporters", i), "name"))
	}
	return names, known
}

// Policy returns the policy of the file, or nil if it has no rules. A provider from
// NewTrackerProvider applies it to events. Pass it to audithttp.WithCoverage, which accepts
// nil, to apply its rules for requests.
func (c *Config) Policy() *policy.Policy { return c.policy }
