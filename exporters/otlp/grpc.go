package otlp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/opendeed/audit/export"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// grpcSender sends requests over gRPC.
type grpcSender struct {
	connection *grpc.ClientConn
	metadata   metadata.MD
	options    []grpc.CallOption
	timeout    time.Duration
}

const (
	// maxReconnect limits the time until the client notices that a server is back.
	maxReconnect = 5 * time.Second
	// pingTimeout is how long the client waits on a dead connection.
	pingTimeout = 20 * time.Second
	// pingInterval is required for pingTimeout. It is longer than the timeouts of
	// requests, so that no server complains about too many pings.
	pingInterval = 5 * time.Minute
)

func newGRPCSender(c *config) (sender, error) {
	transport := insecure.NewCredentials()
	if c.endpoint.secure {
		transport = credentials.NewTLS(c.tls)
	}
	reconnect := backoff.DefaultConfig
	reconnect.BaseDelay, reconnect.MaxDelay = 200*time.Millisecond, maxReconnect
	connection, err := grpc.NewClient(c.endpoint.target(),
		grpc.WithTransportCredentials(transport),
		grpc.WithUserAgent(userAgent),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: maxReconnect}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingInterval, Timeout: pingTimeout}),
		grpc.WithDisableRetry(),         // the caller of Export retries
		grpc.WithDisableServiceConfig(), // not even if DNS asks for it
	)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.endpoint.from, err)
	}
	s := &grpcSender{
		connection: connection,
		metadata:   metadata.New(c.headers),
		options:    []grpc.CallOption{grpc.ForceCodecV2(codec{})},
		timeout:    *c.timeout,
	}
	if *c.compression == Gzip {
		s.options = append(s.options, grpc.UseCompressor(gzip.Name))
	}
	return s, nil
}

func (s *grpcSender) send(ctx context.Context, request []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, s.metadata), s.timeout)
	defer cancel()
	var server peer.Peer
	var response collector.ExportLogsServiceResponse
	options := slices.Concat(s.options, []grpc.CallOption{grpc.Peer(&server)})
	err := s.connection.Invoke(ctx, collector.LogsService_Export_FullMethodName, request, &response, options...)
	if err == nil {
		return partialSuccess(&response)
	}
	return reply{}, callError(err, server.Addr != nil)
}

// callError returns the error of a failed call. docs/otlp.md has a table of the codes.
func callError(err error, connected bool) error {
	st := status.Convert(err)
	e := &ServerError{Code: st.Code(), Reason: "the call failed", Message: st.Message()}
	delay, requested := retryDelay(st)
	uncertain := false
	switch st.Code() {
	case codes.InvalidArgument:
		e.Reason, e.Rejected = "the server rejected the request", true
	case codes.ResourceExhausted:
		// With a delay, the server is overloaded. Otherwise the request may be too large.
		e.Reason, e.tooLarge = "the server is overloaded, or the request is too large", !requested
	case codes.Unauthenticated, codes.PermissionDenied:
		e.Reason = "the server rejected the credentials"
	case codes.Unimplemented:
		e.Reason = "the server does not accept logs"
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted, codes.Internal, codes.Unknown, codes.DataLoss:
		uncertain = connected
	default:
	}
	if !connected { // the message is from the client
		e.Reason, e.Err = "the server cannot be reached", errors.New(st.Message())
	}
	err = export.RetryAfter(e, delay)
	if uncertain {
		return maybeStored(err)
	}
	return err
}

// retryDelay returns the delay that the server requests, if it does.
func retryDelay(st *status.Status) (delay time.Duration, ok bool) {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}

func (s *grpcSender) close() error { return s.connection.Close() }

// codec sends requests that are already encoded.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	request, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("otlp: request is a %T, want []byte", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(request)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("otlp: response is a %T, want proto.Message", v)
	}
	return proto.Unmarshal(data.Materialize(), message)
}
