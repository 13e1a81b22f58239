package auditrepo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/unit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
)

// reads returns one line for each record: what trail does not say of reads.
func reads(r *audittest.Recorder) []string {
	lines := trail(r)
	for i, record := range r.Records() {
		if !record.Bulk.IsZero() {
			lines[i] += fmt.Sprintf(" %s %d %v", record.Bulk.Selector, record.Bulk.Affected, record.Bulk.Sample)
		}
		for _, m := range record.Marks {
			lines[i] += fmt.Sprintf(" %s:%s:%d", m.Path, m.Kind, m.Count)
		}
	}
	return lines
}

// library is a store of articles, of which some cannot be read.
type library struct{}

func (library) Get(_ context.Context, id string) (*article, error) {
	switch id {
	case "secret":
		return nil, fs.ErrPermission
	case "missing":
		return nil, errNotFound
	case "nil":
		return nil, nil
	case "panic":
		panic("boom")
	}
	return &article{ID: id, Title: "T" + id}, nil
}

// numbered returns articles whose IDs are the numbers from first to last.
func numbered(first, last int) (articles []*article) {
	for i := first; i <= last; i++ {
		articles = append(articles, &article{ID: strconv.Itoa(i), Title: "T" + strconv.Itoa(i)})
	}
	return articles
}

func returned(articles []*article, err error) func(context.Context) ([]*article, error) {
	return func(context.Context) ([]*article, error) { return articles, err }
}

// readArticle is the explicit intent of a read.
func readArticle(id string) audit.Event {
	return audit.Event{
		Action: "article.view", Operation: audit.OperationRead, Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "article", ID: id},
	}
}

