package auditconnect_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"connectrpc.com/connect"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// TestStreams calls each kind of stream in each protocol and compares whole records and the
// answers.
func TestStreams(t *testing.T) {
	t.Parallel()
	broken := connect.NewError(connect.CodeDataLoss, errors.New("broken"))
	for _, tt := range []struct {
		name      string
		procedure string
		service   *service
		answers   []string
		code      connect.Code
		want      []string
	}{
		{
			"the server streams", watchProcedure,
			&service{watch: func(_ context.Context, req *connect.Request[text], s *connect.ServerStream[text]) error {
				return errors.Join(s.Send(req.Msg), s.Send(wrapperspb.String("two")))
			}},
			[]string{"hello", "two"},
			0,
			[]string{
				`{` + alice + intent + begun + hello + of("Watch", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"success",` + hello + of("Watch", "OK") + `}`,
			},
		},
		{
			"the server fails before its first message", watchProcedure,
			&service{watch: func(context.Context, *connect.Request[text], *connect.ServerStream[text]) error { return broken }},
			nil, connect.CodeDataLoss,
			[]string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Watch", "data_loss") + `}`},
		},
		{
			"the server fails after its first message", watchProcedure,
			&service{watch: func(_ context.Context, req *connect.Request[text], s *connect.ServerStream[text]) error {
				assert.NoError(t, s.Send(req.Msg))
				return broken
			}},
			[]string{"hello"},
			connect.CodeDataLoss,
			[]string{
				`{` + alice + intent + begun + hello + of("Watch", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"failure",` + hello + of("Watch", "data_loss") + `}`,
			},
		},
		{
			"the client streams", uploadProcedure,
			&service{upload: func(_ context.Context, s *connect.ClientStream[text]) (*connect.Response[text], error) {
				for s.Receive() {
				}
				return connect.NewResponse(wrapperspb.String("thanks")), s.Err()
			}},
			[]string{"thanks"},
			0,
			[]string{
				`{` + alice + intent + begun + hello + of("Upload", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"success",` + hello + of("Upload", "OK") + `}`,
			},
		},
		{
			"both stream", editProcedure,
			&service{edit: func(_ context.Context, s *connect.BidiStream[text, text]) error {
				for {
					m, err := s.Receive()
					if errors.Is(err, io.EOF) {
						return nil
					}
					if err := errors.Join(err, s.Send(m)); err != nil {
						return err
					}
				}
			}},
			[]string{"hello"},
			0,
			[]string{
				`{` + alice + intent + begun + hello + of("Edit", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"success",` + hello + of("Edit", "OK") + `}`,
			},
		},
	} {
		for protocol, opts := range protocols {
			t.Run(tt.name+", "+protocol, func(t *testing.T) {
				t.Parallel()
				tracker, records := frameworktest.NewTracker(t)
				s := serve(t, tt.service.handler(connect.WithInterceptors(auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), allProcedures(tracker))))
				got := s.ask(t, tt.procedure, opts, nil, "hello")
				assert.Equal(t, tt.code, got.code, got.message)
				assert.Equal(t, tt.answers, got.messages)
				s.Close()
				records.RequireRecords(t, tt.want...)
			})
		}
	}
}

// TestClientHangsUp cancels a call while its handler runs. Nobody is sent a status.
func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	ctx, hangUp := context.WithCancel(t.Context())
	service := reply(nil)
	service.publish = func(ctx context.Context, _ *connect.Request[text]) (*connect.Response[text], error) {
		hangUp()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s := serve(t, service.handler(connect.WithInterceptors(auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), allProcedures(tracker))))
	_, err := s.publish(ctx, "hello", "alice")
	assert.Equal(t, connect.CodeCanceled, connect.CodeOf(err))
	require.Eventually(t, func() bool { return len(records.Records()) > 0 }, 10*time.Second, time.Millisecond)
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"failure",`+hello+of("Publish", "")+`}`)
}
