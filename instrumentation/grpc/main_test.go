package auditgrpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type text = wrapperspb.StringValue

// service is an application. The first word of what a client sends is the slug of an article.
type service struct {
	publish func(context.Context, *text) (*text, error)         // unary
	watch   func(*text, grpc.ServerStreamingServer[text]) error // the server streams
	upload  func(grpc.ClientStreamingServer[text, text]) error
	edit    func(grpc.BidiStreamingServer[text, text]) error
}

// Full names of the service's methods.
const (
	publishMethod = "/articles.v1.Articles/Publish"
	watchMethod   = "/articles.v1.Articles/Watch"
	uploadMethod  = "/articles.v1.Articles/Upload"
	editMethod    = "/articles.v1.Articles/Edit"
)

// serviceDesc is what protoc would generate.
var serviceDesc = &grpc.ServiceDesc{
	ServiceName: "articles.v1.Articles",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Publish", Handler: func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(text)
		if err := decode(in); err != nil {
			return nil, err
		}
		handler := func(ctx context.Context, req any) (any, error) { return srv.(*service).publish(ctx, req.(*text)) }
		if interceptor == nil {
			return handler(ctx, in)
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: publishMethod}, handler)
	}}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Watch", ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
			in := new(text)
			if err := s.RecvMsg(in); err != nil {
				return err
			}
			return srv.(*service).watch(in, &grpc.GenericServerStream[text, text]{ServerStream: s})
		}},
		{StreamName: "Upload", ClientStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
			return srv.(*service).upload(&grpc.GenericServerStream[text, text]{ServerStream: s})
		}},
		{StreamName: "Edit", ClientStreams: true, ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
			return srv.(*service).edit(&grpc.GenericServerStream[text, text]{ServerStream: s})
		}},
	},
}

// client calls a service.
type client struct {
	*grpc.ClientConn
	stop func() // stops the server when its calls have ended
}

// serve starts a server on the loopback interface, and a client of it. Both end with the test.
func serve(t *testing.T, s *service, opts ...grpc.ServerOption) *client {
	t.Helper()
	server := grpc.NewServer(opts...)
	server.RegisterService(serviceDesc, s)
	return serveOn(t, server)
}

// serveOn is serve for a server that has its services.
func serveOn(t *testing.T, server *grpc.Server) *client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() { assert.NoError(t, server.Serve(listener)) })
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithUserAgent("test/1.0"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	stop := func() {
		server.GracefulStop()
		serving.Wait()
	}
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		stop()
	})
	return &client{ClientConn: conn, stop: stop}
}

// interceptors returns the options of a server whose calls pass an audit interceptor, then the
// given ones, then the intents.
func interceptors(audits *auditgrpc.Interceptor, intents auditgrpc.Intents, between ...grpc.UnaryServerInterceptor) []grpc.ServerOption {
	unary := append([]grpc.UnaryServerInterceptor{audits.Unary}, between...)
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(append(unary, intents.Unary)...),
		grpc.ChainStreamInterceptor(audits.Stream, intents.Stream),
	}
}

// publish calls the unary method.
func (c *client) publish(ctx context.Context, message string, opts ...grpc.CallOption) (string, error) {
	out := new(text)
	err := c.Invoke(ctx, publishMethod, wrapperspb.String(message), out, opts...)
	return out.GetValue(), err
}

// open opens a stream.
func (c *client) open(ctx context.Context, method string) (*grpc.GenericClientStream[text, text], error) {
	s, err := c.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	return &grpc.GenericClientStream[text, text]{ClientStream: s}, err
}

// stream sends messages to a method and returns those that it sends back, until the call ends.
func (c *client) stream(ctx context.Context, method string, messages ...string) (answers []string, err error) {
	s, err := c.open(ctx, method)
	if err != nil {
		return nil, err
	}
	for _, message := range messages {
		if err := s.Send(wrapperspb.String(message)); err != nil {
			break // Recv returns the status
		}
	}
	if err := s.CloseSend(); err != nil {
		return nil, err
	}
	for {
		answer, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer.GetValue())
	}
}

// as returns the context of a call by a user, with more metadata.
func as(t *testing.T, user string, more ...string) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), append(more, "user", user)...)
}

// byUser is an actor function that trusts the metadata user.
func byUser(ctx context.Context) (audit.Actor, error) {
	if id := auditgrpc.Metadata("user")(ctx); id != "" {
		return audit.User(id), nil
	}
	return audit.Actor{}, nil
}

// recoverPanics answers a panic as INTERNAL.
func recoverPanics(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Errorf(codes.Internal, "recovered: %v", p)
		}
	}()
	return handler(ctx, req)
}

// recoverStreams is recoverPanics for streams.
func recoverStreams(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = status.Errorf(codes.Internal, "recovered: %v", p)
		}
	}()
	return handler(srv, s)
}

// reply returns a handler of the unary method that only returns a result.
func reply(err error) *service {
	return &service{publish: func(_ context.Context, m *text) (*text, error) {
		if err != nil {
			return nil, err
		}
		return wrapperspb.String("published " + m.GetValue()), nil
	}}
}

// publishEvent is the event of methods with an intent.
var publishEvent = audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}

// slugOf is the ID of the target in a message.
func slugOf(m *text) string { return m.GetValue() }
