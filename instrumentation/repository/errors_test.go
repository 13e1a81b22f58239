package auditrepo_test

import (
	"context"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/internal/inside"
	disposition "github.com/opendeed/audit/internal/signal"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without an actor, or if its resolver fails, the store is not called.
func TestNoActor(t *testing.T) {
	t.Parallel()
	broken := errors.New("no sessions")
	scoped := func(ctx context.Context, err error) context.Context {
		ctx, scope := audit.NewScope(ctx, audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.Actor{}, err }))
		t.Cleanup(func() { assert.NoError(t, scope.End(context.WithoutCancel(ctx))) })
		return ctx
	}
	tests := map[string]struct {
		ctx  context.Context
		want error
	}{
		"no scope":       {t.Context(), audit.ErrNoActor},
		"scope":          {scoped(t.Context(), nil), audit.ErrNoActor},
		"resolver fails": {scoped(t.Context(), broken), broken},
		"suppressed":     {audit.SuppressSignals(t.Context()), audit.ErrNoActor},
	}
	for name, test := range tests {
		recorder := audittest.NewRecorder(t)
		m := newMemory(recorder.Tracker("test"), article{ID: "1", Title: "Old"})
		s := newAuditor(t, recorder.Tracker("test"), config()).Store(m)
		for _, err := range []error{
			s.Create(test.ctx, &article{ID: "2"}),
			s.Update(test.ctx, &article{ID: "1", Title: "New"}),
			s.Delete(test.ctx, "1"),
		} {
			require.ErrorIs(t, err, test.want, name)
			var failed *auditrepo.TrackError
			require.ErrorAs(t, err, &failed, name)
			assert.False(t, failed.Done)
			assert.ErrorContains(t, err, "the store was not called")
			assert.ErrorIs(t, failed.Retry(as(t, "42")), test.want, "nothing to retry")
		}
		assert.Equal(t, map[string]*article{"1": {ID: "1", Title: "Old"}}, m.articles)
		recorder.RequireNoRecord(t)
	}
}

// What would be rejected is rejected before the store is called. What only the store shows is
// recorded with marks if it is missing.
func TestPolicy(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "target", "target.name", "changes"}})
	require.NoError(t, err)
	recorder := audittest.NewRecorder(t, sdk.WithPolicy(rules))
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	s := newAuditor(t, recorder.Tracker("test"), config()).Store(m)
	for _, err := range []error{
		s.Create(as(t, "42"), &article{}),
		s.Update(auditrepo.ContextWithReason(as(t, "42"), " "), &article{ID: "1", Title: "New"}),
		s.Delete(as(t, "42"), "1"),
		s.Delete(auditrepo.ContextWithReason(audit.ContextWithActor(t.Context(), audit.Anonymous()), "spam"), "1"),
	} {
		var failed *auditrepo.TrackError
		require.ErrorAs(t, err, &failed)
		assert.False(t, failed.Done)
		assert.ErrorContains(t, err, "the store was not called")
	}
	assert.Equal(t, map[string]*article{"1": {ID: "1", Title: "Old"}}, m.articles)
	for _, r := range recorder.Records() {
		assert.Equal(t, "audit.rejected", r.Action)
	}
	assert.Len(t, recorder.Records(), 4)
	recorder.Reset()

	err = s.Create(auditrepo.ContextWithReason(as(t, "42"), "new"), &article{})
	var failed *auditrepo.TrackError
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.Done)
	r := recorder.RequireRecord(t, audittest.Action("article.create"))
	assert.Equal(t, "new-1", r.Target.ID)
	assert.Contains(t, r.Marks, mark.Mark{Path: "target.name", Kind: mark.PolicyUnmet})
	assert.Len(t, recorder.Records(), 1)
}

// sink is an exporter that returns err.
type sink struct{ err error }

func (*sink) Name() string                                     { return "sink" }
func (s *sink) Export(context.Context, []*record.Record) error { return s.err }
func (*sink) Shutdown(context.Context) error                   { return nil }

