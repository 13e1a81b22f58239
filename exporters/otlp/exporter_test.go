package otlp_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc/metadata"
)

// Run the conformance suite with both protocols.
func TestConformance(t *testing.T) {
	servers := map[string]func(testing.TB, *store) string{
		"grpc": func(t testing.TB, s *store) string { return acceptGRPC(t, s) },
		"http": acceptHTTP,
	}
	for protocol, serve := range servers {
		for _, compression := range []otlp.Compression{otlp.NoCompression, otlp.Gzip} {
			t.Run(protocol+"/"+string(compression), func(t *testing.T) {
				var s *store
				exporttest.Run(t,
					func(t *testing.T) export.Exporter {
						s = new(store)
						// exporttest.Run shuts it down.
						e, err := map[string]func(context.Context, ...otlp.Option) (*otlp.Exporter, error){
							"grpc": otlp.NewGRPC, "http": otlp.NewHTTP,
						}[protocol](t.Context(), otlp.WithEndpoint(serve(t, s)), otlp.WithCompression(compression))
						require.NoError(t, err)
						return e
					},
					func(t *testing.T) []*record.Record { return s.records(t) },
				)
			})
		}
	}
}

func TestHeaders(t *testing.T) {
	opts := []otlp.Option{otlp.WithHeaders(map[string]string{"Authorization": "Bearer secret", "x-tenant": "acme"})}
	t.Run("grpc", func(t *testing.T) {
		var got metadata.MD
		url := serveGRPC(t, func(ctx context.Context, _ *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
			got, _ = metadata.FromIncomingContext(ctx)
			return &collector.ExportLogsServiceResponse{}, nil
		})
		require.NoError(t, open(t, "grpc", url, opts...).Export(t.Context(), records(1)))
		assert.Equal(t, []string{"Bearer secret"}, got.Get("authorization"))
		assert.Equal(t, []string{"acme"}, got.Get("x-tenant"))
	})
	t.Run("http", func(t *testing.T) {
		var got *http.Request
		url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			got = r
			respond(t, w, &collector.ExportLogsServiceResponse{})
		})
		require.NoError(t, open(t, "http", url+"/base/", opts...).Export(t.Context(), records(1)))
		assert.Equal(t, "Bearer secret", got.Header.Get("Authorization"))
		assert.Equal(t, "acme", got.Header.Get("X-Tenant"))
		assert.Equal(t, "/base/v1/logs", got.URL.Path)
		assert.Equal(t, "application/x-protobuf", got.Header.Get("Content-Type"))
	})
}

// No request is larger than the limit, and no record is lost. A single record that is larger
// is rejected, and the others are delivered.
func TestMaxRequestSize(t *testing.T) {
	for _, limit := range []int{900, 1000, 4000, 100_000} {
		s := new(store)
		largest := 0
		url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			largest = max(largest, int(r.ContentLength))
			s.add(readRequest(t, r))
			respond(t, w, &collector.ExportLogsServiceResponse{})
		})
		e := open(t, "http", url, otlp.WithMaxRequestSize(limit), otlp.WithConcurrency(1))
		batch := records(100)
		for i := range batch {
			batch[i].Reason = string(make([]byte, i))
		}
		batch[50].Reason = string(make([]byte, limit))
		err := e.Export(t.Context(), batch)
		var partial *export.PartialError
		require.ErrorAs(t, err, &partial)
		require.Len(t, partial.Rejected, 1)
		require.ErrorContains(t, partial.Rejected[50], "larger than a request")
		assert.True(t, export.IsPermanent(partial.Rejected[50]))
		sameIDs(t, append(batch[:50:50], batch[51:]...), s.records(t))
		assert.LessOrEqual(t, largest, limit)
		if limit == 4000 {
			assert.Greater(t, largest, limit*3/4, "requests are not filled")
		}
	}
}

// The requests of one Export are concurrent: each waits for the other.
func TestConcurrentRequests(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			var waiting atomic.Int32
			both := make(chan struct{})
			meet := func() {
				if waiting.Add(1) == 2 {
					close(both)
				}
				<-both
			}
			s := new(store)
			var url string
			if protocol == "grpc" {
				url = serveGRPC(t, func(_ context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
					meet()
					s.add(r)
					return &collector.ExportLogsServiceResponse{}, nil
				})
			} else {
				url = serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
					s.add(readRequest(t, r))
					meet()
					respond(t, w, &collector.ExportLogsServiceResponse{})
				})
			}
			batch := records(512)
			require.NoError(t, open(t, protocol, url).Export(t.Context(), batch))
			sameIDs(t, batch, s.records(t))
			assert.Equal(t, []int{256, 256}, s.requests())
		})
	}
}

