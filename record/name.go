package record

import "github.com/opendeed/audit/internal/sanitize"

// NamePattern is the regular expression that names of exporters and IDs of keys must match.
const NamePattern = `^[a-z0-9_-]{1,64}$`

const maxName = 64 // bytes

// ValidName reports whether s matches NamePattern.
func ValidName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// ValidKey reports whether s can be a key of metadata: 1 to MaxKeyLength bytes of valid
// UTF-8 without control characters.
func ValidKey(s string) bool {
	return s != "" && len(s) <= MaxKeyLength && sanitize.Plain(s)
}
