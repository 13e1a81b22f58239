package auditrepo_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// page is a value whose ID and Version the store sets.
type page struct {
	ID      int
	Title   string `audit:"title"`
	Version int    `audit:"version"`
}

// pages is a ValueStore.
type pages struct {
	stored map[int]page
	err    error
}

func (s *pages) Get(_ context.Context, id int) (page, error) {
	p, ok := s.stored[id]
	if !ok {
		return p, errNotFound
	}
	return p, nil
}

func (s *pages) Create(_ context.Context, p page) (page, error) {
	if s.err != nil {
		return page{ID: -1}, s.err
	}
	p.ID, p.Version = len(s.stored)+1, 1
	s.stored[p.ID] = p
	return p, nil
}

func (s *pages) Update(_ context.Context, p page) (page, error) {
	if s.err != nil {
		return page{ID: -1}, s.err
	}
	p.Version = s.stored[p.ID].Version + 1
	s.stored[p.ID] = p
	return p, nil
}

func (s *pages) Delete(_ context.Context, id int) error {
	delete(s.stored, id)
	return s.err
}

func newPages(t *testing.T) (*audittest.Recorder, *auditrepo.Auditor[page, int]) {
	t.Helper()
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[page, int]{
		TargetType: "page", ID: func(p page) int { return p.ID },
	})
	require.NoError(t, err)
	return recorder, a
}

// The value that the store returns is recorded.
func TestValueStore(t *testing.T) {
	t.Parallel()
	recorder, a := newPages(t)
	db := &pages{stored: map[int]page{}}
	s := a.ValueStore(db)
	ctx := as(t, "42")

	p, err := s.Create(ctx, page{ID: 99, Title: "Hello"}) // the store assigns the id
	require.NoError(t, err)
	assert.Equal(t, page{ID: 1, Title: "Hello", Version: 1}, p)
	p, err = s.Update(ctx, page{ID: 1, Title: "Hi"})
	require.NoError(t, err)
	assert.Equal(t, page{ID: 1, Title: "Hi", Version: 2}, p)
	p, err = s.Get(ctx, 1)
	require.NoError(t, err)
	assert.Equal(t, 2, p.Version)
	p, err = s.Update(ctx, page{ID: 5, Title: "New"}) // an upsert
	require.NoError(t, err)
	assert.Equal(t, 1, p.Version)
	require.NoError(t, s.Delete(ctx, 1))
	require.NoError(t, s.Delete(ctx, 1), "the store accepts it")

	db.err = errors.New("read only")
	p, err = s.Create(ctx, page{Title: "Hello"})
	assert.Same(t, db.err, err)
	assert.Equal(t, page{ID: -1}, p, "the store's value is returned")
	_, err = s.Create(ctx, page{ID: 7})
	assert.Same(t, db.err, err)
	p, err = s.Update(ctx, page{ID: 5, Title: "Never"})
	assert.Same(t, db.err, err)
	assert.Equal(t, page{ID: -1}, p)

	assert.Equal(t, []string{
		"intent page.create create success by user:42 on page/1 [title nothing -> Hello] [version nothing -> 1]",
		"intent page.update update success by user:42 on page/1 [title Hello -> Hi] [version 1 -> 2]",
		"intent page.update update success by user:42 on page/5 [title nothing -> New] [version nothing -> 1] repository.before_unknown=*errors.errorString",
		"intent page.delete delete success by user:42 on page/1 [title Hi -> nothing] [version 2 -> nothing]",
		"intent page.delete delete success by user:42 on page/1 repository.before_unknown=*errors.errorString",
		"intent page.create create failure by user:42 on page/ error.type=*errors.errorString",
		"intent page.create create failure by user:42 on page/7 error.type=*errors.errorString",
		"intent page.update update failure by user:42 on page/5 error.type=*errors.errorString",
	}, trail(recorder))
}

// returningPages returns replaced values. Its Get must not be called.
type returningPages struct {
	*pages
	t *testing.T
}

func (s returningPages) Get(ctx context.Context, id int) (page, error) {
	assert.Fail(s.t, "Get was called")
	return s.pages.Get(ctx, id)
}

func (s returningPages) UpdateReturning(ctx context.Context, p page) (before, after page, err error) {
	before = s.stored[p.ID]
	after, err = s.Update(ctx, p)
	return before, after, err
}

func (s returningPages) DeleteReturning(ctx context.Context, id int) (page, error) {
	before := s.stored[id]
	return before, s.Delete(ctx, id)
}

