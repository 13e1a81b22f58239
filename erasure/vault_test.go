package erasure_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// remote is a key store in memory that fails, or hangs, when a test says so.
type remote struct {
	mu     sync.Mutex
	keys   map[erasure.Subject]*erasure.Key
	erased map[erasure.Subject]bool
	fail   error
	panics bool
	hang   bool
	takes  time.Duration // of a call
	calls  int
}

func newRemote() *remote {
	return &remote{keys: map[erasure.Subject]*erasure.Key{}, erased: map[erasure.Subject]bool{}}
}

func (s *remote) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *remote) Key(ctx context.Context, subject erasure.Subject) (*erasure.Key, error) {
	time.Sleep(s.takes) // of the bubble's clock
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	switch {
	case s.panics:
		panic(email)
	case s.hang:
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return nil, ctx.Err()
	case s.fail != nil:
		return nil, s.fail
	case s.erased[subject]:
		return nil, &erasure.ErasedError{Time: time.Now()}
	}
	if s.keys[subject] == nil {
		k, err := erasure.NewKey(erasure.KeyID{byte(len(s.keys) + 1)}, subject, erasure.NewSecret())
		if err != nil {
			return nil, err
		}
		s.keys[subject] = k
	}
	return s.keys[subject], nil
}

func (s *remote) Existing(ctx context.Context, subject erasure.Subject) (*erasure.Key, error) {
	return s.Key(ctx, subject)
}

func (s *remote) Find(_ context.Context, id erasure.KeyID) (*erasure.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID() == id {
			return k, nil
		}
	}
	return nil, erasure.ErrNoKey
}

func (s *remote) Destroy(_ context.Context, subject erasure.Subject) error {
	s.set(func() { s.erased[subject] = true })
	return nil
}

// sealFor makes a value of a user erasable, and returns its text.
func sealFor(v *erasure.Vault, user string) (text string, m mark.Mark) {
	r := &record.Record{Event: audit.Event{ID: audit.ID{6: 0x70, 8: 0x80}, Actor: audit.User(user)}}
	text, _, m = v.For(erasure.Actor).Seal(r, "metadata.email", attribute.StringValue(email))
	return text, m
}

var missing = mark.Mark{Kind: mark.Missing}

func TestVaultStoreIsDown(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*remote){
		"it fails":  func(s *remote) { s.fail = errors.New("no route to host") },
		"it hangs":  func(s *remote) { s.hang = true },
		"it panics": func(s *remote) { s.panics = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				store := newRemote()
				v := newVault(t, store, erasure.WithLogger(slog.New(slog.NewTextHandler(&logged, nil))))
				known, _ := sealFor(v, "known")
				require.True(t, record.IsErasable(known))

				store.set(func() { spoil(store) })
				began := time.Now()
				for range 100 {
					text, m := sealFor(v, "new")
					assert.Empty(t, text)
					assert.Equal(t, missing, m)
				}
				assert.LessOrEqual(t, time.Since(began), erasure.DefaultWait, "one record waits, not each")
				again, _ := sealFor(v, "known")
				assert.Equal(t, known, again, "a key that is known stays in use")
				time.Sleep(erasure.DefaultRefresh + time.Second) // of the bubble's clock
				again, _ = sealFor(v, "known")
				assert.Equal(t, known, again, "also when it is old")
				synctest.Wait()
				assert.Contains(t, logged.String(), "key store has failed")
				assert.NotContains(t, logged.String(), email)

				store.set(func() { store.fail, store.hang, store.panics = nil, false, false })
				time.Sleep(10 * erasure.DefaultWait) // calls that hang end
				synctest.Wait()
				time.Sleep(erasure.DefaultRetry + time.Millisecond)
				text, m := sealFor(v, "new")
				assert.True(t, record.IsErasable(text))
				assert.Zero(t, m)
			})
		})
	}
}

// TestVaultManySubjects has more new subjects at once than calls of the store. The others wait for
// a call, and none is masked.
func TestVaultManySubjects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newRemote()
		store.takes = erasure.DefaultWait / 10
		v := newVault(t, store)
		var masked atomic.Int32
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				if text, m := sealFor(v, strconv.Itoa(i%250)); !record.IsErasable(text) || m != (mark.Mark{}) {
					masked.Add(1)
				}
			})
		}
		wg.Wait()
		assert.Zero(t, masked.Load())
		assert.Equal(t, 250, store.calls, "a call for each subject")
	})
}

func TestVaultCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newRemote()
		v := newVault(t, store, erasure.WithCacheSize(2))
		for _, user := range []string{"a", "a", "b", "a", "c", "a"} {
			text, _ := sealFor(v, user)
			require.True(t, record.IsErasable(text))
		}
		assert.Equal(t, 3, store.calls)
		_, _ = sealFor(v, "b") // which was forgotten
		assert.Equal(t, 4, store.calls)

		require.NoError(t, store.Destroy(t.Context(), erasure.Subject{Type: "user", ID: "a"}))
		time.Sleep(erasure.DefaultRefresh + time.Second)
		_, _ = sealFor(v, "a") // asks in the background
		synctest.Wait()
		text, m := sealFor(v, "a")
		assert.Empty(t, text, "the subject was erased")
		assert.Zero(t, m)

		var wg sync.WaitGroup
		calls := store.calls
		for range 50 {
			wg.Go(func() { _, _ = sealFor(v, "together") })
		}
		wg.Wait()
		assert.Equal(t, calls+1, store.calls, "one call for all")
	})
}

func TestVaultHangingStoreIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newRemote()
		store.hang = true
		v := newVault(t, store, erasure.WithLogger(slog.New(slog.DiscardHandler)))
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() {
				text, m := sealFor(v, string(rune('A'+i)))
				assert.Empty(t, text)
				assert.Equal(t, missing, m)
			})
		}
		wg.Wait()
		assert.LessOrEqual(t, time.Since(began), erasure.DefaultWait)
		assert.LessOrEqual(t, store.calls, 64)
		time.Sleep(10 * erasure.DefaultWait)
	})
}

func TestVaultOptions(t *testing.T) {
	t.Parallel()
	_, err := erasure.NewVault(nil)
	require.Error(t, err)
	for _, opt := range []erasure.Option{
		erasure.WithCacheSize(0), erasure.WithRefresh(0), erasure.WithWait(-1), erasure.WithRetry(0), erasure.WithLogger(nil),
	} {
		_, err := erasure.NewVault(newRemote(), opt)
		require.Error(t, err)
	}
}
