package otlp_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

// eventually waits up to 20 seconds for the condition, which it checks every millisecond.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, time.Millisecond)
}

// TestCollectorIsKilled kills the collector under load. The last kill happens after the sink has
// records and before they are acknowledged, so these records are delivered twice.
func TestCollectorIsKilled(t *testing.T) {
	t.Parallel()
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			sink := collector.NewSink(t)
			c := collector.Start(t, collector.WithSink(sink))
			s := newService(t, tr.exporter(t, c))
			s.TrackDuring(func() {
				for round := range rounds {
					before := len(sink.Logs())
					eventually(t, func() bool { return len(sink.Logs()) > before+7*round })
					c.Kill()
					require.NoError(t, c.Run())
				}
				stalled, resume := sink.Stall()
				select {
				case <-stalled:
				case <-time.After(20 * time.Second):
					require.Fail(t, "the sink received nothing")
				}
				c.Kill()
				resume()
				require.NoError(t, c.Run())
			})
			letters, repeated := s.settle(sink.Logs)
			assert.Empty(t, letters)
			assert.NotZero(t, repeated)
			t.Logf("%d of %d records were delivered more than once", repeated, s.Last.Load())
		})
	}
}

// TestSinkRefuses checks delivery while the sink behind the collector refuses requests, first
// temporarily and then permanently.
func TestSinkRefuses(t *testing.T) {
	t.Parallel()
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			sink := collector.NewSink(t)
			c := collector.Start(t, collector.WithSink(sink))
			s := newService(t, tr.exporter(t, c))
			for _, refusal := range []struct {
				status int
				header http.Header
				code   codes.Code // the code of the collector over gRPC
			}{
				{http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}}, codes.Unavailable},
				{http.StatusTooManyRequests, nil, codes.ResourceExhausted},
			} {
				failures, logs := len(s.exporter.failures()), len(sink.Logs())
				sink.Refuse(refusal.status, refusal.header)
				s.Track(30)
				eventually(t, func() bool { return len(s.exporter.failures()) >= failures+2 })
				for _, err := range s.exporter.failures()[failures:] {
					serverErr, ok := errors.AsType[*otlp.ServerError](err)
					require.True(t, ok, err)
					if tr.name == overGRPC.name {
						assert.Equal(t, refusal.code, serverErr.Code)
					} else {
						assert.Equal(t, refusal.status, serverErr.Status)
					}
				}
				assert.Len(t, sink.Logs(), logs)
				sink.Accept()
				s.Flush()
				assert.Empty(t, s.DeadLetters())
			}
			assert.Len(t, sink.Counts(), 60)

			sink.Refuse(http.StatusBadRequest, nil)
			s.Track(20)
			s.Flush()
			letters := s.DeadLetters()
			assert.Len(t, letters, 20)
			for _, letter := range letters {
				assert.Contains(t, letter.Reason, "the server rejected the request")
			}
			sink.Accept()
			s.Track(5)
			letters, repeated := s.settle(sink.Logs)
			assert.Len(t, letters, 20)
			assert.Zero(t, repeated, "the sink kept no refused record")
			assert.Len(t, sink.Counts(), 65)
		})
	}
}

// TestReplay delivers records that the sink had refused permanently.
func TestReplay(t *testing.T) {
	t.Parallel()
	sink := collector.NewSink(t)
	c := collector.Start(t, collector.WithSink(sink))
	s := newService(t, overGRPC.exporter(t, c))
	sink.Refuse(http.StatusBadRequest, nil)
	s.Track(10)
	s.Flush()
	require.Len(t, s.DeadLetters(), 10)
	sink.Accept()
	delivered, err := s.Provider.ReplayDeadLetters(t.Context(), otlp.DefaultName)
	require.NoError(t, err)
	assert.Equal(t, 10, delivered)
	assert.Len(t, sink.Counts(), 10)
}

// TestRetryAfter exports to the sink directly, since a collector does not pass on Retry-After.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	sink := collector.NewSink(t)
	s := newService(t, overHTTP.exporterTo(t, sink.URL()))
	sink.Refuse(http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}})
	s.Track(1)
	eventually(t, func() bool { return sink.Refused() > 0 })
	start := time.Now()
	sink.Accept()
	eventually(t, func() bool { return len(sink.Logs()) > 0 })
	assert.Greater(t, time.Since(start), 900*time.Millisecond)
	assert.Equal(t, 1, sink.Refused())
}
