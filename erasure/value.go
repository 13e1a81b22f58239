package erasure

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/internal/canonical"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Digest is a commitment or a salt: 32 bytes, which JSON has in URL-safe Base64.
type Digest [sha256.Size]byte

// String returns the digest in URL-safe Base64, as it is in a record.
func (d Digest) String() string { return encoding.EncodeToString(d[:]) }

// MarshalText returns the result of String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText parses the result of String.
func (d *Digest) UnmarshalText(text []byte) error {
	b, err := encoding.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return errors.New("erasure: a commitment or a salt has 43 digits of URL-safe Base64")
	}
	*d = Digest(b)
	return nil
}

// encoding rejects digits after the end of the bytes, so that each value has one spelling.
var encoding = base64.RawURLEncoding.Strict()

// The purposes of what is derived from a key or hashed. No two begin alike.
const (
	purposeCommitment = "opendeed.audit/erasable/1/commitment\n"
	purposeSalt       = "opendeed.audit/erasable/1/salt\n"
	purposeEncryption = "opendeed.audit/erasable/1/encryption\n"
	purposeAssociated = "opendeed.audit/erasable/1/associated\n"
)

// Value is an erasable value as a record has it.
type Value struct {
	// Key is the ID of the key under which it is encrypted.
	Key KeyID
	// Commitment binds the value, its record and its field, and says nothing about it.
	Commitment Digest

	sealed []byte // the salt and the JSON of the value, encrypted
}

// ParseValue parses the text of an erasable value.
func ParseValue(text string) (Value, error) {
	var v Value
	if !record.IsErasable(text) {
		return v, ErrNotErasable
	}
	parts := strings.Split(text[len(record.ErasablePrefix):], ":")
	key, errKey := encoding.DecodeString(parts[0])
	errCommitment := v.Commitment.UnmarshalText([]byte(parts[1]))
	sealed, errSealed := encoding.DecodeString(parts[2])
	if errors.Join(errKey, errCommitment, errSealed) != nil || len(sealed) < minSealed {
		return Value{}, ErrNotErasable
	}
	v.Key, v.sealed = KeyID(key), sealed
	return v, nil
}

// ErrNotErasable means that a field has no erasable value.
var ErrNotErasable = errors.New("erasure: the field has no erasable value")

// tagSize is the size of the authentication tag of AES-GCM, in bytes.
const tagSize = 16

// minSealed is the size of the shortest value, which has one digit.
const minSealed = sha256.Size + 1 + tagSize

// String returns the text that a record has.
func (v Value) String() string {
	return record.ErasablePrefix + v.Key.String() + ":" + v.Commitment.String() + ":" + encoding.EncodeToString(v.sealed)
}

// place is where a value is: the field of a record.
type place struct {
	record audit.ID
	field  string
}

func (p place) append(b []byte) []byte { return appendText(append(b, p.record[:]...), p.field) }

func appendText(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	return append(b, text...)
}

// commit returns the commitment to the JSON of a value at a place: HMAC-SHA-256 with the salt
// as its key.
func commit(salt Digest, at place, json []byte) Digest {
	mac := hmac.New(sha256.New, salt[:])
	mac.Write(append(at.append([]byte(purposeCommitment)), json...))
	return Digest(mac.Sum(nil))
}

// seal makes the JSON of a value at a place erasable. The result is a function of its
// arguments, so an event that is tracked twice has the same record. For somebody without the
// key, the salt is random.
func seal(k *Key, at place, json []byte) Value {
	mac := hmac.New(sha256.New, k.derive(purposeSalt, nil))
	mac.Write(append(at.append(nil), json...))
	salt := Digest(mac.Sum(nil))
	v := Value{Key: k.id, Commitment: commit(salt, at, json)}
	plain := slices.Concat(salt[:], json)
	v.sealed = k.cipher(v.Commitment).Seal(nil, noNonce[:], plain, k.associated(at))
	return v
}

// noNonce is the nonce of every value: each has a key of its own, which follows from its
// commitment.
var noNonce [12]byte

// cipher returns AES-256-GCM with the key for one commitment.
func (k *Key) cipher(commitment Digest) cipher.AEAD {
	block, err := aes.NewCipher(k.derive(purposeEncryption, commitment[:]))
	if err != nil {
		panic(err) // only of a key of another size
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only of another block size
	}
	return aead
}

// associated returns the data that is authenticated with a value, so that it can be opened
// only at its place.
func (k *Key) associated(at place) []byte {
	return at.append(k.subject.append([]byte(purposeAssociated)))
}

// ErrNotGenuine means that an erasable value was changed, or stood at another place: in
// another record, another field, or under another subject.
var ErrNotGenuine = errors.New("erasure: the value is not genuine: it was changed, or is from another record or field")

// open decrypts a value at a place, and checks it against its commitment.
func open(k *Key, at place, v Value) (Opening, error) {
	plain, err := k.cipher(v.Commitment).Open(nil, noNonce[:], v.sealed, k.associated(at))
	if err != nil {
		return Opening{}, ErrNotGenuine
	}
	o := Opening{Commitment: v.Commitment, Salt: Digest(plain[:sha256.Size]), Value: plain[sha256.Size:]}
	if !o.matches(at) {
		return Opening{}, ErrNotGenuine
	}
	return o, nil
}

// valueJSON returns the canonical JSON of a value, of at most limit bytes and two quotes. cut is
// the length of a text of which it has only the beginning.
func valueJSON(v attribute.Value, limit int) (json []byte, cut int64, err error) {
	if v.Type() == attribute.STRING {
		text := v.AsString()
		kept, n := sanitize.EscapePrefix(text, sanitize.Prose, limit, limit)
		if n < len(text) {
			cut = int64(len(text))
		}
		v = attribute.StringValue(kept)
	} else {
		v = escaped(v)
	}
	json, err = canonicalJSON(&v)
	if err == nil && len(json) > limit+len(`""`) {
		err = errTooLong
	}
	return json, cut, err
}

// canonicalJSON returns the JSON of a value, as it would be in a record.
func canonicalJSON(v *attribute.Value) ([]byte, error) {
	var w canonical.Writer
	b := w.Value(nil, v)
	if _, reason := w.Failure(); reason != "" {
		return nil, errors.New("erasure: the value has no JSON of a record: " + reason)
	}
	return b[:len(b)-1], nil // the comma
}

var errTooLong = errors.New("erasure: the value is too long to be erasable")

// escaped returns a value whose texts are valid in a record.
func escaped(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.STRING:
		return attribute.StringValue(record.EscapeText(v.AsString()))
	case attribute.STRINGSLICE:
		texts := v.AsStringSlice()
		for i := range texts {
			texts[i] = record.EscapeText(texts[i])
		}
		return attribute.StringSliceValue(texts)
	case attribute.SLICE:
		list := v.AsSlice()
		for i := range list {
			list[i] = escaped(list[i])
		}
		return attribute.SliceValue(list...)
	case attribute.MAP:
		kvs := v.AsMap()
		for i := range kvs {
			kvs[i] = attribute.KeyValue{Key: attribute.Key(record.EscapeName(string(kvs[i].Key))), Value: escaped(kvs[i].Value)}
		}
		return attribute.MapValue(kvs...)
	default:
		return v
	}
}
