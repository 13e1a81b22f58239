package otlp_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// verdict is the result for a record.
type verdict int

const (
	delivered verdict = iota
	rejected          // permanently
	retry             // the server does not have it
	uncertain         // retry, but the server may have it
)

func verdictOf(t *testing.T, err error, index int) verdict {
	t.Helper()
	if partial := (*export.PartialError)(nil); assertAs(err, &partial) {
		err = partial.Rejected[index]
	}
	switch {
	case err == nil:
		return delivered
	case export.IsPermanent(err):
		return rejected
	case isMaybeStored(err):
		return uncertain
	}
	return retry
}

// secret is in every message of a server and must not be in any error.
const secret = "hunter2-quoted"

// The table of HTTP responses in docs/otlp.md.
func TestHTTPResponses(t *testing.T) {
	message := func(m proto.Message) string {
		b, err := proto.Marshal(m)
		require.NoError(t, err)
		return string(b)
	}
	protobuf := "application/x-protobuf"
	problem := message(&rpcstatus.Status{Message: secret})
	tests := []struct {
		status      int
		contentType string
		body        string
		want        verdict
		requests    int // for two records
		text        string
	}{
		{200, protobuf, "", delivered, 1, ""},
		{200, protobuf + "; charset=utf-8", "", delivered, 1, ""},
		{200, protobuf, message(partial(0, secret)), delivered, 1, ""},
		{200, protobuf, message(partial(2, secret)), rejected, 1, "rejected"},
		{200, protobuf, message(partial(1, secret)), rejected, 3, "rejected"}, // it rejects each alone, too
		{200, protobuf, message(partial(99, secret)), rejected, 1, "rejected"},
		{200, protobuf, message(partial(-1, secret)), uncertain, 1, "negative number"},
		{200, protobuf, "\xff\xff" + secret, uncertain, 1, "is it an OTLP server"},
		{200, "application/json", "{}", uncertain, 1, "is it an OTLP server"},
		{200, "text/html", "<html>" + secret, uncertain, 1, "is it an OTLP server"},
		{200, "", "", uncertain, 1, "is it an OTLP server"},
		{200, protobuf, strings.Repeat("x", 1<<20+1), uncertain, 1, "too long"},
		{202, protobuf, "", uncertain, 1, "status 202"},
		{204, "", "", uncertain, 1, "status 204"},
		{301, "text/html", secret, retry, 1, "redirects"},
		{302, "text/html", secret, retry, 1, "redirects"},
		{307, "", "", retry, 1, "redirects"},
		{308, "", "", retry, 1, "redirects"},
		{400, protobuf, problem, rejected, 3, "rejected the request"},
		{422, protobuf, problem, rejected, 3, "rejected the request"},
		{400, "application/json", `{"message":"` + secret + `"}`, rejected, 3, "rejected the request"},
		{400, "text/plain; charset=utf-8", secret, retry, 1, "rejected the request"}, // HTTP request to an HTTPS server
		{400, "", "", retry, 1, "rejected the request"},
		{413, "text/html", secret, rejected, 3, "too large"},
		{401, protobuf, problem, retry, 1, "credentials"},
		{403, "text/html", secret, retry, 1, "credentials"},
		{404, "text/html", secret, retry, 1, "no OTLP server at the path of the endpoint"},
		{405, "", "", retry, 1, "no OTLP server at the path of the endpoint"},
		{408, "", "", retry, 1, "status 408"},
		{409, "", "", retry, 1, "status 409"},
		{429, protobuf, problem, retry, 1, "status 429"},
		{500, protobuf, problem, uncertain, 1, "status 500"},
		{501, "", "", uncertain, 1, "status 501"},
		{502, "text/html", secret, uncertain, 1, "status 502"},
		{503, protobuf, problem, uncertain, 1, "status 503"},
		{504, "text/html", secret, uncertain, 1, "status 504"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d %s %d", test.status, test.contentType, len(test.body)), func(t *testing.T) {
			requests := 0
			url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				requests++
				if r.URL.Path != "/v1/logs" {
					t.Errorf("a redirect was followed to %s", r.URL.Path)
				}
				w.Header().Set("Content-Type", test.contentType)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			})
			logger := slog.New(slog.DiscardHandler)
			err := open(t, "http", url, otlp.WithLogger(logger)).Export(t.Context(), records(2))
			for i := range 2 {
				assert.Equal(t, test.want, verdictOf(t, err, i))
			}
			assert.Equal(t, test.requests, requests)
			if err != nil {
				assert.ErrorContains(t, err, test.text)
				assert.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func partial(rejected int64, text string) *collector.ExportLogsServiceResponse {
	return &collector.ExportLogsServiceResponse{PartialSuccess: &collector.ExportLogsPartialSuccess{
		RejectedLogRecords: rejected, ErrorMessage: text,
	}}
}

// The table of gRPC codes in docs/otlp.md.
func TestGRPCResponses(t *testing.T) {
	tests := []struct {
		code     codes.Code
		details  proto.Message
		want     verdict
		requests int // for two records
		text     string
	}{
		{codes.Canceled, nil, uncertain, 1, "code Canceled"},
		{codes.Unknown, nil, uncertain, 1, "code Unknown"},
		{codes.InvalidArgument, nil, rejected, 3, "rejected the request"},
		{codes.DeadlineExceeded, nil, uncertain, 1, "code DeadlineExceeded"},
		{codes.NotFound, nil, retry, 1, "code NotFound"},
		{codes.AlreadyExists, nil, retry, 1, "code AlreadyExists"},
		{codes.PermissionDenied, nil, retry, 1, "credentials"},
		{codes.ResourceExhausted, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}, retry, 1, "overloaded"},
		{codes.ResourceExhausted, nil, retry, 1, "overloaded"}, // too small to be rejected for its size
		{codes.FailedPrecondition, nil, retry, 1, "code FailedPrecondition"},
		{codes.Aborted, nil, uncertain, 1, "code Aborted"},
		{codes.OutOfRange, nil, retry, 1, "code OutOfRange"},
		{codes.Unimplemented, nil, retry, 1, "does not accept logs"},
		{codes.Internal, nil, uncertain, 1, "code Internal"},
		{codes.Unavailable, nil, uncertain, 1, "code Unavailable"},
		{codes.DataLoss, nil, uncertain, 1, "code DataLoss"},
		{codes.Unauthenticated, nil, retry, 1, "credentials"},
		{codes.Code(42), nil, retry, 1, "code Code(42)"},
	}
	for _, test := range tests {
		t.Run(test.code.String(), func(t *testing.T) {
			requests := 0
			url := serveGRPC(t, func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
				requests++
				s := status.New(test.code, secret)
				if info, ok := test.details.(*errdetails.RetryInfo); ok {
					s, _ = s.WithDetails(info)
				}
				return nil, s.Err()
			})
			err := open(t, "grpc", url).Export(t.Context(), records(2))
			require.ErrorContains(t, err, test.text)
			for i := range 2 {
				assert.Equal(t, test.want, verdictOf(t, err, i))
			}
			assert.Equal(t, test.requests, requests)
			assert.NotContains(t, err.Error(), secret)
			var server *otlp.ServerError
			require.ErrorAs(t, err, &server)
			assert.Equal(t, secret, server.Message)
		})
	}
	for n, want := range map[int64]verdict{0: delivered, 1: rejected, 2: rejected, 3: rejected, -1: uncertain} {
		url := serveGRPC(t, func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
			return partial(n, secret), nil
		})
		err := open(t, "grpc", url, otlp.WithLogger(slog.New(slog.DiscardHandler))).Export(t.Context(), records(2))
		assert.Equal(t, want, verdictOf(t, err, 0), n)
	}
}

