package config

import (
	"slices"

	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"go.yaml.in/yaml/v3"
)

// filterModel is a rule, or a list of rules. It accepts a record if one of the rules does.
type filterModel []filterRule

// filterRule accepts a record if all of its lists do.
type filterRule struct {
	Actions  []text        `key:"actions"`
	Targets  []text        `key:"targets"`
	Outcomes []outcomeWord `key:"outcomes"`
	Kinds    []kindWord    `key:"kinds"`
	Channels []text        `key:"channels"`
}

type (
	outcomeWord string
	kindWord    string
)

func (*outcomeWord) tags() []string { return []string{tagText} }
func (*kindWord) tags() []string    { return []string{tagText} }

func (w *outcomeWord) set(s string) *fault {
	return oneOf(w, s, "unknown", "success", "failure", "denied")
}

func (w *kindWord) set(s string) *fault { return oneOf(w, s, "intent", "signal") }

func (f *filterModel) decode(d *decoder, n *yaml.Node, path string) {
	items, paths := []*yaml.Node{n}, []string{path}
	if n.Kind == yaml.SequenceNode {
		items, paths = n.Content, nil
		for i := range items {
			paths = append(paths, index(path, i))
		}
	}
	if len(items) == 0 {
		d.problem(n, path, "it is empty; remove it to accept everything", "")
	}
	for i, item := range items {
		var rule filterRule
		d.value(item, paths[i], valueOf(&rule))
		*f = append(*f, rule)
		if item.Kind == yaml.MappingNode && len(item.Content) == 0 {
			d.problem(item, paths[i], "it is empty; remove it to accept everything", "")
		}
	}
}

// check reports patterns that can never match and lists that accept nothing.
func (f filterModel) check(d *decoder, path string) {
	for i, rule := range f {
		at := path
		if n := d.nodes[path]; n != nil && n.Kind == yaml.SequenceNode {
			at = index(path, i)
		}
		for key, length := range map[string]int{
			"actions": len(rule.Actions), "targets": len(rule.Targets), "outcomes": len(rule.Outcomes),
			"kinds": len(rule.Kinds), "channels": len(rule.Channels),
		} {
			if n := d.nodes[join(at, key)]; n != nil && n.Kind == yaml.SequenceNode && length == 0 {
				d.report(join(at, key), "the list is empty; remove it to accept everything")
			}
		}
		checkActions(d, join(at, "actions"), rule.Actions)
	}
}

// keep returns the function for export.Filter, or nil to accept everything.
func (f filterModel) keep() func(*record.Record) bool {
	if len(f) == 0 {
		return nil
	}
	return func(r *record.Record) bool {
		return slices.ContainsFunc(f, func(rule filterRule) bool { return rule.accepts(r) })
	}
}

func (f *filterRule) accepts(r *record.Record) bool {
	return matches(f.Actions, r.Action) &&
		matches(f.Targets, r.Target.Type) &&
		(len(f.Outcomes) == 0 || slices.Contains(f.Outcomes, outcomeWord(r.Outcome.String()))) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, kindWord(r.Kind.String()))) &&
		matches(f.Channels, r.Channel)
}

// matches reports whether one of the patterns matches, or the list is empty.
func matches(patterns []text, s string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p text) bool { return policy.Match(string(p), s) })
}
