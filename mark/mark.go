// Package mark has the marks of records: they say which values are not as they were
// passed in, and why.
//
// The SDK sets most marks. Integrations set some, in Event.Marks of package audit.
// docs/record-format.md has a row for each kind.
package mark

import (
	"cmp"
	"slices"
)

// Mark says in which way a value of a record is not as it was passed in.
type Mark struct {
	// Path is the path of the value, e.g. "metadata.note", or empty for the whole record.
	Path string
	// Kind says what happened to it.
	Kind Kind
	// Count is how many values it concerns, or zero if that does not apply.
	Count int64
	// Length is how many bytes it concerns, or zero if that does not apply.
	Length int64
	// SHA256 is the hash of the text it concerns, or zero.
	SHA256 [32]byte
}

// Compare orders marks as records have them: by path, then by kind.
func Compare(a, b Mark) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
}

// Merge returns marks and added in the order of Compare, each mark once. It changes
// neither, and returns marks itself if nothing is added.
func Merge(marks, added []Mark) []Mark {
	if len(added) == 0 {
		return marks
	}
	return slices.Compact(slices.SortedFunc(slices.Values(slices.Concat(marks, added)), Compare))
}
