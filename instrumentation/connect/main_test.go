package auditconnect_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"
	"github.com/opendeed/audit"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type text = wrapperspb.StringValue

// service is an application. The first message of a client is the slug of an article.
type service struct {
	publish func(context.Context, *connect.Request[text]) (*connect.Response[text], error)
	watch   func(context.Context, *connect.Request[text], *connect.ServerStream[text]) error
	upload  func(context.Context, *connect.ClientStream[text]) (*connect.Response[text], error)
	edit    func(context.Context, *connect.BidiStream[text, text]) error
	get     func(context.Context, *connect.Request[text]) (*connect.Response[text], error) // no side effects
}

// Full names of the service's procedures.
const (
	publishProcedure = "/articles.v1.Articles/Publish"
	watchProcedure   = "/articles.v1.Articles/Watch"
	uploadProcedure  = "/articles.v1.Articles/Upload"
	editProcedure    = "/articles.v1.Articles/Edit"
	getProcedure     = "/articles.v1.Articles/Get"
)

// handler returns what generated code would.
func (s *service) handler(opts ...connect.HandlerOption) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(publishProcedure, connect.NewUnaryHandler(publishProcedure, s.publish, opts...))
	mux.Handle(watchProcedure, connect.NewServerStreamHandler(watchProcedure, s.watch, opts...))
	mux.Handle(uploadProcedure, connect.NewClientStreamHandler(uploadProcedure, s.upload, opts...))
	mux.Handle(editProcedure, connect.NewBidiStreamHandler(editProcedure, s.edit, opts...))
	mux.Handle(getProcedure, connect.NewUnaryHandler(getProcedure, s.get, append(opts, connect.WithIdempotency(connect.IdempotencyNoSideEffects))...))
	return mux
}

// server is a server on the loopback interface.
type server struct{ *httptest.Server }

// serve starts a server, which ends with the test. It discards the server's log, which contains
// only panics.
func serve(t *testing.T, h http.Handler) *server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return &server{s}
}

// protocols are the options of clients.
var protocols = map[string][]connect.ClientOption{
	"connect":  nil,
	"json":     {connect.WithProtoJSON()},
	"grpc":     {connect.WithGRPC()},
	"grpc-web": {connect.WithGRPCWeb()},
}

// client returns a client of a procedure.
func (s *server) client(procedure string, opts ...connect.ClientOption) *connect.Client[text, text] {
	return connect.NewClient[text, text](&http.Client{Transport: namedTransport{s.Client().Transport}}, s.URL+procedure, opts...)
}

// namedTransport has a user agent of its own.
type namedTransport struct{ http.RoundTripper }

// RoundTrip sends a request.
func (n namedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", "test/1.0")
	return n.RoundTripper.RoundTrip(r)
}

// as adds the headers of a user's request.
func as(h http.Header, user string, more ...string) {
	h.Set("User", user)
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
}

// publish calls the unary procedure.
func (s *server) publish(ctx context.Context, message, user string, header ...string) (string, error) {
	req := connect.NewRequest(wrapperspb.String(message))
	as(req.Header(), user, header...)
	resp, err := s.client(publishProcedure).CallUnary(ctx, req)
	if err != nil {
		return "", err
	}
	return resp.Msg.GetValue(), nil
}

// answer is all that a client sees of a call.
type answer struct {
	messages        []string
	code            connect.Code // 0 if there was no error
	message         string
	details         []string
	header, trailer http.Header
}

