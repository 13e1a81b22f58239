package audit

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// A token is contextVersion.KEYID.PAYLOAD.MAC; docs/context-token.md has the rest.
// The version stands for everything about it, the algorithm included: there is
// nothing in a token by which it could choose how it is verified.
const contextVersion = "audit1"

// base64URL of MACs and payloads.
var base64URL = base64.RawURLEncoding.Strict()

// sealContext signs a payload.
func sealContext(payload []byte, key ContextKey) string {
	signed := contextVersion + "." + key.id + "." + base64URL.EncodeToString(payload)
	return signed + "." + base64URL.EncodeToString(key.mac(signed))
}

// openContext verifies a token and decodes it.
func openContext(token, audience string, keys []ContextKey, now time.Time) (*contextPayload, error) {
	payload, err := verifyContext(token, keys)
	if err != nil {
		return nil, err
	}
	p, err := decodeContextPayload(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: its payload is not one", ErrContextMalformed)
	}
	switch {
	case p.Audience != audience:
		return nil, ErrContextAudience
	case now.Before(time.Unix(p.Issued, 0).Add(-ContextClockSkew)):
		return nil, ErrContextNotYetValid
	case !now.Before(time.Unix(p.Expires, 0).Add(ContextClockSkew)):
		return nil, ErrContextExpired
	}
	return p, nil
}

// verifyContext returns the payload of a token that a holder of one of the keys made.
func verifyContext(token string, keys []ContextKey) ([]byte, error) {
	if len(token) > MaxContextToken {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrContextMalformed, MaxContextToken)
	}
	version, rest, _ := strings.Cut(token, ".")
	keyID, rest, _ := strings.Cut(rest, ".")
	payload, mac, whole := strings.Cut(rest, ".")
	switch {
	case !whole:
		return nil, fmt.Errorf("%w: it must have four parts", ErrContextMalformed)
	case version != contextVersion:
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrContextMalformed, contextVersion)
	}
	signed := token[:len(token)-len(mac)-1]
	known, genuine := false, false
	for _, k := range keys {
		if k.mac == nil || k.id != keyID {
			continue
		}
		known = true
		// The text is compared, of which there is one for each MAC, and not its bytes.
		genuine = genuine || hmac.Equal([]byte(mac), []byte(base64URL.EncodeToString(k.mac(signed))))
	}
	switch {
	case !known:
		return nil, ErrContextUnknownKey
	case !genuine:
		return nil, ErrContextForged
	}
	text, err := base64URL.DecodeString(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: its payload is not base64url", ErrContextMalformed)
	}
	return text, nil
}
