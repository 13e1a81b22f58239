package record

import (
	"slices"

	"github.com/opendeed/audit/mark"
)

// ValidMarkKind reports whether a mark can have the kind: words of lower-case letters,
// digits and underscores, joined by dots, starting with a letter, at most MaxActionLength
// bytes.
func ValidMarkKind(k mark.Kind) bool { return ValidAction(string(k)) }

// AddMark adds m to Marks, which stays sorted by path, then by kind, unless Marks has it.
// A path has several marks of one kind if the kind concerns several texts there, such as
// the old and the new value of a change.
func (r *Record) AddMark(m mark.Mark) {
	at, found := slices.BinarySearchFunc(r.Marks, m, mark.Compare)
	for ; found && at < len(r.Marks) && mark.Compare(r.Marks[at], m) == 0; at++ {
		if r.Marks[at] == m {
			return
		}
	}
	r.Marks = slices.Insert(slices.Clip(r.Marks), at, m) // scopes and records may share them
}
