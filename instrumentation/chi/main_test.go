package auditchi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// publish is the event of the routes with an intent.
var publish = audit.Event{Action: "article.publish", Operation: audit.OperationUpdate, Target: audit.Target{Type: "article"}}

// do sends a request and returns the status of the response.
func do(t *testing.T, s *httptest.Server, method, path string, header ...string) int {
	t.Helper()
	status, _, err := frameworktest.Send(t, s, method, path, nil, header...)
	require.NoError(t, err)
	return status
}

// byUser is an actor function that trusts the header User.
func byUser(r *http.Request) (audit.Actor, error) { return audit.User(r.Header.Get("User")), nil }

// answer returns a handler that only writes a status.
func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// metadata returns the text of a record's metadata, or "".
func metadata(r *record.Record, key attribute.Key) string {
	set := attribute.NewSet(r.Metadata...)
	value, _ := set.Value(key)
	return value.String()
}

// place is where a record says that its request went.
func place(r *record.Record) [2]string {
	return [2]string{metadata(r, semconv.HTTPRouteKey), metadata(r, semconv.URLPathKey)}
}
