package record

import "github.com/opendeed/audit/internal/names"

// NamePattern is the form of the names of exporters and of the IDs of keys, as a regular
// expression.
const NamePattern = names.Pattern

// ValidName reports whether s matches NamePattern.
func ValidName(s string) bool { return names.Valid(s) }
