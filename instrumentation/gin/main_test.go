package auditgin_test

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
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

// do sends a request and returns the status and the body of the response.
func do(t *testing.T, s *httptest.Server, method, path string, header ...string) (int, string) {
	t.Helper()
	status, body, err := frameworktest.Send(t, s, method, path, nil, header...)
	require.NoError(t, err)
	return status, body
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
