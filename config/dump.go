package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// dump returns the decoded YAML without hidden values.
func (d *decoder) dump() string {
	var out strings.Builder
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(d.copyShown(d.source.root)); err != nil {
		return hiddenText + "\n"
	}
	return out.String()
}

// copyShown returns a copy of a node without hidden values. It omits comments, which may have
// secrets.
func (d *decoder) copyShown(n *yaml.Node) *yaml.Node {
	if d.hidden[n] {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tagText, Value: hiddenText}
	}
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value}
	if d.source.file == "" && n.Kind == yaml.ScalarNode && n.Value != "" {
		c.Tag = "" // values of variables have no type
	}
	for _, child := range n.Content {
		c.Content = append(c.Content, d.copyShown(child))
	}
	return c
}
