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

// grpcSender calls the server's Export.
type grpcSender struct {
	connection *grpc.ClientConn
	metadata   metadata.MD
	options    []grpc.CallOption
	timeout    time.Duration
}

// A server that comes back is noticed within some seconds, and a connection whose
// other end is gone is given up after deadAfter.
const (
	maxReconnect = 5 * time.Second
	deadAfter    = 20 * time.Second
	// idlePing is above all timeouts of requests, so that no server finds the pings
	// too many: it is set because deadAfter has no effect without it.
	idlePing = 5 * time.Minute
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
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: idlePing, Timeout: deadAfter}),
		grpc.WithDisableRetry(),         // whoever calls Export tries again
		grpc.WithDisableServiceConfig(), // nor does a name server decide that
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

func (s *grpcSender) send(ctx context.Context, request []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(ctx, s.metadata), s.timeout)
	defer cancel()
	var server peer.Peer
	var said collector.ExportLogsServiceResponse
	options := slices.Concat(s.options, []grpc.CallOption{grpc.Peer(&server)})
	err := s.connection.Invoke(ctx, collector.LogsService_Export_FullMethodName, request, &said, options...)
	if err == nil {
		return partialSuccess(&said)
	}
	return answer{}, callError(err, server.Addr != nil)
}

// callError is the error of a call that failed. docs/otlp.md has it as a table.
func callError(err error, connected bool) error {
	said := status.Convert(err)
	e := &ServerError{Code: said.Code(), Reason: "the call failed", Message: said.Message()}
	pause, asked := retryInfo(said)
	mayBeStored := false
	switch said.Code() {
	case codes.InvalidArgument:
		e.Reason, e.Refused = "the server does not take the request", true
	case codes.ResourceExhausted:
		// It has too much to do, and says when to come back, or the request is too
		// large.
		e.Reason, e.tooMuch = "the server does not take so much", !asked
	case codes.Unauthenticated, codes.PermissionDenied:
		e.Reason = "the server does not accept the credentials"
	case codes.Unimplemented:
		e.Reason = "the server does not take logs"
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted, codes.Internal, codes.Unknown, codes.DataLoss:
		mayBeStored = connected
	default:
	}
	if !connected { // then the message is that of our own side
		e.Reason, e.Err = "the server cannot be reached", errors.New(said.Message())
	}
	err = export.RetryAfter(e, pause)
	if mayBeStored {
		return maybe(err)
	}
	return err
}

// retryInfo returns when the server wants to be asked again, and whether it says so.
func retryInfo(said *status.Status) (pause time.Duration, asked bool) {
	for _, detail := range said.Details() {
		if info, is := detail.(*errdetails.RetryInfo); is {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}

func (s *grpcSender) close() error { return s.connection.Close() }

// codec sends requests that are encoded already.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	request, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("otlp: a request is bytes, not a %T", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(request)}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("otlp: an answer is a message, not a %T", v)
	}
	return proto.Unmarshal(data.Materialize(), message)
}
