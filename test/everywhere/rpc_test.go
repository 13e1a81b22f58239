package everywhere_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/opendeed/audit"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Full names of the methods of the application on gRPC and Connect. A request is the id of an
// article.
const (
	updateMethod = "/articles.v1.Articles/Update"
	intentMethod = "/articles.v1.Articles/UpdateWithIntent"
	streamMethod = "/articles.v1.Articles/UpdateStream"
	adminMethod  = "/articles.v1.Admin/Update"
)

// rpcInHandler are the records of a call whose handler records the intent, and sets the target
// for the coverage.
func rpcInHandler() map[behavior][]string {
	cells := inHandler(updateMethod)
	cells[leavesNoTrace] = []string{"signal audit.coverage.missing success by user:alice through api on article:1"}
	return cells
}

// onMethod are the records of a call whose method has an intent, with the target from the
// message.
func onMethod() map[behavior][]string {
	cells := onRoute()
	cells[forgetsIntent] = cells[recordsIntent] // nothing can be forgotten
	cells[deniedRequest] = []string{"intent article.update denied by user:alice through api on article:1"}
	return cells
}

// onStream are the records of a stream whose method has an intent: the same, and that it was
// begun.
func onStream() map[behavior][]string {
	cells := onMethod()
	maps.DeleteFunc(cells, func(b behavior, _ []string) bool { return b == recordsTwice })
	return withRecord("intent article.update unknown by user:alice through api on article:1", cells)
}

// rpcByAdmin are the records of a call of the admin service.
func rpcByAdmin() map[behavior][]string {
	cells := byAdmin(adminMethod)
	cells[leavesNoTrace] = []string{"signal audit.coverage.missing success by user:root-of-alice for user:carol through admin on article:1"}
	return cells
}

// rpc is a method of the application: it runs the task of the article with the id.
type rpc func(ctx context.Context, id string) error

// errRequestDenied denies a request before the update.
var errRequestDenied = errors.New("the request is denied")

// newRPC returns a method that updates an article.
func (w *world) newRPC(update updateFunc) rpc {
	return func(ctx context.Context, id string) error {
		k := w.get(id)
		k.canceled = ctx.Done()
		if k.behavior == deniedRequest {
			return errRequestDenied
		}
		return update(contextWithTask(ctx, k), k)
	}
}

// withTarget is update with the target that the coverage expects.
func withTarget(update updateFunc) updateFunc {
	return func(ctx context.Context, k *task) error {
		audit.SetTarget(ctx, audit.Target{Type: "article", ID: k.id})
		return update(ctx, k)
	}
}

// rpcs returns the methods of the application.
func (w *world) rpcs() map[string]rpc {
	return map[string]rpc{
		updateMethod: w.newRPC(withTarget(w.updateWithIntent)),
		adminMethod:  w.newRPC(withTarget(w.updateAsAdmin)),
		intentMethod: w.newRPC(w.updateWithIntentOfMethod),
		streamMethod: w.newRPC(w.updateWithIntentOfMethod),
	}
}

// updateWithIntentOfMethod relies on the intent of the method, and sets nothing.
func (w *world) updateWithIntentOfMethod(ctx context.Context, k *task) error {
	if k.behavior == recordsTwice {
		return w.updateWithIntent(ctx, k)
	}
	err := w.store.Update(ctx, article{ID: k.id, Title: newTitle})
	k.afterIntent()
	return err
}

func isDenied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errRequestDenied)
}

// text is the type of the messages.
type text = wrapperspb.StringValue

// newGRPC returns the application on gRPC. Its admin service has a second interceptor inside
// the first.
func (w *world) newGRPC() *grpc.Server {
	options := func(channel string) []auditgrpc.Option {
		return []auditgrpc.Option{
			auditgrpc.WithChannel(channel), auditgrpc.WithDenials(w.tracker), auditgrpc.WithCoverage(w.tracker, nil),
			auditgrpc.WithErrorHandler(w.addLateError),
		}
	}
	actor := func(prefix, key string) func(context.Context) (audit.Actor, error) {
		return func(ctx context.Context) (audit.Actor, error) {
			return audit.User(prefix + auditgrpc.Metadata(key)(ctx)), nil
		}
	}
	owner := actor("", "view-as")
	audits := auditgrpc.NewInterceptor(append(options(semconv.ChannelAPI), auditgrpc.WithActor(actor("", "user")))...)
	admin := auditgrpc.NewInterceptor(append(options(semconv.ChannelAdmin), auditgrpc.WithActor(actor("root-of-", "user")),
		auditgrpc.WithOnBehalfOf(func(ctx context.Context, _ audit.Actor) (audit.Actor, error) { return owner(ctx) }),
		auditgrpc.WithFilter(func(_ context.Context, method string) bool { return strings.HasPrefix(method, "/articles.v1.Admin/") }))...)
	intent := auditgrpc.Intent(w.tracker, routeIntent, auditgrpc.TargetFrom("article", (*text).GetValue))
	intents := auditgrpc.Intents{intentMethod: intent, streamMethod: intent}
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(recoverUnary, audits.Unary, admin.Unary, intents.Unary),
		grpc.ChainStreamInterceptor(recoverStream, audits.Stream, admin.Stream, intents.Stream),
	)
	methods := w.rpcs()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "articles.v1.Articles", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{unaryMethod(updateMethod, methods[updateMethod]), unaryMethod(intentMethod, methods[intentMethod])},
		Streams: []grpc.StreamDesc{{StreamName: "UpdateStream", ClientStreams: true, ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			in := new(text)
			if err := s.RecvMsg(in); err != nil {
				return err
			}
			return grpcError(methods[streamMethod](s.Context(), in.GetValue()))
		}}},
	}, nil)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "articles.v1.Admin", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{unaryMethod(adminMethod, methods[adminMethod])},
	}, nil)
	return server
}

