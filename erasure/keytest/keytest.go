// Package keytest is the conformance suite of key stores.
//
//	func TestStore(t *testing.T) {
//		keytest.Run(t, func(t *testing.T) erasure.KeyStore { return mystore.New(t.TempDir()) })
//	}
package keytest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit/erasure"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Run tests a store. Open returns a new one for each test, without keys.
func Run(t *testing.T, open func(t *testing.T) erasure.KeyStore) {
	t.Helper()
	t.Run("keys", func(t *testing.T) { testKeys(t, open(t)) })
	t.Run("destroy", func(t *testing.T) { testDestroy(t, open(t)) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, open(t)) })
	t.Run("context", func(t *testing.T) { testContext(t, open(t)) })
}

// subjects differ in one part, or only in where a part ends.
var subjects = []erasure.Subject{
	{Type: "user", ID: "42"},
	{Type: "user", ID: "43"},
	{Type: "patient", ID: "42"},
	{Tenant: "acme", Type: "user", ID: "42"},
	{Tenant: "acmeuser", Type: "4", ID: "2"},
	{Type: "user", ID: "4/2"},
	{Type: "user", ID: "a.b$c é \U0001f600"},
	{Type: "user", ID: strings.Repeat("x", 1024)},
}

func testKeys(t *testing.T, store erasure.KeyStore) {
	ids, secrets := map[erasure.KeyID]bool{}, map[string]bool{}
	for _, s := range subjects {
		_, err := store.Existing(t.Context(), s)
		require.ErrorIs(t, err, erasure.ErrNoKey)
		k, err := store.Key(t.Context(), s)
		require.NoError(t, err)
		require.Equal(t, s, k.Subject())
		require.Len(t, k.Secret(), erasure.SecretSize)
		ids[k.ID()], secrets[string(k.Secret())] = true, true
		again, err := store.Key(t.Context(), s)
		require.NoError(t, err)
		existing, err := store.Existing(t.Context(), s)
		require.NoError(t, err)
		found, err := store.Find(t.Context(), k.ID())
		require.NoError(t, err)
		for _, other := range []*erasure.Key{again, existing, found} {
			require.Equal(t, k.ID(), other.ID())
			require.Equal(t, s, other.Subject())
			require.Equal(t, k.Secret(), other.Secret())
		}
	}
	require.Len(t, ids, len(subjects))
	require.Len(t, secrets, len(subjects))
	_, err := store.Find(t.Context(), erasure.KeyID{1})
	require.ErrorIs(t, err, erasure.ErrNoKey)
	for _, s := range []erasure.Subject{{}, {Type: "user"}, {ID: "42"}, {Type: "a/b", ID: "1"}, {Type: "user", ID: "a\nb"}} {
		_, err := store.Key(t.Context(), s)
		require.Error(t, err, "%q is no subject", s)
	}
}

func testDestroy(t *testing.T, store erasure.KeyStore) {
	s, other := subjects[0], subjects[1]
	require.ErrorIs(t, store.Destroy(t.Context(), s), erasure.ErrNoKey)
	k, err := store.Key(t.Context(), s)
	require.NoError(t, err)
	_, err = store.Key(t.Context(), other)
	require.NoError(t, err)
	var first time.Time
	for range 2 { // it may be repeated
		require.NoError(t, store.Destroy(t.Context(), s))
		for name, get := range map[string]func() (*erasure.Key, error){
			"Key":      func() (*erasure.Key, error) { return store.Key(t.Context(), s) },
			"Existing": func() (*erasure.Key, error) { return store.Existing(t.Context(), s) },
			"Find":     func() (*erasure.Key, error) { return store.Find(t.Context(), k.ID()) },
		} {
			_, err := get()
			var erased *erasure.ErasedError
			require.ErrorAs(t, err, &erased, name)
			require.Equal(t, k.ID(), erased.ID, name)
			require.False(t, erased.Time.IsZero(), name)
			if first.IsZero() {
				first = erased.Time
			}
			require.True(t, first.Equal(erased.Time), "the time is that of the first Destroy")
		}
	}
	_, err = store.Key(t.Context(), other)
	require.NoError(t, err, "other keys stay")
}

// All callers get the same key, and nobody gets one once it was destroyed.
func testConcurrent(t *testing.T, store erasure.KeyStore) {
	s := subjects[0]
	const callers = 8
	secrets := make([]string, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			if k, err := store.Key(t.Context(), s); assert.NoError(t, err) {
				secrets[i] = string(k.Secret())
			}
		})
	}
	wg.Wait()
	for _, secret := range secrets {
		require.Equal(t, secrets[0], secret)
	}
	for range callers {
		wg.Go(func() { assert.NoError(t, store.Destroy(t.Context(), s)) })
	}
	wg.Wait()
	_, err := store.Key(t.Context(), s)
	var erased *erasure.ErasedError
	require.ErrorAs(t, err, &erased)
}

func testContext(t *testing.T, store erasure.KeyStore) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Key(ctx, subjects[0])
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, store.Destroy(ctx, subjects[0]), context.Canceled)
}
