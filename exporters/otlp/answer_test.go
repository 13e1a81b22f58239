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

// verdict is what an answer means for a record.
type verdict int

const (
	delivered verdict = iota
	refused           // for good
	again             // and the server does not have it
	unclear           // again, and the server may have it
)

func judge(t *testing.T, err error, index int) verdict {
	t.Helper()
	if partial := (*export.PartialError)(nil); assertAs(err, &partial) {
		err = partial.Rejected[index]
	}
	switch {
	case err == nil:
		return delivered
	case export.IsPermanent(err):
		return refused
	case isMaybe(err):
		return unclear
	}
	return again
}

// secret is in every message of a server, and in no error.
const secret = "hunter2-quoted"

// The rows of the table of answers over HTTP in docs/otlp.md.
func TestAnswersOverHTTP(t *testing.T) {
	message := func(m proto.Message) string {
		b, err := proto.Marshal(m)
		require.NoError(t, err)
		return string(b)
	}
	protobuf := "application/x-protobuf"
	said := message(&rpcstatus.Status{Message: secret})
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
		{200, protobuf, message(partial(2, secret)), refused, 1, "rejected"},
		{200, protobuf, message(partial(1, secret)), refused, 3, "rejected"}, // which says so of each alone, too
		{200, protobuf, message(partial(99, secret)), refused, 1, "rejected"},
		{200, protobuf, message(partial(-1, secret)), unclear, 1, "less than nothing"},
		{200, protobuf, "\xff\xff" + secret, unclear, 1, "is it an OTLP server"},
		{200, "application/json", "{}", unclear, 1, "is it an OTLP server"},
		{200, "text/html", "<html>" + secret, unclear, 1, "is it an OTLP server"},
		{200, "", "", unclear, 1, "is it an OTLP server"},
		{200, protobuf, strings.Repeat("x", 1<<20+1), unclear, 1, "too long"},
		{202, protobuf, "", unclear, 1, "status 202"},
		{204, "", "", unclear, 1, "status 204"},
		{301, "text/html", secret, again, 1, "redirects"},
		{302, "text/html", secret, again, 1, "redirects"},
		{307, "", "", again, 1, "redirects"},
		{308, "", "", again, 1, "redirects"},
		{400, protobuf, said, refused, 3, "does not take the request"},
		{422, protobuf, said, refused, 3, "does not take the request"},
		{400, "application/json", `{"message":"` + secret + `"}`, refused, 3, "does not take the request"},
		{400, "text/plain; charset=utf-8", secret, again, 1, "does not take the request"}, // HTTP to a server of HTTPS
		{400, "", "", again, 1, "does not take the request"},
		{413, "text/html", secret, refused, 3, "too large"},
		{401, protobuf, said, again, 1, "credentials"},
		{403, "text/html", secret, again, 1, "credentials"},
		{404, "text/html", secret, again, 1, "no OTLP server at the endpoint's path"},
		{405, "", "", again, 1, "no OTLP server at the endpoint's path"},
		{408, "", "", again, 1, "status 408"},
		{409, "", "", again, 1, "status 409"},
		{429, protobuf, said, again, 1, "status 429"},
		{500, protobuf, said, unclear, 1, "status 500"},
		{501, "", "", unclear, 1, "status 501"},
		{502, "text/html", secret, unclear, 1, "status 502"},
		{503, protobuf, said, unclear, 1, "status 503"},
		{504, "text/html", secret, unclear, 1, "status 504"},
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
				assert.Equal(t, test.want, judge(t, err, i))
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

// The rows of the table of answers over gRPC in docs/otlp.md.
func TestAnswersOverGRPC(t *testing.T) {
	tests := []struct {
		code     codes.Code
		details  proto.Message
		want     verdict
		requests int // for two records
		text     string
	}{
		{codes.Canceled, nil, unclear, 1, "code Canceled"},
		{codes.Unknown, nil, unclear, 1, "code Unknown"},
		{codes.InvalidArgument, nil, refused, 3, "does not take the request"},
		{codes.DeadlineExceeded, nil, unclear, 1, "code DeadlineExceeded"},
		{codes.NotFound, nil, again, 1, "code NotFound"},
		{codes.AlreadyExists, nil, again, 1, "code AlreadyExists"},
		{codes.PermissionDenied, nil, again, 1, "credentials"},
		{codes.ResourceExhausted, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)}, again, 1, "so much"},
		{codes.ResourceExhausted, nil, again, 1, "so much"}, // so little is not refused for its size
		{codes.FailedPrecondition, nil, again, 1, "code FailedPrecondition"},
		{codes.Aborted, nil, unclear, 1, "code Aborted"},
		{codes.OutOfRange, nil, again, 1, "code OutOfRange"},
		{codes.Unimplemented, nil, again, 1, "does not take logs"},
		{codes.Internal, nil, unclear, 1, "code Internal"},
		{codes.Unavailable, nil, unclear, 1, "code Unavailable"},
		{codes.DataLoss, nil, unclear, 1, "code DataLoss"},
		{codes.Unauthenticated, nil, again, 1, "credentials"},
		{codes.Code(42), nil, again, 1, "code Code(42)"},
	}
	for _, test := range tests {
		t.Run(test.code.String(), func(t *testing.T) {
			requests := 0
			url := serveGRPC(t, func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
				requests++
				s := status.New(test.code, secret)
				if info, is := test.details.(*errdetails.RetryInfo); is {
					s, _ = s.WithDetails(info)
				}
				return nil, s.Err()
			})
			err := open(t, "grpc", url).Export(t.Context(), records(2))
			require.ErrorContains(t, err, test.text)
			for i := range 2 {
				assert.Equal(t, test.want, judge(t, err, i))
			}
			assert.Equal(t, test.requests, requests)
			assert.NotContains(t, err.Error(), secret)
			var server *otlp.ServerError
			require.ErrorAs(t, err, &server)
			assert.Equal(t, secret, server.Message)
		})
	}
	for rejected, want := range map[int64]verdict{0: delivered, 1: refused, 2: refused, 3: refused, -1: unclear} {
		url := serveGRPC(t, func(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
			return partial(rejected, secret), nil
		})
		err := open(t, "grpc", url, otlp.WithLogger(slog.New(slog.DiscardHandler))).Export(t.Context(), records(2))
		assert.Equal(t, want, judge(t, err, 0), rejected)
	}
}

