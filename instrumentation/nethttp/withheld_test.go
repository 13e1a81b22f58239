package audithttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// journal lists what happens to a request, in order: what the trail and what the client gets.
type journal struct {
	http.ResponseWriter

	mu    sync.Mutex
	lines []string
	fails string // the line that fails
}

var errDisk = errors.New("the disk is full")

func (j *journal) add(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if line == j.fails {
		return errDisk
	}
	j.lines = append(j.lines, line)
	return nil
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) Name() string { return "journal" }

func (j *journal) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		line := fmt.Sprintf("%s %s %s", r.Action, r.Target.ID, r.Outcome)
		if r.ID == r.Attempt {
			line = fmt.Sprintf("%s %s begun", r.Action, r.Target.ID)
		}
		if err := j.add(line); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) Shutdown(context.Context) error { return nil }

func (j *journal) WriteHeader(status int) {
	_ = j.add(fmt.Sprintf("status %d", status))
	j.ResponseWriter.WriteHeader(status)
}

func (j *journal) Write(b []byte) (int, error) {
	_ = j.add(fmt.Sprintf("%d bytes", len(b)))
	return j.ResponseWriter.Write(b)
}

func (j *journal) Flush() { _ = j.add("flush") }

var payout = audit.Event{Action: "payout.send", Operation: audit.OperationExecute, Actor: audit.User("alice")}

// serveWithheld serves POST /payouts/7 with a withheld answer, and returns what happened.
func serveWithheld(t *testing.T, j *journal, h http.HandlerFunc, opts ...audithttp.IntentOption) (*httptest.ResponseRecorder, []error) {
	t.Helper()
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
	require.NoError(t, err)
	defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
	var log errorLog
	recorder := httptest.NewRecorder()
	j.ResponseWriter = recorder
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = j.add("handler")
		h(w, r)
	})
	opts = append([]audithttp.IntentOption{audithttp.TargetParam("payout", "id"), audithttp.WithheldAnswer()}, opts...)
	mux := http.NewServeMux()
	mux.Handle("POST /payouts/{id}", audithttp.Intent(provider.Tracker("test"), payout, handler, opts...))
	audithttp.Middleware(audithttp.WithErrorHandler(log.handle))(mux).ServeHTTP(j, httptest.NewRequest(http.MethodPost, "/payouts/7", nil))
	return recorder, log.all()
}

func TestWithheldAnswer(t *testing.T) {
	t.Parallel()
	paid := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "paid")
	}
	const begun, done = "payout.send 7 begun", "payout.send 7 success"
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		opts    []audithttp.IntentOption
		want    []string
	}{
		"a small answer": {handler: paid, want: []string{begun, "handler", done, "status 201", "4 bytes"}},
		"nothing":        {handler: func(http.ResponseWriter, *http.Request) {}, want: []string{begun, "handler", done}},
		"a failure": {
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusConflict) },
			want:    []string{begun, "handler", "payout.send 7 failure", "status 409"},
		},
		"another target": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				audit.SetTarget(r.Context(), audit.Target{Type: "payout", ID: "8"})
				paid(w, r)
			},
			want: []string{begun, "handler", "payout.send 8 success", "status 201", "4 bytes"},
		},
		"an interim status": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				paid(w, r)
			},
			want: []string{begun, "handler", "status 103", done, "status 201", "4 bytes"},
		},
		"a flush": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				paid(w, r)
				_ = http.NewResponseController(w).Flush()
				_, _ = io.WriteString(w, "more")
			},
			want: []string{begun, "handler", "status 201", "4 bytes", "flush", "4 bytes", done},
		},
		"a large answer": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(bytes.Repeat([]byte("a"), 65_000))
				_, _ = w.Write(bytes.Repeat([]byte("a"), 1_000))
			},
			want: []string{begun, "handler", "65000 bytes", "1000 bytes", done},
		},
		"a limit": {handler: paid, opts: []audithttp.IntentOption{audithttp.WithheldLimit(10)}, want: []string{begun, "handler", "status 201", "4 bytes", done}},
		"a high limit": {
			handler: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100_000)) },
			opts:    []audithttp.IntentOption{audithttp.WithheldLimit(1 << 20)}, want: []string{begun, "handler", done, "100000 bytes"},
		},
		"many small writes": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				for range 3 {
					_, _ = w.Write([]byte("a"))
				}
			},
			opts: []audithttp.IntentOption{audithttp.WithheldLimit(40)}, want: []string{begun, "handler", "1 bytes", "1 bytes", "1 bytes", done},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			_, errs := serveWithheld(t, j, tt.handler, tt.opts...)
			assert.Equal(t, tt.want, j.all())
			assert.Empty(t, errs)
		})
	}
}

