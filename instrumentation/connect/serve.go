package auditconnect

import (
	"context"
	"errors"
	"net/http"
	"os"

	"connectrpc.com/connect"
	"github.com/opendeed/audit/instrumentation/request"
)

// serveUnary calls next in a scope with the options of config. intent is the event of the
// procedure, or nil.
func serveUnary(ctx context.Context, config *config, intent *MethodIntent, req connect.AnyRequest, next connect.UnaryFunc) (resp connect.AnyResponse, err error) {
	c := &request.Call{Status: statusOf, Intent: intent, Rejected: newRejection}
	if req.HTTPMethod() == http.MethodGet {
		c.Status = statusOfGet
	}
	x := config.open(ctx, req.Spec(), req.Peer(), req.Header())
	err = x.ServeCall(c, func(ctx context.Context) error {
		if err := c.Received(req.Any()); err != nil {
			return err
		}
		resp, err = next(ctx, req)
		return err
	})
	if c.Replaced() {
		resp = nil
	}
	return resp, err
}

// serveStream calls next in a scope with the options of config. intent is the event of the
// procedure, or nil.
func serveStream(ctx context.Context, config *config, intent *MethodIntent, conn connect.StreamingHandlerConn, next connect.StreamingHandlerFunc) error {
	spec := conn.Spec()
	c := &request.Call{
		Status: statusOf, Intent: intent, Rejected: newRejection,
		ClientStreams: spec.StreamType&connect.StreamTypeClient != 0, ServerStreams: spec.StreamType&connect.StreamTypeServer != 0,
	}
	x := config.open(ctx, spec, conn.Peer(), conn.RequestHeader())
	return x.ServeCall(c, func(ctx context.Context) error {
		return next(ctx, &stream{StreamingHandlerConn: conn, call: c})
	})
}

// stream is a stream of a call.
type stream struct {
	connect.StreamingHandlerConn
	call *request.Call
}

// Receive receives a message.
func (s *stream) Receive(message any) error {
	if err := s.StreamingHandlerConn.Receive(message); err != nil {
		return err
	}
	return s.call.Received(message)
}

// Send sends a message.
func (s *stream) Send(message any) error {
	if err := s.call.Sending(); err != nil {
		return err
	}
	return s.StreamingHandlerConn.Send(message)
}

// statusOf returns the status that Connect sends for the result of a handler.
func statusOf(err error) request.Status {
	if err == nil {
		return request.RPCStatus(0)
	}
	code := codeOf(err)
	s := request.RPCStatus(uint32(code))
	s.Name = code.String()
	return s
}

// statusOfGet is statusOf for a GET, whose answer may be that nothing has changed.
func statusOfGet(err error) request.Status {
	if connect.IsNotModifiedError(err) {
		err = nil
	}
	return statusOf(err)
}

// codeOf returns the code that Connect sends for an error.
func codeOf(err error) connect.Code {
	if coded, ok := errors.AsType[*connect.Error](err); ok && coded != nil {
		return coded.Code()
	}
	switch {
	case errors.Is(err, context.Canceled):
		return connect.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return connect.CodeDeadlineExceeded
	}
	return connect.CodeUnknown
}

// rejection says why the handler of a call must not run.
type rejection struct {
	text string
	err  error
}

func newRejection(err error) error {
	if _, ok := errors.AsType[*request.NotBegunError](err); ok {
		return connect.NewError(connect.CodeUnavailable, &rejection{text: request.NotBegunText, err: err})
	}
	return connect.NewError(connect.CodeFailedPrecondition, &rejection{text: request.UnmetText(err), err: err})
}

// Error is the message that the client gets.
func (e *rejection) Error() string { return e.text }

// Unwrap returns an *audit.UnmetError, or a *request.NotBegunError.
func (e *rejection) Unwrap() error { return e.err }
