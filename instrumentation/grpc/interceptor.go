package auditgrpc

import (
	"context"

	"google.golang.org/grpc"
)

// Interceptor opens an audit scope for each call. It ends the scope when the handler has
// returned or panicked, before the client gets the status. Results, errors and panics continue
// unchanged.
type Interceptor struct{ config *config }

// NewInterceptor returns an interceptor. Its methods Unary and Stream are for
// grpc.ChainUnaryInterceptor and grpc.ChainStreamInterceptor.
func NewInterceptor(opts ...Option) *Interceptor { return &Interceptor{config: newConfig(opts)} }

// Unary is a grpc.UnaryServerInterceptor.
func (i *Interceptor) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if !i.config.applies(ctx, info.FullMethod) {
		return handler(ctx, req)
	}
	return serveUnary(i.config.open(ctx, info.FullMethod), nil, req, handler)
}

// Stream is a grpc.StreamServerInterceptor.
func (i *Interceptor) Stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if !i.config.applies(s.Context(), info.FullMethod) {
		return handler(srv, s)
	}
	return serveStream(i.config.open(s.Context(), info.FullMethod), nil, srv, s, info, handler)
}

// applies reports whether the interceptor is for the method.
func (config *config) applies(ctx context.Context, method string) bool {
	return config.filter == nil || config.filter(ctx, method)
}