// What was read in a scope is one record of each kind.
func TestFoldedReads(t *testing.T) {
	t.Parallel()
	const by42 = "by user:42 on article/"
	type world struct {
		*auditrepo.Auditor[*article, string]
		tracker audit.Tracker
		get     func(ctx context.Context, ids ...string)
	}
	for _, tt := range []struct {
		name string
		opts []audit.ScopeOption
		read func(t *testing.T, ctx context.Context, w *world)
		want []string
	}{
		{"nothing", nil, func(*testing.T, context.Context, *world) {}, nil},
		{"one", nil, func(_ *testing.T, ctx context.Context, w *world) { w.get(ctx, "1") }, []string{
			`signal article.read read success ` + by42 + `1 "T1"`,
		}},
		{"one again and again", nil, func(_ *testing.T, ctx context.Context, w *world) { w.get(ctx, "1", "1", "1") }, []string{
			`signal article.read read success ` + by42 + `1 "T1"`,
		}},
		{"several", nil, func(_ *testing.T, ctx context.Context, w *world) { w.get(ctx, "1", "2", "1") }, []string{
			"signal article.read read success " + by42 + " returned 2 [1 2]",
		}},
		{"nil is nothing", nil, func(_ *testing.T, ctx context.Context, w *world) { w.get(ctx, "nil") }, nil},
		{"failures and denials are records of their own", nil, func(_ *testing.T, ctx context.Context, w *world) {
			w.get(ctx, "1", "secret", "missing", "2", "secret")
		}, []string{ // a denial comes first: it has a budget of its own
			"signal article.read read denied " + by42 + "secret error.type=*errors.errorString",
			"signal article.read read success " + by42 + " returned 2 [1 2]",
			"signal article.read read failure " + by42 + "missing error.type=*errors.errorString",
		}},
		{"a panic", nil, func(t *testing.T, ctx context.Context, w *world) {
			assert.PanicsWithValue(t, "boom", func() { w.get(ctx, "panic") })
		}, []string{"signal article.read read failure " + by42 + "panic error.type=aborted"}},
		{"a list", nil, func(t *testing.T, ctx context.Context, w *world) {
			list, err := w.List(ctx, returned(numbered(1, 3), nil))
			require.NoError(t, err)
			assert.Len(t, list, 3)
			w.get(ctx, "2")
		}, []string{"signal article.read read success " + by42 + " returned 3 [1 2 3]"}},
		{"an empty list", nil, func(t *testing.T, ctx context.Context, w *world) {
			_, err := w.List(ctx, returned(nil, nil))
			require.NoError(t, err)
		}, nil},
		{"a list that failed halfway", nil, func(t *testing.T, ctx context.Context, w *world) {
			list, err := w.List(ctx, returned(numbered(1, 2), errNotFound))
			assert.Same(t, errNotFound, err)
			assert.Len(t, list, 2)
		}, []string{
			"signal article.read read success " + by42 + " returned 2 [1 2]",
			"signal article.read read failure " + by42 + " error.type=*errors.errorString",
		}},
		{"a list that was denied twice", nil, func(_ *testing.T, ctx context.Context, w *world) {
			_, _ = w.List(ctx, returned(nil, fs.ErrPermission))
			_, _ = w.List(ctx, returned(nil, fs.ErrPermission))
		}, []string{"signal article.read read denied " + by42 + " error.type=*errors.errorString requested 2 []"}},
		{"an iteration that is broken off", nil, func(_ *testing.T, ctx context.Context, w *world) {
			for a, err := range w.Seq(ctx, sequence(numbered(1, 9), nil)) {
				if err != nil || a.ID == "3" {
					break
				}
			}
		}, []string{"signal article.read read success " + by42 + " returned 3 [1 2 3]"}},
		{"an iteration that fails", nil, func(t *testing.T, ctx context.Context, w *world) {
			var last error
			for _, err := range w.Seq(ctx, sequence(numbered(1, 2), errNotFound)) {
				last = err
			}
			assert.Same(t, errNotFound, last)
		}, []string{
			"signal article.read read success " + by42 + " returned 2 [1 2]",
			"signal article.read read failure " + by42 + " error.type=*errors.errorString",
		}},
		{"an iteration whose caller panics", nil, func(t *testing.T, ctx context.Context, w *world) {
			assert.Panics(t, func() {
				for _, err := range w.Seq(ctx, sequence(numbered(1, 2), nil)) {
					panic(err)
				}
			})
		}, []string{`signal article.read read success ` + by42 + `1 "T1"`}},
		{"an iteration whose store panics", nil, func(t *testing.T, ctx context.Context, w *world) {
			assert.Panics(t, func() {
				for _, err := range w.Seq(ctx, func(yield func(*article, error) bool) {
					_ = yield(&article{ID: "1", Title: "T1"}, nil)
					panic("the store's")
				}) {
					assert.NoError(t, err)
				}
			})
		}, []string{
			`signal article.read read success ` + by42 + `1 "T1"`,
			"signal article.read read failure " + by42 + " error.type=aborted",
		}},
		{"an intent covers one", nil, func(t *testing.T, ctx context.Context, w *world) {
			w.get(ctx, "1", "2")
			require.NoError(t, w.tracker.Track(ctx, readArticle("1")))
		}, []string{
			"intent article.view read success " + by42 + "1",
			"signal article.read read success " + by42 + "2",
		}},
		{"an intent covers all", nil, func(t *testing.T, ctx context.Context, w *world) {
			e := readArticle("")
			e.Bulk = audit.Bulk{Selector: "author=7", Affected: 2, Sample: []string{"1", "2"}}
			require.NoError(t, w.tracker.Track(ctx, e))
			w.get(ctx, "1", "2")
		}, []string{"intent article.view read success " + by42 + " author=7 2 [1 2]"}},
		{"an intent of another operation covers none", nil, func(t *testing.T, ctx context.Context, w *world) {
			e := readArticle("1")
			e.Operation = audit.OperationUpdate
			require.NoError(t, w.tracker.Track(ctx, e))
			w.get(ctx, "1")
		}, []string{
			"intent article.view update success " + by42 + "1",
			`signal article.read read success ` + by42 + `1 "T1"`,
		}},
		{"an inner scope that adds nothing", nil, func(t *testing.T, ctx context.Context, w *world) {
			require.NoError(t, audit.Run(ctx, func(inner context.Context) error {
				w.get(inner, "1", "2", "secret")
				return nil
			}))
			w.get(ctx, "2", "3")
		}, []string{
			"signal article.read read denied " + by42 + "secret error.type=*errors.errorString",
			"signal article.read read success " + by42 + " returned 3 [1 2 3]",
		}},
		{"an inner scope with an actor of its own", nil, func(t *testing.T, ctx context.Context, w *world) {
			require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
				w.get(ctx, "1")
				return nil
			}, audit.AsActor(audit.Service("mailer"))))
			w.get(ctx, "2")
		}, []string{
			`signal article.read read success by service:mailer on article/1 "T1"`,
			`signal article.read read success ` + by42 + `2 "T2"`,
		}},
		{"an inner scope whose intent covers what it passed to the outer one", nil, func(t *testing.T, ctx context.Context, w *world) {
			require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
				w.get(ctx, "1", "2")
				return w.tracker.Track(ctx, readArticle("1"))
			}))
		}, []string{
			"intent article.view read success " + by42 + "1",
			"signal article.read read success " + by42 + "2",
		}},
		{"an outer intent covers what an inner scope passed", nil, func(t *testing.T, ctx context.Context, w *world) {
			require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
				w.get(ctx, "1", "2", "3")
				return nil
			}, audit.WithChannel("job")))
			require.NoError(t, w.tracker.Track(ctx, readArticle("2")))
		}, []string{
			"intent article.view read success " + by42 + "2",
			"signal article.read read success " + by42 + " returned 2 [1 3]",
		}},
		{"several actors in one scope", nil, func(_ *testing.T, ctx context.Context, w *world) {
			for range 3 {
				w.get(audit.ContextWithActor(ctx, audit.User("7")), "1")
			}
			w.get(ctx, "1")
		}, []string{
			`signal article.read read success by user:7 on article/1 "T1"`,
			`signal article.read read success ` + by42 + `1 "T1"`,
		}},
		{"an inner scope below an actor of the context", nil, func(t *testing.T, ctx context.Context, w *world) {
			require.NoError(t, audit.Run(audit.ContextWithActor(ctx, audit.User("7")), func(ctx context.Context) error {
				w.get(ctx, "1")
				return nil
			}))
		}, []string{`signal article.read read success by user:7 on article/1 "T1"`}},
		{"a scope that holds no signals and finds its actor at its end", []audit.ScopeOption{
			plumbing.WithSignalLimit(0),
			audit.WithActor(func(context.Context) (audit.Actor, error) { return audit.User("42"), nil }),
		}, func(_ *testing.T, ctx context.Context, w *world) { w.get(ctx, "1") }, []string{
			`signal article.read read success ` + by42 + `1 "T1" :signal.overflow:0`,
		}},
		{"suppressed", nil, func(_ *testing.T, ctx context.Context, w *world) {
			w.get(audit.SuppressSignals(ctx), "1", "secret")
			_, _ = w.List(audit.SuppressSignals(ctx), returned(numbered(1, 2), errNotFound))
		}, nil},
		{"an actor that nobody finds", []audit.ScopeOption{audit.WithActor(func(context.Context) (audit.Actor, error) {
			return audit.Actor{}, errors.New("the session store is down")
		})}, func(_ *testing.T, ctx context.Context, w *world) { w.get(ctx, "1") }, []string{
			`signal article.read read success by unresolved: on article/1 "T1"`,
		}},
		{"no scope that is open", nil, func(t *testing.T, ctx context.Context, w *world) {
			require.NoError(t, audit.ScopeFromContext(ctx).End(ctx))
			w.get(ctx, "1", "1")
			_, _ = w.List(ctx, returned(numbered(1, 2), nil))
		}, []string{
			`signal article.read read success ` + by42 + `1 "T1"`,
			`signal article.read read success ` + by42 + `1 "T1"`,
			"signal article.read read success " + by42 + " returned 2 [1 2]",
		}},
		{"no scope", nil, func(_ *testing.T, _ context.Context, w *world) { w.get(context.Background(), "1") }, []string{
			`signal article.read read success by unresolved: on article/1 "T1"`,
		}},
		{"a transaction that is rolled back", nil, func(t *testing.T, ctx context.Context, w *world) {
			err := unit.Run(ctx, w.tracker, audit.Event{}, func(u *unit.Unit) error {
				w.get(u.Start(ctx), "1")
				return errNotFound
			})
			assert.ErrorIs(t, err, errNotFound)
		}, []string{`signal article.read read success ` + by42 + `1 "T1"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			recorder := audittest.NewRecorder(t)
			c := config()
			c.Reads = &auditrepo.Reads{}
			w := &world{tracker: recorder.Tracker("test")}
			w.Auditor = newAuditor(t, w.tracker, c)
			getter := w.Reader(library{})
			w.get = func(ctx context.Context, ids ...string) {
				for _, id := range ids {
					_, _ = getter.Get(ctx, id)
				}
			}
			opts := tt.opts
			if opts == nil {
				opts = []audit.ScopeOption{audit.AsActor(audit.User("42"))}
			}
			ctx, scope := audit.NewScope(t.Context(), opts...)
			tt.read(t, ctx, w)
			require.NoError(t, scope.End(ctx))
			var got []string
			for i, line := range reads(recorder) {
				if recorder.Records()[i].Action != semconv.ActionUnitCommit {
					got = append(got, line)
				}
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func sequence(articles []*article, err error) func(yield func(*article, error) bool) {
	return func(yield func(*article, error) bool) {
		for _, a := range articles {
			if !yield(a, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// The count stays exact when there are more IDs than a record may have.
func TestManyReads(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	a := newAuditor(t, recorder.Tracker("test"), config())
	ctx, scope := audit.NewScope(as(t, "42"))
	_, err := a.List(ctx, returned(numbered(1, 700), nil))
	require.NoError(t, err)
	require.NoError(t, audit.Run(ctx, func(ctx context.Context) error {
		_, err := a.List(ctx, returned(numbered(501, 1800), nil))
		return err
	}))
	a.Returned(ctx, numbered(1, 1000)...)
	require.NoError(t, scope.End(ctx))

	require.Len(t, recorder.Records(), 1)
	r := recorder.Records()[0]
	assert.Equal(t, int64(1800), r.Bulk.Affected)
	assert.Len(t, r.Bulk.Sample, 1000)
	assert.Equal(t, "1", r.Bulk.Sample[0])
	assert.Equal(t, "1000", r.Bulk.Sample[999])
	assert.Equal(t, []mark.Mark{{Path: "bulk.sample", Kind: mark.Dropped, Count: 800}}, r.Marks)
}

// A job whose reads differ in more ways than a scope keeps apart loses none of them.
func TestReadsOfManyKinds(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	get := newAuditor(t, recorder.Tracker("test"), config()).Reader(library{})
	ctx, scope := audit.NewScope(t.Context())
	const users = 250
	for i := range users {
		_, err := get.Get(audit.ContextWithActor(ctx, audit.User(strconv.Itoa(i))), "1")
		require.NoError(t, err)
	}
	require.NoError(t, scope.End(ctx))
	seen := map[string]bool{}
	for _, r := range recorder.Records() {
		seen[r.Actor.ID] = true
	}
	assert.Len(t, seen, users)
	assert.Len(t, recorder.Records(), users)
}

func TestSampledReads(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	c := config()
	c.Reads = &auditrepo.Reads{OneIn: 4, Key: []byte("a key")}
	tracker := recorder.Tracker("test")
	serve := func(ctx context.Context, a *auditrepo.Auditor[*article, string], ids ...string) (records int) {
		recorder.Reset()
		ctx, scope := audit.NewScope(ctx, audit.AsActor(audit.User("42")))
		defer func() { records = len(recorder.Records()) }()
		defer func() { assert.NoError(t, scope.End(ctx)) }()
		get := a.Reader(library{})
		for _, id := range ids {
			_, _ = get.Get(ctx, id)
		}
		return 0
	}
	traced := func(i int) context.Context {
		return trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1, byte(i >> 8), byte(i)}, SpanID: trace.SpanID{1},
		}))
	}
	identified := func(i int) context.Context {
		ctx, _ := audit.NewScope(t.Context(), audit.WithScopeMetadata(semconv.RequestIDKey.String(strconv.Itoa(i))))
		return ctx
	}
	const requests = 1000
	for name, request := range map[string]func(int) context.Context{"trace": traced, "request ID": identified} {
		first, second := newAuditor(t, tracker, c), newAuditor(t, tracker, c)
		kept := 0
		for i := range requests {
			n := serve(request(i), first, "1", "2")
			kept += n
			if n == 1 && name == "trace" {
				assert.Contains(t, reads(recorder)[0], "audit.read.one_in=4 returned 2 [1 2]")
			}
			require.Equal(t, n, serve(request(i), second, "1"), "another process with the same key")
		}
		if name == "trace" {
			assert.InDelta(t, requests/4, kept, 60)
		}
	}

	// Failures and denials are recorded in every request, unless that is asked for.
	all := newAuditor(t, tracker, c)
	c.Reads = &auditrepo.Reads{OneIn: 4, Key: []byte("a key"), SampleFailures: true}
	sampled := newAuditor(t, tracker, c)
	failures := 0
	for i := range requests {
		assert.GreaterOrEqual(t, serve(traced(i), all, "missing", "1"), 1)
		failures += serve(traced(i), sampled, "missing")
	}
	assert.InDelta(t, requests/4, failures, 60)

	// What cannot be told apart is not sampled, and says so.
	assert.Equal(t, 1, serve(t.Context(), all, "1"))
	assert.NotContains(t, reads(recorder)[0], "one_in")

	// Without a key, nobody can know which requests are in the sample.
	c.Reads = &auditrepo.Reads{OneIn: 2}
	one, other := newAuditor(t, tracker, c), newAuditor(t, tracker, c)
	different := 0
	for i := range requests {
		if serve(traced(i), one, "1") != serve(traced(i), other, "1") {
			different++
		}
	}
	assert.NotZero(t, different)
}

func TestReadsConfig(t *testing.T) {
	t.Parallel()
	tracker := audittest.NewRecorder(t).Tracker("test")
	c := config()
	c.Reads, c.RecordReads = &auditrepo.Reads{}, true
	_, err := auditrepo.New(tracker, c)
	assert.EqualError(t, err, "auditrepo: Config.RecordReads and Config.Reads are two ways to record reads; set one of them")
	c.Reads, c.RecordReads = &auditrepo.Reads{OneIn: -1}, false
	_, err = auditrepo.New(tracker, c)
	assert.EqualError(t, err, "auditrepo: Config.Reads.OneIn is negative")
	assert.PanicsWithValue(t, "auditrepo: Reader was called with a nil store", func() { newAuditor(t, tracker, config()).Reader(nil) })
}

// A mistake in Config, or a trail that cannot be written, does not reach the caller of a read.
func TestReadsThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var reported []string
	handle := func(_ context.Context, err error) {
		mu.Lock()
		defer mu.Unlock()
		reported = append(reported, err.Error())
	}
	recorder := audittest.NewRecorder(t, sdk.WithErrorHandler(handle))
	c := config()
	c.Reads = &auditrepo.Reads{}
	c.ID = func(*article) string { panic("boom") }
	c.Name = func(*article) string { panic("boom") }
	c.Denied = func(error) bool { panic("boom") }
	s := newAuditor(t, recorder.Tracker("test"), c).Store(newMemory(nil, article{ID: "1", Title: "Old"}))
	value, err := s.Get(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, "Old", value.Title)
	_, err = s.Get(t.Context(), "2")
	assert.Same(t, errNotFound, err)
	assert.Equal(t, []string{
		"signal article.read read success by unresolved: on article/",
		"signal article.read read failure by unresolved: on article/2 error.type=*errors.errorString",
	}, reads(recorder))
	assert.Len(t, reported, 3)

	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(&sink{err: errors.New("the disk is full")}), sdk.WithErrorHandler(handle))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Shutdown(context.Background())) })
	reader := newAuditor(t, provider.Tracker("test"), config()).Reader(library{})
	reported = nil
	value, err = reader.Get(t.Context(), "1")
	require.NoError(t, err)
	assert.Equal(t, "1", value.ID)
	require.Len(t, reported, 1, "without a scope the error handler hears of it")
	assert.Contains(t, reported[0], "the disk is full")

	ctx, scope := audit.NewScope(t.Context())
	_, err = reader.Get(ctx, "1")
	require.NoError(t, err)
	failed, ok := errors.AsType[*audit.DeliveryError](scope.End(ctx))
	require.True(t, ok, "the end of the scope has the error")
	assert.ErrorContains(t, failed, "the disk is full")
}

// Reads of many goroutines of one request are one record.
func TestConcurrentReads(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	c := config()
	c.Reads = &auditrepo.Reads{}
	get := newAuditor(t, recorder.Tracker("test"), c).Reader(library{})
	ctx, scope := audit.NewScope(as(t, "42"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			assert.NoError(t, audit.Run(ctx, func(inner context.Context) error {
				for n := range 100 {
					_, _ = get.Get(inner, strconv.Itoa(i*50+n))
					_, _ = get.Get(ctx, strconv.Itoa(n))
					scope.Tracked(func(*audit.Event) bool { return false })
				}
				return nil
			}))
		})
	}
	wg.Wait()
	require.NoError(t, scope.End(ctx))
	require.Len(t, recorder.Records(), 1)
	assert.Equal(t, int64(450), recorder.Records()[0].Bulk.Affected)
	assert.Len(t, recorder.Records()[0].Bulk.Sample, 450)
}

// What was read in a transaction was seen, whatever becomes of it.
func TestReadsInTransactions(t *testing.T) {
	t.Parallel()
	for _, within := range []string{"no scope", "a scope", "a scope of another actor"} {
		for _, end := range []func(u *unit.Unit) error{
			func(u *unit.Unit) error { return u.Commit() },
			func(u *unit.Unit) error { return u.Rollback(errNotFound) },
			func(u *unit.Unit) error { return u.Unknown(errNotFound) },
		} {
			t.Run(within, func(t *testing.T) {
				t.Parallel()
				recorder := audittest.NewRecorder(t)
				tracker := recorder.Tracker("test")
				get := newAuditor(t, tracker, config()).Reader(library{})
				ctx, scope := as(t, "42"), (*audit.Scope)(nil)
				if within != "no scope" {
					ctx, scope = audit.NewScope(ctx)
				}
				u, err := unit.Begin(ctx, tracker, audit.Event{})
				require.NoError(t, err)
				for _, id := range []string{"1", "2"} { // the driver runs it again
					run := u.Start(ctx)
					if within == "a scope of another actor" {
						require.NoError(t, audit.SetActor(run, audit.User("42")))
					}
					_, err = get.Get(run, id)
					require.NoError(t, err)
				}
				require.NoError(t, end(u))
				require.NoError(t, scope.End(ctx))
				seen := map[string]bool{}
				for _, r := range recorder.Records() {
					if r.Action == "article.read" {
						assert.Equal(t, audit.OutcomeSuccess, r.Outcome)
						seen[r.Target.ID] = true
						for _, id := range r.Bulk.Sample {
							seen[id] = true
						}
					}
				}
				assert.True(t, seen["1"], "%v", reads(recorder))
				assert.True(t, seen["2"], "%v", reads(recorder))
			})
		}
	}
}
