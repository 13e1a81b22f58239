package audit_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewContextKey(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "A", "a.b", "a b", "ä", strings.Repeat("a", 65)} {
		_, err := audit.NewContextKey(id, []byte(contextSecret))
		require.Error(t, err, id)
	}
	_, err := audit.NewContextKey("k1", []byte(contextSecret[1:]))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), contextSecret[1:])

	secret := []byte(contextSecret)
	key, err := audit.NewContextKey("k1", secret)
	require.NoError(t, err)
	clear(secret)
	token, err := audit.MarshalContext(audit.ContextWithActor(t.Context(), audit.User("1")), key, "worker", time.Minute)
	require.NoError(t, err)
	_, _, err = audit.UnmarshalContext(t.Context(), token, "worker", []audit.ContextKey{contextKey(t, "k1", contextSecret)})
	require.NoError(t, err, "the secret was copied")
}

// TestContextKeyHidesItsSecret, in every way of printing that could show it.
func TestContextKeyHidesItsSecret(t *testing.T) {
	t.Parallel()
	key := contextKey(t, "k1", contextSecret)
	holder := struct{ key audit.ContextKey }{key}
	var shown strings.Builder
	for _, v := range []any{key, &key, holder, &holder, []audit.ContextKey{key}, map[string]audit.ContextKey{"k": key}} {
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
	hex := fmt.Sprintf("%x", contextSecret)
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(contextSecret)), "[]")
	for _, secret := range []string{contextSecret, hex[:12], strings.ToUpper(hex[:12]), decimal[:20], "0x30, 0x31", "MDEyMzQ1", "60 61 62", "U+0030 U+0031"} {
		assert.NotContains(t, got, secret)
	}
	assert.Contains(t, got, "ContextKey(k1)")
}
