package mongodb_test

import (
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/exporters/mongodb"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func agedRecord(action, tenant string, days int) *record.Record {
	at := time.Now().UTC().Truncate(time.Millisecond).AddDate(0, 0, -days)
	return &record.Record{ObservedTime: at, Event: audit.Event{
		ID: audit.NewID(), Time: at, Action: action, Tenant: tenant, Outcome: audit.OutcomeSuccess, Actor: audit.User("42"),
	}}
}

func actionsIn(t *testing.T, r query.Reader) map[string]int {
	t.Helper()
	found := map[string]int{}
	for r, err := range r.Find(t.Context(), query.Filter{}) {
		require.NoError(t, err)
		found[r.Action+" "+r.Tenant]++
	}
	return found
}

// TestRetentionPolicy: records leave a collection by a policy, and a hold keeps some.
func TestRetentionPolicy(t *testing.T) {
	coll := newCollection(t, connect(t, serverURI))
	e, err := mongodb.New(t.Context(), coll)
	require.NoError(t, err)
	var records []*record.Record
	for range 1200 {
		records = append(records, agedRecord("user.login", "acme", 100))
	}
	records = append(records, agedRecord("user.login", "held", 100), agedRecord("user.login", "acme", 1),
		agedRecord("payout.send", "acme", 300), agedRecord("payout.send", "acme", 5000), agedRecord("doc.view", "acme", 5000))
	require.NoError(t, e.Export(t.Context(), records))
	require.NoError(t, e.Shutdown(t.Context()))

	store, err := archive.CreateDir(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	recorder := audittest.NewRecorder(t)
	ctx := audit.ContextWithActor(t.Context(), audit.System("retention"))
	hold := retention.Hold{Name: "case", Reason: "r", Filter: query.Filter{Tenants: []string{"held"}}}
	require.NoError(t, retention.Place(ctx, store, recorder.Tracker("test"), hold))
	policy, err := retention.NewPolicy(
		retention.Rule{Name: "logins", Actions: []string{"user.*"}, Keep: 90 * retention.Day},
		retention.Rule{Name: "payouts", Actions: []string{"payout.*"}, Keep: 10 * retention.Year, ArchiveAfter: 180 * retention.Day},
	)
	require.NoError(t, err)
	o := retention.Options{Policy: policy, Store: store, Tracker: recorder.Tracker("test")}
	report, err := retention.ApplyCollection(ctx, "records", mongodb.NewCollection(coll), o)
	require.NoError(t, err)
	assert.Len(t, report.Removed, 2)
	assert.Equal(t, []string{"case"}, report.Stays.Holds)
	assert.Equal(t, map[string]int{"user.login held": 1, "user.login acme": 1, "doc.view acme": 1}, actionsIn(t, mongodb.NewReader(coll)))
	assert.Equal(t, map[string]int{"payout.send acme": 1}, actionsIn(t, archive.NewReader(store)))
}

// TestRetentionPolicyBesideTTL: a collection that removes records by itself is rejected.
func TestRetentionPolicyBesideTTL(t *testing.T) {
	server := newFakeServer(t) // that of the tests has no such indexes
	server.script("listIndexes", bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
		{Key: "id", Value: int64(0)},
		{Key: "ns", Value: "a.b"},
		{Key: "firstBatch", Value: bson.A{
			bson.D{{Key: "name", Value: "_id_"}, {Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}},
			bson.D{{Key: "name", Value: "mine"}, {Key: "key", Value: bson.D{{Key: "time", Value: 1}}}, {Key: "expireAfterSeconds", Value: 3600}},
		}},
	}}})
	err := mongodb.NewCollection(connect(t, server.uri()).Database("a").Collection("b")).CheckRetention(t.Context())
	var wrong *mongodb.IndexError
	require.ErrorAs(t, err, &wrong)
	assert.Equal(t, "mine", wrong.Index)
	assert.ErrorContains(t, err, "it removes records after 3600 seconds, although a hold may keep them")
}

// TestRemoveWaitsForMajority: a removal counts once a majority has it in its journal.
func TestRemoveWaitsForMajority(t *testing.T) {
	server := newFakeServer(t)
	c := mongodb.NewCollection(connect(t, server.uri()).Database("a").Collection("b"))
	require.NoError(t, c.Remove(t.Context(), nil))
	require.NoError(t, c.Remove(t.Context(), []audit.ID{audit.NewID()}))
	sent := server.sent("delete")
	require.Len(t, sent, 1)
	assert.Contains(t, sent[0], bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "j", Value: true}}})
}
