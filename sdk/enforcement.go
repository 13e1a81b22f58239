package sdk

import (
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
)

// enforcement applies a policy to records that passed validation. A nil *enforcement has
// no policy.
type enforcement struct {
	policy *policy.Policy
	rules  []policy.Rule
	routes [][]delivery.Delivery // deliveries of each rule; nil means all
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

// reduce reduces the record's changes to what its rule wants.
func (n *enforcement) reduce(r *record.Record) {
	if n == nil || len(r.Changes) == 0 {
		return
	}
	i := n.policy.Find(&r.Event, r.Channel)
	if i < 0 {
		return
	}
	switch n.rules[i].Changes {
	case policy.ChangesFields:
		hideChanges(r)
	case policy.ChangesOmitted:
		dropChanges(r)
	case policy.ChangesFull:
	}
}

// choose returns the deliveries that get the record.
func (n *enforcement) choose(r *record.Record, all []delivery.Delivery) []delivery.Delivery {
	if i := n.policy.Find(&r.Event, r.Channel); i >= 0 && n.routes[i] != nil {
		return n.routes[i]
	}
	return all
}

// filter returns an exporter that forwards to e only the records that e gets according to
// the rules.
func (n *enforcement) filter(e export.Exporter) export.Exporter {
	if n == nil {
		return e
	}
	name := e.Name()
	if !slices.ContainsFunc(n.rules, func(r policy.Rule) bool { return !exportsTo(&r, name) }) {
		return e
	}
	return export.Filter(e, func(r *record.Record) bool {
		i := n.policy.Find(&r.Event, r.Channel)
		return i < 0 || exportsTo(&n.rules[i], name)
	})
}

// exportsTo reports whether the exporter gets the records of a rule.
func exportsTo(r *policy.Rule, exporter string) bool {
	return r.Exporters == nil || slices.Contains(r.Exporters, exporter)
}

// hideChanges keeps the names of changed fields and drops their values.
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

// dropChanges drops the changes and records only that there were some. It also drops the
// paths of changes, because they contain the names of fields.
func dropChanges(r *record.Record) {
	if len(r.Changes) == 0 {
		return
	}
	isChange := func(path string) bool {
		field, ok := strings.CutPrefix(path, pathChanges)
		return ok && field != ""
	}
	r.Changes = nil
	r.Redacted = slices.DeleteFunc(slices.Clone(r.Redacted), isChange)
	r.Marks = slices.DeleteFunc(slices.Clone(r.Marks), func(m mark.Mark) bool { return isChange(m.Path) })
	r.AddRedacted(pathChanges)
}

const pathChanges = "changes"
