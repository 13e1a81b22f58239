package auditgrpc

import (
	"context"
	"errors"

	"github.com/opendeed/audit/instrumentation/request"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// serveUnary calls handler in the scope of x. intent is the event of the method, or nil.
func serveUnary(x *request.Exchange, intent *MethodIntent, req any, handler grpc.UnaryHandler) (resp any, err error) {
	c := &request.Call{Status: statusOf, Intent: intent, Rejected: newRejection}
	err = x.ServeCall(c, func(ctx context.Context) error {
		if err := c.Received(req); err != nil {
			return err
		}
		resp, err = handler(ctx, req)
		return err
	})
	if c.Replaced() {
		resp = nil
	}
	return resp, err
}

// serveStream calls handler in the scope of x. intent is the event of the method, or nil.
func serveStream(x *request.Exchange, intent *MethodIntent, srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	c := &request.Call{
		Status: statusOf, Intent: intent, Rejected: newRejection,
		ClientStreams: info.IsClientStream, ServerStreams: info.IsServerStream,
	}
	return x.ServeCall(c, func(ctx context.Context) error {
		return handler(srv, &stream{ServerStream: s, ctx: ctx, call: c})
	})
}

// stream is a stream whose context carries the scope.
type stream struct {
	grpc.ServerStream
	ctx  context.Context
	call *request.Call
}

// Context returns the context that carries the scope.
func (s *stream) Context() context.Context { return s.ctx }

// RecvMsg receives a message.
func (s *stream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.call.Received(m)
}

// SendMsg sends a message.
func (s *stream) SendMsg(m any) error {
	if err := s.call.Sending(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// statusOf returns the status that gRPC sends for the result of a handler.
func statusOf(err error) request.Status {
	s, ok := status.FromError(err)
	if !ok {
		s = status.FromContextError(err)
	}
	return request.RPCStatus(uint32(s.Code()))
}

// rejection is the error of a call whose handler must not run.
type rejection struct {
	status *status.Status
	err    error
}

func newRejection(err error) error {
	if _, ok := errors.AsType[*request.NotBegunError](err); ok {
		return &rejection{status: status.New(codes.Unavailable, request.NotBegunText), err: err}
	}
	return &rejection{status: status.New(codes.FailedPrecondition, request.UnmetText(err)), err: err}
}

// Error describes the status.
func (e *rejection) Error() string { return e.status.String() }

// GRPCStatus returns the status.
func (e *rejection) GRPCStatus() *status.Status { return e.status }

// Unwrap returns an *audit.UnmetError, or a *request.NotBegunError.
func (e *rejection) Unwrap() error { return e.err }
