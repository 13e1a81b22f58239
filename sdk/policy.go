package sdk

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// WithPolicy puts the rules of a policy in force; a provider has one policy at most.
//
// What a rule demands is checked with validation, behind the user's processors. An
// intent that lacks something is refused with a *PolicyError, and covers no signals.
// WithRequired, WithActions and WithAnonymous hold beside the policy.
//
// Changes are reduced behind redaction, so that a field's name is redacted as well, and
// before any delivery. Which exporters get a record is decided by the record as it is
// stored, with the policy of now: what an exporter behind a ledger has not got yet is
// judged by the policy that the provider was started with. What redaction leaves alone
// decides (action, the target's type, the actor's type), and the channel as redaction
// leaves it. NewTrackerProvider refuses a rule with an exporter that is not there, and
// one that leaves a record with no delivery at all.
//
// Rules about requests are the middlewares' business.
func WithPolicy(p *policy.Policy) Option {
	return func(c *config) {
		switch {
		case p == nil:
			c.fail(errors.New("WithPolicy: the policy is nil"))
		case c.policy != nil:
			c.fail(errors.New("WithPolicy: there is a policy already; put all rules into one, because the first that matches decides"))
		default:
			c.policy = p
		}
	}
}

// PolicyError says that an intent was refused by a rule. It carries no values.
type PolicyError struct {
	// Rule is the name of the rule.
	Rule string
	// Problems are all that the rule found: *audit.ValidationError, or
	// audit.ErrAnonymousNotAllowed.
	Problems []error
}

// Error returns a sentence for logs.
func (e *PolicyError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, problem := range e.Problems {
		texts[i] = problem.Error()
	}
	return "sdk: the policy's rule " + strconv.Quote(e.Rule) + " refuses the event: " + strings.Join(texts, "; ")
}

// Unwrap returns the problems.
func (e *PolicyError) Unwrap() []error { return e.Problems }

// optionPolicy makes a policy of an option, which is one rule.
func optionPolicy(option string, r policy.Rule) (*policy.Policy, error) {
	r.Name = option
	p, err := policy.New(r)
	wrong, is := errors.AsType[*policy.Error](err)
	if !is {
		return p, err
	}
	errs := make([]error, len(wrong.Rules))
	for i, w := range wrong.Rules {
		errs[i] = fmt.Errorf("%s: %s", option, w.Reason)
	}
	return nil, errors.Join(errs...)
}

// actionsPolicy returns a policy that has a rule for actions that match one of the
// patterns, and no other.
func actionsPolicy(option string, patterns []string) (*policy.Policy, error) {
	if len(patterns) == 0 {
		return policy.New()
	}
	return optionPolicy(option, policy.Rule{Actions: patterns})
}

// checkPolicy refuses rules whose exporters are not there.
func (c *config) checkPolicy() {
	for _, rule := range c.policy.Rules() {
		for _, name := range rule.Exporters {
			if err := c.checkRouted(name); err != nil {
				c.fail(fmt.Errorf("WithPolicy: rule %q: %w", rule.Name, err))
			}
		}
	}
}

func (c *config) checkRouted(name string) error {
	there := slices.Contains(c.exporters, name)
	switch {
	case name == policy.NoExporter && there:
		return fmt.Errorf("%q stands for no exporter, and there is one of that name; give it another", name)
	case name == policy.NoExporter && c.ledgers == 0:
		return errors.New("without a ledger its records would be recorded nowhere; name an exporter, or add sdk.WithLedger")
	case name == policy.NoExporter || there:
		return nil
	}
	return fmt.Errorf("no exporter is named %q; there are: %s", name, strings.Join(c.exporters, ", "))
}

// enforcement is what a provider does to records that are accepted, by its policy.
type enforcement struct {
	policy *policy.Policy
	rules  []policy.Rule
	routes [][]delivery.Delivery // by rule; nil is all of them
}

func newEnforcement(p *policy.Policy) *enforcement {
	rules := p.Rules()
	return &enforcement{policy: p, rules: rules, routes: make([][]delivery.Delivery, len(rules))}
}

// route finds the deliveries of each rule. A ledger stores every record.
func (n *enforcement) route(deliveries []delivery.Delivery) {
	if n == nil {
		return
	}
	for i := range n.rules {
		if n.rules[i].Exporters == nil {
			continue
		}
		for _, d := range deliveries {
			if _, ok := d.(*delivery.Ledger); ok || slices.Contains(n.rules[i].Exporters, d.Name()) {
				n.routes[i] = append(n.routes[i], d)
			}
		}
	}
}

// apply reduces the record's changes, and returns those of the deliveries that get it.
func (n *enforcement) apply(r *record.Record, all []delivery.Delivery) []delivery.Delivery {
	i := n.policy.Find(&r.Event, r.Channel)
	if i < 0 {
		return all
	}
	switch n.rules[i].Changes {
	case policy.ChangesFields:
		hideChanges(r)
	case policy.ChangesOmitted:
		dropChanges(r)
	case policy.ChangesFull:
	}
	if n.routes[i] != nil {
		return n.routes[i]
	}
	return all
}

// filter returns an exporter that gets the records which the rules send to e.
func (n *enforcement) filter(e export.Exporter) export.Exporter {
	if n == nil {
		return e
	}
	name := e.Name()
	if !slices.ContainsFunc(n.rules, func(r policy.Rule) bool { return !gets(&r, name) }) {
		return e
	}
	return export.Filter(e, func(r *record.Record) bool {
		i := n.policy.Find(&r.Event, r.Channel)
		return i < 0 || gets(&n.rules[i], name)
	})
}

// gets reports whether a rule sends its records to the exporter.
func gets(r *policy.Rule, exporter string) bool {
	return r.Exporters == nil || slices.Contains(r.Exporters, exporter)
}

// hideChanges leaves of each change that there was one.
func hideChanges(r *record.Record) {
	if len(r.Changes) == 0 {
		return
	}
	paths := slices.Clone(r.Redacted)
	for i := range r.Changes {
		field := r.Changes[i].Field
		r.Changes[i] = audit.Change{Field: field, Redacted: true}
		paths = append(paths, sanitize.FieldPath(pathChanges, field))
	}
	slices.Sort(paths)
	r.Redacted = slices.Compact(paths)
}

// dropChanges leaves of all changes that there were some. What stands elsewhere about
// one of them would name its field.
func dropChanges(r *record.Record) {
	if len(r.Changes) == 0 {
		return
	}
	ofChange := func(path string) bool {
		behind, is := strings.CutPrefix(path, pathChanges)
		return is && behind != ""
	}
	r.Changes = nil
	r.Redacted = slices.DeleteFunc(slices.Clone(r.Redacted), ofChange)
	r.Marked = slices.DeleteFunc(slices.Clone(r.Marked), ofChange)
	r.AddRedacted(pathChanges)
}

const pathChanges = "changes"
