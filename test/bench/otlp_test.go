package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit/exporters/otlp"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// otlpBatch is the number of records in one request, and otlpQueue the largest number of records
// that are not exported yet, which is the default size of both queues.
const (
	otlpBatch = 512
	otlpQueue = 2048
)

// BenchmarkOTLP exports records of 20 attributes to a server over gRPC, and ends when the server
// has counted them. One server decodes requests, the other only counts their records. An operation
// is one record. No record may be lost: Track waits while its queue is full, but OpenTelemetry's
// processor drops records, so its caller waits for the server's count.
func BenchmarkOTLP(b *testing.B) {
	for _, decodes := range []bool{true, false} {
		server := "counts"
		if decodes {
			server = "decodes"
		}
		b.Run(fmt.Sprintf("server=%s/impl=audit", server), func(b *testing.B) { benchmarkOTLPTrack(b, decodes) })
		b.Run(fmt.Sprintf("server=%s/impl=otel", server), func(b *testing.B) { benchmarkOTLPEmit(b, decodes) })
		b.Run(fmt.Sprintf("server=%s/impl=export", server), func(b *testing.B) { benchmarkOTLPExport(b, decodes) })
	}
}

// benchmarkOTLPTrack tracks events into a batcher.
func benchmarkOTLPTrack(b *testing.B, decodes bool) {
	b.Helper()
	server := startOTLP(b, decodes)
	exporter, err := otlp.NewGRPC(b.Context(), otlp.WithEndpoint("http://"+server.address))
	require.NoError(b, err)
	ctx, tracker := newTracker(b, sdk.WithBatcher(exporter, sdk.WithBatchSize(otlpBatch), sdk.WithQueueSize(otlpQueue), sdk.WithBatchInterval(50*time.Millisecond)))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := tracker.Track(ctx, event()); err != nil {
			b.Fatal(err)
		}
	}
	server.waitFor(b.N)
	b.StopTimer()
}

// benchmarkOTLPExport exports existing records, without a provider.
func benchmarkOTLPExport(b *testing.B, decodes bool) {
	b.Helper()
	server := startOTLP(b, decodes)
	exporter, err := otlp.NewGRPC(b.Context(), otlp.WithEndpoint("http://"+server.address))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, exporter.Shutdown(context.Background())) })
	records := make([]*record.Record, otlpBatch)
	for i := range records {
		records[i] = newRecord(b)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= otlpBatch {
		if err := exporter.Export(b.Context(), records[:min(left, otlpBatch)]); err != nil {
			b.Fatal(err)
		}
	}
	server.waitFor(b.N)
	b.StopTimer()
}

// benchmarkOTLPEmit emits the same events with OpenTelemetry's SDK and exporter.
func benchmarkOTLPEmit(b *testing.B, decodes bool) {
	b.Helper()
	server := startOTLP(b, decodes)
	exporter, err := otlploggrpc.New(b.Context(), otlploggrpc.WithEndpoint(server.address), otlploggrpc.WithInsecure())
	require.NoError(b, err)
	p := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter,
		sdklog.WithExportMaxBatchSize(otlpBatch), sdklog.WithMaxQueueSize(otlpQueue))))
	b.Cleanup(func() { require.NoError(b, p.Shutdown(context.Background())) })
	logger := p.Logger("example.com/shop/articles", log.WithInstrumentationVersion("1.2.0"))
	ctx, scope := context.Background(), scopeMetadata()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%otlpBatch == 0 { // the records that are not counted yet fit into the queue
			server.waitFor(i + otlpBatch - otlpQueue)
		}
		logger.Emit(ctx, logRecord(scope))
	}
	require.NoError(b, p.ForceFlush(ctx))
	server.waitFor(b.N)
	b.StopTimer()
}

// otlpServer counts the records that it receives.
type otlpServer struct {
	collector.UnimplementedLogsServiceServer
	address string

	mu    sync.Mutex
	grown sync.Cond
	count int
}

func startOTLP(b *testing.B, decodes bool) *otlpServer {
	b.Helper()
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	require.NoError(b, err)
	s := &otlpServer{address: listener.Addr().String()}
	s.grown.L = &s.mu
	var opts []grpc.ServerOption
	if !decodes {
		opts = append(opts, grpc.ForceServerCodecV2(countingCodec{s}))
	}
	server := grpc.NewServer(opts...)
	collector.RegisterLogsServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	b.Cleanup(func() {
		server.Stop()
		<-served
	})
	return s
}

func (s *otlpServer) Export(_ context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	n := 0
	for _, group := range r.GetResourceLogs() {
		for _, scope := range group.GetScopeLogs() {
			n += len(scope.GetLogRecords())
		}
	}
	s.add(n)
	return &collector.ExportLogsServiceResponse{}, nil
}

func (s *otlpServer) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count += n
	s.grown.Broadcast()
}

// waitFor waits until the server has counted n records.
func (s *otlpServer) waitFor(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.count < n {
		s.grown.Wait()
	}
}

// countingCodec counts the records of a request instead of decoding it.
type countingCodec struct{ server *otlpServer }

func (countingCodec) Name() string { return "proto" }

func (countingCodec) Marshal(v any) (mem.BufferSlice, error) {
	b, err := proto.Marshal(v.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(b)}, err
}

func (c countingCodec) Unmarshal(data mem.BufferSlice, _ any) error {
	n, err := countRecords(data.Materialize(), 0)
	c.server.add(n)
	return err
}

// recordFields are the field numbers of the path to a record: a request's resource logs, their
// scope logs, their log records.
var recordFields = []protowire.Number{1, 2, 2}

// countRecords returns the number of records in a message, which is at the depth in recordFields.
func countRecords(b []byte, depth int) (n int, err error) {
	for len(b) > 0 {
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return n, protowire.ParseError(size)
		}
		b = b[size:]
		if kind != protowire.BytesType {
			return n, errors.New("the request has a field of another type")
		}
		message, size := protowire.ConsumeBytes(b)
		if size < 0 {
			return n, protowire.ParseError(size)
		}
		b = b[size:]
		switch {
		case number != recordFields[depth]:
		case depth == len(recordFields)-1:
			n++
		default:
			inside, err := countRecords(message, depth+1)
			if err != nil {
				return n, err
			}
			n += inside
		}
	}
	return n, nil
}