// Exactly the records that the server rejects are reported, however it rejects them, and all
// others arrive.
func TestRejectedRecords(t *testing.T) {
	batch := records(300)
	unwanted := map[string]bool{}
	for _, i := range []int{0, 7, 8, 150, 299} {
		unwanted[batch[i].ID.String()] = true
	}
	responses := map[string]func(w http.ResponseWriter, n int){
		"partial success": func(w http.ResponseWriter, n int) { respond(t, w, partial(int64(n), "")) },
		"400": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.WriteHeader(http.StatusBadRequest)
		},
		"413": func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusRequestEntityTooLarge) },
	}
	for name, reject := range responses {
		t.Run(name, func(t *testing.T) {
			arrived := new(sync.Map)
			url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				list := ids(readRequest(t, r))
				n := 0
				for _, id := range list {
					if unwanted[id] {
						n++
					}
				}
				if n > 0 {
					reject(w, n)
				} else {
					respond(t, w, &collector.ExportLogsServiceResponse{})
				}
				if n > 0 && name != "partial success" {
					return
				}
				for _, id := range list {
					if !unwanted[id] {
						arrived.Store(id, true)
					}
				}
			})
			err := open(t, "http", url).Export(t.Context(), batch)
			partial := (*export.PartialError)(nil)
			require.True(t, assertAs(err, &partial))
			require.Len(t, partial.Rejected, len(unwanted))
			for i, r := range batch {
				_, ok := arrived.Load(r.ID.String())
				assert.Equal(t, !unwanted[r.ID.String()], ok, "arrived")
				if unwanted[r.ID.String()] {
					assert.True(t, export.IsPermanent(partial.Rejected[i]))
				}
			}
		})
	}
}

// A server with a smaller size limit gets smaller requests.
func TestServerSizeLimit(t *testing.T) {
	s := new(store)
	batch := records(100)
	for _, r := range batch {
		r.Reason = strings.Repeat("x", 20_000)
	}
	e := open(t, "grpc", acceptGRPC(t, s, grpc.MaxRecvMsgSize(100_000)))
	require.NoError(t, e.Export(t.Context(), batch))
	sameIDs(t, batch, s.records(t))

	// A record that is too large does not block the others.
	s.groups = nil
	batch[30].Reason = strings.Repeat("x", 200_000)
	var partial *export.PartialError
	require.ErrorAs(t, e.Export(t.Context(), batch), &partial)
	require.Len(t, partial.Rejected, 1)
	assert.True(t, export.IsPermanent(partial.Rejected[30]))
	sameIDs(t, slices.Delete(slices.Clone(batch), 30, 31), s.records(t))
}

