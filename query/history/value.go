package history

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// Status says what is known of a value.
type Status uint8

// The statuses.
const (
	// Unknown means that no record has the value.
	Unknown Status = iota
	// Known means that the value is complete.
	Known
	// Absent means that there was no value.
	Absent
	// Redacted means that the value was masked. What stands for it may be a mask or a hash.
	Redacted
	// Cut means that only a part of the value was kept.
	Cut
	// NotLoaded means that the application did not load the value.
	NotLoaded
	// Unrepresentable means that the value cannot be recorded. A placeholder stands for it.
	Unrepresentable
)

var statusWords = [...]string{"unknown", "known", "absent", "redacted", "cut", "not loaded", "unrepresentable"}

// String returns words for people, such as "not loaded".
func (s Status) String() string { return wordOf(statusWords[:], s, "Status") }

func wordOf[T ~uint8](words []string, v T, name string) string {
	if int(v) < len(words) {
		return words[v]
	}
	return name + "(" + strconv.Itoa(int(v)) + ")"
}

// Value is a value of a field, as far as it is known.
type Value struct {
	Status Status
	// Value is what the record has: the value, the part of it that was kept, or what stands
	// for it. It is of type EMPTY if the status is Unknown, Absent or NotLoaded.
	Value attribute.Value
}

// String returns the value, or its status in parentheses. A part of a value is followed by
// its status.
func (v Value) String() string {
	switch v.Status {
	case Known:
		return v.Value.String()
	case Cut:
		return v.Value.String() + " (cut)"
	default:
		return "(" + v.Status.String() + ")"
	}
}

// contradicts reports whether both values are known and differ.
func (v Value) contradicts(o Value) bool {
	certain := func(v Value) bool { return v.Status == Known || v.Status == Absent }
	return certain(v) && certain(o) && v != o
}

// sides returns the values of a change as far as they are known.
func sides(r *record.Record, c *audit.Change) (before, after Value) {
	path := sanitize.FieldPath("changes", record.Unescape(c.Field))
	masked := c.Redacted || slices.Contains(r.Redacted, path)
	before, after = valueOf(c.Old, masked), valueOf(c.New, masked)
	if masked && before.Status == Absent && after.Status == Absent { // only the name was kept
		before.Status, after.Status = Redacted, Redacted
	}
	if before.Status == Absent && slices.ContainsFunc(r.Metadata, isBeforeUnknown) {
		before.Status = Unknown
	}
	markCut(r.Marks, path, &before, &after)
	return before, after
}

func isBeforeUnknown(kv attribute.KeyValue) bool { return kv.Key == semconv.RepositoryBeforeUnknownKey }

func valueOf(v attribute.Value, masked bool) Value {
	if v.Type() == attribute.EMPTY {
		return Value{Status: Absent}
	}
	if v.Type() == attribute.STRING && v.AsString() == record.NotLoadedText {
		return Value{Status: NotLoaded}
	}
	if masked || v.Type() == attribute.STRING && v.AsString() == record.RedactedText {
		return Value{Redacted, v}
	}
	if _, ok := record.Unrepresentable(v); ok {
		return Value{Unrepresentable, v}
	}
	return Value{Known, v}
}

// markCut gives values of which a part is missing the status Cut. The marks do not say which
// value they are about. The longest texts are cut first and to one length, so if there is one
// mark, it is about the longer value.
func markCut(marks []mark.Mark, path string, before, after *Value) {
	n := 0
	for _, m := range marks {
		rest, ok := strings.CutPrefix(m.Path, path)
		inside := rest == "" || rest[0] == '.' || rest[0] == '['
		if ok && inside && (m.Kind == mark.Cut || m.Kind == mark.Unread || m.Kind == mark.Dropped) {
			n++
		}
	}
	if n == 0 {
		return
	}
	a, b := sizeOf(before), sizeOf(after)
	if a > 0 && (n > 1 || a >= b) {
		before.Status = Cut
	}
	if b > 0 && (n > 1 || b >= a) {
		after.Status = Cut
	}
}

// sizeOf returns the length of a value that may be cut, or 0.
func sizeOf(v *Value) int {
	if v.Status != Known {
		return 0
	}
	switch v.Value.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		return 0
	default:
		return len(v.Value.String())
	}
}
