package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Strategy is what is done with a secret. The zero value masks.
type Strategy struct {
	remove bool
	keyID  string
	key    []byte
	err    error
}

// Mask puts ***REDACTED*** in the secret's place.
func Mask() Strategy { return Strategy{} }

// Remove takes the secret away: metadata go with their key, a change keeps its
// field.
func Remove() Strategy { return Strategy{remove: true} }

// minHMACKey is how many bytes a key must have: those of a 128-bit key.
const minHMACKey = 16

// HMAC puts a token in the secret's place: hmac:KEYID: and the first 32 hexadecimal
// digits of its HMAC-SHA-256 (RFC 2104). The same value has the same token, so that
// records can be matched without knowing it. The key must have 16 bytes at least;
// keyID matches [a-z0-9_-]{1,64} and tells which key it was.
func HMAC(keyID string, key []byte) Strategy {
	s := Strategy{keyID: keyID, key: append([]byte(nil), key...)}
	switch {
	case !record.ValidName(keyID):
		s.err = errors.New("HMAC: the key id must match " + record.NamePattern)
	case len(key) < minHMACKey:
		s.err = errors.New("HMAC: the key must have 16 bytes at least")
	}
	return s
}

// text returns what stands for a secret text.
func (s *Strategy) text(secret string) string {
	switch {
	case s.remove:
		return ""
	case s.key == nil || secret == record.RedactedText:
		return record.RedactedText
	case s.isToken(secret):
		return secret
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(secret))
	return s.prefix() + hex.EncodeToString(mac.Sum(nil)[:16])
}

func (s *Strategy) prefix() string { return "hmac:" + s.keyID + ":" }

// isToken keeps redacting twice the same as redacting once.
func (s *Strategy) isToken(text string) bool {
	digits, is := strings.CutPrefix(text, s.prefix())
	return is && len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == ""
}

// apply returns what stands for a secret value, EMPTY where it is removed.
func (s *Strategy) apply(v attribute.Value) (clean attribute.Value, changed bool) {
	switch {
	case v.Type() == attribute.EMPTY:
		return v, false
	case s.remove:
		return attribute.Value{}, true
	case v.Type() == attribute.STRING && v.AsString() == "":
		return v, false // it says that there was none
	}
	clean = attribute.StringValue(s.text(v.String()))
	return clean, clean != v
}
