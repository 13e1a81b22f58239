package record

import (
	"cmp"
	"slices"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/marks"
)

// Mark says in which way a value of a record is not as it was passed in.
type Mark = audit.Mark

// MarkKind says what happened to a value.
type MarkKind = audit.MarkKind

// The kinds of marks. The vocabulary is open: a record may have any kind that ValidMarkKind
// accepts. docs/record-format.md has a row for each of these.
const (
	// MarkCut is for a text that was shortened. Length and SHA256 are those of the whole
	// text, redacted.
	MarkCut MarkKind = "cut"
	// MarkEscaped is for a text or a key with invalid UTF-8 or control characters, which
	// are written as \xNN.
	MarkEscaped MarkKind = "escaped"
	// MarkRepeated is for a key that occurred more than once. The last value was kept.
	MarkRepeated MarkKind = "repeated"
	// MarkDropped is for a list that was too long. Count is the number of elements that
	// were left out. At "attempt" it is for the name of somebody else's attempt.
	MarkDropped MarkKind = "dropped"
	// MarkUnread is for a value of more than a mebibyte, or one for which a context token
	// had no room. Length is the number of bytes that were discarded unread.
	MarkUnread MarkKind = "unread"
	// MarkReplaced is for a value that was replaced by a placeholder.
	MarkReplaced MarkKind = "replaced"
	// MarkPolicyUnmet is for a field that a policy requires and the event lacks.
	MarkPolicyUnmet MarkKind = "policy.unmet"
	// MarkRequested is for changes that were asked for, but not observed.
	MarkRequested MarkKind = marks.Requested
	// MarkCountUnknown is for the count of events that were folded into one record, if a
	// crash left it unfinished.
	MarkCountUnknown MarkKind = "count.unknown"
	// MarkNotLoaded is for a value that was not loaded, and so is not known.
	MarkNotLoaded MarkKind = "not_loaded"
	// MarkClient is for metadata that a client sent. The SDK cuts its texts to
	// MaxClientText, and removes the mark before delivery.
	MarkClient MarkKind = marks.Client
	// MarkSignalOverflow is for a signal that was recorded because its scope could not
	// hold more. Its path is empty.
	MarkSignalOverflow MarkKind = "signal.overflow"
)

// ValidMarkKind reports whether a mark can have the kind: words of lower-case letters,
// digits and underscores, joined by dots, starting with a letter, at most MaxActionLength
// bytes.
func ValidMarkKind(k MarkKind) bool { return ValidAction(string(k)) }

// AddMark adds m to Marks, which stays sorted by path, then by kind, unless Marks has it.
// A path has several marks of one kind if the kind concerns several texts there, such as
// the old and the new value of a change.
func (r *Record) AddMark(m Mark) {
	at, found := slices.BinarySearchFunc(r.Marks, m, compareMarks)
	for ; found && at < len(r.Marks) && compareMarks(r.Marks[at], m) == 0; at++ {
		if r.Marks[at] == m {
			return
		}
	}
	r.Marks = slices.Insert(slices.Clip(r.Marks), at, m) // scopes and records may share them
}

func compareMarks(a, b Mark) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
}
