package history

import (
	"slices"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
)

// Effect is what a record says about its effect on the object.
type Effect uint8

// The effects.
const (
	// None means that the object did not change: it was read, or the action failed, was
	// denied or had only begun.
	None Effect = iota
	// Created means that the object came into being.
	Created
	// Changed means that the object changed.
	Changed
	// Deleted means that the object ceased to exist.
	Deleted
	// Uncertain means that the object may have changed: the outcome is not known, the
	// changes were asked for but not observed, the record only covers the object, or it
	// does not say.
	Uncertain
)

var effectWords = [...]string{"none", "created", "changed", "deleted", "uncertain"}

// String returns a word such as "created".
func (e Effect) String() string { return wordOf(effectWords[:], e, "Effect") }

// Gap is something that no record explains.
type Gap uint8

// The gaps.
const (
	// Earlier means that the first record is not that of the object's creation: what
	// happened before is not known.
	Earlier Gap = iota
	// Reappeared means that the object existed after it was deleted.
	Reappeared
	// Recreated means that the object was created while it existed.
	Recreated
	// Unlisted means that the record lacks changes: they were left out, could not be
	// recorded, or there are more than a record can have.
	Unlisted
)

var gapWords = [...]string{"earlier", "reappeared", "recreated", "unlisted"}

// String returns a word such as "reappeared".
func (g Gap) String() string { return wordOf(gapWords[:], g, "Gap") }

// Version is a record of the object, and what it says.
type Version struct {
	// Number counts the versions from 1.
	Number int
	Record *record.Record
	Effect Effect
	// Changes are those of this object, in the order of the record. They are empty if the
	// record only covers the object. What Effect says about them holds: those of a denied
	// update were not made.
	Changes []Change
	Gaps    []Gap
}

// Change is the change of a field.
type Change struct {
	Field    string
	Old, New Value
	// Unrecorded reports whether Old is not the value that the records before led to. The
	// field was changed, and no record says when and by whom.
	Unrecorded bool
	// Expected is that other value, if Unrecorded is true.
	Expected Value
}

// Existence says whether the object existed.
type Existence uint8

// The existences.
const (
	// Unrecorded means that no record says so.
	Unrecorded Existence = iota
	// Present means that it existed.
	Present
	// Gone means that it did not exist: it was not created yet, or was deleted.
	Gone
)

var existenceWords = [...]string{"unrecorded", "present", "gone"}

// String returns a word such as "present".
func (e Existence) String() string { return wordOf(existenceWords[:], e, "Existence") }

// Source is the record from which something is known.
type Source struct {
	ID     audit.ID
	Time   time.Time
	Actor  audit.Actor
	Action string
}

func sourceOf(r *record.Record) Source { return Source{r.ID, r.Time, r.Actor, r.Action} }

// Field is a field of the object at a time.
type Field struct {
	Name  string
	Value Value
	// Source is the record that has the value.
	Source Source
	// Doubtful reports whether the value may have changed since: a record after Source does
	// not say.
	Doubtful bool
	// Later reports whether Source is after the time: it has the value from which the field
	// was changed then. Unrecorded changes in between cannot be excluded.
	Later bool
}

// State is the object at a time.
type State struct {
	Exists Existence
	// Complete reports whether all fields that the application records are followed, from
	// the record of the object's creation.
	Complete bool
	// Fields are sorted by name. Those without a value are left out if they are known to
	// have none.
	Fields []Field
	// Omitted is the number of changes of fields that are not in Fields, because there are
	// more than MaxFields.
	Omitted int
	// Last is the last record about the object, and Versions their number.
	Last     Source
	Versions int
}

// MaxFields is how many fields of an object are followed.
const MaxFields = 10_000

// effectOf returns what a record says about its effect on the target.
func effectOf(r *record.Record, covered bool) Effect {
	switch {
	case query.StageOf(r) == query.StageBegin, r.Outcome == audit.OutcomeFailure, r.Outcome == audit.OutcomeDenied:
		return None
	}
	switch r.Operation {
	case audit.OperationRead, audit.OperationLogin, audit.OperationLogout:
		return None
	default:
	}
	if covered || r.Outcome == audit.OutcomeUnknown || hasMark(r, mark.Requested) {
		return Uncertain
	}
	switch r.Operation {
	case audit.OperationCreate:
		return Created
	case audit.OperationDelete:
		return Deleted
	case audit.OperationUpdate:
		return Changed
	default:
		if len(r.Changes) > 0 || slices.Contains(r.Redacted, "changes") {
			return Changed
		}
		return Uncertain
	}
}

// hasMark reports whether the changes of a record have the mark.
func hasMark(r *record.Record, kind mark.Kind) bool {
	return slices.ContainsFunc(r.Marks, func(m mark.Mark) bool { return m.Path == "changes" && m.Kind == kind })
}

// isUnlisted reports whether a version that changed the object does not have all changes.
func isUnlisted(v *Version) bool {
	r := v.Record
	return v.Effect == Changed && len(v.Changes) == 0 || slices.Contains(r.Redacted, "changes") ||
		hasMark(r, mark.Missing) || hasMark(r, mark.Dropped) || hasMark(r, mark.Repeated)
}
