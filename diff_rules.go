package audit

import (
	"maps"
	"slices"
	"strings"
)

// ruleSet is what one WithFields says, and the plans made by it.
type ruleSet struct {
	rules   map[string]FieldRule
	err     error // of Diff, which the option cannot return
	planner planner
}

func newRuleSet(rules map[string]FieldRule) *ruleSet {
	set := &ruleSet{rules: maps.Clone(rules)}
	root := &ruleNode{}
	for _, path := range slices.Sorted(maps.Keys(rules)) {
		if err := root.add(path, rules[path]); err != nil {
			set.err = err
			return set
		}
	}
	set.planner.rules = root
	return set
}

// with returns both sets together. The result keeps its plans only where s is
// nil, which is the usual case of one option.
func (s *ruleSet) with(other *ruleSet) *ruleSet {
	if s == nil {
		return other
	}
	all := maps.Clone(s.rules)
	for path, rule := range other.rules {
		all[path] = max(all[path], rule)
	}
	return newRuleSet(all)
}

// ruleNode is one path of the rules, and what the rules say below it. A nil node
// says nothing.
type ruleNode struct {
	path     string
	rule     FieldRule // 0 where there are only rules below
	children map[string]*ruleNode
}

func (n *ruleNode) add(path string, rule FieldRule) error {
	if rule != FieldTracked && rule != FieldSensitive {
		return &ValidationError{Field: path, Reason: "the rule of WithFields is neither FieldTracked nor FieldSensitive"}
	}
	at := 0
	for name := range strings.SplitSeq(path, ".") {
		if name == "" {
			return &ValidationError{Field: path, Reason: "a path of WithFields has an empty name; write Field or Field.Nested"}
		}
		at += len(name)
		child := n.children[name]
		if child == nil {
			child = &ruleNode{path: path[:at]}
			if n.children == nil {
				n.children = make(map[string]*ruleNode)
			}
			n.children[name] = child
		}
		n, at = child, at+len(".")
	}
	n.rule = rule
	return nil
}

// child returns what the rules say of the field of that name, or nil.
func (n *ruleNode) child(name string) *ruleNode {
	if n == nil {
		return nil
	}
	return n.children[name]
}

// match returns what the rules say of a map's key: what is below it, and the
// strictest rule met on the way, for the key may stand for several levels.
func (n *ruleNode) match(key string) (below *ruleNode, rule FieldRule) {
	for name := range strings.SplitSeq(key, ".") {
		n = n.child(name)
		if n == nil {
			return nil, rule
		}
		rule = max(rule, n.rule)
	}
	return n, rule
}

// has reports whether the rule of n is rule.
func (n *ruleNode) has(rule FieldRule) bool { return n != nil && n.rule == rule }

// empty reports whether nothing is said below n.
func (n *ruleNode) empty() bool { return n == nil || len(n.children) == 0 }
