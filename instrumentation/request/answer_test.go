package request_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/instrumentation/request"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var (
	publish   = audit.Event{Action: "article.publish", Target: audit.Target{Type: "article", ID: "1"}}
	errFailed = errors.New("failed")
)

// framework serves requests whose handlers return errors, and uses its objects again.
type framework struct {
	recorder *audittest.Recorder
	user     string // of the request that is served; "" after it
	before   func(status int)
	errs     []error
	panicsAt int   // the status at which the route's event panics
	statuses []int // that the route's event was asked for
}

// serve serves a request by h, behind a middleware and a route intent.
func (f *framework) serve(ctx context.Context, w http.ResponseWriter, h func(http.ResponseWriter, *http.Request) error) error {
	f.user = "alice"
	f.panicsAt = cmp.Or(f.panicsAt, 1)
	config := &request.Config{ErrorHandler: func(_ context.Context, err error) {
		f.errs = append(f.errs, err)
		if f.panicsAt < 0 {
			panic("broken")
		}
	}}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/articles/1", nil)
	d := request.DescribeHTTP(w, r, "")
	d.Actor = func(context.Context) (audit.Actor, error) {
		if f.user == "" {
			return audit.Actor{}, nil
		}
		return audit.User(f.user), nil
	}
	before := func(leaves func(int)) { f.before = leaves }
	return config.Open(ctx, &d).Serve(&request.HTTP{Request: r, Writer: w, BeforeHeader: before, Handler: func(w http.ResponseWriter, r *http.Request) error {
		d := request.DescribeHTTP(w, r, "")
		return config.Open(r.Context(), &d).Serve(&request.HTTP{
			Request: r, Writer: w, BeforeHeader: func(func(int)) {}, Handler: h,
			Intent: &request.Intent{Tracker: f.recorder.Tracker("test"), Event: func(status int) audit.Event {
				f.statuses = append(f.statuses, status)
				if status == f.panicsAt {
					panic("broken")
				}
				return publish
			}},
		})
	}})
}

// release uses the framework's objects for another request.
func (f *framework) release() { f.user = "mallory" }

func status(t *testing.T, r *record.Record) int64 {
	t.Helper()
	own := attribute.NewSet(r.Metadata...)
	v, _ := own.Value(semconv.HTTPResponseStatusCodeKey)
	return v.AsInt64()
}

// An error that is answered after Serve has returned.
func TestErrorAnsweredLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &framework{recorder: audittest.NewRecorder(t)}
		ctx, cancel := context.WithCancel(t.Context())
		err := f.serve(ctx, httptest.NewRecorder(), func(http.ResponseWriter, *http.Request) error { return errFailed })
		require.Same(t, errFailed, err)
		f.recorder.RequireNoRecord(t)
		cancel() // as a middleware outside does that limits the time
		synctest.Wait()
		f.before(http.StatusEarlyHints)
		f.recorder.RequireNoRecord(t)
		f.before(http.StatusConflict)
		r := f.recorder.RequireRecord(t, audittest.Outcome(audit.OutcomeFailure), audittest.Actor(audit.User("alice")))
		assert.Equal(t, int64(409), status(t, r))
		assert.Equal(t, []int{0, 409}, f.statuses)
		f.before(http.StatusOK)
		time.Sleep(time.Minute)
		assert.Len(t, f.recorder.Records(), 1)
	})
}

