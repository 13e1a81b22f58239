package audit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	alice := audit.Actor{
		Type: audit.ActorUser, ID: "1", SessionID: "test", Roles: []string{"editor"},
		OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "2", SessionID: "inner"},
	}
	request, scope := audit.NewScope(t.Context(), audit.WithChannel("api"), audit.WithTenant("acme"),
		audit.WithActor(func(context.Context) (audit.Actor, error) { return alice, nil }),
		plumbing.WithClientMetadata(attribute.String("b", "x\xff")),
		audit.WithScopeMetadata(attribute.String("a", "first")), audit.WithScopeMetadata(attribute.String("a", "second")))
	s, err := plumbing.TakeSnapshot(request, audit.WithScopeMetadata(attribute.Int("c", 1)))
	require.NoError(t, err)
	require.NoError(t, tracker.Track(request, intent(audit.OperationRead, article("1"))))
	require.NoError(t, scope.End(t.Context()))
	assert.Equal(t, "9f86d081884c7d65", s.Actor.SessionID)
	assert.Equal(t, "api", s.Channel)

	job, jobScope := s.NewScope(t.Context(), audit.WithScopeMetadata(attribute.Int("d", 2)))
	again, err := plumbing.TakeSnapshot(job)
	require.NoError(t, err)
	twice, _ := again.NewScope(t.Context())
	require.NoError(t, tracker.Track(job, intent(audit.OperationRead, article("1"))))
	require.NoError(t, tracker.Track(twice, intent(audit.OperationRead, article("1"))))
	require.NoError(t, jobScope.End(t.Context()))

	want := trail.all()[0]
	for _, got := range trail.all()[1:] {
		assert.Equal(t, want.Actor, got.Actor, "session IDs are fingerprinted once")
		assert.Equal(t, want.Channel, got.Channel)
		assert.Equal(t, want.Tenant, got.Tenant)
		assert.Equal(t, append(want.Metadata, attribute.Int("c", 1), attribute.Int("d", 2)), got.Metadata)
		assert.Equal(t, want.Overridden, got.Overridden)
		assert.NotEmpty(t, got.Overridden)
		assert.Equal(t, want.Marks, got.Marks)
		assert.NotEmpty(t, got.Marks)
	}
	v, ok := jobScope.Metadata("a")
	assert.True(t, ok)
	assert.Equal(t, "second", v.AsString())
	_, ok = jobScope.Metadata("z")
	assert.False(t, ok)
	_, ok = (*audit.Scope)(nil).Metadata("a")
	assert.False(t, ok)
}

func TestTakeSnapshotActor(t *testing.T) {
	t.Parallel()
	broken := errors.New("no user store")
	failing := audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, broken })
	_, err := plumbing.TakeSnapshot(t.Context())
	require.ErrorIs(t, err, audit.ErrNoActor)
	_, err = plumbing.TakeSnapshot(scoped(failing)(t.Context()))
	require.ErrorIs(t, err, broken)
	s, err := plumbing.TakeSnapshot(t.Context(), audit.AsActor(audit.User("1")), failing)
	require.NoError(t, err)
	assert.Equal(t, audit.User("1"), s.Actor)
}

// TestSnapshotForgery checks that a snapshot made by a program cannot pass a session ID off as
// a fingerprint. Only a context token with a valid signature can carry one.
func TestSnapshotForgery(t *testing.T) {
	t.Parallel()
	const forged, forgedFingerprint = "0123456789abcdef", "9f9f5111f7b27a78"
	session := func(id string) audit.Actor {
		return audit.Actor{Type: audit.ActorUser, ID: "1", SessionID: id, OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "2", SessionID: id}}
	}
	taken, err := plumbing.TakeSnapshot(audit.ContextWithActor(t.Context(), session("test")))
	require.NoError(t, err)
	require.Equal(t, "9f86d081884c7d65", taken.Actor.OnBehalfOf.SessionID)
	replaced := func(id string) plumbing.Snapshot {
		s := taken
		s.Actor = s.Actor.Clone()
		s.Actor.SessionID, s.Actor.OnBehalfOf.SessionID = id, id
		return s
	}
	tests := []struct {
		name     string
		snapshot plumbing.Snapshot
		want     string
	}{
		{"a raw session ID", plumbing.Snapshot{Actor: session("test")}, "9f86d081884c7d65"},
		{"a session ID of the form of a fingerprint", plumbing.Snapshot{Actor: session(forged)}, forgedFingerprint},
		{"a raw session ID in place of a fingerprint", replaced("test"), "9f86d081884c7d65"},
		{"another fingerprint in place of a fingerprint", replaced(forged), forgedFingerprint},
		{"an unchanged snapshot", taken, "9f86d081884c7d65"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, trail := newTrail(t)
			direct, _ := tt.snapshot.NewScope(t.Context())
			s, err := plumbing.TakeSnapshot(direct)
			require.NoError(t, err)
			again, _ := s.NewScope(t.Context())
			for _, ctx := range []context.Context{direct, again} {
				require.NoError(t, tracker.Track(ctx, intent(audit.OperationRead, article("1"))))
			}
			for _, r := range trail.all() {
				assert.Equal(t, tt.want, r.Actor.SessionID)
				assert.Equal(t, tt.want, r.Actor.OnBehalfOf.SessionID)
			}
		})
	}
}

// TestSnapshotMadeByHand checks that unsorted and repeated fields are sorted and merged.
func TestSnapshotMadeByHand(t *testing.T) {
	t.Parallel()
	s := plumbing.Snapshot{
		Actor:      audit.User("1"),
		Metadata:   []attribute.KeyValue{attribute.Int("b", 1), attribute.Int("a", 2), attribute.Int("b", 3)},
		Overridden: []attribute.KeyValue{attribute.Int("d", 1), attribute.Int("c", 1)},
		Marks:      []mark.Mark{{Path: "reason", Kind: "cut"}, {Path: "metadata.a", Kind: "cut"}, {Path: "reason", Kind: "cut"}},
	}
	ctx, _ := s.NewScope(t.Context())
	var e audit.Event
	r, err := plumbing.Resolve(ctx, &e, 0)
	r.Done()
	require.NoError(t, err)
	assert.Equal(t, []attribute.KeyValue{attribute.Int("a", 2), attribute.Int("b", 3)}, r.Metadata)
	assert.Equal(t, []attribute.KeyValue{attribute.Int("b", 1), attribute.Int("c", 1), attribute.Int("d", 1)}, r.Overridden)
	assert.Equal(t, []mark.Mark{{Path: "metadata.a", Kind: "cut"}, {Path: "reason", Kind: "cut"}}, r.Marks)
	assert.Equal(t, attribute.Int("b", 1), s.Metadata[0], "the slices of the snapshot are unchanged")

	ctx, _ = plumbing.Snapshot{}.NewScope(t.Context())
	_, err = plumbing.Resolve(ctx, &e, 0)
	require.NoError(t, err, "the event has an actor")
	_, err = plumbing.Resolve(ctx, new(audit.Event), 0)
	require.ErrorIs(t, err, audit.ErrNoActor)
}
