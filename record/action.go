package record

import "github.com/opendeed/audit/internal/names"

// NormalizeAction trims s, lowers its letters and replaces spaces by underscores, as Track
// does with the action of an event. The result need not be valid: see [ValidAction].
func NormalizeAction(s string) string { return names.NormalizeAction(s) }

// ValidAction reports whether s is a valid action: words of lower-case letters, digits
// and underscores, joined by dots, starting with a letter, at most MaxActionLength bytes.
// It is the same as matching
//
//	^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$
func ValidAction(s string) bool { return names.ValidAction(s) }