// If one part of a batch is not delivered, only its records are retried.
func TestOnePartFails(t *testing.T) {
	s := new(store)
	batch := records(512)
	url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		request := readRequest(t, r)
		if ids(request)[0] == batch[256].ID.String() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.add(request)
		respond(t, w, &collector.ExportLogsServiceResponse{})
	})
	err := open(t, "http", url).Export(t.Context(), batch)
	var partial *export.PartialError
	require.ErrorAs(t, err, &partial)
	require.Len(t, partial.Rejected, 256)
	for i := 256; i < 512; i++ {
		require.Error(t, partial.Rejected[i])
		require.False(t, export.IsPermanent(partial.Rejected[i]))
	}
	sameIDs(t, batch[:256], s.records(t))
}

func TestServerUnreachable(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			e := open(t, protocol, "http://127.0.0.1:1") // nothing listens there
			err := e.Export(t.Context(), records(200))
			var server *otlp.ServerError
			require.ErrorAs(t, err, &server)
			assert.Contains(t, err.Error(), "cannot be reached")
			assert.Contains(t, err.Error(), "connection refused")
			assert.NotErrorIs(t, err, audit.ErrMaybeStored)
			assert.False(t, export.IsPermanent(err))
		})
	}
}

// A server that hangs may have the records after the timeout.
func TestTimeout(t *testing.T) {
	for _, protocol := range []string{"grpc", "http"} {
		t.Run(protocol, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			var url string
			if protocol == "grpc" {
				url = serveGRPC(t, func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
					<-release
					return nil, errors.New("late")
				})
			} else {
				url = serveHTTP(t, func(http.ResponseWriter, *http.Request) { <-release })
			}
			start := time.Now()
			err := open(t, protocol, url, otlp.WithTimeout(50*time.Millisecond)).Export(t.Context(), records(1))
			require.ErrorIs(t, err, audit.ErrMaybeStored)
			assert.False(t, export.IsPermanent(err))
			assert.Less(t, time.Since(start), 5*time.Second)
		})
	}
}

// The connection is lost before the server reads the request, or before it responds.
func TestConnectionLost(t *testing.T) {
	for _, after := range []bool{false, true} {
		s := new(store)
		var requests atomic.Int32 // nothing else orders the handlers of two connections
		url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			first := requests.Add(1) == 1
			if after || !first {
				s.add(readRequest(t, r))
			}
			if first {
				panic(http.ErrAbortHandler)
			}
			respond(t, w, &collector.ExportLogsServiceResponse{})
		})
		e := open(t, "http", url)
		batch := records(3)
		err := e.Export(t.Context(), batch)
		require.ErrorIs(t, err, audit.ErrMaybeStored)
		require.NoError(t, e.Export(t.Context(), batch))
		if after {
			batch = []*record.Record{batch[0], batch[0], batch[1], batch[1], batch[2], batch[2]}
		}
		sameIDs(t, batch, s.records(t))
	}
}

// A checkpoint is a log record that Decode skips and CheckpointOf returns.
func TestCheckpoints(t *testing.T) {
	s := new(store)
	e, err := otlp.NewHTTP(t.Context(), otlp.WithEndpoint(acceptHTTP(t, s)))
	require.NoError(t, err)
	want := export.Checkpoint{Log: "2f1c", Size: 1 << 40, Note: []byte("example.com/audit/2f1c\n7\n"), Time: time.Date(2026, 11, 27, 7, 0, 0, 5, time.UTC)}
	require.NoError(t, e.ExportCheckpoint(t.Context(), want))
	records := exporttest.OddRecords()[:2]
	records[1].Action = otlp.CheckpointEventName // somebody's own action
	require.NoError(t, e.Export(t.Context(), records))
	require.NoError(t, e.Shutdown(t.Context()))
	require.Len(t, s.records(t), 2)
	var found []export.Checkpoint
	for _, group := range s.groups {
		for _, scope := range group.GetScopeLogs() {
			for _, l := range scope.GetLogRecords() {
				if c, ok := otlp.CheckpointOf(l); ok {
					found = append(found, c)
				}
			}
		}
	}
	require.Equal(t, []export.Checkpoint{want}, found)
}
