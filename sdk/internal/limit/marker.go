package limit

import (
	"cmp"
	"slices"

	"github.com/opendeed/audit/mark"
)

// maxMarks is how many values of a member are marked one by one for each kind of mark. One
// more mark has the number of all others.
const maxMarks = 16

// marker collects marks, and the number of those that are not made one by one.
type marker struct {
	marks []mark.Mark
	seen  map[groupKind]int
}

type groupKind struct {
	group string
	kind  mark.Kind
}

// add adds a mark for the value at the place.
func (m *marker) add(at *place, mark mark.Mark) {
	key := groupKind{at.group(), mark.Kind}
	if m.seen == nil {
		m.seen = map[groupKind]int{}
	}
	if m.seen[key]++; m.seen[key] <= maxMarks {
		mark.Path = at.path()
		m.marks = append(m.marks, mark)
	}
}

// drop adds the number of elements that were left out of the list at the place.
func (m *marker) drop(at *place, n int) {
	path := at.path()
	for i := range m.marks {
		if m.marks[i].Kind == mark.Dropped && m.marks[i].Path == path {
			m.marks[i].Count += int64(n)
			return
		}
	}
	m.add(at, mark.Mark{Kind: mark.Dropped, Count: int64(n)})
}

// merge returns the collected marks and those of marks, sorted. It does not change marks.
func (m *marker) merge(marks []mark.Mark) []mark.Mark {
	all := slices.Concat(marks, m.marks)
	for key, n := range m.seen {
		if n > maxMarks {
			all = append(all, mark.Mark{Path: key.group, Kind: key.kind, Count: int64(n - maxMarks)})
		}
	}
	slices.SortStableFunc(all, func(a, b mark.Mark) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(all)
}
