package diff

import (
	"maps"
	"slices"
	"strings"
)

// Rule is how a field is recorded.
type Rule uint8

// The rules, the stricter one last.
const (
	Tracked   Rule = iota + 1 // with its values
	Sensitive                 // without its values
)

// ruleNode is a name in the paths of the rules. The nil node has no rules.
type ruleNode struct {
	path     string // from the root
	rule     Rule   // 0 if only paths below it have rules
	children map[string]*ruleNode
}

// newRuleTree returns the root of the tree of the paths of rules.
func newRuleTree(rules map[string]Rule) (*ruleNode, error) {
	root := &ruleNode{}
	for _, path := range slices.Sorted(maps.Keys(rules)) {
		if err := root.add(path, rules[path]); err != nil {
			return nil, err
		}
	}
	return root, nil
}

func (n *ruleNode) add(path string, rule Rule) error {
	if rule != Tracked && rule != Sensitive {
		return &Error{Field: path, Reason: "the rule of diff.WithFields is neither diff.Tracked nor diff.Sensitive"}
	}
	end := 0
	for name := range strings.SplitSeq(path, ".") {
		if name == "" {
			return &Error{Field: path, Reason: "a path of diff.WithFields has an empty name; write Field or Field.Nested"}
		}
		end += len(name)
		child := n.children[name]
		if child == nil {
			child = &ruleNode{path: path[:end]}
			if n.children == nil {
				n.children = make(map[string]*ruleNode)
			}
			n.children[name] = child
		}
		n, end = child, end+len(".")
	}
	n.rule = rule
	return nil
}

// child returns the node of a name below n, or nil.
func (n *ruleNode) child(name string) *ruleNode {
	if n == nil {
		return nil
	}
	return n.children[name]
}

// match returns the node of the key of a map, or nil. Dots in the key separate
// names; rule is the strictest rule on any of them.
func (n *ruleNode) match(key string) (node *ruleNode, rule Rule) {
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
func (n *ruleNode) has(rule Rule) bool { return n != nil && n.rule == rule }

// isLeaf reports whether there are no rules below n.
func (n *ruleNode) isLeaf() bool { return n == nil || len(n.children) == 0 }