// TestWithheldPanic has the record of what panicked before the panic continues.
func TestWithheldPanic(t *testing.T) {
	t.Parallel()
	j := &journal{}
	assert.PanicsWithValue(t, "no", func() {
		serveWithheld(t, j, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "paid")
			panic("no")
		})
	})
	assert.Equal(t, []string{"payout.send 7 begun", "handler", "payout.send 7 failure", "4 bytes"}, j.all())
}

func TestWithheldAnswerNotBegun(t *testing.T) {
	t.Parallel()
	handler := func(http.ResponseWriter, *http.Request) { t.Error("the handler must not run") }

	j := &journal{fails: "payout.send 7 begun"}
	response, errs := serveWithheld(t, j, handler)
	assert.Equal(t, 503, response.Code)
	assert.Equal(t, "this cannot be recorded now, so nothing was done; try again later\n", response.Body.String())
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], errDisk)

	response, _ = serveWithheld(t, &journal{fails: "payout.send 7 begun"}, handler,
		audithttp.OnNotBegun(func(w http.ResponseWriter, r *http.Request, err error) {
			assert.Equal(t, "/payouts/7", r.URL.Path)
			var failed *audit.DeliveryError
			assert.ErrorAs(t, err, &failed)
			http.Error(w, "closed", http.StatusTeapot)
		}))
	assert.Equal(t, http.StatusTeapot, response.Code)
}

// What a policy requires must be known before the handler runs, and changes need not be.
func TestWithheldAnswerUnmet(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(policy.Rule{Name: "payouts", Actions: []string{"payout.*"}, Require: []string{"reason", "changes"}})
	require.NoError(t, err)
	var log errorLog
	tracker, records := newTracker(t, sdk.WithPolicy(rules))
	unrecorded := audithttp.OnUnrecorded(func(http.ResponseWriter, *http.Request, error, int) { t.Error("it is on record") })
	ran := false
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ran = true
		_, _ = io.WriteString(w, "paid")
	})
	get := func(opts ...audithttp.IntentOption) int {
		ran = false
		w := httptest.NewRecorder()
		e := payout
		e.Target = audit.Target{Type: "payout", ID: "7"}
		h := audithttp.Intent(tracker, e, handler, append(opts, audithttp.WithheldAnswer(), unrecorded)...)
		audithttp.Middleware(audithttp.WithErrorHandler(log.handle))(h).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		return w.Code
	}
	assert.Equal(t, 422, get())
	assert.False(t, ran)
	assert.Empty(t, records.all())

	assert.Equal(t, 200, get(audithttp.ReasonFrom(func(*http.Request) string { return "refund" })))
	assert.True(t, ran)
	require.Len(t, records.all(), 2)
	assert.Equal(t, audit.OutcomeSuccess, records.all()[1].Outcome)
	var unmet *sdk.PolicyError
	require.Len(t, log.all(), 1)
	require.ErrorAs(t, log.all()[0], &unmet)
	assert.True(t, unmet.Recorded)
}

// TestWithheldTargetCheck reports a withheld answer of an intent that ends without a target.
func TestWithheldTargetCheck(t *testing.T) {
	t.Parallel()
	var log errorLog
	tracker, records := newTracker(t)
	h := audithttp.Middleware(audithttp.WithErrorHandler(log.handle), audithttp.WithTargetCheck())(
		audithttp.Intent(tracker, payout, answer(204), audithttp.WithheldAnswer()))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", nil))
	require.Len(t, log.all(), 1)
	require.ErrorContains(t, log.all()[0], "has no target")
	assert.Len(t, records.all(), 2)
}

