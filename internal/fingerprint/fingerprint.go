// Package fingerprint computes the fingerprints of session IDs, which records hold in
// place of the IDs, and lets this module accept fingerprints that it verified.
package fingerprint

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Size is the length of a fingerprint in bytes. Its text is twice as long.
const Size = 8

// Of returns the fingerprint of a session ID: the first 16 hexadecimal digits of its
// SHA-256.
func Of(sessionID string) string {
	sum := sha256.Sum256([]byte(sessionID))
	return hex.EncodeToString(sum[:Size])
}

// Valid reports whether s has the form of a fingerprint.
func Valid(s string) bool {
	return len(s) == hex.EncodedLen(Size) && strings.Trim(s, "0123456789abcdef") == ""
}
