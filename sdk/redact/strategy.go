package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Strategy says how to redact a secret. The zero value is Mask.
type Strategy struct {
	remove bool
	keyID  string
	key    []byte
	sealer Sealer // of Erasable
	err    error
}

// Mask replaces the secret by ***REDACTED***.
func Mask() Strategy { return Strategy{} }

// Remove removes the secret. It removes metadata together with their key, while a change
// keeps its field.
func Remove() Strategy { return Strategy{remove: true} }

// minHMACKey is the minimum size of a key in bytes.
const minHMACKey = 16

// HMAC replaces the secret by a token: hmac:KEYID: and the first 32 hexadecimal digits of
// its HMAC-SHA-256 (RFC 2104). The same value has the same token, so records can be
// matched without showing the value. The key must have at least 16 bytes. keyID identifies
// the key in the token and must match [a-z0-9_-]{1,64}.
func HMAC(keyID string, key []byte) Strategy {
	s := Strategy{keyID: keyID, key: append([]byte(nil), key...)}
	switch {
	case !record.ValidName(keyID):
		s.err = errors.New("HMAC: the key ID must match " + record.NamePattern)
	case len(key) < minHMACKey:
		s.err = errors.New("HMAC: the key must have at least 16 bytes")
	}
	return s
}

// onlyText returns an error for a strategy that cannot replace a part of a text.
func (s *Strategy) onlyText() error {
	if s.sealer != nil {
		return errOnlyWhole
	}
	return nil
}

// text returns the replacement of a secret text.
func (s *Strategy) text(secret string) string {
	switch {
	case s.remove:
		return ""
	case s.key == nil || secret == record.RedactedText:
		return record.RedactedText
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(secret))
	return s.prefix() + hex.EncodeToString(mac.Sum(nil)[:16])
}

// tokenPrefix is how all tokens of HMAC begin.
const tokenPrefix = "hmac:"

func (s *Strategy) prefix() string { return tokenPrefix + s.keyID + ":" }

// apply returns the replacement of a secret value, which is EMPTY if the value is removed.
func (s *Strategy) apply(v attribute.Value) (clean attribute.Value, changed bool) {
	switch {
	case v.Type() == attribute.EMPTY:
		return v, false
	case s.remove:
		return attribute.Value{}, true
	case v.Type() == attribute.STRING && v.AsString() == "":
		return v, false // there is no secret
	}
	clean = attribute.StringValue(s.text(v.String()))
	return clean, clean != v
}
