package diff

import "go.opentelemetry.io/otel/attribute"

// Change is a field whose recorded value differs. It has the fields of
// audit.Change in the same order, so that each converts to the other.
type Change struct {
	// Field is the path of the field, e.g. "address.city".
	Field string
	// Old and New are the values, EMPTY for none.
	Old, New attribute.Value
	// Redacted reports that Old and New are masked.
	Redacted bool
}

// Error is a mistake in the tags of a type or in the rules.
type Error struct {
	// Field is the type, its field or the path of a rule.
	Field string
	// Reason says what is wrong with it and what would be right.
	Reason string
}

// Error returns the field and the reason.
func (e *Error) Error() string { return e.Field + ": " + e.Reason }
