package auditconnect

import (
	"context"

	"connectrpc.com/connect"
)

// Interceptor opens an audit scope for each call of a handler. It ends the scope when the
// handler has returned or panicked, before the client gets the status. Results, errors and
// panics continue unchanged. It is a [connect.Interceptor].
type Interceptor struct{ config *config }

// NewInterceptor returns an interceptor for connect.WithInterceptors.
func NewInterceptor(opts ...Option) *Interceptor { return &Interceptor{config: newConfig(opts)} }

// WrapUnary implements [connect.Interceptor].
func (i *Interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if spec := req.Spec(); spec.IsClient || !i.config.applies(ctx, spec.Procedure) {
			return next(ctx, req)
		}
		return serveUnary(ctx, i.config, nil, req, next)
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (i *Interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if !i.config.applies(ctx, conn.Spec().Procedure) {
			return next(ctx, conn)
		}
		return serveStream(ctx, i.config, nil, conn, next)
	}
}

// WrapStreamingClient implements [connect.Interceptor]. It returns next.
func (*Interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// applies reports whether the interceptor is for the procedure.
func (config *config) applies(ctx context.Context, procedure string) bool {
	return config.filter == nil || config.filter(ctx, procedure)
}
