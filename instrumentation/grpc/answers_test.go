package auditgrpc_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// answer is all that a client sees of a call.
type answer struct {
	messages        []string
	status          []byte
	header, trailer metadata.MD
}

// ask calls a method and returns the answer.
func (c *client) ask(t *testing.T, method string, messages ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(as(t, "alice"), 10*time.Second)
	defer cancel()
	var a answer
	s, err := c.open(ctx, method)
	require.NoError(t, err)
	for _, message := range messages {
		if s.Send(wrapperspb.String(message)) != nil {
			break
		}
	}
	require.NoError(t, s.CloseSend())
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			a.status, err = proto.MarshalOptions{Deterministic: true}.Marshal(status.Convert(err).Proto())
			require.NoError(t, err)
			break
		}
		a.messages = append(a.messages, m.GetValue())
	}
	a.header, err = s.Header()
	require.NoError(t, err)
	a.trailer = s.Trailer()
	return a
}

// TestAnswers calls each service with and without the interceptors and compares the answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	detailed, err := status.New(codes.FailedPrecondition, "not yet").WithDetails(&errdetails.ErrorInfo{Reason: "DRAFT", Domain: "example.com"})
	require.NoError(t, err)
	results := map[string]func() error{
		"a success":                        func() error { return nil },
		"an error with details":            detailed.Err,
		"an error without status":          func() error { return errors.New("plain") },
		"the end of a context":             func() error { return context.DeadlineExceeded },
		"a panic":                          func() error { panic("no") },
		"a denial":                         func() error { return status.Error(codes.PermissionDenied, "no") },
		"a status that gRPC does not know": func() error { return status.Error(99, "no") },
	}
	mark := func(ctx context.Context) error {
		return errors.Join(grpc.SetHeader(ctx, metadata.Pairs("when", "before")), grpc.SetTrailer(ctx, metadata.Pairs("when", "after")))
	}
	for name, result := range results {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &service{
				publish: func(ctx context.Context, m *text) (*text, error) {
					assert.NoError(t, mark(ctx))
					return m, result()
				},
				watch: func(m *text, s grpc.ServerStreamingServer[text]) error {
					assert.NoError(t, mark(s.Context()))
					assert.NoError(t, s.SendHeader(metadata.Pairs("early", "yes")))
					assert.NoError(t, s.Send(m))
					return result()
				},
				upload: func(s grpc.ClientStreamingServer[text, text]) error {
					m, err := s.Recv()
					assert.NoError(t, err)
					s.SetTrailer(metadata.Pairs("got", m.GetValue()))
					if err := result(); err != nil {
						return err
					}
					return s.SendAndClose(m)
				},
				edit: func(s grpc.BidiStreamingServer[text, text]) error {
					for {
						m, err := s.Recv()
						if errors.Is(err, io.EOF) {
							return result()
						}
						assert.NoError(t, err)
						assert.NoError(t, s.Send(m))
					}
				},
			}
			recovers := []grpc.ServerOption{grpc.ChainUnaryInterceptor(recoverPanics), grpc.ChainStreamInterceptor(recoverStreams)}
			bare := serve(t, service, recovers...)
			tracker, _ := frameworktest.NewTracker(t)
			audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithDenials(tracker), auditgrpc.WithCoverage(tracker, nil))
			for _, opts := range [][]auditgrpc.IntentOption{nil, {auditgrpc.WithheldAnswer()}} {
				event := auditgrpc.Intent(tracker, publishEvent, append(opts, auditgrpc.TargetFrom("article", slugOf))...)
				intents := auditgrpc.Intents{publishMethod: event, watchMethod: event, uploadMethod: event, editMethod: event}
				instrumented := serve(t, service, append(recovers, interceptors(audits, intents)...)...)
				for method, messages := range map[string][]string{
					publishMethod: {"hello"}, watchMethod: {"hello"}, uploadMethod: {"hello", "two"}, editMethod: {"hello", "two"},
				} {
					assert.Equal(t, bare.ask(t, method, messages...), instrumented.ask(t, method, messages...), method)
				}
			}
		})
	}
}
