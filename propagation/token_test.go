package propagation

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectors are the published test vectors, which were made by a Python program.
type vectors struct {
	Keys   map[string]string `json:"keys"` // hexadecimal secrets by key ID
	Tokens []struct {
		Name     string  `json:"name"`
		Token    string  `json:"token"`
		Audience string  `json:"audience"`
		Now      int64   `json:"now"` // the consumer's Unix time
		Payload  *string `json:"payload"`
		Error    string  `json:"error"`
	} `json:"tokens"`
}

var vectorErrors = map[string]error{
	"":              nil,
	"malformed":     ErrMalformed,
	"unknown key":   ErrUnknownKey,
	"forged":        ErrSignature,
	"audience":      ErrAudience,
	"expired":       ErrExpired,
	"not yet valid": ErrNotYetValid,
}

func readVectors(t testing.TB) (vectors, []Key) {
	t.Helper()
	text, err := os.ReadFile("testdata/context-token.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(text, &v))
	var keys []Key
	for id, secret := range v.Keys {
		raw, err := hex.DecodeString(secret)
		require.NoError(t, err)
		key, err := NewKey(id, raw)
		require.NoError(t, err)
		keys = append(keys, key)
	}
	return v, keys
}

func TestVectors(t *testing.T) {
	v, keys := readVectors(t)
	seen := map[string]int{}
	for _, tt := range v.Tokens {
		t.Run(tt.Name, func(t *testing.T) {
			want, known := vectorErrors[tt.Error]
			require.True(t, known)
			p, err := open(tt.Token, tt.Audience, keys, time.Unix(tt.Now, 0))
			require.ErrorIs(t, err, want)
			if want != nil {
				assert.Nil(t, p)
				return
			}
			text, err := p.encode()
			require.NoError(t, err)
			if tt.Payload != nil {
				assert.Equal(t, *tt.Payload, string(text))
			}
			named := func(k Key) bool { return k.ID() == strings.Split(tt.Token, ".")[1] }
			assert.Equal(t, tt.Token, sign(text, keys[slices.IndexFunc(keys, named)]))
		})
		seen[tt.Error]++
	}
	for word := range vectorErrors {
		assert.NotZero(t, seen[word], "a vector for %q", word)
	}
}

// TestChangedTokens flips every bit of valid tokens, cuts them, and drops and repeats
// every byte.
func TestChangedTokens(t *testing.T) {
	t.Parallel()
	v, keys := readVectors(t)
	for _, tt := range v.Tokens {
		if tt.Error != "" {
			continue
		}
		token := []byte(tt.Token)
		requireRejected := func(token []byte) {
			t.Helper()
			p, err := open(string(token), tt.Audience, keys, time.Unix(tt.Now, 0))
			if err == nil || p != nil {
				t.Fatalf("%s: %s was accepted", tt.Name, token)
			}
		}
		for i := range token {
			for bit := range 8 {
				token[i] ^= 1 << bit
				requireRejected(token)
				token[i] ^= 1 << bit
			}
			requireRejected(token[:i])
			requireRejected(slices.Concat(token[:i], token[i+1:]))
			requireRejected(slices.Concat(token[:i], []byte{token[i]}, token[i:]))
		}
		_, err := open(string(token), tt.Audience, keys, time.Unix(tt.Now, 0))
		require.NoError(t, err, "unchanged")
	}
}

// FuzzToken reads any text: only tokens that were signed are accepted.
func FuzzToken(f *testing.F) {
	v, keys := readVectors(f)
	good := map[string]bool{}
	for _, tt := range v.Tokens {
		good[tt.Token] = good[tt.Token] || tt.Error == ""
		f.Add(tt.Token, tt.Audience, tt.Now)
	}
	f.Fuzz(func(t *testing.T, token, audience string, now int64) {
		p, err := open(token, audience, keys, time.Unix(now, 0))
		if err != nil {
			require.Nil(t, p)
			return
		}
		require.True(t, good[token], "it was never signed")
		require.Equal(t, p.Audience, audience)
		require.True(t, p.Issued-30 <= now && now < p.Expires+30)
	})
}

// FuzzPayload decodes payloads that the holder of a key could have signed: those that
// are accepted are canonical.
func FuzzPayload(f *testing.F) {
	v, keys := readVectors(f)
	for _, tt := range v.Tokens {
		if text, err := verify(tt.Token, keys); err == nil {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := decode(text)
		if err != nil {
			require.Nil(t, p)
			return
		}
		again, err := p.encode()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again))
		require.NoError(t, p.check())
		require.False(t, p.Actor.IsZero())
	})
}
