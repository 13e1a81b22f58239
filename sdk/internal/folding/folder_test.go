package folding

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/party"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// trail is where a Folder of a test delivers to.
type trail struct {
	room    party.Room
	failing bool
	folded  int

	mu      sync.Mutex // folds are finished at the same time
	records []*record.Record
}

var errDown = errors.New("down")

func (s *trail) deliver(_ context.Context, r *record.Record) error {
	if s.failing {
		return errDown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, r)
	return nil
}

var errRejected = errors.New("no room")

func newFolder(s *trail, limit int) *Folder {
	return New(Config{
		Limit: limit, Window: time.Minute, Logger: slog.New(slog.DiscardHandler), Deliver: s.deliver, Finish: s.deliver,
		Room:   func(party.Party) party.Room { return s.room },
		Reject: func(*record.Record, party.Class) error { return errRejected },
		Folded: func(context.Context, party.Class) { s.folded++ },
	})
}

func denialBy(actor audit.Actor, network int) *record.Record {
	r := &record.Record{Event: audit.Event{
		ID: audit.NewID(), Action: semconv.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: actor,
		Target: audit.Target{Type: "route", ID: "/x"},
	}, ObservedTime: time.Now()}
	if network >= 0 {
		address := netip.AddrFrom4([4]byte{10, byte(network >> 8), byte(network), 7})
		r.Metadata = []attribute.KeyValue{semconv.ClientAddressKey.String(address.String())}
	}
	return r
}

// TestFolderProperty tracks denials of random parties while the room, the sink and the time
// change. Each that was accepted is a record or is counted, an actor's only with his own,
// and the number of open folds stays below its limit.
func TestFolderProperty(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			s := &trail{}
			f := newFolder(s, 1+rng.IntN(5))
			accepted := map[string]int64{}
			total := 0
			for range 2000 {
				switch rng.IntN(200) {
				case 0:
					s.room = party.Room(rng.IntN(4))
				case 1:
					s.failing = !s.failing
				case 2:
					time.Sleep(time.Duration(rng.Int64N(int64(5 * time.Minute))))
					synctest.Wait()
				case 3:
					_ = f.Finish(t.Context())
				}
				r := denialBy(audit.Anonymous(), rng.IntN(20)-1)
				if rng.IntN(2) == 0 {
					r = denialBy(audit.User(fmt.Sprint(rng.IntN(20))), -1)
				}
				r.Action = fmt.Sprintf("thing%d.read", rng.IntN(1+rng.IntN(25)))
				if err := f.Deliver(t.Context(), party.Of(r), r); err == nil {
					accepted[r.Actor.ID]++
					total++
				}
				f.mu.Lock()
				for _, c := range f.classes {
					assert.LessOrEqual(t, c.open, maxFolds)
					assert.LessOrEqual(t, len(c.parties), maxParties)
				}
				f.mu.Unlock()
			}
			s.failing = false
			require.NoError(t, f.Close(t.Context()))
			counted := map[string]int64{}
			begun, ended := map[audit.ID]bool{}, map[audit.ID]bool{}
			folded := 0
			for _, r := range s.records {
				switch {
				case r.Attempt.IsZero():
					counted[r.Actor.ID]++
				case r.BeginsAttempt():
					require.False(t, begun[r.ID])
					begun[r.ID] = true
				default:
					require.False(t, ended[r.Attempt], "two ends")
					require.True(t, begun[r.Attempt], "the beginning comes first")
					ended[r.Attempt] = true
					counted[r.Actor.ID] += r.Bulk.Affected
					folded += int(r.Bulk.Affected)
				}
			}
			assert.Equal(t, accepted, counted, "seed %d", seed)
			assert.Equal(t, s.folded, folded)
			assert.Len(t, ended, len(begun))
			for _, c := range f.classes {
				assert.Zero(t, c.open)
			}
			synctest.Wait()
			time.Sleep(time.Hour) // no timer is left
		})
	}
}

// TestManyNetworks floods from more networks than are remembered, each below the limit, and
// then from more than may have a fold.
func TestManyNetworks(t *testing.T) {
	t.Parallel()
	s := &trail{}
	f := newFolder(s, 2)
	for i := range maxParties + 500 {
		r := denialBy(audit.Anonymous(), i)
		require.NoError(t, f.Deliver(t.Context(), party.Of(r), r))
	}
	anonymous := f.classes[party.Anonymous]
	assert.Len(t, anonymous.parties, maxParties)
	assert.Equal(t, 2*crowdRate, anonymous.whole, "of all networks")
	assert.Equal(t, maxFolds, anonymous.open)
	assert.Len(t, anonymous.crowd.folds, 1)

	insider := denialBy(audit.User("insider"), 1)
	require.NoError(t, f.Deliver(t.Context(), party.Of(insider), insider))
	assert.Same(t, insider, s.records[len(s.records)-1], "whole")
	require.NoError(t, f.Close(t.Context()))
	crowd := int64(0)
	for _, r := range s.records {
		if kindOfFold(r) == ofEveryone {
			crowd += r.Bulk.Affected
			assert.Equal(t, audit.Anonymous(), r.Actor)
			assert.Len(t, r.Metadata, 1+2*min(1, int(r.Bulk.Affected)), "no network")
		}
	}
	assert.EqualValues(t, maxParties+500-2*crowdRate-maxFolds, crowd)
}

func kindOfFold(r *record.Record) string {
	for _, kv := range r.Metadata {
		if kv.Key == semconv.FoldKey {
			return kv.Value.AsString()
		}
	}
	return ""
}

// TestManyActors floods with more actors than may have a fold. The rest stays whole while
// there is room, and is rejected after that: nobody is counted with others.
func TestManyActors(t *testing.T) {
	t.Parallel()
	s := &trail{}
	f := newFolder(s, 1)
	deliver := func(i int) error {
		r := denialBy(audit.User(fmt.Sprint(i)), -1)
		return f.Deliver(t.Context(), party.Of(r), r)
	}
	for i := range maxFolds + 100 {
		for range 2 {
			require.NoError(t, deliver(i))
		}
	}
	denials := f.classes[party.Denied]
	assert.Equal(t, maxFolds, denials.open)
	s.room = party.ClassFull
	require.NoError(t, deliver(maxFolds-101), "he has a fold")
	require.ErrorIs(t, deliver(maxFolds+50), errRejected)
	require.NoError(t, f.Close(t.Context()))
	for _, r := range s.records {
		if kindOfFold(r) != "" {
			assert.Equal(t, ofActor, kindOfFold(r))
		}
	}
}
