package record

// NamePattern is the form of the names of exporters and keys, as a regular expression.
const NamePattern = `^[a-z0-9_-]{1,64}$`

const maxName = 64

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
