package auditgin_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	goleak.VerifyTestMain(m)
}

// publish is the event of the routes with an intent.
var publish = audit.Event{Action: "article.publish", Operation: audit.OperationUpdate, Target: audit.Target{Type: "article"}}

// serve starts a server that is closed when the test ends.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// do sends a request and returns the status and the body of the response.
func do(t *testing.T, s *httptest.Server, method, path string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := s.Client().Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(text)
}

// byUser is an actor function that trusts the header User.
func byUser(c *gin.Context) (audit.Actor, error) { return audit.User(c.GetHeader("User")), nil }

// strict returns the option of a provider whose policy requires reasons.
func strict(t *testing.T) sdk.Option {
	t.Helper()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason"}})
	require.NoError(t, err)
	return sdk.WithPolicy(rules)
}

// metadata returns the text of a record's metadata, or "".
func metadata(r *record.Record, key attribute.Key) string {
	set := attribute.NewSet(r.Metadata...)
	value, _ := set.Value(key)
	return value.String()
}