func TestReturners(t *testing.T) {
	t.Parallel()
	recorder, a := newPages(t)
	db := returningPages{&pages{stored: map[int]page{1: {ID: 1, Title: "Old"}}}, t}
	s := a.ValueStore(db)
	ctx := as(t, "42")

	p, err := s.Update(ctx, page{ID: 1, Title: "New"})
	require.NoError(t, err)
	assert.Equal(t, page{ID: 1, Title: "New", Version: 1}, p)
	before, after, err := a.UpdateReturner(db).UpdateReturning(ctx, page{ID: 1, Title: "Newer"})
	require.NoError(t, err)
	assert.Equal(t, page{ID: 1, Title: "New", Version: 1}, before)
	assert.Equal(t, page{ID: 1, Title: "Newer", Version: 2}, after)
	require.NoError(t, s.Delete(ctx, 1))
	db.stored[1] = page{ID: 1, Title: "Again"}
	before, err = a.DeleteReturner(db).DeleteReturning(ctx, 1)
	require.NoError(t, err)
	assert.Equal(t, "Again", before.Title)

	db.err = errors.New("read only")
	_, err = s.Update(ctx, page{ID: 1})
	assert.Same(t, db.err, err)
	assert.Same(t, db.err, s.Delete(ctx, 1))

	assert.Equal(t, []string{
		"intent page.update update success by user:42 on page/1 [title Old -> New] [version 0 -> 1]",
		"intent page.update update success by user:42 on page/1 [title New -> Newer] [version 1 -> 2]",
		"intent page.delete delete success by user:42 on page/1 [title Newer -> nothing] [version 2 -> nothing]",
		"intent page.delete delete success by user:42 on page/1 [title Again -> nothing] [version 0 -> nothing]",
		"intent page.update update failure by user:42 on page/1 error.type=*errors.errorString",
		"intent page.delete delete failure by user:42 on page/1 error.type=*errors.errorString",
	}, trail(recorder))
}

// errorOnlyPages is returningPages with an Update that returns only an error.
type errorOnlyPages struct{ returningPages }

func (s errorOnlyPages) Update(context.Context, page) error {
	assert.Fail(s.t, "Update was called")
	return nil
}

func TestUpdaterPrefersUpdateReturning(t *testing.T) {
	t.Parallel()
	recorder, a := newPages(t)
	db := errorOnlyPages{returningPages{&pages{stored: map[int]page{1: {ID: 1, Title: "Old"}}}, t}}
	require.NoError(t, a.Updater(db).Update(as(t, "42"), page{ID: 1, Title: "New"}))
	assert.Equal(t, []string{
		"intent page.update update success by user:42 on page/1 [title Old -> New] [version 0 -> 1]",
	}, trail(recorder))
}

// If Get fails, the write is attempted and recorded without old values.
func TestBeforeUnknown(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	m := newMemory(nil, article{ID: "1", Title: "Old"}, article{ID: "2", Title: "Old"})
	m.getErr = &validationError{"Old"}
	s := newAuditor(t, recorder.Tracker("test"), config()).Store(m)
	require.NoError(t, s.Update(as(t, "42"), &article{ID: "1", Title: "New"}))
	require.NoError(t, s.Delete(as(t, "42"), "2"))
	assert.Same(t, errNotFound, s.Update(as(t, "42"), &article{ID: "3"}))
	assert.Equal(t, []string{
		`intent article.update update success by user:42 on article/1 "New" [title nothing -> New] [body nothing -> ***REDACTED***] repository.before_unknown=*auditrepo_test.validationError`,
		"intent article.delete delete success by user:42 on article/2 repository.before_unknown=*auditrepo_test.validationError",
		"intent article.update update failure by user:42 on article/3 error.type=*errors.errorString",
	}, trail(recorder))
}

// nilStore accepts everything, nil included, and returns nil.
type nilStore struct{}

func (nilStore) Get(context.Context, string) (*article, error) { return nil, nil }
func (nilStore) Create(context.Context, *article) (*article, error) {
	return nil, nil
}

func (nilStore) Update(context.Context, *article) (*article, error) {
	return nil, nil
}
func (nilStore) Delete(context.Context, string) error { return nil }

func TestNilValues(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	c := config()
	c.RecordReads = true
	s := newAuditor(t, recorder.Tracker("test"), c).ValueStore(nilStore{})
	ctx := as(t, "42")
	_, err := s.Get(ctx, "1")
	require.NoError(t, err)
	_, err = s.Create(ctx, nil)
	require.NoError(t, err)
	_, err = s.Update(ctx, nil)
	require.NoError(t, err)
	_, err = s.Update(ctx, &article{ID: "1", Title: "New"})
	require.NoError(t, err)
	require.NoError(t, s.Delete(ctx, "1"))
	assert.Equal(t, []string{
		"intent article.read read success by user:42 on article/1",
		"intent article.create create success by user:42 on article/",
		"intent article.update update success by user:42 on article/ repository.before_unknown=not set",
		`intent article.update update success by user:42 on article/1 "New" [title nothing -> New] [body nothing -> ***REDACTED***]`,
		"intent article.delete delete success by user:42 on article/1",
	}, trail(recorder))
}

