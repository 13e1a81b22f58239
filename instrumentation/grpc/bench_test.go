package auditgrpc_test

import (
	"context"
	"net"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// BenchmarkUnary measures a call without a network.
func BenchmarkUnary(b *testing.B) {
	tracker, _ := frameworktest.NewTracker(b)
	actor := auditgrpc.WithActor(func(context.Context) (audit.Actor, error) { return audit.User("42"), nil })
	scope := auditgrpc.NewInterceptor(actor, auditgrpc.WithChannel("api"))
	denials := auditgrpc.NewInterceptor(actor, auditgrpc.WithChannel("api"), auditgrpc.WithDenials(tracker))
	intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent, auditgrpc.TargetFrom("article", slugOf))}
	info := &grpc.UnaryServerInfo{FullMethod: publishMethod}
	handler := func(_ context.Context, req any) (any, error) { return req, nil }
	ctx := metadata.NewIncomingContext(context.Background(), metadata.Pairs("user-agent", "bench/1.0", "x-request-id", "0123456789"))
	ctx = peer.NewContext(ctx, &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1234}})
	for _, bb := range []struct {
		name string
		call func(context.Context, any) (any, error)
	}{
		{"none", handler},
		{"scope", func(ctx context.Context, req any) (any, error) { return scope.Unary(ctx, req, info, handler) }},
		{"scope and denials", func(ctx context.Context, req any) (any, error) { return denials.Unary(ctx, req, info, handler) }},
		{"scope and an intent", func(ctx context.Context, req any) (any, error) {
			return scope.Unary(ctx, req, info, func(ctx context.Context, req any) (any, error) { return intents.Unary(ctx, req, info, handler) })
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			req := wrapperspb.String("hello")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bb.call(ctx, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