// An overloaded server does not get ever smaller requests.
func TestServerOverloaded(t *testing.T) {
	requests := 0
	url := serveGRPC(t, func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
		requests++
		return nil, status.Error(codes.ResourceExhausted, "")
	})
	batch := records(512)
	err := open(t, "grpc", url, otlp.WithConcurrency(1)).Export(t.Context(), batch)
	require.Error(t, err)
	assert.LessOrEqual(t, requests, 4)
	for i := range batch {
		assert.Equal(t, retry, verdictOf(t, err, i))
	}
}

// The message that a server sends with a success goes to the warning handler only.
func TestWarnings(t *testing.T) {
	url := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { respond(t, w, partial(0, secret)) })
	var log strings.Builder
	e := open(t, "http", url, otlp.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for range 3 {
		require.NoError(t, e.Export(t.Context(), records(1)))
	}
	assert.Equal(t, 1, strings.Count(log.String(), "WithWarningHandler"), "one a minute")
	assert.NotContains(t, log.String(), secret)

	var texts []string
	e = open(t, "http", url, otlp.WithWarningHandler(func(_ context.Context, text string) { texts = append(texts, text) }))
	require.NoError(t, e.Export(t.Context(), records(1)))
	assert.Equal(t, []string{secret}, texts)
}

// The ledger waits for as long as the server requests, then sends everything.
func TestServerRequestsDelay(t *testing.T) {
	const delay = time.Second
	var mu sync.Mutex
	var attempts []time.Time
	first := func() bool {
		mu.Lock()
		defer mu.Unlock()
		attempts = append(attempts, time.Now())
		return len(attempts) == 1
	}
	tests := map[string]func(s *store) string{
		"grpc": func(s *store) string {
			return serveGRPC(t, func(_ context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
				if first() {
					st, _ := status.New(codes.ResourceExhausted, "").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
					return nil, st.Err()
				}
				s.add(r)
				return &collector.ExportLogsServiceResponse{}, nil
			})
		},
		"http": func(s *store) string {
			return serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
				if first() {
					w.Header().Set("Retry-After", "1")
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				s.add(readRequest(t, r))
				respond(t, w, &collector.ExportLogsServiceResponse{})
			})
		},
	}
	for protocol, serve := range tests {
		attempts = nil
		s := new(store)
		e, err := map[string]func(context.Context, ...otlp.Option) (*otlp.Exporter, error){
			"grpc": otlp.NewGRPC, "http": otlp.NewHTTP,
		}[protocol](t.Context(), otlp.WithEndpoint(serve(s)))
		require.NoError(t, err)
		provider, err := sdk.NewTrackerProvider(
			sdk.WithLedger(filepath.Join(t.TempDir(), "ledger"), sdk.ExportTo(e, sdk.WithBatchInterval(time.Millisecond), sdk.WithBackoff(time.Millisecond))),
			sdk.WithLogger(slog.New(slog.DiscardHandler)),
		)
		require.NoError(t, err)
		ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
		require.NoError(t, provider.Tracker("test").Track(ctx, audit.Event{Action: "article.update"}))
		require.Eventually(t, func() bool { return len(s.requests()) == 1 }, 10*time.Second, 10*time.Millisecond)
		require.NoError(t, provider.Shutdown(t.Context()))
		require.Len(t, attempts, 2, protocol)
		assert.GreaterOrEqual(t, attempts[1].Sub(attempts[0]), delay, protocol)
	}
}

// The client reconnects soon to a server that restarts at the same address.
func TestServerRestarts(t *testing.T) {
	listen := func(address string) net.Listener {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
		require.NoError(t, err)
		return l
	}
	s := new(store)
	serve := func(l net.Listener) (stop func()) {
		server := grpc.NewServer()
		collector.RegisterLogsServiceServer(server, service{
			export: func(_ context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
				s.add(r)
				return &collector.ExportLogsServiceResponse{}, nil
			},
		})
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(l) }()
		return func() { server.Stop(); <-served }
	}
	l := listen("127.0.0.1:0")
	stop := serve(l)
	e := open(t, "grpc", "http://"+l.Addr().String())
	batch := records(2)
	require.NoError(t, e.Export(t.Context(), batch[:1]))
	stop()
	require.Error(t, e.Export(t.Context(), batch[1:]))
	stop = serve(listen(l.Addr().String()))
	defer stop()
	require.Eventually(t, func() bool { return e.Export(t.Context(), batch[1:]) == nil }, 10*time.Second, 50*time.Millisecond)
	sameIDs(t, batch, slices.CompactFunc(s.records(t), func(a, b *record.Record) bool { return a.ID == b.ID }))
}
