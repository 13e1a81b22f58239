package mongodb_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// newSyncer returns a tracker that stores before it returns.
func newSyncer(t *testing.T, coll *mongo.Collection, opts ...mongodb.Option) audit.Tracker {
	t.Helper()
	e, err := mongodb.New(t.Context(), coll, opts...)
	require.NoError(t, err)
	p, err := sdk.NewTrackerProvider(sdk.WithSyncer(e))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Shutdown(context.Background())) })
	return p.Tracker("test")
}

func approval() audit.Event {
	return audit.Event{
		Action: "invoice.approve", Actor: audit.User("42"), Target: audit.Target{Type: "invoice", ID: "7"},
		Outcome: audit.OutcomeSuccess,
	}
}

// inTransaction runs f with a session that has a transaction, and commits it if f
// returns nil.
func inTransaction(t *testing.T, client *mongo.Client, f func(ctx context.Context) error) error {
	t.Helper()
	session, err := client.StartSession()
	require.NoError(t, err)
	defer session.EndSession(context.Background())
	_, err = session.WithTransaction(t.Context(), func(ctx context.Context) (any, error) { return nil, f(ctx) })
	return err
}

// value returns a member of a command, or nil.
func value(command bson.D, name string) any {
	for _, e := range command {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}

func TestTransactionOnTheWire(t *testing.T) {
	w := newWire(t)
	client := connect(t, w.uri())
	tracker := newSyncer(t, client.Database("shop").Collection("audit"), mongodb.WithoutIndexes())
	require.NoError(t, inTransaction(t, client, func(ctx context.Context) error {
		if err := tracker.Track(ctx, approval()); err != nil {
			return err
		}
		return tracker.Track(mongodb.OutsideTransaction(ctx), approval())
	}))
	inserts := w.sent("insert")
	require.Len(t, inserts, 2)
	joined, apart := inserts[0], inserts[1]
	assert.Equal(t, false, value(joined, "autocommit"))
	assert.Equal(t, true, value(joined, "startTransaction"))
	assert.NotNil(t, value(joined, "txnNumber"))
	assert.Nil(t, value(joined, "writeConcern"), "the transaction has it")
	commits := w.sent("commitTransaction")
	require.Len(t, commits, 1)
	assert.Equal(t, value(joined, "lsid"), value(commits[0], "lsid"))
	assert.Equal(t, value(joined, "txnNumber"), value(commits[0], "txnNumber"))

	assert.Nil(t, value(apart, "autocommit"))
	assert.NotNil(t, value(apart, "writeConcern"))
	assert.NotEqual(t, value(joined, "lsid"), value(apart, "lsid"))
}

func TestSessionOfAnotherClient(t *testing.T) {
	w, data := newWire(t), newWire(t)
	tracker := newSyncer(t, connect(t, w.uri()).Database("trail").Collection("audit"), mongodb.WithoutIndexes())
	require.NoError(t, inTransaction(t, connect(t, data.uri()), func(ctx context.Context) error {
		return tracker.Track(ctx, approval())
	}))
	require.Len(t, w.sent("insert"), 1)
	assert.Nil(t, value(w.sent("insert")[0], "autocommit"))
	assert.Empty(t, data.sent("insert"))
}

func TestTransaction(t *testing.T) {
	needsMongoDB(t)
	client := connect(t, serverURI)
	invoices, trail := newCollection(t, client), newCollection(t, client)
	tracker := newSyncer(t, trail)
	approve := func(number string, fails error) error {
		return inTransaction(t, client, func(ctx context.Context) error {
			if _, err := invoices.InsertOne(ctx, bson.D{{Key: "_id", Value: number}}); err != nil {
				return err
			}
			if fails != nil {
				denied := approval()
				denied.Outcome = audit.OutcomeDenied
				if err := tracker.Track(mongodb.OutsideTransaction(ctx), denied); err != nil {
					return err
				}
			}
			return errors.Join(tracker.Track(ctx, approval()), fails)
		})
	}
	require.NoError(t, approve("1", nil))
	require.Error(t, approve("2", errors.New("not today")))
	n, err := invoices.CountDocuments(t.Context(), bson.D{})
	require.NoError(t, err)
	assert.Equal(t, int64(1), n)
	var outcomes []audit.Outcome
	for _, r := range stored(t, trail) {
		outcomes = append(outcomes, r.Outcome)
	}
	assert.ElementsMatch(t, []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeDenied}, outcomes)
}
