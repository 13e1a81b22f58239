package auditgrpc_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The schema of the service, as generated code registers it: Watch has no side effects.
func init() { //nolint:gochecknoinits // so does generated code
	method := func(name string, level descriptorpb.MethodOptions_IdempotencyLevel) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: new(name), InputType: new(".google.protobuf.StringValue"), OutputType: new(".google.protobuf.StringValue"),
			Options: &descriptorpb.MethodOptions{IdempotencyLevel: &level},
		}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("articles/v1/articles.proto"), Package: new("articles.v1"), Syntax: new("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("Articles"), Method: []*descriptorpb.MethodDescriptorProto{
			method("Publish", descriptorpb.MethodOptions_IDEMPOTENT), method("Watch", descriptorpb.MethodOptions_NO_SIDE_EFFECTS),
		}}},
	}, protoregistry.GlobalFiles)
	if err == nil {
		err = protoregistry.GlobalFiles.RegisterFile(file)
	}
	if err != nil {
		panic(err)
	}
}

// TestCoverage checks which methods should have recorded an event.
func TestCoverage(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(
		policy.Rule{Name: "uploads", Routes: []string{"/articles.v1.Articles/Up*"}, Exempt: "a draft"},
		policy.Rule{Name: "watching", Routes: []string{watchMethod}, RequireEvent: true},
	)
	require.NoError(t, err)
	for _, tt := range []struct {
		name   string
		method string
		policy *policy.Policy
		err    string // of the coverage; empty if none is missing
	}{
		{"a method without a schema", uploadMethod, nil, "audit: /articles.v1.Articles/Upload succeeded but recorded no event; track an intent, or exempt the route with a policy rule"},
		{"a method that changes something", publishMethod, nil, "audit: /articles.v1.Articles/Publish succeeded but recorded no event; track an intent, or exempt the route with a policy rule"},
		{"a method without side effects", watchMethod, nil, ""},
		{"a rule that exempts a method", uploadMethod, rules, ""},
		{"a rule that requires an event", watchMethod, rules, "audit: /articles.v1.Articles/Watch succeeded but recorded no event; track an intent, or exempt the route with a policy rule"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t)
			log := &frameworktest.Errors{}
			service := reply(nil)
			service.watch = func(*text, grpc.ServerStreamingServer[text]) error { return nil }
			service.upload = func(grpc.ClientStreamingServer[text, text]) error { return nil }
			audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithCoverage(tracker, tt.policy), auditgrpc.WithErrorHandler(log.Handle))
			c := serve(t, service, interceptors(audits, nil)...)
			_, _ = c.stream(as(t, "alice"), tt.method, "hello")
			c.stop()
			if tt.err == "" {
				assert.Empty(t, records.Records())
				assert.Empty(t, log.All())
				return
			}
			require.Len(t, records.Records(), 1)
			assert.Equal(t, semconv.ActionCoverageMissing, records.Records()[0].Action)
			require.Len(t, log.All(), 1)
			assert.Equal(t, &auditgrpc.CoverageError{Route: tt.method}, log.All()[0])
			assert.EqualError(t, log.All()[0], tt.err)
		})
	}
}

// A signal is the event of a call only if it is about the target that the handler set.
func TestCoverageBySignals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		target  audit.Target
		missing int
	}{
		{"the target of the call", audit.Target{Type: "article", ID: "hello"}, 0},
		{"another target", audit.Target{Type: "session", ID: "s"}, 1},
	} {
		tracker, records := frameworktest.NewTracker(t)
		service := &service{publish: func(ctx context.Context, m *text) (*text, error) {
			audit.SetTarget(ctx, audit.Target{Type: "article", ID: "hello"})
			return m, tracker.Track(ctx, audit.Event{Action: "x.update", Kind: audit.KindSignal, Operation: audit.OperationUpdate, Target: tt.target})
		}}
		log := &frameworktest.Errors{}
		audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithCoverage(tracker, nil), auditgrpc.WithErrorHandler(log.Handle))
		c := serve(t, service, interceptors(audits, nil)...)
		_, err := c.publish(as(t, "alice"), "hello")
		require.NoError(t, err)
		c.stop()
		assert.Len(t, records.Records(), 1+tt.missing, tt.name)
		assert.Len(t, log.All(), tt.missing, tt.name)
	}
}

// gRPC's own services are exempt by one rule.
func TestCoverageOfHealthChecks(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(policy.Rule{Name: "grpc", Routes: []string{"/grpc.*"}, Exempt: "they change nothing"})
	require.NoError(t, err)
	tracker, records := frameworktest.NewTracker(t)
	audits := auditgrpc.NewInterceptor(auditgrpc.WithCoverage(tracker, rules))
	server := grpc.NewServer(interceptors(audits, nil)...)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	c := serveOn(t, server)
	_, err = grpc_health_v1.NewHealthClient(c).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	c.stop()
	assert.Empty(t, records.Records())
}

// TestCheck finds an intent whose method no service has.
func TestCheck(t *testing.T) {
	t.Parallel()
	server := grpc.NewServer()
	server.RegisterService(serviceDesc, &service{})
	require.NoError(t, auditgrpc.Intents{publishMethod: nil, editMethod: nil}.Check(server))
	err := auditgrpc.Intents{publishMethod: nil, "articles.v1.Articles/Watch": nil, "/articles.v1.Articles/Unpublish": nil}.Check(server)
	require.EqualError(t, err, "audit: the server has no method /articles.v1.Articles/Unpublish, articles.v1.Articles/Watch; "+
		"name methods as generated code does, such as /articles.v1.Articles/Publish")
}
