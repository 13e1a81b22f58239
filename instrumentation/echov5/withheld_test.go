package auditecho_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// journal lists what happens to a request, in order: what the trail and what the client gets.
type journal struct {
	http.ResponseWriter
	lines []string
	fails string // the line that fails
}

var errDisk = errors.New("the disk is full")

func (j *journal) Name() string { return "journal" }

func (j *journal) Direct() bool { return true }

func (j *journal) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		line := fmt.Sprintf("%s %s %s", r.Action, r.Target.ID, r.Outcome)
		if r.ID == r.Attempt {
			line = fmt.Sprintf("%s %s begun", r.Action, r.Target.ID)
		}
		if line == j.fails {
			return errDisk
		}
		j.lines = append(j.lines, line)
	}
	return nil
}

func (j *journal) Shutdown(context.Context) error { return nil }

func (j *journal) WriteHeader(status int) {
	j.lines = append(j.lines, fmt.Sprintf("status %d", status))
	j.ResponseWriter.WriteHeader(status)
}

// TestWithheldAnswer has the intent on a group.
func TestWithheldAnswer(t *testing.T) {
	t.Parallel()
	paid := func(c *echo.Context) error { return c.String(http.StatusCreated, "paid") }
	done := auditecho.OnUnrecorded(func(w http.ResponseWriter, _ *http.Request, err error, status int) {
		assert.ErrorIs(t, err, errDisk)
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, "done with %d, not recorded", status)
	})
	const begun, success, failure = "payout.send 7 begun", "payout.send 7 success", "payout.send 7 failure"
	for name, tt := range map[string]struct {
		fails   string
		handler echo.HandlerFunc
		opts    []auditecho.IntentOption
		want    []string
		body    string
		errs    int
	}{
		"success": {handler: paid, want: []string{begun, "handler", success, "status 201"}, body: "paid"},
		"an error": {
			handler: func(*echo.Context) error { return errConflict }, want: []string{begun, "handler", failure, "status 409"},
			body: `{"message":"Conflict"}` + "\n",
		},
		"an error after the answer": {
			handler: func(c *echo.Context) error { return errors.Join(paid(c), errConflict) },
			want:    []string{begun, "handler", failure, "status 201"}, body: "paid",
		},
		"not begun": {
			fails: begun, handler: paid, errs: 1, want: []string{"error handler: true", "status 503"},
			body: `{"message":"this cannot be recorded now, so nothing was done; try again later"}` + "\n",
		},
		"not recorded": {fails: success, handler: paid, errs: 1, want: []string{begun, "handler", "status 201"}, body: "paid"},
		"not recorded, with a function": {
			fails: success, handler: paid, opts: []auditecho.IntentOption{done}, errs: 1,
			want: []string{begun, "handler", "status 202"}, body: "done with 201, not recorded",
		},
		"an error that is not recorded": {
			fails: failure, handler: func(*echo.Context) error { return errConflict }, opts: []auditecho.IntentOption{done}, errs: 1,
			want: []string{begun, "handler", "status 409"}, body: `{"message":"Conflict"}` + "\n",
		},
		"a limit": {
			handler: paid, opts: []auditecho.IntentOption{auditecho.WithheldLimit(1)},
			want: []string{begun, "handler", "status 201", success}, body: "paid",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			j := &journal{fails: tt.fails, ResponseWriter: w}
			provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
			require.NoError(t, err)
			defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
			var errs []error
			e := echo.New()
			e.Logger = slog.New(slog.DiscardHandler)
			e.HTTPErrorHandler = func(c *echo.Context, err error) {
				if errors.Is(err, errDisk) {
					var failed *audit.DeliveryError
					j.lines = append(j.lines, fmt.Sprintf("error handler: %v", errors.As(err, &failed)))
				}
				echo.DefaultHTTPErrorHandler(false)(c, err)
			}
			e.Use(auditecho.Middleware(
				auditecho.WithActor(func(*echo.Context) (audit.Actor, error) { return audit.User("alice"), nil }),
				auditecho.WithErrorHandler(func(_ context.Context, err error) { errs = append(errs, err) })))
			opts := append([]auditecho.IntentOption{auditecho.TargetParam("payout", "id"), auditecho.WithheldAnswer()}, tt.opts...)
			g := e.Group("/payouts", auditecho.Intent(provider.Tracker("test"), audit.Event{Action: "payout.send"}, opts...))
			g.POST("/:id", func(c *echo.Context) error {
				j.lines = append(j.lines, "handler")
				return tt.handler(c)
			})
			e.ServeHTTP(j, httptest.NewRequest(http.MethodPost, "/payouts/7", nil))
			assert.Equal(t, tt.want, j.lines)
			assert.Equal(t, tt.body, w.Body.String())
			assert.Len(t, errs, tt.errs)
		})
	}
}