// If the record fails, the error reports whether the write succeeded, and Retry tracks the
// event again with the same ID.
func TestTrackError(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	broken := errors.New("broken")
	failing := &sink{err: full}
	var reported error
	recorder := audittest.NewRecorder(t, sdk.WithSyncer(failing), sdk.WithErrorHandler(func(_ context.Context, err error) { reported = err }))
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	s := newAuditor(t, recorder.Tracker("test"), config()).Store(m)

	err := s.Update(as(t, "42"), &article{ID: "1", Title: "New"})
	var failed *auditrepo.TrackError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, full)
	assert.True(t, failed.Done)
	assert.ErrorContains(t, err, "the store call succeeded, do not repeat it")
	assert.Equal(t, "New", m.articles["1"].Title)

	require.ErrorIs(t, failed.Retry(as(t, "7")), full)
	failing.err = nil
	require.NoError(t, failed.Retry(as(t, "7")))
	records := recorder.Records()
	require.Len(t, records, 3, "the recorder stored each attempt")
	for _, r := range records[1:] {
		assert.Equal(t, records[0].ID, r.ID)
		assert.Equal(t, records[0].Time, r.Time)
		assert.Equal(t, line(records[0]), line(r))
	}

	failing.err = full
	m.afterWrite = func(context.Context) error { return broken }
	err = s.Update(as(t, "42"), &article{ID: "1"})
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, full)
	require.ErrorAs(t, err, &failed)
	assert.False(t, failed.Done)
	assert.ErrorContains(t, err, "the store call failed, and its record is missing")

	m.afterWrite = func(context.Context) error { panic(broken) }
	r := run(func() error { return s.Update(as(t, "42"), &article{ID: "1"}) })
	assert.Same(t, broken, r.panicked)
	require.ErrorIs(t, reported, full)

	// If the goroutine ends, no caller gets the error either.
	reported, m.afterWrite = nil, exit
	assert.Equal(t, result{exited: true}, run(func() error { return s.Update(as(t, "42"), &article{ID: "1"}) }))
	require.ErrorIs(t, reported, full)
}

// A value whose read was not recorded is not returned; a written value is.
func TestReturnedValuesWithoutRecord(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	recorder := audittest.NewRecorder(t, sdk.WithSyncer(&sink{err: full}))
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[page, int]{
		TargetType: "page", ID: func(p page) int { return p.ID }, RecordReads: true,
	})
	require.NoError(t, err)
	s := a.ValueStore(&pages{stored: map[int]page{1: {ID: 1, Title: "Old"}}})
	p, err := s.Get(as(t, "42"), 1)
	require.ErrorIs(t, err, full)
	assert.Zero(t, p)
	p, err = s.Update(as(t, "42"), page{ID: 1, Title: "New"})
	require.ErrorIs(t, err, full)
	assert.Equal(t, page{ID: 1, Title: "New", Version: 1}, p)
}

// The actor is resolved before the write, so the scope may end during the call.
func TestScopeEndsDuringCall(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	ctx, scope := audit.NewScope(t.Context(), audit.WithActor(func(context.Context) (audit.Actor, error) {
		return audit.User("42"), nil
	}))
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	m.afterWrite = func(ctx context.Context) error { return scope.End(ctx) }
	s := newAuditor(t, recorder.Tracker("test"), config()).Store(m)
	require.NoError(t, s.Update(ctx, &article{ID: "1", Title: "Old"}))
	assert.Equal(t, []string{`intent article.update update success by user:42 on article/1 "Old"`}, trail(recorder))
}

// Ending the call's own scope fails.
func TestScopeEndFails(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	recorder := audittest.NewRecorder(t)
	m := newMemory(nil, article{ID: "1", Title: "Old"})
	m.afterWrite = func(ctx context.Context) error {
		e := signal(audit.OperationUpdate, "2")
		inside.Audit.Hold(audit.ScopeFromContext(ctx), "another", &e, func(context.Context, disposition.Disposition) error { return lost })
		return nil
	}
	s := newAuditor(t, recorder.Tracker("test"), config()).Store(m)
	err := s.Update(as(t, "42"), &article{ID: "1"})
	var failed *auditrepo.TrackError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, lost)
	assert.True(t, failed.Done)
	require.ErrorIs(t, failed.Retry(as(t, "42")), lost)
	recorder.RequireRecord(t, audittest.Action("article.update"))
}

