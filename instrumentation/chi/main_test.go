package auditchi_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// do sends a request and returns the status of the response.
func do(t *testing.T, s *httptest.Server, method, path string, header ...string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	response, err := s.Client().Do(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
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
