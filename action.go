package audit

import "strings"

// MaxActionLength is the length of the longest action, in bytes.
const MaxActionLength = 128

// NormalizeAction trims s, lowers its letters and puts an underscore for
// every space. The result is a valid action if [ValidAction] says so.
func NormalizeAction(s string) string {
	if ValidAction(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "_")
}

// ValidAction reports whether s is a normalised action: words of lower-case
// letters, digits and underscores, joined by dots, the first beginning with a
// letter, of at most MaxActionLength bytes. It is the same as matching
//
//	^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$
func ValidAction(s string) bool {
	if s == "" || len(s) > MaxActionLength || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_':
		case c == '.' && s[i-1] != '.' && i+1 < len(s):
		default:
			return false
		}
	}
	return true
}
