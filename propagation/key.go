package propagation

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/opendeed/audit/record"
)

// MinSecret is the minimum length of the secret of a [Key], in bytes: the size of an
// HMAC-SHA-256.
const MinSecret = sha256.Size

// Key signs and verifies tokens. However it is printed, logged or encoded, it shows its
// ID and never its secret. The zero value is not a valid key.
type Key struct {
	id  string
	mac func(text string) []byte // a closure, because reflection cannot read its variables
}

var (
	_ fmt.Formatter  = Key{}
	_ slog.LogValuer = Key{}
)

// NewKey returns the key with the given ID, which must match [a-z0-9_-]{1,64}. Every
// token contains the ID of its key, so that keys can be replaced one at a time. The
// secret must have at least MinSecret random bytes and no other use. NewKey copies it.
func NewKey(id string, secret []byte) (Key, error) {
	if !record.ValidName(id) {
		return Key{}, errors.New("propagation: the ID of a key must match [a-z0-9_-]{1,64}")
	}
	if len(secret) < MinSecret {
		return Key{}, fmt.Errorf("propagation: the secret of a key must have at least %d random bytes", MinSecret)
	}
	secret = bytes.Clone(secret)
	return Key{id: id, mac: func(text string) []byte {
		mac := hmac.New(sha256.New, secret)
		_, _ = io.WriteString(mac, text)
		return mac.Sum(nil)
	}}, nil
}

// ID returns the ID of the key.
func (k Key) ID() string { return k.id }

// String returns the ID with the name of the type, e.g. "propagation.Key(2026-11)".
func (k Key) String() string { return "propagation.Key(" + k.id + ")" }

// GoString returns the same as String.
func (k Key) GoString() string { return k.String() }

// LogValue returns the same as String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Format prints the same as String, for every verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, k.String()) }