// An error that nobody answers is recorded when the request is over, with the actor that
// was found before, and without the framework's objects.
func TestErrorNeverAnswered(t *testing.T) {
	t.Parallel()
	for name, background := range map[string]bool{"a request that ends": false, "a context without an end": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &framework{recorder: audittest.NewRecorder(t)}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				served := ctx
				if background {
					served = context.Background()
				}
				err := f.serve(served, httptest.NewRecorder(), func(_ http.ResponseWriter, r *http.Request) error {
					assert.NoError(t, f.recorder.Tracker("test").Track(r.Context(), audit.Event{Action: "article.read", Kind: audit.KindSignal}))
					return errFailed
				})
				require.Same(t, errFailed, err)
				f.release()
				cancel()
				synctest.Wait()
				f.recorder.RequireNoRecord(t)
				time.Sleep(time.Second)
				synctest.Wait()
				all := f.recorder.Records()
				require.Len(t, all, 2)
				for _, r := range all {
					assert.Equal(t, audit.User("alice"), r.Actor)
					assert.Zero(t, status(t, r))
				}
				assert.Equal(t, audit.OutcomeFailure, all[0].Outcome)
				assert.Equal(t, audit.KindSignal, all[1].Kind)
				assert.Equal(t, []int{0}, f.statuses)
				f.before(http.StatusOK) // of another request
				assert.Len(t, f.recorder.Records(), 2)
			})
		})
	}
}

// Once the request is over, an actor function would find another request's actor.
func TestActorNeverFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &framework{recorder: audittest.NewRecorder(t)}
		ctx, cancel := context.WithCancel(t.Context())
		_ = f.serve(ctx, httptest.NewRecorder(), func(http.ResponseWriter, *http.Request) error {
			f.user = ""
			return errFailed
		})
		f.release()
		cancel()
		time.Sleep(time.Second)
		synctest.Wait()
		f.recorder.RequireNoRecord(t, audittest.Action(publish.Action))
		f.recorder.RequireNoRecord(t, audittest.Actor(audit.User("mallory")))
		require.Len(t, f.errs, 1)
		assert.ErrorAs(t, f.errs[0], new(*audit.ActorError))
	})
}

// A panic that reaches the server is recorded at once.
func TestPanicNeverAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &framework{recorder: audittest.NewRecorder(t)}
		ctx, cancel := context.WithCancel(t.Context())
		assert.PanicsWithValue(t, "no", func() {
			_ = f.serve(ctx, httptest.NewRecorder(), func(http.ResponseWriter, *http.Request) error { panic("no") })
		})
		f.release()
		cancel()
		synctest.Wait()
		r := f.recorder.RequireRecord(t, audittest.Outcome(audit.OutcomeFailure), audittest.Actor(audit.User("alice")))
		assert.Zero(t, status(t, r))
	})
}

// A panic without a server, as in a test, has the status that a middleware outside answers.
func TestPanicAnsweredWithoutServer(t *testing.T) {
	t.Parallel()
	f := &framework{recorder: audittest.NewRecorder(t)}
	assert.PanicsWithValue(t, "no", func() {
		_ = f.serve(context.Background(), httptest.NewRecorder(), func(http.ResponseWriter, *http.Request) error { panic("no") })
	})
	f.before(http.StatusInternalServerError)
	r := f.recorder.RequireRecord(t, audittest.Outcome(audit.OutcomeFailure))
	assert.Equal(t, int64(500), status(t, r))
}

// What a client that has hung up would have got.
func TestClientGone(t *testing.T) {
	t.Parallel()
	shutdown := errors.New("shutdown")
	tests := []struct {
		name    string
		cause   error
		status  int // that the handler writes; 0 for none
		err     error
		want    int64
		outcome audit.Outcome
	}{
		{"nothing", nil, 0, nil, 0, audit.OutcomeUnknown},
		{"a success", nil, 201, nil, 0, audit.OutcomeSuccess},
		{"a denial", nil, 403, nil, 0, audit.OutcomeDenied},
		{"a success and an error", nil, 200, errFailed, 0, audit.OutcomeFailure},
		{"a success in a service that stops", shutdown, 201, nil, 201, audit.OutcomeSuccess},
		{"nothing from a service that stops", shutdown, 0, nil, 0, audit.OutcomeSuccess},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := &framework{recorder: audittest.NewRecorder(t)}
			ctx, cancel := context.WithCancelCause(t.Context())
			err := f.serve(ctx, httptest.NewRecorder(), func(w http.ResponseWriter, _ *http.Request) error {
				cancel(tt.cause)
				if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
				return tt.err
			})
			require.Equal(t, tt.err, err)
			r := f.recorder.RequireRecord(t, audittest.Outcome(tt.outcome))
			assert.Equal(t, tt.want, status(t, r))
		})
	}
}

