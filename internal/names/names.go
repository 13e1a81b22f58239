// Package names defines which names exporters, ledger cursors and keys may have.
package names

// Pattern is a regular expression for valid names.
const Pattern = `^[a-z0-9_-]{1,64}$`

const maxLength = 64

// Valid reports whether s matches Pattern.
func Valid(s string) bool {
	if s == "" || len(s) > maxLength {
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
