package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// dump returns what was decoded as YAML, without what is hidden.
func (d *decoder) dump() string {
	var out strings.Builder
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(d.shown(d.source.root)); err != nil {
		return hiddenText + "\n"
	}
	return out.String()
}

// shown returns a copy of a node. Comments are left out: they may hold anything.
func (d *decoder) shown(n *yaml.Node) *yaml.Node {
	if d.hidden[n] {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagText, Value: hiddenText}
	}
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value}
	if d.source.file == "" && n.Kind == yaml.ScalarNode && n.Value != "" {
		c.Tag = "" // variables have no types
	}
	for _, child := range n.Content {
		c.Content = append(c.Content, d.shown(child))
	}
	return c
}