// A stream whose start cannot be recorded continues, and its end is a whole event.
func TestStreamWithoutStart(t *testing.T) {
	t.Parallel()
	f := &framework{recorder: audittest.NewRecorder(t)}
	err := f.serve(t.Context(), httptest.NewRecorder(), func(w http.ResponseWriter, r *http.Request) error {
		f.user = "" // nobody, so far
		assert.NoError(t, http.NewResponseController(w).Flush())
		assert.NoError(t, audit.SetActor(r.Context(), audit.User("alice")))
		return nil
	})
	require.NoError(t, err)
	r := f.recorder.RequireRecord(t, audittest.Outcome(audit.OutcomeSuccess))
	assert.Zero(t, r.Attempt)
}

// A handler that recorded the event itself before it streams begins no second one.
func TestStreamThatIsRecorded(t *testing.T) {
	t.Parallel()
	f := &framework{recorder: audittest.NewRecorder(t)}
	err := f.serve(t.Context(), httptest.NewRecorder(), func(w http.ResponseWriter, r *http.Request) error {
		own := publish
		own.Outcome = audit.OutcomeSuccess
		assert.NoError(t, f.recorder.Tracker("test").Track(r.Context(), own))
		return http.NewResponseController(w).Flush()
	})
	require.NoError(t, err)
	assert.Zero(t, f.recorder.RequireRecord(t).Attempt)
}

// A route's event that panics loses no signal, and the panic continues.
func TestEventPanics(t *testing.T) {
	t.Parallel()
	handler := func(f *framework, err error) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, r *http.Request) error {
			assert.NoError(t, f.recorder.Tracker("test").Track(r.Context(), audit.Event{Action: "article.read", Kind: audit.KindSignal}))
			if err == nil {
				w.WriteHeader(http.StatusOK)
			}
			return err
		}
	}
	t.Run("when the handler has ended", func(t *testing.T) {
		t.Parallel()
		f := &framework{recorder: audittest.NewRecorder(t), panicsAt: 200}
		assert.PanicsWithValue(t, "broken", func() { _ = f.serve(t.Context(), httptest.NewRecorder(), handler(f, nil)) })
		f.recorder.RequireRecord(t, audittest.Action("article.read"))
	})
	t.Run("when the header leaves", func(t *testing.T) {
		t.Parallel()
		f := &framework{recorder: audittest.NewRecorder(t), panicsAt: 409}
		require.Same(t, errFailed, f.serve(t.Context(), httptest.NewRecorder(), handler(f, errFailed)))
		assert.PanicsWithValue(t, "broken", func() { f.before(409) })
		f.recorder.RequireRecord(t, audittest.Action("article.read"))
	})
}

// An error handler that panics after the request does not end the process.
func TestErrorHandlerPanicsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &framework{recorder: audittest.NewRecorder(t), panicsAt: -1}
		ctx, cancel := context.WithCancel(t.Context())
		_ = f.serve(ctx, httptest.NewRecorder(), func(_ http.ResponseWriter, r *http.Request) error {
			f.user = ""
			assert.NoError(t, f.recorder.Tracker("test").Track(r.Context(), audit.Event{Action: "article.read", Kind: audit.KindSignal}))
			return errFailed
		})
		f.release()
		cancel()
		time.Sleep(time.Second)
		synctest.Wait()
		assert.NotEmpty(t, f.errs)
		f.recorder.RequireRecord(t, audittest.Action("article.read"))
	})
}
