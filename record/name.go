package record

import (
	"github.com/opendeed/audit/internal/names"
	"github.com/opendeed/audit/internal/sanitize"
)

// NamePattern is the form of the names of exporters and of the IDs of keys, as a regular
// expression.
const NamePattern = names.Pattern

// ValidName reports whether s matches NamePattern.
func ValidName(s string) bool { return names.Valid(s) }

// ValidKey reports whether s can be a key of metadata: 1 to MaxKeyLength bytes of valid
// UTF-8 without control characters.
func ValidKey(s string) bool {
	return s != "" && len(s) <= MaxKeyLength && sanitize.Plain(s)
}
