package otlp_test

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"
)

// store collects the records that a server accepted.
type store struct {
	mu     sync.Mutex
	groups []*logs.ResourceLogs
	sizes  []int // of the requests, in records
}

func (s *store) add(request *collector.ExportLogsServiceRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = append(s.groups, request.GetResourceLogs()...)
	s.sizes = append(s.sizes, len(ids(request)))
}

func (s *store) requests() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sizes)
}

// records returns the accepted records, ordered by ID.
func (s *store) records(t testing.TB) []*record.Record {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*record.Record
	for _, group := range s.groups {
		records, err := otlp.Decode(group)
		require.NoError(t, err)
		all = append(all, records...)
	}
	slices.SortStableFunc(all, func(a, b *record.Record) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return all
}

// ids returns the IDs of the records in a request.
func ids(request *collector.ExportLogsServiceRequest) (list []string) {
	for _, group := range request.GetResourceLogs() {
		for _, scope := range group.GetScopeLogs() {
			for _, l := range scope.GetLogRecords() {
				for _, kv := range l.GetAttributes() {
					if kv.GetKey() == "audit.record.id" {
						list = append(list, kv.GetValue().GetStringValue())
					}
				}
			}
		}
	}
	return list
}

// readRequest decodes a request as an HTTP server does.
func readRequest(t testing.TB, r *http.Request) *collector.ExportLogsServiceRequest {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if !assert.NoError(t, err) {
			return nil
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if !assert.NoError(t, err) {
		return nil
	}
	var request collector.ExportLogsServiceRequest
	if !assert.NoError(t, proto.Unmarshal(b, &request)) {
		return nil
	}
	return &request
}

// respond writes a response as an HTTP server does.
func respond(t testing.TB, w http.ResponseWriter, response *collector.ExportLogsServiceResponse) {
	b, err := proto.Marshal(response)
	assert.NoError(t, err)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(b)
}

// serveHTTP starts a server and returns its URL.
func serveHTTP(t testing.TB, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

// acceptHTTP starts a server that accepts everything.
func acceptHTTP(t testing.TB, s *store) string {
	return serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		s.add(readRequest(t, r))
		respond(t, w, &collector.ExportLogsServiceResponse{})
	})
}

// service implements the gRPC service.
type service struct {
	collector.UnimplementedLogsServiceServer
	export func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error)
}

func (s service) Export(ctx context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	return s.export(ctx, r)
}

// serveGRPC starts a server and returns its URL.
func serveGRPC(
	t testing.TB,
	export func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error),
	opts ...grpc.ServerOption,
) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(opts...)
	collector.RegisterLogsServiceServer(server, service{export: export})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return "http://" + listener.Addr().String()
}

// acceptGRPC starts a server that accepts everything.
func acceptGRPC(t testing.TB, s *store, opts ...grpc.ServerOption) string {
	return serveGRPC(t, func(_ context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
		s.add(r)
		return &collector.ExportLogsServiceResponse{}, nil
	}, opts...)
}

// records returns n records in ascending order of ID.
func records(n int) []*record.Record {
	start := time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)
	list := make([]*record.Record, n)
	for i := range list {
		at := start.Add(time.Duration(i) * time.Millisecond)
		list[i] = &record.Record{
			Event: audit.Event{
				ID: audit.NewID(), Time: at, Action: "article.update", Actor: audit.User("42"),
				Outcome: audit.OutcomeSuccess, Target: audit.Target{Type: "article", ID: "1001"},
			},
			ObservedTime: at,
			Tracker:      record.Instrumentation{Name: "example.com/shop"},
		}
	}
	slices.SortFunc(list, func(a, b *record.Record) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	return list
}

// open returns an exporter that is shut down when the test ends.
func open(t testing.TB, protocol string, url string, opts ...otlp.Option) *otlp.Exporter {
	t.Helper()
	create := otlp.NewGRPC
	if protocol == "http" {
		create = otlp.NewHTTP
	}
	e, err := create(context.Background(), append([]otlp.Option{otlp.WithEndpoint(url)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Shutdown(context.Background())) })
	return e
}

// sameIDs checks that both lists have the same records in the same order.
func sameIDs(t testing.TB, want, got []*record.Record) {
	t.Helper()
	list := func(records []*record.Record) (ids []string) {
		for _, r := range records {
			ids = append(ids, r.ID.String())
		}
		return ids
	}
	assert.Equal(t, list(want), list(got))
}

func isMaybeStored(err error) bool { return errors.Is(err, audit.ErrMaybeStored) }

func assertAs[T error](err error, target *T) bool { return errors.As(err, target) }