// unaryMethod is what generated code has for a method.
func unaryMethod(fullName string, f rpc) grpc.MethodDesc {
	handler := func(ctx context.Context, req any) (any, error) {
		m, _ := req.(*text)
		return m, grpcError(f(ctx, m.GetValue()))
	}
	return grpc.MethodDesc{
		MethodName: fullName[strings.LastIndexByte(fullName, '/')+1:],
		Handler: func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			in := new(text)
			if err := decode(in); err != nil {
				return nil, err
			}
			return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: fullName}, handler)
		},
	}
}

func grpcError(err error) error {
	switch {
	case err == nil:
		return nil
	case isDenied(err):
		return status.Error(codes.PermissionDenied, err.Error())
	}
	return status.Error(codes.Internal, err.Error())
}

// recoverUnary answers the panic of a task, as gRPC services do.
func recoverUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	err = recoverBoom(func() error {
		resp, err = handler(ctx, req)
		return err
	})
	return resp, err
}

func recoverStream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return recoverBoom(func() error { return handler(srv, s) })
}

// overGRPC runs a task with a call of a method.
func overGRPC(method string) runFunc {
	return func(t *testing.T, w *world, k *task) {
		t.Helper()
		server := w.newGRPC()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var serving sync.WaitGroup
		serving.Go(func() { assert.NoError(t, server.Serve(listener)) })
		conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		ctx := metadata.AppendToOutgoingContext(k.ctx, "user", k.user, "view-as", k.owner)
		if method == streamMethod {
			err = callStream(ctx, conn, k.id)
		} else {
			err = conn.Invoke(ctx, method, wrapperspb.String(k.id), new(text))
		}
		close(k.answered)
		assert.Equal(t, k.succeeds(), err == nil, "error of the client: %v", err)
		assert.NoError(t, conn.Close())
		server.GracefulStop() // waits for the handler
		serving.Wait()
	}
}

// callStream calls the stream with one message.
func callStream(ctx context.Context, conn *grpc.ClientConn, id string) error {
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, streamMethod)
	if err != nil {
		return err
	}
	if err := errors.Join(s.SendMsg(wrapperspb.String(id)), s.CloseSend()); err != nil {
		return err
	}
	if err := s.RecvMsg(new(text)); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// newConnect returns the application on Connect. Its admin service has a second interceptor
// inside the first.
func (w *world) newConnect() http.Handler {
	options := func(channel string) []auditconnect.Option {
		return []auditconnect.Option{
			auditconnect.WithChannel(channel), auditconnect.WithDenials(w.tracker), auditconnect.WithCoverage(w.tracker, nil),
			auditconnect.WithErrorHandler(w.addLateError),
		}
	}
	actor := func(prefix, key string) func(context.Context) (audit.Actor, error) {
		return func(ctx context.Context) (audit.Actor, error) {
			return audit.User(prefix + auditconnect.RequestHeader(ctx).Get(key)), nil
		}
	}
	owner := actor("", "View-As")
	audits := auditconnect.NewInterceptor(append(options(semconv.ChannelAPI), auditconnect.WithActor(actor("", "User")))...)
	admin := auditconnect.NewInterceptor(append(options(semconv.ChannelAdmin), auditconnect.WithActor(actor("root-of-", "User")),
		auditconnect.WithOnBehalfOf(func(ctx context.Context, _ audit.Actor) (audit.Actor, error) { return owner(ctx) }))...)
	intents := auditconnect.Intents{
		intentMethod: auditconnect.Intent(w.tracker, routeIntent, auditconnect.TargetFrom("article", (*text).GetValue)),
	}
	mux := http.NewServeMux()
	for method, f := range w.rpcs() {
		interceptors := connect.WithInterceptors(audits, intents)
		if method == adminMethod {
			interceptors = connect.WithInterceptors(audits, admin)
		}
		mux.Handle(method, connect.NewUnaryHandler(method, func(ctx context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
			switch err := f(ctx, req.Msg.GetValue()); {
			case err == nil:
				return connect.NewResponse(req.Msg), nil
			case isDenied(err):
				return nil, connect.NewError(connect.CodePermissionDenied, err)
			default:
				return nil, connect.NewError(connect.CodeInternal, err)
			}
		}, interceptors))
	}
	return mux
}

// overConnect runs a task with a call of a method.
func overConnect(method string) runFunc {
	return func(t *testing.T, w *world, k *task) {
		t.Helper()
		server := w.serve(w.newConnect())
		req := connect.NewRequest(wrapperspb.String(k.id))
		req.Header().Set("User", k.user)
		req.Header().Set("View-As", k.owner)
		_, err := connect.NewClient[text, text](server.Client(), server.URL+method).CallUnary(k.ctx, req)
		close(k.answered)
		assert.Equal(t, k.succeeds(), err == nil, "error of the client: %v", err)
		server.Close() // waits for the handler
	}
}
