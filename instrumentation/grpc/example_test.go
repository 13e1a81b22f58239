package auditgrpc_test

import (
	"context"
	"fmt"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/semconv"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
)

// A server whose clients are services with certificates.
func Example() {
	tracker := audit.GetTrackerProvider().Tracker("example.com/health")
	audits := auditgrpc.NewInterceptor(
		auditgrpc.WithActor(func(ctx context.Context) (audit.Actor, error) {
			p, _ := peer.FromContext(ctx)
			info, ok := p.AuthInfo.(credentials.TLSInfo)
			if !ok || len(info.State.VerifiedChains) == 0 {
				return audit.Actor{}, nil // nobody has proved an identity
			}
			return audit.Service(info.State.VerifiedChains[0][0].Subject.CommonName), nil
		}),
		auditgrpc.WithChannel(semconv.ChannelAPI),
		auditgrpc.WithDenials(tracker),
	)
	intents := auditgrpc.Intents{
		grpc_health_v1.Health_Check_FullMethodName: auditgrpc.Intent(tracker,
			audit.Event{Action: "service.check", Operation: audit.OperationRead},
			auditgrpc.TargetFrom("service", (*grpc_health_v1.HealthCheckRequest).GetService)),
	}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(audits.Unary, intents.Unary),
		grpc.ChainStreamInterceptor(audits.Stream, intents.Stream),
	)
	grpc_health_v1.RegisterHealthServer(server, grpc_health_v1.UnimplementedHealthServer{})
	if err := intents.Check(server); err != nil {
		fmt.Println(err)
	}
	// Output:
}
