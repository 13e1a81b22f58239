package audit

import (
	"cmp"
	"slices"
)

// Mark says in which way a value of a record is not as it was passed in. Package record
// has the kinds.
type Mark struct {
	// Path is the path of the value, e.g. "metadata.note", or empty for the whole record.
	Path string
	// Kind says what happened to it.
	Kind MarkKind
	// Count is how many values it concerns, or zero if that does not apply.
	Count int64
	// Length is how many bytes it concerns, or zero if that does not apply.
	Length int64
	// SHA256 is the hash of the text it concerns, or zero.
	SHA256 [32]byte
}

// MarkKind says what happened to a value: words of lower-case letters, digits and
// underscores, joined by dots, as in an action.
type MarkKind string

// mergeMarks returns both, sorted by path, then by kind, and without duplicates. It changes
// neither, which scopes and records share.
func mergeMarks(marks, added []Mark) []Mark {
	if len(added) == 0 {
		return marks
	}
	merged := slices.SortedFunc(slices.Values(slices.Concat(marks, added)), func(a, b Mark) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	})
	return slices.Compact(merged)
}
