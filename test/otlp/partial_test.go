package otlp_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/opendeed/audit/test/collector"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// choosy is a server that rejects the records of every tenth target and accepts the others.
type choosy struct {
	collogspb.UnimplementedLogsServiceServer

	mu       sync.Mutex
	accepted []collector.Log
	requests int
}

func (c *choosy) Export(_ context.Context, request *collogspb.ExportLogsServiceRequest) (*collogspb.ExportLogsServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	rejected := int64(0)
	for _, resource := range request.GetResourceLogs() {
		for _, scope := range resource.GetScopeLogs() {
			for _, record := range scope.GetLogRecords() {
				l := collector.Log{Resource: resource.GetResource(), SchemaURL: resource.GetSchemaUrl(), Scope: scope.GetScope(), Record: record}
				if rejects(targetID(l)) {
					rejected++
					continue
				}
				c.accepted = append(c.accepted, l)
			}
		}
	}
	if rejected == 0 {
		return &collogspb.ExportLogsServiceResponse{}, nil
	}
	return &collogspb.ExportLogsServiceResponse{PartialSuccess: &collogspb.ExportLogsPartialSuccess{
		RejectedLogRecords: rejected, ErrorMessage: "secret reason",
	}}, nil
}

func (c *choosy) logs() []collector.Log {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted
}

func (c *choosy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request collogspb.ExportLogsServiceRequest
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response, _ := c.Export(r.Context(), &request)
	data, _ := proto.Marshal(response)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(data)
}

// rejects reports whether choosy rejects records of a target.
func rejects(id string) bool {
	n, _ := strconv.Atoi(id)
	return n%10 == 0
}

func targetID(l collector.Log) string {
	for _, a := range l.Record.GetAttributes() {
		if a.GetKey() == "audit.target.id" {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		transport transport
		serve     func(*testing.T, *choosy) (url string)
	}{
		{overGRPC, func(t *testing.T, c *choosy) string {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			server := grpc.NewServer()
			collogspb.RegisterLogsServiceServer(server, c)
			var serving sync.WaitGroup
			serving.Go(func() { _ = server.Serve(listener) })
			t.Cleanup(func() { server.Stop(); serving.Wait() })
			return "http://" + listener.Addr().String()
		}},
		{overHTTP, func(t *testing.T, c *choosy) string {
			server := httptest.NewServer(c)
			t.Cleanup(server.Close)
			return server.URL
		}},
	} {
		t.Run(test.transport.name, func(t *testing.T) {
			t.Parallel()
			c := &choosy{}
			s := newService(t, test.transport.exporterTo(t, test.serve(t, c)))
			s.TrackConcurrently(200)
			letters, repeated := s.settle(c.logs)
			assert.Len(t, letters, 20)
			for _, letter := range letters {
				assert.True(t, rejects(letter.Record.Target.ID), letter.Record.Target.ID)
				assert.NotContains(t, letter.Reason, "secret reason", "the message of a server may quote a record")
			}
			t.Logf("%d requests; %d records accepted, %d of them more than once", c.requests, len(c.accepted), repeated)
		})
	}
}
