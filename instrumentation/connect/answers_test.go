package auditconnect_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// TestAnswers calls each service in each protocol with and without the interceptors and
// compares the answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	detail, err := connect.NewErrorDetail(wrapperspb.String("DRAFT"))
	require.NoError(t, err)
	detailed := func() error {
		err := connect.NewError(connect.CodeFailedPrecondition, errors.New("not yet"))
		err.AddDetail(detail)
		err.Meta().Set("Try-Again", "tomorrow")
		return err
	}
	for name, result := range map[string]func() error{
		"a success":             func() error { return nil },
		"an error with details": detailed,
		"an error without code": func() error { return errors.New("plain") },
		"the end of a context":  func() error { return context.Canceled },
		"a panic":               func() error { panic("no") },
	} {
		service := &service{
			publish: func(_ context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
				if err := result(); err != nil {
					return nil, err
				}
				resp := connect.NewResponse(req.Msg)
				resp.Header().Set("When", "before")
				resp.Trailer().Set("When-Else", "after")
				return resp, nil
			},
			watch: func(_ context.Context, req *connect.Request[text], s *connect.ServerStream[text]) error {
				s.ResponseHeader().Set("When", "before")
				s.ResponseTrailer().Set("When-Else", "after")
				assert.NoError(t, s.Send(req.Msg))
				return result()
			},
			upload: func(_ context.Context, s *connect.ClientStream[text]) (*connect.Response[text], error) {
				last := ""
				for s.Receive() {
					last = s.Msg().GetValue()
				}
				if err := errors.Join(s.Err(), result()); err != nil {
					return nil, result()
				}
				return connect.NewResponse(wrapperspb.String(last)), nil
			},
			edit: func(_ context.Context, s *connect.BidiStream[text, text]) error {
				for {
					m, err := s.Receive()
					if errors.Is(err, io.EOF) {
						return result()
					}
					assert.NoError(t, err)
					assert.NoError(t, s.Send(m))
				}
			},
		}
		service.get = service.publish
		recovers := connect.WithRecover(func(context.Context, connect.Spec, http.Header, any) error {
			return connect.NewError(connect.CodeInternal, errors.New("recovered"))
		})
		tracker, _ := frameworktest.NewTracker(t)
		audits := auditconnect.NewInterceptor(auditconnect.WithActor(byUser), auditconnect.WithDenials(tracker), auditconnect.WithCoverage(tracker, nil))
		bare := serve(t, service.handler(recovers))
		instrumented := serve(t, service.handler(recovers, connect.WithInterceptors(audits, allProcedures(tracker))))
		withheld := serve(t, service.handler(recovers, connect.WithInterceptors(audits, allProcedures(tracker, auditconnect.WithheldAnswer()))))
		for protocol, opts := range protocols {
			t.Run(name+", "+protocol, func(t *testing.T) {
				t.Parallel()
				for _, procedure := range []string{publishProcedure, watchProcedure, uploadProcedure, editProcedure} {
					messages := []string{"hello", "two"}
					want := bare.ask(t, procedure, opts, nil, messages...)
					assert.Equal(t, want, instrumented.ask(t, procedure, opts, nil, messages...), procedure)
					assert.Equal(t, want, withheld.ask(t, procedure, opts, nil, messages...), procedure)
					assert.Equal(t, name == "a success", want.code == 0)
				}
			})
		}
	}
}