// A panic in a function of Config loses only what the function should have returned.
func TestConfigPanics(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	tests := map[string]struct {
		change func(c *auditrepo.Config[*article, string])
		err    error
		want   string
	}{
		"ID": {
			change: func(c *auditrepo.Config[*article, string]) { c.ID = func(*article) string { panic("secret") } },
			want:   `on article/ "New" [title nothing -> New] [body nothing -> ***REDACTED***] repository.before_unknown=not set`,
		},
		"FormatID": {
			change: func(c *auditrepo.Config[*article, string]) { c.FormatID = func(string) string { panic("secret") } },
			want:   `on article/ "New" [title Old -> New]`,
		},
		"Name": {
			change: func(c *auditrepo.Config[*article, string]) {
				c.Name = func(a *article) string { return a.Tags[7] }
			},
			want: `on article/1 [title Old -> New]`,
		},
		"Clone": {
			change: func(c *auditrepo.Config[*article, string]) { c.Clone = func(*article) *article { panic("secret") } },
			want:   `on article/1 "New" [title nothing -> New] [body nothing -> ***REDACTED***] repository.before_unknown=not copied`,
		},
		"Denied": {
			change: func(c *auditrepo.Config[*article, string]) { c.Denied = func(error) bool { panic("secret") } },
			err:    broken,
			want:   `on article/1 "Old" error.type=*errors.errorString`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := audittest.NewRecorder(t)
			c := config()
			test.change(&c)
			m := newMemory(nil, article{ID: "1", Title: "Old"})
			m.afterWrite = func(context.Context) error { return test.err }
			err := newAuditor(t, recorder.Tracker("test"), c).Store(m).Update(as(t, "42"), &article{ID: "1", Title: "New"})
			var failed *auditrepo.TrackError
			require.ErrorAs(t, err, &failed)
			assert.ErrorContains(t, err, "a function of Config: it panicked")
			assert.NotContains(t, err.Error(), "secret")
			assert.Equal(t, test.err == nil, failed.Done)
			assert.Equal(t, "New", m.articles["1"].Title)
			outcome := "success"
			if test.err != nil {
				require.ErrorIs(t, err, test.err)
				outcome = "failure"
			}
			assert.Equal(t, []string{"intent article.update update " + outcome + " by user:42 " + test.want}, trail(recorder))
		})
	}
}

// New cannot check the tags of a type inside an interface. If they are invalid, the record
// has no changes.
func TestInvalidTagsInInterface(t *testing.T) {
	t.Parallel()
	type invalidTags struct {
		Title string `audit:""`
	}
	recorder := audittest.NewRecorder(t)
	a, err := auditrepo.New(recorder.Tracker("test"), auditrepo.Config[any, string]{
		TargetType: "thing", ID: func(any) string { return "1" },
	})
	require.NoError(t, err)
	s := a.Updater(valueStore[any]{
		get:    func() (any, error) { return invalidTags{"Old"}, nil },
		update: func(any) error { return nil },
	})
	err = s.Update(as(t, "42"), invalidTags{"New"})
	var invalid *audit.ValidationError
	require.ErrorAs(t, err, &invalid)
	var failed *auditrepo.TrackError
	require.ErrorAs(t, err, &failed)
	assert.True(t, failed.Done)
	assert.Equal(t, []string{
		"intent thing.update update success by user:42 on thing/1 repository.before_unknown=not copied",
	}, trail(recorder))
}

func TestNewFails(t *testing.T) {
	t.Parallel()
	tracker := audittest.NewRecorder(t).Tracker("test")
	_, err := auditrepo.New(nil, config())
	require.ErrorContains(t, err, "the tracker is nil")

	c := config()
	c.TargetType = ""
	_, err = auditrepo.New(tracker, c)
	require.ErrorContains(t, err, "Config.TargetType")
	c.TargetType = "статья"
	_, err = auditrepo.New(tracker, c)
	require.ErrorContains(t, err, "Config.TargetType")

	c = config()
	c.ID = nil
	_, err = auditrepo.New(tracker, c)
	require.ErrorContains(t, err, "Config.ID")

	_, err = auditrepo.New(tracker, auditrepo.Config[*article, [2]int]{
		TargetType: "article", ID: func(*article) (id [2]int) { return id },
	})
	require.ErrorContains(t, err, "Config.FormatID is required for ids of type [2]int")

	type invalidTags struct {
		Title string `audit:""`
	}
	_, err = auditrepo.New(tracker, auditrepo.Config[invalidTags, int]{
		TargetType: "article", ID: func(invalidTags) int { return 1 },
	})
	var invalid *audit.ValidationError
	require.ErrorAs(t, err, &invalid)

	assert.PanicsWithValue(t, "auditrepo: Store was called with a nil store", func() {
		newAuditor(t, tracker, config()).Store(nil)
	})
}
