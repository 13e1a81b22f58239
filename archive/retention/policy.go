package retention

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
)

// Units for the times of a Rule. A day has 24 hours, and a year 366 days, so that records are
// never kept for less than calendar years.
const (
	Day  = 24 * time.Hour
	Year = 366 * Day
)

// Rule is a class of records, and how long they are kept. The patterns are those of
// policy.Match. A record matches if each list is empty or has a pattern that matches.
type Rule struct {
	// Name is the name of the class, which archives have too. It must match
	// record.NamePattern and be unique, and must not be "_".
	Name string `json:"name"`
	// Actions are patterns for the action.
	Actions []string `json:"actions,omitempty"`
	// Targets are patterns for the type of the target. Targets that a record covers do not
	// count.
	Targets []string `json:"targets,omitempty"`
	// Tenants are patterns for the tenant. Only "" and patterns of stars match a record
	// without one.
	Tenants []string `json:"tenants,omitempty"`
	// Keep is how long records are kept. Zero keeps them forever.
	Keep time.Duration `json:"keep,omitempty"`
	// ArchiveAfter is when records may leave their store for an archive, which then keeps
	// them. Zero leaves them where they are. It must be shorter than Keep.
	ArchiveAfter time.Duration `json:"archive_after,omitempty"`
}

// matches reports whether the rule is that of a record.
func (r *Rule) matches(rec *record.Record) bool {
	return matchesOne(r.Actions, rec.Action) && matchesOne(r.Targets, rec.Target.Type) && matchesOne(r.Tenants, rec.Tenant)
}

func matchesOne(patterns []string, text string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return policy.Match(p, text) })
}

// Policy says how long records are kept. It is immutable and safe for concurrent use.
type Policy struct {
	rules []Rule
	id    string
}

// RuleError reports what is wrong with a rule.
type RuleError struct {
	// Index is the index of the rule in the arguments of NewPolicy.
	Index int
	// Rule is the name of the rule, or "".
	Rule string
	// Field is the JSON name of the field, such as "keep", or "actions[1]" for an element.
	Field string
	// Reason says what is wrong and what would be valid.
	Reason string
}

// Error returns the rule, the field and the reason. It counts rules from 1.
func (e *RuleError) Error() string {
	text := "retention: rule " + strconv.Itoa(e.Index+1)
	if e.Rule != "" {
		text += " (" + strconv.Quote(e.Rule) + ")"
	}
	return text + ": " + e.Field + ": " + e.Reason
}

// NewPolicy returns the policy with the rules, in order. The error joins a *RuleError for
// everything that is wrong.
func NewPolicy(rules ...Rule) (*Policy, error) {
	var errs []error
	report := func(index int, field, reason string) {
		errs = append(errs, &RuleError{Index: index, Rule: rules[index].Name, Field: field, Reason: reason})
	}
	names := map[string]bool{}
	all := false // an earlier rule matches every record
	for i := range rules {
		r := &rules[i]
		switch {
		case !record.ValidName(r.Name) || r.Name == unclassified:
			report(i, "name", "it must match "+record.NamePattern+", and not be "+unclassified)
		case names[r.Name]:
			report(i, "name", "an earlier rule has the same name; rename one of them")
		case all:
			report(i, "name", "an earlier rule matches every record, so this one matches none; move it to the front")
		}
		names[r.Name] = true
		for _, list := range []struct {
			field    string
			patterns []string
		}{{"actions", r.Actions}, {"targets", r.Targets}, {"tenants", r.Tenants}} {
			if at := slices.Index(list.patterns, ""); at >= 0 && list.field != "tenants" {
				report(i, fmt.Sprintf("%s[%d]", list.field, at), "the pattern is empty; * matches everything")
			}
		}
		if r.Keep < 0 {
			report(i, "keep", "it must not be negative; zero keeps records forever")
		}
		switch {
		case r.ArchiveAfter < 0:
			report(i, "archive_after", "it must not be negative; zero archives nothing")
		case r.Keep > 0 && r.ArchiveAfter >= r.Keep:
			report(i, "archive_after", "it must be shorter than keep, since records are removed then")
		}
		all = all || len(r.Actions)+len(r.Targets)+len(r.Tenants) == 0
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	p := &Policy{rules: make([]Rule, len(rules))}
	for i, r := range rules {
		r.Actions, r.Targets, r.Tenants = slices.Clone(r.Actions), slices.Clone(r.Targets), slices.Clone(r.Tenants)
		p.rules[i] = r
	}
	encoded, err := json.Marshal(p.rules)
	if err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	sum := sha256.Sum256(encoded)
	p.id = "sha256:" + hex.EncodeToString(sum[:12])
	return p, nil
}

// ID identifies the policy: policies with equal rules have equal IDs. Archives and events
// have it.
func (p *Policy) ID() string { return p.id }

// Rules returns a copy of the rules.
func (p *Policy) Rules() []Rule { return slices.Clone(p.rules) }

// Rule returns the rule that decides about a record. ok is false if none matches.
func (p *Policy) Rule(r *record.Record) (rule Rule, ok bool) {
	if found := p.ruleOf(r); found != nil {
		return *found, true
	}
	return Rule{}, false
}

func (p *Policy) ruleOf(r *record.Record) *Rule {
	for i := range p.rules {
		if p.rules[i].matches(r) {
			return &p.rules[i]
		}
	}
	return nil
}

// named returns the rule with a name, or nil.
func (p *Policy) named(name string) *Rule {
	for i := range p.rules {
		if p.rules[i].Name == name {
			return &p.rules[i]
		}
	}
	return nil
}

// unclassified stands for the class of entries that hold no record.
const unclassified = "_"

// bornAt returns when the age of a record begins: the later of both times, so that a record
// with a wrong time is not removed early.
func bornAt(r *record.Record) time.Time {
	if r.ObservedTime.After(r.Time) {
		return r.ObservedTime
	}
	return r.Time
}
