package propagation

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// MaxToken is the maximum length of a token, in bytes.
	MaxToken = 16 << 10
	// ClockSkew is how much the clocks of producer and consumer may differ. A token is
	// accepted that long before it was issued and after it expired.
	ClockSkew = 30 * time.Second
)

// The errors of [Unmarshal]. None shows a value or a key. ErrUnknownKey and
// ErrNotYetValid may be temporary, because a new key has not reached every consumer or
// a clock is wrong. The others are permanent.
var (
	// ErrMalformed means that the text is not a token, or has an unknown version.
	ErrMalformed = errors.New("propagation: the text is not a context token that this version can read")
	// ErrUnknownKey means that no key has the ID that the token names.
	ErrUnknownKey = errors.New("propagation: the key of the context token is unknown; keep each key until its last token has expired")
	// ErrSignature means that the token was changed or signed with another secret.
	ErrSignature = errors.New("propagation: the signature of the context token is wrong")
	// ErrAudience means that the token was made for another audience.
	ErrAudience = errors.New("propagation: the context token was made for another audience")
	// ErrExpired means that the lifetime of the token has passed.
	ErrExpired = errors.New("propagation: the context token has expired")
	// ErrNotYetValid means that the token was issued in the future.
	ErrNotYetValid = errors.New("propagation: the context token was issued in the future; compare the clocks")
)

// A token is tokenVersion.KEYID.PAYLOAD.MAC, as docs/context-token.md describes. The
// version determines everything else, including the algorithm, so that nothing in a
// token can choose how it is verified.
const tokenVersion = "audit1"

// base64URL is the encoding of payloads and MACs.
var base64URL = base64.RawURLEncoding.Strict()

// sign returns the token with the payload.
func sign(payload []byte, key Key) string {
	signed := tokenVersion + "." + key.id + "." + base64URL.EncodeToString(payload)
	return signed + "." + base64URL.EncodeToString(key.mac(signed))
}

// open verifies a token for the audience and decodes its payload.
func open(token, audience string, keys []Key, now time.Time) (*payload, error) {
	text, err := verify(token, keys)
	if err != nil {
		return nil, err
	}
	p, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%w: its payload is invalid", ErrMalformed)
	}
	switch {
	case p.Audience != audience:
		return nil, ErrAudience
	case now.Before(time.Unix(p.Issued, 0).Add(-ClockSkew)):
		return nil, ErrNotYetValid
	case !now.Before(time.Unix(p.Expires, 0).Add(ClockSkew)):
		return nil, ErrExpired
	}
	return p, nil
}

// verify returns the payload of a token that one of the keys signed.
func verify(token string, keys []Key) ([]byte, error) {
	if len(token) > MaxToken {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrMalformed, MaxToken)
	}
	version, rest, _ := strings.Cut(token, ".")
	keyID, rest, _ := strings.Cut(rest, ".")
	encoded, mac, ok := strings.Cut(rest, ".")
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: it must have four parts", ErrMalformed)
	case version != tokenVersion:
		return nil, fmt.Errorf("%w: it does not start with %s", ErrMalformed, tokenVersion)
	}
	signed := token[:len(token)-len(mac)-1]
	known, genuine := false, false
	for _, k := range keys {
		if k.mac == nil || k.id != keyID {
			continue
		}
		known = true
		// The texts are compared, because several texts decode to the same bytes.
		genuine = genuine || hmac.Equal([]byte(mac), []byte(base64URL.EncodeToString(k.mac(signed))))
	}
	switch {
	case !known:
		return nil, ErrUnknownKey
	case !genuine:
		return nil, ErrSignature
	}
	text, err := base64URL.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: its payload is not base64url", ErrMalformed)
	}
	return text, nil
}
