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
		if inWord[s[i]] {
			continue
		}
		if s[i] != '.' || s[i-1] == '.' || i+1 == len(s) {
			return false
		}
	}
	return true
}

// inWord has the bytes of an action's words.
var inWord = func() (in [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789_") {
		in[c] = true
	}
	return in
}()