// A method that fits no role is recorded by Do.
func TestDo(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("test")
	m := newMemory(tracker, article{ID: "1", Title: "Old"})
	a := newAuditor(t, tracker, config())
	ctx := auditrepo.ContextWithReason(as(t, "42"), "context")
	publish := func(ctx context.Context, e audit.Event) error {
		return a.Do(ctx, "1", e, func(ctx context.Context, call *auditrepo.Call[*article, string]) error {
			before, err := m.Get(ctx, "1")
			if err != nil {
				return err
			}
			call.SetBefore(before)
			after := &article{ID: "1", Title: "New"}
			call.SetAfter(after)
			return m.Update(ctx, after)
		})
	}
	require.NoError(t, publish(ctx, audit.Event{Action: "Article.Publish", Operation: audit.OperationUpdate}))
	require.NoError(t, publish(ctx, audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate, Actor: audit.Service("cms"), Reason: "event",
		Kind: audit.KindSignal, Outcome: audit.OutcomeDenied,
		Target:   audit.Target{Type: "article", ID: "1", Name: "given"},
		Changes:  []audit.Change{{Field: "status", New: attribute.StringValue("published")}},
		Metadata: []attribute.KeyValue{attribute.String("error.type", "mine")},
	}))
	m.afterWrite = func(context.Context) error { return errNotFound }
	assert.Same(t, errNotFound, publish(ctx, audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate,
		Changes:  []audit.Change{{Field: "status", New: attribute.StringValue("published")}},
		Metadata: []attribute.KeyValue{attribute.String("error.type", "mine")},
	}))
	require.NoError(t, a.Do(ctx, "", audit.Event{Action: "article.import", Operation: audit.OperationCreate},
		func(_ context.Context, call *auditrepo.Call[*article, string]) error {
			call.SetAfter(&article{ID: "7", Title: "Seven"})
			return nil
		}))
	require.NoError(t, a.Do(ctx, "1", audit.Event{Action: "article.print"},
		func(_ context.Context, call *auditrepo.Call[*article, string]) error {
			call.SetBefore(&article{ID: "1", Title: "One"})
			return nil
		}))
	assert.Equal(t, []string{
		`intent article.publish update success by user:42 on article/1 "New" [title Old -> New] because context`,
		`intent article.publish update success by service:cms on article/1 "given" [status nothing -> published] error.type=mine because event`,
		`intent article.publish update failure by user:42 on article/1 "New" error.type=mine because context`,
		"signal article.update update success by user:42 on article/1",
		`intent article.import create success by user:42 on article/7 "Seven" [title nothing -> Seven] [body nothing -> ***REDACTED***] because context`,
		`intent article.print unspecified success by user:42 on article/1 "One" because context`,
	}, trail(recorder))

	var invalid *audit.ValidationError
	for _, e := range []audit.Event{{}, {Action: "?"}, {Action: "article.publish", Operation: 99}} {
		require.ErrorAs(t, a.Do(ctx, "1", e, nil), &invalid, "the function is not called")
	}
}

// Ids have the same text as in the signals of data layers.
func TestFormatID(t *testing.T) {
	t.Parallel()
	type named string
	recorder := audittest.NewRecorder(t)
	requireTargetID(t, recorder, named("a b"), "a b", nil)
	requireTargetID(t, recorder, int8(-7), "-7", nil)
	requireTargetID(t, recorder, uint64(1<<63), "9223372036854775808", nil)
	id := audit.NewID()
	requireTargetID(t, recorder, id, id.String(), nil)
	requireTargetID(t, recorder, netip.MustParseAddr("10.0.0.1"), "10.0.0.1", nil)
	requireTargetID(t, recorder, [2]int{1, 2}, "1-2", func(id [2]int) string { return string(rune('0'+id[0])) + "-" + string(rune('0'+id[1])) })
}

func requireTargetID[ID comparable](t *testing.T, recorder *audittest.Recorder, id ID, want string, format func(ID) string) {
	t.Helper()
	recorder.Reset()
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[page, ID]{
		TargetType: "page", ID: func(page) ID { return id }, FormatID: format,
	})
	require.NoError(t, err)
	require.NoError(t, a.Do(as(t, "42"), id, audit.Event{Operation: audit.OperationExecute},
		func(context.Context, *auditrepo.Call[page, ID]) error { return nil }))
	assert.Equal(t, audit.Target{Type: "page", ID: want}, recorder.RequireRecord(t, audittest.Action("page.execute")).Target)
}

// brokenID is an ID whose MarshalText fails.
type brokenID struct{ n int }

func (brokenID) MarshalText() ([]byte, error) { return nil, &validationError{"secret"} }

func TestFormatIDFails(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[page, brokenID]{
		TargetType: "page", ID: func(page) brokenID { return brokenID{1} },
	})
	require.NoError(t, err)
	err = a.Do(as(t, "42"), brokenID{1}, audit.Event{Operation: audit.OperationExecute},
		func(context.Context, *auditrepo.Call[page, brokenID]) error { return nil })
	require.ErrorContains(t, err, "MarshalText of the id failed with a *auditrepo_test.validationError")
	assert.NotContains(t, err.Error(), "secret")
	recorder.RequireRecord(t, audittest.Action("page.execute"))
}
