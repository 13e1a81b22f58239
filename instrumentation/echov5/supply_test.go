package auditecho_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/labstack/echo/v5"
	"github.com/opendeed/audit"
	auditecho "github.com/opendeed/audit/instrumentation/echov5"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a route supplies is checked before its handler runs, and the error goes through
// Echo's error handler.
func TestSupply(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "metadata.ticket", "target"}})
	require.NoError(t, err)
	event := audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}
	for _, tt := range []struct {
		name   string
		why    string
		mapped bool // by an error handler of the application
		status int
		body   string
		action string
	}{
		{"all there", "spam", false, 204, "", "article.publish"},
		{"a blank reason", " \u00a0\u200b", false, 422, `{"message":"missing or empty: reason"}` + "\n", semconv.ActionRejected},
		{"an application's answer", "", true, 400, "say reason", semconv.ActionRejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			records := &frameworktest.Trail{}
			p, err := sdk.NewTrackerProvider(sdk.WithSyncer(records), sdk.WithPolicy(rules))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, p.Shutdown(context.Background())) })
			tracker := p.Tracker("test")
			e, handled := newEcho()
			if inner := e.HTTPErrorHandler; tt.mapped {
				e.HTTPErrorHandler = func(c *echo.Context, err error) {
					if unmet, ok := errors.AsType[*audit.UnmetError](err); ok {
						*handled++
						assert.NoError(t, c.String(http.StatusBadRequest, "say "+strings.Join(unmet.Fields, " ")))
						return
					}
					inner(c, err)
				}
			}
			e.Use(auditecho.Middleware(auditecho.WithActor(byUser), auditecho.WithCoverage(tracker, nil)))
			ran := 0
			e.PUT("/articles/:slug", func(c *echo.Context) error {
				ran++
				assert.NoError(t, audit.Ready(c.Request().Context()))
				return c.NoContent(http.StatusNoContent)
			}, auditecho.Intent(tracker, event,
				auditecho.TargetParam("article", "slug"),
				auditecho.ReasonFrom(auditecho.Form("why")),
				auditecho.MetadataFrom("ticket", auditecho.Header("Ticket")),
			))
			s := frameworktest.Serve(t, e)
			form := strings.NewReader(url.Values{"why": {tt.why}}.Encode())
			status, body, err := frameworktest.Send(t, s, http.MethodPut, "/articles/hello", form,
				"User", "alice", "Ticket", "T-1", "Content-Type", echo.MIMEApplicationForm)
			require.NoError(t, err)
			s.Close()
			assert.Equal(t, tt.status, status)
			assert.Equal(t, tt.body, body)
			all := records.All()
			require.Len(t, all, 1)
			assert.Equal(t, tt.action, all[0].Action)
			assert.Equal(t, audit.User("alice"), all[0].Actor)
			assert.Equal(t, audit.Target{Type: "article", ID: "hello"}, all[0].Target)
			if tt.action == semconv.ActionRejected {
				assert.Zero(t, ran, "the handler ran")
				assert.Equal(t, 1, *handled)
				return
			}
			assert.Equal(t, 1, ran)
			assert.Equal(t, tt.why, all[0].Reason)
		})
	}
}
