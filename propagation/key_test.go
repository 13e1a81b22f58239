package propagation_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/propagation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewKey(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "A", "a.b", "a b", "ä", strings.Repeat("a", 65)} {
		_, err := propagation.NewKey(id, []byte(testSecret))
		require.Error(t, err, id)
	}
	_, err := propagation.NewKey("k1", []byte(testSecret[1:]))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), testSecret[1:])

	secret := []byte(testSecret)
	key, err := propagation.NewKey("k1", secret)
	require.NoError(t, err)
	clear(secret)
	token, err := propagation.Marshal(audit.ContextWithActor(t.Context(), audit.User("1")), key, "worker", time.Minute)
	require.NoError(t, err)
	_, _, err = propagation.Unmarshal(t.Context(), token, "worker", []propagation.Key{newKey(t, "k1", testSecret)})
	require.NoError(t, err, "the secret was copied")
}

// TestKeyHidesSecret prints, logs and encodes a key in every way that could show it.
func TestKeyHidesSecret(t *testing.T) {
	t.Parallel()
	key := newKey(t, "k1", testSecret)
	holder := struct{ key propagation.Key }{key}
	var shown strings.Builder
	for _, v := range []any{key, &key, holder, &holder, []propagation.Key{key}, map[string]propagation.Key{"k": key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%08b", "%c", "%U", "%t", "%p"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		text, _ := json.Marshal(v)
		shown.Write(text)
		slog.New(slog.NewTextHandler(&shown, nil)).Info("key", slog.Any("key", v))
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("key", slog.Any("key", v))
	}
	fmt.Fprintln(&shown, key.String(), key.GoString(), key.LogValue(), key.ID())
	got := shown.String()
	hex := fmt.Sprintf("%x", testSecret)
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(testSecret)), "[]")
	for _, secret := range []string{testSecret, hex[:12], strings.ToUpper(hex[:12]), decimal[:20], "0x30, 0x31", "MDEyMzQ1", "60 61 62", "U+0030 U+0031"} {
		assert.NotContains(t, got, secret)
	}
	assert.Contains(t, got, "propagation.Key(k1)")
}