// Of a batch, exactly the records that the server does not want are refused, however
// it says so, and every other one arrives.
func TestRefusedRecordsAreFound(t *testing.T) {
	batch := records(300)
	unwanted := map[string]bool{}
	for _, i := range []int{0, 7, 8, 150, 299} {
		unwanted[batch[i].ID.String()] = true
	}
	answers := map[string]func(w http.ResponseWriter, n int){
		"partial success": func(w http.ResponseWriter, n int) { respond(t, w, partial(int64(n), "")) },
		"400": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			w.WriteHeader(http.StatusBadRequest)
		},
		"413": func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusRequestEntityTooLarge) },
	}
	for name, refuse := range answers {
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
					refuse(w, n)
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
			rejected := (*export.PartialError)(nil)
			require.True(t, assertAs(err, &rejected))
			require.Len(t, rejected.Rejected, len(unwanted))
			for i, r := range batch {
				_, is := arrived.Load(r.ID.String())
				assert.Equal(t, !unwanted[r.ID.String()], is, "arrived")
				if unwanted[r.ID.String()] {
					assert.True(t, export.IsPermanent(rejected.Rejected[i]))
				}
			}
		})
	}
}

// A server that takes less at a time than the exporter thinks gets less.
func TestServerTakesLess(t *testing.T) {
	s := new(store)
	batch := records(100)
	for _, r := range batch {
		r.Reason = strings.Repeat("x", 20_000)
	}
	e := open(t, "grpc", takeGRPC(t, s, grpc.MaxRecvMsgSize(100_000)))
	require.NoError(t, e.Export(t.Context(), batch))
	sameIDs(t, batch, s.records(t))

	// One that it will never take does not keep the others waiting.
	s.groups = nil
	batch[30].Reason = strings.Repeat("x", 200_000)
	var partial *export.PartialError
	require.ErrorAs(t, e.Export(t.Context(), batch), &partial)
	require.Len(t, partial.Rejected, 1)
	assert.True(t, export.IsPermanent(partial.Rejected[30]))
	sameIDs(t, slices.Delete(slices.Clone(batch), 30, 31), s.records(t))
}

// A server that is asked for less, because it has too much to do, is not asked for ever
// smaller parts.
func TestServerHasTooMuchToDo(t *testing.T) {
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
		assert.Equal(t, again, judge(t, err, i))
	}
}

// What the server says with a success is for those who ask for it.
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

// A server that asks for a pause gets it, and everything after it.
func TestPauseThatTheServerAsksFor(t *testing.T) {
	const pause = time.Second
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
					said, _ := status.New(codes.ResourceExhausted, "").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(pause)})
					return nil, said.Err()
				}
				s.take(r)
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
				s.take(readRequest(t, r))
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
		assert.GreaterOrEqual(t, attempts[1].Sub(attempts[0]), pause, protocol)
	}
}

// A server that stops and comes back on its address is found again, soon.
func TestServerComesBack(t *testing.T) {
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
				s.take(r)
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
