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

// eventually waits, without pausing much.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, time.Millisecond)
}

// TestCollectorIsKilled kills the collector under load, in the end for certain after the
// sink has records and before they are acknowledged, so that they come twice.
func TestCollectorIsKilled(t *testing.T) {
	t.Parallel()
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for _, by := range transports {
		t.Run(by.name, func(t *testing.T) {
			t.Parallel()
			sink := collector.NewSink(t)
			c := collector.Start(t, collector.WithSink(sink))
			s := newService(t, by.exporter(t, c))
			s.underLoad(func() {
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
					require.Fail(t, "nothing comes")
				}
				c.Kill()
				resume()
				require.NoError(t, c.Run())
			})
			letters, repeated := s.settle(sink.Logs)
			assert.Empty(t, letters)
			assert.NotZero(t, repeated)
			t.Logf("%d of %d records came more than once", repeated, len(s.acknowledged))
		})
	}
}

// TestSinkRefuses has the collector pass on that its sink does not want what it is sent,
// for a while and then for good.
func TestSinkRefuses(t *testing.T) {
	t.Parallel()
	for _, by := range transports {
		t.Run(by.name, func(t *testing.T) {
			t.Parallel()
			sink := collector.NewSink(t)
			c := collector.Start(t, collector.WithSink(sink))
			s := newService(t, by.exporter(t, c))
			for _, refusal := range []struct {
				status int
				header http.Header
				code   codes.Code // what the collector makes of it over gRPC
			}{
				{http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}}, codes.Unavailable},
				{http.StatusTooManyRequests, nil, codes.ResourceExhausted},
			} {
				before, had := len(s.exporter.failed()), len(sink.Logs())
				sink.Refuse(refusal.status, refusal.header)
				s.track(30)
				eventually(t, func() bool { return len(s.exporter.failed()) >= before+2 })
				for _, err := range s.exporter.failed()[before:] {
					said, is := errors.AsType[*otlp.ServerError](err)
					require.True(t, is, err)
					if by.name == overGRPC.name {
						assert.Equal(t, refusal.code, said.Code)
					} else {
						assert.Equal(t, refusal.status, said.Status)
					}
				}
				assert.Len(t, sink.Logs(), had)
				sink.Accept()
				s.flush()
				assert.Empty(t, s.deadLetters())
			}
			assert.Len(t, sink.Counts(), 60)

			sink.Refuse(http.StatusBadRequest, nil)
			s.track(20)
			s.flush()
			letters := s.deadLetters()
			assert.Len(t, letters, 20)
			for _, letter := range letters {
				assert.Contains(t, letter.Reason, "the server rejected the request")
			}
			sink.Accept()
			s.track(5)
			letters, repeated := s.settle(sink.Logs)
			assert.Len(t, letters, 20)
			assert.Zero(t, repeated, "what was refused did not arrive")
			assert.Len(t, sink.Counts(), 65)
		})
	}
}

// TestReplay brings to the sink what it has refused for good.
func TestReplay(t *testing.T) {
	t.Parallel()
	sink := collector.NewSink(t)
	c := collector.Start(t, collector.WithSink(sink))
	s := newService(t, overGRPC.exporter(t, c))
	sink.Refuse(http.StatusBadRequest, nil)
	s.track(10)
	s.flush()
	require.Len(t, s.deadLetters(), 10)
	sink.Accept()
	delivered, err := s.provider.ReplayDeadLetters(t.Context(), otlp.DefaultName)
	require.NoError(t, err)
	assert.Equal(t, 10, delivered)
	assert.Len(t, sink.Counts(), 10)
}

// TestRetryAfter has no collector in between, which would not pass it on.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	sink := collector.NewSink(t)
	s := newService(t, overHTTP.exporterTo(t, sink.URL()))
	sink.Refuse(http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}})
	s.track(1)
	eventually(t, func() bool { return sink.Refused() > 0 })
	start := time.Now()
	sink.Accept()
	eventually(t, func() bool { return len(sink.Logs()) > 0 })
	assert.Greater(t, time.Since(start), 900*time.Millisecond)
	assert.Equal(t, 1, sink.Refused())
}
