package record

import "github.com/opendeed/audit/internal/names"

// NamePattern is a regular expression for the names of exporters and keys.
const NamePattern = names.Pattern

// ValidName reports whether s matches NamePattern.
func ValidName(s string) bool { return names.Valid(s) }
