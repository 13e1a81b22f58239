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

// inTransaction returns the command as part of a transaction.
func inTransaction(session string, number int, command bson.D) bson.D {
	return append(command,
		bson.E{Key: "lsid", Value: pairs("id", bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte(session)})},
		bson.E{Key: "txnNumber", Value: int64(number)},
		bson.E{Key: "autocommit", Value: false},
	)
}

func commit(session string, number int) bson.D {
	return inTransaction(session, number, bson.D{{Key: "commitTransaction", Value: 1}})
}

func abort(session string, number int) bson.D {
	return inTransaction(session, number, bson.D{{Key: "abortTransaction", Value: 1}})
}

func TestTransactions(t *testing.T) {
	done := bson.D{{Key: "ok", Value: 1}}
	write := func(f *fixture, session string, number int, document string) {
		f.run(f.t.Context(), inTransaction(session, number, insert(id(document))), okReply(1))
	}
	for name, tc := range map[string]struct {
		run     func(f *fixture)
		targets []string
		inDoubt int
	}{
		"committed": {func(f *fixture) {
			write(f, "s", 1, "a")
			write(f, "s", 1, "b")
			f.run(t.Context(), commit("s", 1), done)
		}, []string{"a", "b"}, 0},
		"commit repeated by the driver": {func(f *fixture) {
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
		"abort without a reply": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), abort("s", 1), label("NetworkError"))
		}, nil, 0},
		"abandoned for another": {func(f *fixture) {
			write(f, "s", 1, "a")
			write(f, "s", 2, "b")
			f.run(t.Context(), commit("s", 2), done)
		}, []string{"b"}, 0},
		"two sessions": {func(f *fixture) {
			write(f, "s", 1, "a")
			write(f, "u", 1, "b")
			f.run(t.Context(), commit("u", 1), done)
		}, []string{"b"}, 0},
		"commit without a reply, then repeated": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), commit("s", 1), label("NetworkError"))
			f.run(t.Context(), commit("s", 1), done)
		}, []string{"a"}, 0},
		"commit without a reply": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), commit("s", 1), label("NetworkError"))
			write(f, "s", 2, "b")
		}, nil, 1},
		"commit failed, then transaction retried": {func(f *fixture) {
			write(f, "s", 1, "a")
			f.fail(t.Context(), commit("s", 1), label("TransientTransactionError"))
			write(f, "s", 2, "a")
			f.run(t.Context(), commit("s", 2), done)
		}, []string{"a"}, 0},
		"too many signals": {func(f *fixture) {
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
			assert.ElementsMatch(t, tc.targets, targets)
			assert.Len(t, f.lost(), tc.inDoubt)
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
		f.run(ctx, inTransaction("s", 1, insert(id("a"))), okReply(1))
		f.run(ctx, inTransaction("s", 1, insert(id("b"))), okReply(1))
		f.run(ctx, commit("s", 1), okReply(1))
		f.run(ctx, inTransaction("t", 1, insert(id("c"))), okReply(1)) // stays open
		return tracker.Track(ctx, audit.Event{
			Action: "article.import", Operation: audit.OperationCreate, Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "article", ID: "a"},
		})
	}, audit.AsActor(audit.User("42"))), "an open transaction does not block the end of the scope")
	f.run(t.Context(), commit("t", 1), okReply(1))
	var got []string
	for _, r := range f.records() {
		got = append(got, r.Action+" "+r.Target.ID+" by "+r.Actor.ID)
	}
	assert.Equal(t, []string{"article.import a by 42", "article.create b by 42", "article.create c by 42"}, got)
}

func TestTooManyCommands(t *testing.T) {
	f := newFixture(t)
	for range 10_000 {
		f.started(t.Context(), insert(id(1)))
	}
	f.started(t.Context(), insert(id(1)))
	require.Len(t, f.lost(), 1)
	require.ErrorIs(t, f.lost()[0], auditmongo.ErrTooManyCommands)
	_, ok := errors.AsType[*auditmongo.LostError](f.lost()[0])
	assert.True(t, ok)
}
