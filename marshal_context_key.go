package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// MinContextKey is how many bytes the secret of a ContextKey has at least: those of
// an HMAC-SHA-256.
const MinContextKey = sha256.Size

// ContextKey signs and verifies context tokens. It shows its id and never its
// secret, however it is printed, logged or encoded. The zero value is no key.
type ContextKey struct {
	id  string
	mac func(text string) []byte // a closure, which nothing can look into
}

var (
	_ fmt.Formatter  = ContextKey{}
	_ slog.LogValuer = ContextKey{}
)

// NewContextKey returns the key with the given id, which matches [a-z0-9_-]{1,64}
// and stands in every token, so that keys can be replaced one by one. The secret has
// MinContextKey random bytes at least, is copied, and is used for nothing else.
func NewContextKey(id string, secret []byte) (ContextKey, error) {
	if !isKeyID(id) {
		return ContextKey{}, errors.New("audit: the id of a context key must match [a-z0-9_-]{1,64}")
	}
	if len(secret) < MinContextKey {
		return ContextKey{}, fmt.Errorf("audit: the secret of a context key must have %d random bytes at least", MinContextKey)
	}
	secret = bytes.Clone(secret)
	return ContextKey{id: id, mac: func(text string) []byte {
		mac := hmac.New(sha256.New, secret)
		_, _ = io.WriteString(mac, text)
		return mac.Sum(nil)
	}}, nil
}

// ID returns the id.
func (k ContextKey) ID() string { return k.id }

// String returns the id and says what it is of.
func (k ContextKey) String() string { return "ContextKey(" + k.id + ")" }

// GoString returns what String returns.
func (k ContextKey) GoString() string { return k.String() }

// LogValue returns what String returns.
func (k ContextKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Format prints what String returns, for every verb.
func (k ContextKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, k.String()) }

const maxKeyID = 64

func isKeyID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
