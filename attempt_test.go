package audit_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func TestAttempt(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	sample := []string{"1", "2"}
	metadata := []attribute.KeyValue{attribute.String("bank", "first"), attribute.Int("code", 1)}
	attempt, err := audit.Begin(ctx, tracker, audit.Event{
		Action: "payout.send", Operation: audit.OperationExecute, Target: audit.Target{Type: "payout", ID: "7"},
		Reason: "monthly", Tenant: "acme", Bulk: audit.Bulk{Selector: "due", Affected: 2, Sample: sample},
		Metadata: metadata,
	})
	require.NoError(t, err)
	sample[0], metadata[0] = "changed", attribute.String("bank", "second")
	require.NoError(t, attempt.Finish(ctx, audit.Event{
		Outcome: audit.OutcomeFailure, Reason: "no answer", Metadata: []attribute.KeyValue{attribute.Int("code", 9)},
	}))
	require.ErrorIs(t, attempt.Finish(ctx, audit.Event{Outcome: audit.OutcomeSuccess}), audit.ErrFinished)

	records := trail.all()
	require.Len(t, records, 2)
	begun, ended := records[0], records[1]
	assert.Equal(t, attempt.ID(), begun.ID)
	assert.Equal(t, begun.ID, begun.Attempt)
	assert.Equal(t, begun.ID, ended.Attempt)
	assert.NotEqual(t, begun.ID, ended.ID)
	assert.Equal(t, audit.OutcomeUnknown, begun.Outcome)
	assert.Equal(t, audit.OutcomeFailure, ended.Outcome)
	assert.Equal(t, "monthly", begun.Reason)
	assert.Equal(t, "no answer", ended.Reason)
	assert.Equal(t, begun.Actor, ended.Actor)
	assert.Equal(t, begun.Bulk, ended.Bulk)
	assert.Equal(t, []string{"1", "2"}, ended.Bulk.Sample)
	assert.Equal(t, begun.Target, ended.Target)
	assert.Equal(t, begun.Operation, ended.Operation)
	assert.Equal(t, begun.Tenant, ended.Tenant)
	assert.Equal(t, "payout.send", ended.Action)
	assert.Equal(t, []attribute.KeyValue{attribute.String("bank", "first"), attribute.Int("code", 9)}, ended.Metadata)
}

func TestBeginRejects(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	var invalid *audit.ValidationError
	_, err := audit.Begin(t.Context(), tracker, audit.Event{Action: "payout.send", Outcome: audit.OutcomeSuccess})
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "leave it out; the outcome of an attempt is that of Finish, or of the function of Do", invalid.Reason)
	_, err = audit.Begin(t.Context(), tracker, audit.Event{Action: "payout.send"})
	require.ErrorIs(t, err, audit.ErrNoActor)
	_, err = audit.Begin(t.Context(), nil, audit.Event{Action: "payout.send"})
	require.ErrorIs(t, err, audit.ErrNoProvider)
	assert.Empty(t, trail.all())
}

// failing is a tracker whose next calls fail. It keeps the IDs of all events.
type failing struct {
	audit.Tracker
	failures int
	ids      []audit.ID
}

func (f *failing) Track(ctx context.Context, e audit.Event) error {
	f.ids = append(f.ids, e.ID)
	if f.failures--; f.failures >= 0 {
		return errors.New("disk full")
	}
	return f.Tracker.Track(ctx, e)
}

// A failed Finish may be retried and then stores the same record ID.
func TestRetryFinish(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	f := &failing{Tracker: tracker}
	attempt, err := audit.Begin(ctx, f, audit.Event{Action: "payout.send"})
	require.NoError(t, err)
	f.failures = 2
	e := audit.Event{Outcome: audit.OutcomeSuccess}
	require.Error(t, attempt.Finish(ctx, e))
	require.Error(t, attempt.Finish(ctx, e))
	require.NoError(t, attempt.Finish(ctx, e))
	require.Len(t, f.ids, 4)
	assert.Equal(t, f.ids[1], f.ids[2])
	assert.Equal(t, f.ids[1], f.ids[3])
	assert.Len(t, trail.all(), 2)
}

// The sample is limited, and the record is marked if IDs were dropped.
func TestBulkSample(t *testing.T) {
	t.Parallel()
	tracker, trail := newTrail(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	e := audit.Event{Action: "article.archive", Target: audit.Target{Type: "article"}}
	e.Bulk = audit.Bulk{Selector: "all", Affected: 5000, Sample: make([]string, record.MaxSample+1)}
	require.NoError(t, tracker.Track(ctx, e))
	e.Bulk.Sample = e.Bulk.Sample[:record.MaxSample]
	e.Bulk.Selector = "token=" + "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	require.NoError(t, tracker.Track(ctx, e))
	require.Len(t, trail.all(), 2)
	assert.Len(t, trail.all()[0].Bulk.Sample, record.MaxSample)
	assert.Len(t, trail.all()[0].Marks, 1)
	assert.Equal(t, "bulk.sample", trail.all()[0].Marks[0].Path)
	assert.Empty(t, trail.all()[1].Marks)
	assert.Equal(t, []string{"bulk.selector"}, trail.all()[1].Redacted)
	assert.Contains(t, trail.all()[1].Bulk.Selector, "***REDACTED***")
}
