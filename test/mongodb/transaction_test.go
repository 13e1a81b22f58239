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

// newSyncer returns a tracker that stores each record synchronously.
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

// inTransaction runs f in a transaction, and commits it if f returns nil.
func inTransaction(t *testing.T, client *mongo.Client, f func(ctx context.Context) error) error {
	t.Helper()
	session, err := client.StartSession()
	require.NoError(t, err)
	defer session.EndSession(context.Background())
	_, err = session.WithTransaction(t.Context(), func(ctx context.Context) (any, error) { return nil, f(ctx) })
	return err
}

// value returns the value of a field of a command, or nil.
func value(command bson.D, name string) any {
	for _, e := range command {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}

func TestTransactionCommands(t *testing.T) {
	fake := newFakeServer(t)
	client := connect(t, fake.uri())
	tracker := newSyncer(t, client.Database("shop").Collection("audit"), mongodb.WithoutIndexes())
	require.NoError(t, inTransaction(t, client, func(ctx context.Context) error {
		if err := tracker.Track(ctx, approval()); err != nil {
			return err
		}
		return tracker.Track(mongodb.OutsideTransaction(ctx), approval())
	}))
	inserts := fake.sent("insert")
	require.Len(t, inserts, 2)
	inside, outside := inserts[0], inserts[1]
	assert.Equal(t, false, value(inside, "autocommit"))
	assert.Equal(t, true, value(inside, "startTransaction"))
	assert.NotNil(t, value(inside, "txnNumber"))
	assert.Nil(t, value(inside, "writeConcern"), "the write concern is that of the transaction")
	commits := fake.sent("commitTransaction")
	require.Len(t, commits, 1)
	assert.Equal(t, value(inside, "lsid"), value(commits[0], "lsid"))
	assert.Equal(t, value(inside, "txnNumber"), value(commits[0], "txnNumber"))

	assert.Nil(t, value(outside, "autocommit"))
	assert.NotNil(t, value(outside, "writeConcern"))
	assert.NotEqual(t, value(inside, "lsid"), value(outside, "lsid"))
}

func TestSessionOfAnotherClient(t *testing.T) {
	fake, data := newFakeServer(t), newFakeServer(t)
	tracker := newSyncer(t, connect(t, fake.uri()).Database("trail").Collection("audit"), mongodb.WithoutIndexes())
	require.NoError(t, inTransaction(t, connect(t, data.uri()), func(ctx context.Context) error {
		return tracker.Track(ctx, approval())
	}))
	require.Len(t, fake.sent("insert"), 1)
	assert.Nil(t, value(fake.sent("insert")[0], "autocommit"))
	assert.Empty(t, data.sent("insert"))
}

func TestTransaction(t *testing.T) {
	needsMongoDB(t)
	client := connect(t, serverURI)
	invoices, trail := newCollection(t, client), newCollection(t, client)
	tracker := newSyncer(t, trail)
	approve := func(number string, failure error) error {
		return inTransaction(t, client, func(ctx context.Context) error {
			if _, err := invoices.InsertOne(ctx, bson.D{{Key: "_id", Value: number}}); err != nil {
				return err
			}
			if failure != nil {
				denied := approval()
				denied.Outcome = audit.OutcomeDenied
				if err := tracker.Track(mongodb.OutsideTransaction(ctx), denied); err != nil {
					return err
				}
			}
			return errors.Join(tracker.Track(ctx, approval()), failure)
		})
	}
	require.NoError(t, approve("1", nil))
	require.Error(t, approve("2", errors.New("rollback")))
	n, err := invoices.CountDocuments(t.Context(), bson.D{})
	require.NoError(t, err)
	assert.Equal(t, int64(1), n)
	var outcomes []audit.Outcome
	for _, r := range stored(t, trail) {
		outcomes = append(outcomes, r.Outcome)
	}
	assert.ElementsMatch(t, []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeDenied}, outcomes)
}
