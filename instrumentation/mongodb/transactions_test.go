package auditmongo_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// in makes a command one of a transaction.
func in(session string, number int, command bson.D) bson.D {
	return append(command,
		bson.E{Key: "lsid", Value: pairs("id", bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte(session)})},
		bson.E{Key: "txnNumber", Value: int64(number)},
		bson.E{Key: "autocommit", Value: false},
	)
}

func commit(session string, number int) bson.D {
	return in(session, number, bson.D{{Key: "commitTransaction", Value: 1}})
}

func abort(session string, number int) bson.D {
	return in(session, number, bson.D{{Key: "abortTransaction", Value: 1}})
}

func TestTransactions(t *testing.T) {
	done := bson.D{{Key: "ok", Value: 1}}
	write := func(f *fixture, session string, number int, document string) {
		f.run(f.t.Context(), in(session, number, insert(id(document))), ok(1))
	}
	for name, tc := range map[string]struct {
		run     func(f *fixture)
		targets []string
		doubts  int
	}{
		"committed": {func(f *fixture) {
			write(f, "s", 1, "a")
			write(f, "s", 1, "b")
			f.run(t.Context(), commit("s", 1), done)
		}, []string{"a", "b"}, 0},
		"committed twice, as drivers do": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.run(t.Context(), commit("s", 1), done)
			f.run(t.Context(), commit("s", 1), done)
		}, []string{"a"}, 0},
		"open": {func(f *fixture) { write(f, "s", 1, "a") }, nil, 0},
		"aborted": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.run(t.Context(), abort("s", 1), done)
			f.run(t.Context(), commit("s", 1), done)
		}, nil, 0},
		"aborted, and the server does not answer": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), abort("s", 1), label("NetworkError"))
		}, nil, 0},
		"left for another": {func(f *fixture) {
			write(f, "s", 1, "a")
			write(f, "s", 2, "b")
			f.run(t.Context(), commit("s", 2), done)
		}, []string{"b"}, 0},
		"of two sessions": {func(f *fixture) {
			write(f, "s", 1, "a")
			write(f, "u", 1, "b")
			f.run(t.Context(), commit("u", 1), done)
		}, []string{"b"}, 0},
		"commit unanswered, then repeated": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), commit("s", 1), label("NetworkError"))
			f.run(t.Context(), commit("s", 1), done)
		}, []string{"a"}, 0},
		"commit unanswered for ever": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), commit("s", 1), label("NetworkError"))
			write(f, "s", 2, "b")
		}, nil, 1},
		"commit refused, and tried as a whole again": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), commit("s", 1), label("TransientTransactionError"))
			write(f, "s", 2, "a")
			f.run(t.Context(), commit("s", 2), done)
		}, []string{"a"}, 0},
		"too many": {func(f *fixture) {
			write(f, "old", 1, "a")
			for range 10_000 {
				write(f, "s", 1, "b")
			}
			f.run(t.Context(), commit("old", 1), done)
		}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, auditmongo.WithQueueSize(20_000))
			tc.run(f)
			var targets []string
			for _, r := range f.records() {
				targets = append(targets, r.Target.ID)
			}
			assert.Equal(t, tc.targets, targets)
			assert.Len(t, f.lost(), tc.doubts)
			for _, err := range f.lost() {
				require.ErrorIs(t, err, auditmongo.ErrInDoubt)
			}
		})
	}
}

func TestTransactionInScope(t *testing.T) {
	f := newFixture(t)
	tracker := f.recorder.Tracker("example.com/shop")
	require.NoError(t, audit.Run(t.Context(), func(ctx context.Context) error {
		f.run(ctx, in("s", 1, insert(id("a"))), ok(1))
		f.run(ctx, in("s", 1, insert(id("b"))), ok(1))
		f.run(ctx, commit("s", 1), ok(1))
		f.run(ctx, in("t", 1, insert(id("c"))), ok(1)) // and this one is left open
		return tracker.Track(ctx, audit.Event{Action: "article.import", Target: audit.Target{Type: "article", ID: "a"}})
	}, audit.WithActor(audit.User("42"))), "an open transaction does not keep the scope from ending")
	f.run(t.Context(), commit("t", 1), ok(1))
	var got []string
	for _, r := range f.records() {
		got = append(got, r.Action+" "+r.Target.ID+" by "+r.Actor.ID)
	}
	assert.Equal(t, []string{"article.import a by 42", "article.create b by 42", "article.create c by 42"}, got)
}

func TestManyCommandsUnanswered(t *testing.T) {
	f := newFixture(t)
	for range 10_000 {
		f.started(t.Context(), insert(id(1)))
	}
	f.started(t.Context(), insert(id(1)))
	require.Len(t, f.lost(), 1)
	require.ErrorIs(t, f.lost()[0], auditmongo.ErrTooManyCommands)
	_, is := errors.AsType[*auditmongo.LostError](f.lost()[0])
	assert.True(t, is)
}
