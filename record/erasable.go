package record

import "strings"

// The form of an erasable value in a record: ErasablePrefix, the ID of a key, a commitment,
// and the value itself, encrypted, in the URL-safe Base64 of RFC 4648 without padding and
// separated by colons. docs/record-format.md describes it, and package erasure makes it.
const (
	// ErasablePrefix is how every erasable value begins.
	ErasablePrefix = "erasable:1:"
	// MaxErasableLength is the length of the longest erasable value, in bytes.
	MaxErasableLength = 8 << 10

	erasableKey        = 22 // digits of 16 bytes
	erasableCommitment = 43 // digits of 32 bytes
)

// IsErasable reports whether a text has the form of an erasable value. Anybody can write such
// a text. It is a value that was made erasable only where Record.Redacted has its path.
func IsErasable(text string) bool {
	rest, ok := strings.CutPrefix(text, ErasablePrefix)
	if !ok || len(text) > MaxErasableLength {
		return false
	}
	key, rest, _ := strings.Cut(rest, ":")
	commitment, sealed, _ := strings.Cut(rest, ":")
	return len(key) == erasableKey && len(commitment) == erasableCommitment && sealed != "" &&
		isURLBase64(key) && isURLBase64(commitment) && isURLBase64(sealed)
}

func isURLBase64(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
