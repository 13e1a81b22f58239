package delivery

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func beginning(actor audit.Actor) *record.Record {
	id := audit.NewID()
	return &record.Record{Event: audit.Event{ID: id, Attempt: id, Actor: actor}}
}

func TestOpenAttemptsOfAParty(t *testing.T) {
	t.Parallel()
	o := newOpenAttempts(time.Hour, nil)
	defer o.close()
	begin := func(actor audit.Actor, bytes int) (audit.ID, error) {
		r := beginning(actor)
		_, err := o.begin(r, party.OfAttempt(r), bytes)
		return r.ID, err
	}
	first, err := begin(audit.User("large"), maxPartyAttemptBytes+1)
	require.NoError(t, err, "one attempt of any size")
	_, err = begin(audit.User("large"), 1)
	require.ErrorIs(t, err, errPartyAttempts)
	o.end(first)
	_, err = begin(audit.User("large"), 1)
	require.NoError(t, err)

	for range maxPartyAttempts {
		_, err = begin(audit.User("many"), 1)
		require.NoError(t, err)
	}
	_, err = begin(audit.User("many"), 1)
	require.ErrorIs(t, err, errPartyAttempts)
	_, err = begin(audit.Service("many"), 1)
	require.NoError(t, err, "another actor")
	for range 2 * maxPartyAttempts {
		_, err = begin(audit.System("worker"), maxPartyAttemptBytes)
		require.NoError(t, err)
	}
	assert.Equal(t, 3*maxPartyAttempts+2, o.len())
}

// TestAttemptsExpireInOrder frees each slot when its time has come, and no other.
func TestAttemptsExpireInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var all []audit.ID
		o := newOpenAttempts(time.Hour, func(ids []audit.ID) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, ids...)
		})
		expired := func() []audit.ID {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(all)
		}
		var ids []audit.ID
		for range 5 {
			r := beginning(audit.User("42"))
			began, err := o.begin(r, party.OfAttempt(r), 1)
			require.NoError(t, err)
			require.True(t, began)
			began, err = o.begin(r, party.OfAttempt(r), 1)
			require.NoError(t, err)
			require.False(t, began, "it has a slot")
			ids = append(ids, r.ID)
			time.Sleep(time.Minute)
		}
		o.end(ids[1])
		time.Sleep(55*time.Minute + time.Second)
		synctest.Wait()
		assert.Equal(t, ids[:1], expired())
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		assert.Equal(t, []audit.ID{ids[0], ids[2]}, expired())
		o.close()
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Len(t, expired(), 2)
		assert.Equal(t, 2, o.len())
	})
}
