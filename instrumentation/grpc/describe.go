package auditgrpc

import (
	"context"
	"strings"

	"github.com/opendeed/audit/instrumentation/request"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// open opens the scope of a call.
func (config *config) open(ctx context.Context, method string) *request.Exchange {
	d := request.Description{
		System:       "grpc",
		Route:        method,
		RemoteAddr:   peerAddress(ctx),
		ForwardedFor: metadata.ValueFromIncomingContext(ctx, "x-forwarded-for"),
		UserAgent:    firstMetadata(ctx, "user-agent"),
		RequestID:    firstMetadata(ctx, "x-request-id"),
		Actor:        config.actor,
		OnBehalfOf:   config.onBehalfOf,
	}
	if config.request.Coverage != nil {
		d.ReadOnly = isReadOnly(method)
	}
	if config.metadata != nil {
		d.Metadata = config.metadata(ctx)
	}
	return config.request.Open(ctx, &d)
}

func peerAddress(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

func firstMetadata(ctx context.Context, key string) string {
	if values := metadata.ValueFromIncomingContext(ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// isReadOnly reports whether the schema of a method, if the program has it, declares that the
// method has no side effects.
func isReadOnly(method string) bool {
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return false
	}
	options, ok := found.Options().(*descriptorpb.MethodOptions)
	return ok && options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}