// ask calls a procedure with the messages and returns the answer.
func (s *server) ask(t *testing.T, procedure string, protocol []connect.ClientOption, header []string, messages ...string) answer {
	t.Helper()
	var a answer
	var err error
	c := s.client(procedure, protocol...)
	switch procedure {
	case publishProcedure, getProcedure:
		req := connect.NewRequest(wrapperspb.String(messages[0]))
		as(req.Header(), "alice", header...)
		var resp *connect.Response[text]
		if resp, err = c.CallUnary(t.Context(), req); err == nil {
			a.messages, a.header, a.trailer = []string{resp.Msg.GetValue()}, resp.Header(), resp.Trailer()
		}
	case watchProcedure:
		req := connect.NewRequest(wrapperspb.String(messages[0]))
		as(req.Header(), "alice", header...)
		stream, callErr := c.CallServerStream(t.Context(), req)
		require.NoError(t, callErr)
		for stream.Receive() {
			a.messages = append(a.messages, stream.Msg().GetValue())
		}
		err, a.header, a.trailer = stream.Err(), stream.ResponseHeader(), stream.ResponseTrailer()
		assert.NoError(t, stream.Close())
	case uploadProcedure:
		stream := c.CallClientStream(t.Context())
		as(stream.RequestHeader(), "alice", header...)
		for _, m := range messages {
			_ = stream.Send(wrapperspb.String(m)) // the answer has the error
		}
		var resp *connect.Response[text]
		if resp, err = stream.CloseAndReceive(); err == nil {
			a.messages, a.header, a.trailer = []string{resp.Msg.GetValue()}, resp.Header(), resp.Trailer()
		}
	case editProcedure:
		stream := c.CallBidiStream(t.Context())
		as(stream.RequestHeader(), "alice", header...)
		for _, m := range messages {
			_ = stream.Send(wrapperspb.String(m))
		}
		assert.NoError(t, stream.CloseRequest())
		for {
			var m *text
			if m, err = stream.Receive(); err != nil {
				break
			}
			a.messages = append(a.messages, m.GetValue())
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		a.header, a.trailer = stream.ResponseHeader(), stream.ResponseTrailer()
		assert.NoError(t, stream.CloseResponse())
	}
	if err != nil {
		a.code, a.message = connect.CodeOf(err), err.Error()
		if coded, ok := errors.AsType[*connect.Error](err); ok {
			a.trailer = coded.Meta()
			for _, detail := range coded.Details() {
				a.details = append(a.details, detail.Type()+" "+string(detail.Bytes()))
			}
		}
	}
	for _, h := range []http.Header{a.header, a.trailer} {
		h.Del("Date")
	}
	return a
}

// byUser is an actor function that trusts the header User.
func byUser(ctx context.Context) (audit.Actor, error) {
	if id := auditconnect.RequestHeader(ctx).Get("User"); id != "" {
		return audit.User(id), nil
	}
	return audit.Actor{}, nil
}

// reply returns a service whose procedures only return a result.
func reply(err error) *service {
	respond := func(m *text) (*connect.Response[text], error) {
		if err != nil {
			return nil, err
		}
		return connect.NewResponse(m), nil
	}
	unary := func(_ context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
		return respond(req.Msg)
	}
	return &service{
		publish: unary, get: unary,
		watch: func(context.Context, *connect.Request[text], *connect.ServerStream[text]) error { return err },
		upload: func(context.Context, *connect.ClientStream[text]) (*connect.Response[text], error) {
			return respond(wrapperspb.String("thanks"))
		},
		edit: func(context.Context, *connect.BidiStream[text, text]) error { return err },
	}
}

// publishEvent is the event of procedures with an intent.
var publishEvent = audit.Event{Action: "article.publish", Operation: audit.OperationUpdate}

// slugOf is the ID of the target in a message.
func slugOf(m *text) string { return m.GetValue() }

// allProcedures returns intents of all procedures, with a target from the message.
func allProcedures(tracker audit.Tracker, opts ...auditconnect.IntentOption) auditconnect.Intents {
	event := auditconnect.Intent(tracker, publishEvent, append(opts, auditconnect.TargetFrom("article", slugOf))...)
	return auditconnect.Intents{publishProcedure: event, watchProcedure: event, uploadProcedure: event, editProcedure: event, getProcedure: event}
}
