package erasure

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// SecretSize is the size of the secret of a key, in bytes.
const SecretSize = 32

// KeyID identifies a key. It stands in each value that is encrypted under the key, and says
// nothing about the subject to somebody without the key store.
type KeyID [16]byte

// NewKeyID returns the ID of the key of a subject in a store that has the secret: an HMAC, so that
// a store finds a key by its subject and by its ID, and the ID says nothing about the subject. The
// secret must be random, and the same for all keys of the store.
func NewKeyID(secret []byte, s Subject) KeyID {
	mac := hmac.New(sha256.New, secret)
	mac.Write(s.append(nil))
	return KeyID(mac.Sum(nil)[:16])
}

// String returns the ID in URL-safe Base64, as it is in a record.
func (id KeyID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseKeyID parses the result of String.
func ParseKeyID(text string) (id KeyID, err error) {
	b, err := encoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, errors.New("erasure: the ID of a key has 22 digits of URL-safe Base64")
	}
	return KeyID(b), nil
}

// Key is the key of a subject. However it is printed, it does not show its secret.
type Key struct {
	id      KeyID
	subject Subject
	secret  [SecretSize]byte
}

// NewKey returns the key that a store has read. The secret must have SecretSize bytes.
func NewKey(id KeyID, s Subject, secret []byte) (*Key, error) {
	if len(secret) != SecretSize {
		return nil, errors.New("erasure: the secret of a key must have 32 bytes")
	}
	if !s.Valid() {
		return nil, errSubject
	}
	return &Key{id: id, subject: s, secret: [SecretSize]byte(secret)}, nil
}

// NewSecret returns a random secret for a new key.
func NewSecret() []byte {
	secret := make([]byte, SecretSize)
	_, _ = rand.Read(secret) // it never fails
	return secret
}

// ID returns the ID of the key.
func (k *Key) ID() KeyID { return k.id }

// Subject returns the subject of the key.
func (k *Key) Subject() Subject { return k.subject }

// Secret returns a copy of the secret, for a KeyStore that stores it.
func (k *Key) Secret() []byte { return append([]byte(nil), k.secret[:]...) }

// String returns the ID.
func (k *Key) String() string { return "key " + k.id.String() }

// Format writes the result of String, for every verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue returns the result of String.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText returns the result of String.
func (k *Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// derive returns a key for one purpose and one value.
func (k *Key) derive(purpose string, about []byte) []byte {
	derived, err := hkdf.Expand(sha256.New, k.secret[:], purpose+string(about), SecretSize)
	if err != nil {
		panic(err) // only of a length that is too great
	}
	return derived
}

// KeyStore keeps the keys of subjects. Its methods may be called concurrently, and by several
// processes. Package erasure/keytest has a suite of tests for it.
//
// The store must be apart from the records, and from their backups: whoever has both can read
// erasable values, and a backup of the store brings destroyed keys back.
type KeyStore interface {
	// Key returns the key of a subject, and creates it if the subject never had one. The key
	// is durable when Key returns, and all callers get the same one. If it was destroyed, the
	// error is an *ErasedError.
	Key(ctx context.Context, s Subject) (*Key, error)
	// Existing is Key, but creates none: for a subject that never had a key, the error matches
	// ErrNoKey.
	Existing(ctx context.Context, s Subject) (*Key, error)
	// Find returns the key with an ID. If it was destroyed, the error is an *ErasedError, and
	// if the store never had it, the error matches ErrNoKey.
	Find(ctx context.Context, id KeyID) (*Key, error)
	// Destroy destroys the key of a subject, durably. The subject never gets another one. It
	// may be repeated, also after it was killed or has failed, and then finishes the work. For
	// a subject that never had a key, the error matches ErrNoKey.
	Destroy(ctx context.Context, s Subject) error
}

// ErrNoKey means that a subject never had a key: no value of it was made erasable with this
// store.
var ErrNoKey = errors.New("erasure: the key store has no such key")

// ErasedError means that a key was destroyed.
type ErasedError struct {
	// ID is that of the key.
	ID KeyID
	// Time is when it was destroyed.
	Time time.Time
}

func (e *ErasedError) Error() string {
	return "erasure: the key was destroyed on " + e.Time.UTC().Format(time.DateOnly) + ", so nobody can read its values any more"
}
