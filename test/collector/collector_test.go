package collector_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func attribute(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// request returns a request with one log record, which has the ID.
func request(id string) *collogspb.ExportLogsServiceRequest {
	return &collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
		Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attribute("service.name", "shop")}},
		SchemaUrl: "https://opentelemetry.io/schemas/1.40.0",
		ScopeLogs: []*logspb.ScopeLogs{{
			Scope: &commonpb.InstrumentationScope{Name: "articles", Version: "1"},
			LogRecords: []*logspb.LogRecord{{
				TimeUnixNano: 1, EventName: "article.update", Body: attribute("", "Alice updated it").Value,
				Attributes: []*commonpb.KeyValue{attribute("audit.record.id", id)},
			}},
		}},
	}}}
}

// overGRPC sends one log record over gRPC.
func overGRPC(t *testing.T, c *collector.Collector, config *tls.Config, id string) error {
	t.Helper()
	creds := insecure.NewCredentials()
	if config != nil {
		creds = credentials.NewTLS(config)
	}
	address := c.GRPCEndpoint()[len("http://"):]
	if config != nil {
		address = c.GRPCEndpoint()[len("https://"):]
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	require.NoError(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = collogspb.NewLogsServiceClient(conn).Export(ctx, request(id), grpc.UseCompressor(gzip.Name))
	return err
}

// overHTTP sends one log record over HTTP and returns the status, or 0 without a response.
func overHTTP(t *testing.T, c *collector.Collector, config *tls.Config, id string) int {
	t.Helper()
	body, err := proto.Marshal(request(id))
	if !assert.NoError(t, err) {
		return 0
	}
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 10 * time.Second}
	resp, err := client.Post(c.HTTPEndpoint()+"/v1/logs", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	assert.NoError(t, err)
	return resp.StatusCode
}

func TestKillAndRun(t *testing.T) {
	sink := collector.NewSink(t)
	c := collector.Start(t, collector.WithSink(sink))
	require.NoError(t, overGRPC(t, c, nil, "a"))
	require.Equal(t, http.StatusOK, overHTTP(t, c, nil, "b"))
	logs := sink.Logs()
	require.Len(t, logs, 2, "the sink has the acknowledged records")
	for i, id := range []string{"a", "b"} {
		want := request(id).ResourceLogs[0]
		assert.Equal(t, id, logs[i].ID())
		assert.True(t, proto.Equal(want.Resource, logs[i].Resource), logs[i].Resource)
		assert.Equal(t, want.SchemaUrl, logs[i].SchemaURL)
		assert.True(t, proto.Equal(want.ScopeLogs[0].Scope, logs[i].Scope), logs[i].Scope)
		assert.True(t, proto.Equal(want.ScopeLogs[0].LogRecords[0], logs[i].Record), logs[i].Record)
	}

	require.Error(t, c.Run(), "the collector is running")
	c.Kill()
	c.Kill()
	require.Equal(t, codes.Unavailable, status.Code(overGRPC(t, c, nil, "c")))
	require.Zero(t, overHTTP(t, c, nil, "c"))
	require.NoError(t, c.Run())
	require.NoError(t, overGRPC(t, c, nil, "a"))
	require.Equal(t, http.StatusOK, overHTTP(t, c, nil, "d"))
	assert.Equal(t, map[string]int{"a": 2, "b": 1, "d": 1}, sink.Counts())
	assert.Equal(t, 2, sink.Count("a"))
	assert.Zero(t, sink.Count("c"))
}

// TestRefusal checks that the collector passes on the refusal of its sink.
func TestRefusal(t *testing.T) {
	sink := collector.NewSink(t)
	c := collector.Start(t, collector.WithSink(sink))
	for _, test := range []struct {
		refusal, status int
		header          http.Header
		code            codes.Code
	}{
		{http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}}, codes.Unavailable},
		{http.StatusTooManyRequests, http.StatusTooManyRequests, nil, codes.ResourceExhausted},
		{http.StatusBadRequest, http.StatusBadRequest, nil, codes.InvalidArgument},
	} {
		before := sink.Refused()
		sink.Refuse(test.refusal, test.header)
		assert.Equal(t, test.status, overHTTP(t, c, nil, "a"))
		assert.Equal(t, test.code, status.Code(overGRPC(t, c, nil, "a")))
		assert.GreaterOrEqual(t, sink.Refused(), before+2)
	}
	assert.Empty(t, sink.Logs())
	sink.Accept()
	assert.Equal(t, http.StatusOK, overHTTP(t, c, nil, "a"))
	assert.Len(t, sink.Logs(), 1)
}

// TestStall kills the collector after its sink has kept a request and before the collector can
// acknowledge it.
func TestStall(t *testing.T) {
	sink := collector.NewSink(t)
	c := collector.Start(t, collector.WithSink(sink))
	stalled, resume := sink.Stall()
	status := make(chan int, 1)
	go func() { status <- overHTTP(t, c, nil, "a") }()
	select {
	case <-stalled:
	case <-time.After(10 * time.Second):
		require.Fail(t, "the sink received nothing")
	}
	c.Kill()
	require.Zero(t, <-status)
	resume()
	require.NoError(t, c.Run())
	require.Equal(t, http.StatusOK, overHTTP(t, c, nil, "a"))
	assert.Equal(t, 2, sink.Count("a"))
}

func TestTLS(t *testing.T) {
	certificates := collector.NewCertificates(t)
	others := collector.NewCertificates(t)
	for name, test := range map[string]struct {
		opt    collector.Option
		client *tls.Config
		ok     bool
	}{
		"TLS":                   {collector.WithTLS(certificates), certificates.Trusting(), true},
		"another authority":     {collector.WithTLS(certificates), others.Trusting(), false},
		"mutual":                {collector.WithMutualTLS(certificates), certificates.Mutual(), true},
		"without a certificate": {collector.WithMutualTLS(certificates), certificates.Trusting(), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := collector.Start(t, test.opt)
			err := overGRPC(t, c, test.client, "a")
			code := overHTTP(t, c, test.client, "a")
			if test.ok {
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, code)
				return
			}
			require.Equal(t, codes.Unavailable, status.Code(err))
			require.Zero(t, code)
		})
	}
}
