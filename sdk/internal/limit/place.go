package limit

import (
	"strconv"

	"github.com/opendeed/audit/internal/sanitize"
)

// place is where a value is in a record. Its path is made only for a mark.
type place struct {
	parent *place
	name   string // of a member or a key; empty for an element of a list
	index  int
	isKey  bool // the name is a key, which may come from anywhere
}

// member returns the place of a member of the record.
func member(name string) *place { return &place{name: name} }

func (p *place) member(name string) *place { return &place{parent: p, name: name} }

func (p *place) key(key string) *place { return &place{parent: p, name: key, isKey: true} }

func (p *place) element(i int) *place { return &place{parent: p, index: i} }

// maxPath is the length of the longest path of a mark, in bytes. A longer one is that of an
// enclosing value.
const maxPath = 256

// path returns e.g. "metadata.note" or "actor.roles[2]".
func (p *place) path() string {
	if p.parent == nil {
		return p.name
	}
	parent := p.parent.path()
	var path string
	switch {
	case p.isKey:
		path = sanitize.FieldPath(parent, p.name)
	case p.name != "":
		path = parent + "." + p.name
	default:
		path = parent + "[" + strconv.Itoa(p.index) + "]"
	}
	if len(path) > maxPath {
		return parent
	}
	return path
}

// redactedPath returns the path that Record.Redacted has for a value: an element of a list in a
// value has that of the list.
func (p *place) redactedPath() string {
	if p.parent == nil || p.group() == "covers" {
		return p.path()
	}
	parent := p.parent.redactedPath()
	switch {
	case p.isKey:
		return sanitize.FieldPath(parent, p.name)
	case p.name != "":
		return parent + "." + p.name
	}
	return parent
}

// group returns the name of the record's member, e.g. "metadata".
func (p *place) group() string {
	for p.parent != nil {
		p = p.parent
	}
	return p.name
}
