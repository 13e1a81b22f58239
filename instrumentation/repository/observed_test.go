package auditrepo_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type wiki struct {
	ID    string
	Title string `audit:"title"`
	Body  string `audit:"body"`
}

// wikis is a store that ignores what exists, as ON CONFLICT DO NOTHING does, and writes
// only what is not empty, as some mappers do.
type wikis map[string]wiki

func (p wikis) Get(_ context.Context, id string) (wiki, error) {
	stored, ok := p[id]
	if !ok {
		return wiki{}, errNotFound
	}
	return stored, nil
}

func (p wikis) Create(ctx context.Context, value wiki) error {
	if _, exists := p[value.ID]; exists {
		auditrepo.SetUnchanged(ctx)
		return nil
	}
	p[value.ID] = value
	return nil
}

func (p wikis) Update(ctx context.Context, value wiki) error {
	stored, exists := p[value.ID]
	if !exists {
		auditrepo.SetUnchanged(ctx)
		return nil
	}
	if value.Title != "" {
		stored.Title = value.Title
	}
	if value.Body != "" {
		stored.Body = value.Body
	}
	p[value.ID] = stored
	return nil
}

func (p wikis) Delete(ctx context.Context, id string) error {
	if _, exists := p[id]; !exists {
		auditrepo.SetUnchanged(ctx)
	}
	delete(p, id)
	return nil
}

func newWikis(t *testing.T, readAfter bool) (auditrepo.Store[wiki, string], *audittest.Recorder) {
	t.Helper()
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[wiki, string]{
		TargetType: "page", ID: func(p wiki) string { return p.ID }, ReadAfter: readAfter,
	})
	require.NoError(t, err)
	return a.Store(wikis{"1": {ID: "1", Title: "Old", Body: "text"}}), recorder
}

// changed says which fields a record has changes of.
func changed(r *record.Record) []string {
	fields := []string{}
	for _, c := range r.Changes {
		fields = append(fields, c.Field)
	}
	return fields
}

func requested(r *record.Record) bool {
	for _, m := range r.Marks {
		if m.Path == "changes" && m.Kind == mark.Requested {
			return true
		}
	}
	return false
}

func TestValueAfterIsObservedOrRequested(t *testing.T) {
	t.Parallel()
	store, recorder := newWikis(t, false)
	require.NoError(t, store.Update(as(t, "42"), wiki{ID: "1", Title: "New"}))
	r := recorder.RequireRecord(t, audittest.Action("page.update"))
	assert.Equal(t, []string{"title", "body"}, changed(r), "nobody knows what the store wrote")
	assert.True(t, requested(r), "and the record says so")
	require.NoError(t, store.Create(as(t, "42"), wiki{ID: "2", Title: "Two"}))
	assert.True(t, requested(recorder.RequireRecord(t, audittest.Action("page.create"))))
	require.NoError(t, store.Delete(as(t, "42"), "2"))
	assert.False(t, requested(recorder.RequireRecord(t, audittest.Action("page.delete"))), "the value before was read")

	store, recorder = newWikis(t, true)
	require.NoError(t, store.Update(as(t, "42"), wiki{ID: "1", Title: "New"}))
	r = recorder.RequireRecord(t, audittest.Action("page.update"))
	assert.Equal(t, []string{"title"}, changed(r), "the body was not emptied")
	assert.False(t, requested(r))
	require.NoError(t, store.Create(as(t, "42"), wiki{ID: "2", Title: "Two"}))
	assert.False(t, requested(recorder.RequireRecord(t, audittest.Action("page.create"))))
}

func TestNothingWasDone(t *testing.T) {
	t.Parallel()
	for _, readAfter := range []bool{false, true} {
		store, recorder := newWikis(t, readAfter)
		ctx := as(t, "42")
		require.NoError(t, store.Create(ctx, wiki{ID: "1", Title: "Other"}), "the store's answer is not changed")
		require.NoError(t, store.Update(ctx, wiki{ID: "9", Title: "New"}))
		require.NoError(t, store.Delete(ctx, "9"))
		records := recorder.Records()
		require.Len(t, records, 3)
		for i, want := range []string{"nothing was created", "nothing was updated", "nothing was deleted"} {
			assert.Equal(t, audit.OutcomeFailure, records[i].Outcome)
			assert.Equal(t, want, records[i].Failure)
			assert.Empty(t, records[i].Changes)
		}
		assert.Equal(t, "1", records[0].Target.ID)

		recorder.Reset()
		require.NoError(t, store.Create(ctx, wiki{ID: "3"}))
		assert.Equal(t, audit.OutcomeSuccess, recorder.Records()[0].Outcome)
	}
	auditrepo.SetUnchanged(t.Context()) // without a call it does nothing
}

// TestNothingWasDoneCoversNothing tests that a signal of a call which says that it did
// nothing is recorded: one of them is wrong.
func TestNothingWasDoneCoversNothing(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	a, err := auditrepo.New(tracker, auditrepo.Config[wiki, string]{TargetType: "page", ID: func(p wiki) string { return p.ID }})
	require.NoError(t, err)
	require.NoError(t, a.Do(as(t, "42"), "1", audit.Event{Operation: audit.OperationUpdate},
		func(ctx context.Context, call *auditrepo.Call[wiki, string]) error {
			call.SetUnchanged()
			return tracker.Track(ctx, audit.Event{
				Kind: audit.KindSignal, Action: "page.update", Operation: audit.OperationUpdate,
				Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "page", ID: "1"},
			})
		}))
	assert.Len(t, recorder.Records(), 2)
}
