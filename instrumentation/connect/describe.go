package auditconnect

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"github.com/opendeed/audit/instrumentation/request"
)

// open opens the scope of a call.
func (config *config) open(ctx context.Context, spec connect.Spec, peer connect.Peer, header http.Header) *request.Exchange {
	ctx = context.WithValue(ctx, headerKey{}, header)
	d := request.Description{
		System:       "connectrpc",
		Route:        spec.Procedure,
		ReadOnly:     spec.IdempotencyLevel == connect.IdempotencyNoSideEffects,
		RemoteAddr:   peer.Addr,
		ForwardedFor: header["X-Forwarded-For"],
		UserAgent:    header.Get("User-Agent"),
		RequestID:    header.Get("X-Request-Id"),
		Actor:        config.actor,
		OnBehalfOf:   config.onBehalfOf,
	}
	if config.metadata != nil {
		d.Metadata = config.metadata(ctx)
	}
	return config.request.Open(ctx, &d)
}

type headerKey struct{}

// RequestHeader returns the header of the request of a call, for the functions of options. It
// must not be changed. Outside of this package's interceptors it is nil.
func RequestHeader(ctx context.Context) http.Header {
	header, _ := ctx.Value(headerKey{}).(http.Header)
	return header
}

// Header returns a source that reads a header of the request.
func Header(name string) func(context.Context) string {
	return func(ctx context.Context) string { return RequestHeader(ctx).Get(name) }
}
