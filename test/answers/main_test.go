package answers_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"
)

// parallel is how many rows are served at the same time. Most of the time of the slow ones is
// spent waiting for answers that never come.
const parallel = "16"

func TestMain(m *testing.M) {
	programs := map[string]func(dir string) error{streamsArg: serveStreams, withheldArg: serveWithheld}
	if len(os.Args) == 3 && programs[os.Args[1]] != nil {
		if err := programs[os.Args[1]](os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	_ = flag.Set("test.parallel", parallel) // a flag of the command line comes later and wins
	gin.SetMode(gin.TestMode)
	goleak.VerifyTestMain(m)
}

// action is that of the route intents.
const action = "answer.send"

var event = audit.Event{Action: action, Actor: audit.User("alice"), Target: audit.Target{Type: "answer"}}

// notes are what the handlers of a service see.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// order says where the middleware of a row is, as seen from the client.
type order string

const (
	bare          order = "bare"
	intentOnly    order = "intent only"
	scopeOnly     order = "middleware only"
	outside       order = "the row's, middleware, intent"
	between       order = "middleware, the row's, intent"
	inside        order = "middleware, intent, the row's"
	intentOutside order = "intent, the row's"
)

// orders are those with a middleware or an intent of ours.
var orders = []order{intentOnly, scopeOnly, outside, between, inside, intentOutside}

// setup is an order, and whether the answer of the route intent is withheld until its record
// is safe.
type setup struct {
	order    order
	withheld bool
}

func (s setup) String() string {
	if s.withheld {
		return string(s.order) + ", withheld"
	}
	return string(s.order)
}

// setups returns all with a middleware or an intent of ours.
func setups() (all []setup) {
	for _, o := range orders {
		all = append(all, setup{order: o})
		if o != scopeOnly {
			all = append(all, setup{order: o, withheld: true})
		}
	}
	return all
}

// expectation is what the records of a row say.
type expectation struct {
	outcome audit.Outcome
	// outcomes are those of orders for which another one is right.
	outcomes map[order]audit.Outcome
	// none lists the orders in which the status is not recorded although one was sent: by
	// something outside of ours, or by the handler itself on a hijacked connection.
	none []order
	// unseen lists the orders in which net/http sends something else than what was written,
	// and tells nobody.
	unseen []order
	// differs lists the orders in which the bytes differ, which no wrapped writer can help:
	// http.MaxBytesReader closes the connection only if it gets the server's own writer.
	differs []order
	// absent lists the orders in which there is no record: the request never reached ours.
	absent []order
	// stream says that the event is begun while the response is on its way.
	stream bool
}

// serveFunc serves the request of a row in a setup.
type serveFunc func(t *testing.T, o setup, tracker audit.Tracker, n *notes) answer

// compare serves a row bare and in all setups, and compares what serve returns.
func compare(t *testing.T, want expectation, serve serveFunc) {
	t.Helper()
	var seen notes
	expected := serve(t, setup{order: bare}, audittest.NewRecorder(t).Tracker("unused"), &seen)
	for _, s := range setups() {
		t.Run(s.String(), func(t *testing.T) {
			var n notes
			recorder := audittest.NewRecorder(t)
			got := serve(t, s, recorder.Tracker("test"), &n)
			if slices.Contains(want.differs, s.order) {
				assert.NotEqual(t, expected.text, got.text)
				assert.Equal(t, expected.status, got.status)
			} else {
				assert.Equal(t, expected.text, got.text)
			}
			assert.Equal(t, seen.lines, n.lines, "what the handlers see")
			if s.order == scopeOnly {
				return
			}
			requireRecords(t, want, s, got, recorder)
		})
	}
}

// requireRecords checks the records of the route intent.
func requireRecords(t *testing.T, want expectation, s setup, got answer, recorder *audittest.Recorder) {
	t.Helper()
	o := s.order
	if slices.Contains(want.absent, o) {
		return
	}
	count := 1
	attempt := want.stream || s.withheld
	if attempt {
		count = 2
	}
	var records []*record.Record
	require.Eventually(t, func() bool {
		records = slices.DeleteFunc(recorder.Records(), func(r *record.Record) bool { return r.Action != action })
		return len(records) >= count
	}, 10*time.Second, time.Millisecond)
	require.Len(t, records, count)
	if attempt {
		require.Equal(t, records[0].ID, records[0].Attempt)
		require.Equal(t, records[0].ID, records[1].Attempt)
	}
	r := records[count-1]
	if slices.Contains(want.unseen, o) {
		return
	}
	outcome, special := want.outcomes[o]
	if !special {
		outcome = want.outcome
	}
	assert.Equal(t, outcome, r.Outcome)
	own := attribute.NewSet(r.Metadata...)
	status, known := own.Value(semconv.HTTPResponseStatusCodeKey)
	if got.status == 0 || slices.Contains(want.none, o) {
		assert.False(t, known, "a status of %d that was not sent", status.AsInt64())
		return
	}
	assert.True(t, known, "the status is not recorded")
	assert.Equal(t, int64(got.status), status.AsInt64())
}

// server is a server whose Close waits for its handlers, also on hijacked connections.
type server struct {
	*httptest.Server
	handlers sync.WaitGroup
}

// newServer returns a server that is not started.
func newServer(h http.Handler) *server {
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Done()
		h.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = quiet
	return s
}

func (s *server) Close() {
	s.Server.Close()
	s.handlers.Wait()
}

// start starts a server.
func start(h http.Handler) *server {
	s := newServer(h)
	s.Start()
	return s
}

// start2 starts a server for HTTP/2. It is one without TLS: handlers and their writers are the
// same, and the handshakes, one for each answer, would take a fifth of the tests' time.
func start2(h http.Handler) *server {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	s := newServer(h)
	s.Config.Protocols = &protocols
	s.Start()
	s.Client().Transport.(*http.Transport).Protocols = &protocols
	return s
}

// ignore is an error handler for the errors of coverage.
func ignore(context.Context, error) {}

func lines(text ...string) string { return strings.Join(text, "\r\n") }
