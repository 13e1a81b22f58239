package mongodb_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// failed is an error reply of a server.
func failed(code int32, labels ...string) bson.D {
	return bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: code}, {Key: "errmsg", Value: "failed"}, {Key: "errorLabels", Value: labels}}
}

const (
	transient     = "TransientTransactionError"
	unknownCommit = "UnknownTransactionCommitResult"
)

// shop runs units of work in a fake server.
type shop struct {
	t        *testing.T
	server   *fakeServer
	client   *mongo.Client
	recorder *audittest.Recorder
	tracker  audit.Tracker
	runs     int
}

func newShop(t *testing.T, opts ...*options.ClientOptions) *shop {
	t.Helper()
	server, recorder := newFakeServer(t), audittest.NewRecorder(t)
	return &shop{t: t, server: server, client: connect(t, server.uri(), opts...), recorder: recorder, tracker: recorder.Tracker("example.com/shop")}
}

// approve inserts an invoice and tracks it, in a unit of work.
func (s *shop) approve(ctx context.Context, then func(ctx context.Context, session *mongo.Session) error) error {
	session, err := s.client.StartSession()
	require.NoError(s.t, err)
	defer session.EndSession(context.Background())
	ctx = audit.ContextWithActor(ctx, audit.User("42"))
	return auditmongo.WithTransaction(ctx, session, auditmongo.TransactionOptions{Tracker: s.tracker}, func(ctx context.Context) error {
		s.runs++
		if _, err := s.client.Database("shop").Collection("invoices").InsertOne(ctx, bson.D{{Key: "_id", Value: "7"}}); err != nil {
			return err
		}
		if err := s.tracker.Track(ctx, approval()); err != nil {
			return err
		}
		return then(ctx, session)
	})
}

func done(context.Context, *mongo.Session) error { return nil }

// lines describes the records after the beginning of the unit.
func (s *shop) lines() (lines []string) {
	s.t.Helper()
	for _, r := range s.recorder.Records() {
		if !r.BeginsAttempt() {
			lines = append(lines, r.Action+" "+r.Outcome.String()+runsOf(r))
		}
	}
	return lines
}

func runsOf(r *record.Record) string {
	for _, kv := range r.Metadata {
		if kv.Key == semconv.UnitRunsKey {
			return " after " + kv.Value.String() + " runs"
		}
	}
	return ""
}

func TestUnitOfWork(t *testing.T) {
	t.Parallel()
	errWork := errors.New("work failed")
	for name, tt := range map[string]struct {
		commits []bson.D
		then    func(ctx context.Context, session *mongo.Session) error
		want    []string
		runs    int
		fails   bool
	}{
		"committed": {
			nil, done, []string{"invoice.approve success", "unit.commit success"}, 1, false,
		},
		"failed": {
			nil, func(context.Context, *mongo.Session) error { return errWork },
			[]string{"invoice.approve failure", "unit.commit failure"},
			1, true,
		},
		"aborted by the function": {
			nil, func(ctx context.Context, session *mongo.Session) error { return session.AbortTransaction(ctx) },
			[]string{"invoice.approve failure", "unit.commit failure"},
			1, false,
		},
		"transient commit": {
			[]bson.D{failed(251, transient)},
			done,
			[]string{"invoice.approve success", "unit.commit success after 2 runs"},
			2, false,
		},
		"unknown commit, then known": {
			[]bson.D{failed(91, unknownCommit)},
			done,
			[]string{"invoice.approve success", "unit.commit success"},
			1, false,
		},
		"lost answers, then known": {
			[]bson.D{{}, {}},
			done,
			[]string{"invoice.approve success", "unit.commit success"},
			1, false,
		},
		"time limit": {
			[]bson.D{failed(50), failed(50)},
			done,
			[]string{"invoice.approve unknown", "unit.commit unknown"},
			1, true,
		},
		"refused": {
			[]bson.D{failed(112)},
			done,
			[]string{"invoice.approve failure", "unit.commit failure"},
			1, true,
		},
		"no write concern": {
			[]bson.D{{{Key: "ok", Value: 1}, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 100}, {Key: "errmsg", Value: "too few"}}}}},
			done,
			[]string{"invoice.approve unknown", "unit.commit unknown"},
			1, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.server.script("commitTransaction", tt.commits...)
			err := s.approve(t.Context(), tt.then)
			assert.Equal(t, tt.fails, err != nil, "%v", err)
			assert.Equal(t, tt.want, s.lines())
			assert.Equal(t, tt.runs, s.runs)
		})
	}
}

// TestUnitOfWorkInDoubt tests a commit whose answer never comes.
func TestUnitOfWorkInDoubt(t *testing.T) {
	t.Parallel()
	s := newShop(t, options.Client().SetTimeout(300*time.Millisecond)) // for which the driver tries again
	s.server.script("commitTransaction", make([]bson.D, 100_000)...)
	require.Error(t, s.approve(t.Context(), done))
	assert.Equal(t, []string{"invoice.approve unknown", "unit.commit unknown"}, s.lines())
}

func TestUnitOfWorkCanceled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.approve(ctx, func(context.Context, *mongo.Session) error {
		cancel()
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{"invoice.approve failure", "unit.commit failure"}, s.lines())
	assert.Empty(t, s.server.sent("commitTransaction"))
}

// TestUnitOfWorkAndSignals tests that an intent in a transaction covers the driver's signal
// of its write, which comes after the commit.
func TestUnitOfWorkAndSignals(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	monitor, err := auditmongo.NewMonitor(recorder.Tracker("example.com/shop"), []auditmongo.Collection{{Name: "invoices", TargetType: "invoice"}})
	require.NoError(t, err)
	s := newShop(t, options.Client().SetMonitor(monitor.CommandMonitor()))
	s.recorder, s.tracker = recorder, recorder.Tracker("example.com/shop")
	require.NoError(t, s.approve(t.Context(), func(ctx context.Context, _ *mongo.Session) error {
		_, err := s.client.Database("shop").Collection("invoices").InsertOne(ctx, bson.D{{Key: "_id", Value: "8"}})
		e := approval()
		e.Operation = audit.OperationCreate
		return errors.Join(err, s.tracker.Track(ctx, e))
	}))
	require.NoError(t, monitor.Shutdown(t.Context()))
	assert.Equal(t, []string{"invoice.approve success", "invoice.approve success", "invoice.create success", "unit.commit success"}, s.lines())
}

// TestUnitOfWorkInMongoDB tests that the trail says what a real MongoDB has.
func TestUnitOfWorkInMongoDB(t *testing.T) {
	needsMongoDB(t)
	client := connect(t, serverURI)
	invoices := newCollection(t, client)
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("example.com/shop")
	for i, fail := range []error{nil, errors.New("rolled back")} {
		session, err := client.StartSession()
		require.NoError(t, err)
		ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
		err = auditmongo.WithTransaction(ctx, session, auditmongo.TransactionOptions{Tracker: tracker}, func(ctx context.Context) error {
			_, err := invoices.InsertOne(ctx, bson.D{{Key: "_id", Value: i}})
			return errors.Join(err, tracker.Track(ctx, approval()), fail)
		})
		require.ErrorIs(t, err, fail)
		session.EndSession(t.Context())
		n, err := invoices.CountDocuments(t.Context(), bson.D{})
		require.NoError(t, err)
		assert.Equal(t, int64(1), n)
	}
	audited := 0
	for _, r := range recorder.Records() {
		if r.Action == "invoice.approve" && r.Outcome == audit.OutcomeSuccess {
			audited++
		}
	}
	assert.Equal(t, 1, audited)
}