func TestWithheldAnswerUnrecorded(t *testing.T) {
	t.Parallel()
	paid := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "6")
		w.Header().Set("Set-Cookie", "a=b")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `"paid"`)
	}
	done := func(want int) audithttp.IntentOption {
		return audithttp.OnUnrecorded(func(w http.ResponseWriter, r *http.Request, err error, status int) {
			assert.ErrorIs(t, err, errDisk)
			assert.Equal(t, want, status)
			assert.Equal(t, "7", r.PathValue("id"))
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, "done, not recorded")
		})
	}
	silent := audithttp.OnUnrecorded(func(http.ResponseWriter, *http.Request, error, int) {})
	for name, tt := range map[string]struct {
		fails   string // "payout.send 7 success" if empty
		handler http.HandlerFunc
		opts    []audithttp.IntentOption
		status  int
		body    string
		header  http.Header // nil: not compared
	}{
		"by default": {
			handler: paid, status: 201, body: `"paid"`,
			header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"6"}, "Set-Cookie": {"a=b"}},
		},
		"a function": {
			handler: paid, opts: []audithttp.IntentOption{done(201)}, status: 202, body: "done, not recorded",
			header: http.Header{"Set-Cookie": {"a=b"}},
		},
		"a function that writes nothing": {
			handler: paid, opts: []audithttp.IntentOption{silent}, status: 201, body: `"paid"`,
			header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"6"}, "Set-Cookie": {"a=b"}},
		},
		"a handler that writes nothing": {
			handler: func(http.ResponseWriter, *http.Request) {}, opts: []audithttp.IntentOption{done(200)}, status: 202, body: "done, not recorded",
		},
		"a failure": {
			fails:   "payout.send 7 failure",
			handler: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) },
			opts:    []audithttp.IntentOption{done(500)}, status: 202, body: "done, not recorded",
		},
		"too late": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, strings.Repeat("a", 100_000))
			},
			opts: []audithttp.IntentOption{done(0)}, status: 200, body: strings.Repeat("a", 100_000),
		},
		"copied": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				n, err := io.Copy(w, strings.NewReader("paid"))
				assert.NoError(t, err)
				assert.Equal(t, int64(4), n)
			},
			opts: []audithttp.IntentOption{done(200)}, status: 202, body: "done, not recorded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.fails == "" {
				tt.fails = "payout.send 7 success"
			}
			response, errs := serveWithheld(t, &journal{fails: tt.fails}, tt.handler, tt.opts...)
			assert.Equal(t, tt.status, response.Code)
			assert.Equal(t, tt.body, response.Body.String())
			if tt.header != nil {
				assert.Equal(t, tt.header, response.Result().Header)
			}
			require.Len(t, errs, 1)
			assert.ErrorIs(t, errs[0], errDisk)
		})
	}
}

// TestUnrecordedOnServer replaces answers on the server's own writers, below a middleware that
// writes more.
func TestUnrecordedOnServer(t *testing.T) {
	j := &journal{fails: "payout.send  success", ResponseWriter: httptest.NewRecorder()}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
	require.NoError(t, err)
	defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
	for name, write := range map[string]func(w http.ResponseWriter){
		"Write":       func(w http.ResponseWriter) { _, _ = w.Write([]byte("paid")) },
		"WriteString": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "paid") },
		"ReadFrom":    func(w http.ResponseWriter) { _, _ = io.Copy(w, io.LimitReader(strings.NewReader("paid"), 4)) },
	} {
		intent := audithttp.Intent(provider.Tracker("test"), payout,
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Etag", `"1"`)
				write(w)
			}), audithttp.WithheldAnswer(),
			audithttp.OnUnrecorded(func(w http.ResponseWriter, _ *http.Request, _ error, _ int) { http.Error(w, "done, not recorded", 202) }))
		chatty := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			intent.ServeHTTP(w, r)
			write(w)
			w.(http.Flusher).Flush()
		})
		h := audithttp.Middleware(audithttp.WithErrorHandler(func(context.Context, error) {}))(chatty)
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprint(name, http2), func(t *testing.T) {
				s := httptest.NewUnstartedServer(h)
				s.EnableHTTP2 = http2
				s.StartTLS()
				defer s.Close()
				response, err := s.Client().Get(s.URL)
				require.NoError(t, err)
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				assert.Equal(t, 202, response.StatusCode)
				assert.Equal(t, "done, not recorded\n", string(body))
				assert.Empty(t, response.Header.Get("Etag"))
			})
		}
	}
}

// TestUnrecordedBesideAnotherRecord has a handler that recorded the same action itself, on a
// target that the route does not name. That is not the record of the route.
func TestUnrecordedBesideAnotherRecord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fails  string
		status int
	}{
		{"", http.StatusOK},
		{"payout.send  success", http.StatusAccepted},
	} {
		j := &journal{fails: tt.fails, ResponseWriter: httptest.NewRecorder()}
		provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
		require.NoError(t, err)
		tracker := provider.Tracker("test")
		intent := audithttp.Intent(tracker, payout, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e := payout
			e.Target, e.Outcome = audit.Target{Type: "payout", ID: "9"}, audit.OutcomeSuccess
			assert.NoError(t, tracker.Track(r.Context(), e))
			_, _ = io.WriteString(w, "paid")
		}), audithttp.WithheldAnswer(),
			audithttp.OnUnrecorded(func(w http.ResponseWriter, _ *http.Request, _ error, _ int) { http.Error(w, "done, not recorded", 202) }))
		w := httptest.NewRecorder()
		audithttp.Middleware(audithttp.WithErrorHandler(func(context.Context, error) {}))(intent).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		assert.Equal(t, tt.status, w.Code)
		require.NoError(t, provider.Shutdown(context.Background()))
	}
}
