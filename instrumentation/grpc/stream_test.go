package auditgrpc_test

import (
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Members of records of streams.
const (
	begun = `"attempt":"its own","outcome":"unknown",`
	ended = `"attempt":"the first",`
)

// streams returns the options of a server whose streams have an intent, with a target from the
// first message.
func streams(tracker audit.Tracker, outside ...grpc.StreamServerInterceptor) []grpc.ServerOption {
	event := auditgrpc.Intent(tracker, publishEvent, auditgrpc.TargetFrom("article", slugOf))
	intents := auditgrpc.Intents{watchMethod: event, uploadMethod: event, editMethod: event}
	audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser))
	return []grpc.ServerOption{grpc.ChainStreamInterceptor(append(outside, audits.Stream, intents.Stream)...)}
}

// TestStreams calls each kind of stream and compares whole records, the answers and the status.
func TestStreams(t *testing.T) {
	t.Parallel()
	broken := status.Error(codes.DataLoss, "broken")
	receiveAll := func(receive func() (*text, error)) error {
		for {
			if _, err := receive(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	for _, tt := range []struct {
		name    string
		method  string
		service *service
		send    []string
		answers []string
		code    codes.Code
		want    []string
	}{
		{
			"the server streams", watchMethod,
			&service{watch: func(m *text, s grpc.ServerStreamingServer[text]) error {
				return errors.Join(s.Send(m), s.Send(wrapperspb.String("two")))
			}},
			[]string{"hello"},
			[]string{"hello", "two"},
			codes.OK,
			[]string{
				`{` + alice + intent + begun + hello + of("Watch", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"success",` + hello + of("Watch", "OK") + `}`,
			},
		},
		{
			"the server fails before its first message", watchMethod,
			&service{watch: func(*text, grpc.ServerStreamingServer[text]) error { return broken }},
			[]string{"hello"},
			nil, codes.DataLoss,
			[]string{`{` + alice + intent + `"outcome":"failure",` + hello + of("Watch", "DATA_LOSS") + `}`},
		},
		{
			"the server fails after its first message", watchMethod,
			&service{watch: func(m *text, s grpc.ServerStreamingServer[text]) error {
				assert.NoError(t, s.Send(m))
				return broken
			}},
			[]string{"hello"},
			[]string{"hello"},
			codes.DataLoss,
			[]string{
				`{` + alice + intent + begun + hello + of("Watch", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"failure",` + hello + of("Watch", "DATA_LOSS") + `}`,
			},
		},
		{
			"the server panics", watchMethod,
			&service{watch: func(m *text, s grpc.ServerStreamingServer[text]) error {
				assert.NoError(t, s.Send(m))
				panic("no")
			}},
			[]string{"hello"},
			[]string{"hello"},
			codes.Internal,
			[]string{
				`{` + alice + intent + begun + hello + of("Watch", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"failure",` + hello + of("Watch", "") + `}`,
			},
		},
		{
			"the client streams", uploadMethod,
			&service{upload: func(s grpc.ClientStreamingServer[text, text]) error {
				return errors.Join(receiveAll(s.Recv), s.SendAndClose(wrapperspb.String("thanks")))
			}},
			[]string{"hello", "two"},
			[]string{"thanks"},
			codes.OK,
			[]string{
				`{` + alice + intent + begun + hello + of("Upload", "") + `}`,
				`{` + alice + intent + ended + `"outcome":"success",` + hello + of("Upload", "OK") + `}`,
			},
		},
		{
			"the client streams nothing", uploadMethod,
			&service{upload: func(s grpc.ClientStreamingServer[text, text]) error {
				return errors.Join(receiveAll(s.Recv), s.SendAndClose(wrapperspb.String("thanks")))
			}},
			nil,
			[]string{"thanks"},
			codes.OK,
			[]string{`{` + alice + intent + `"outcome":"success",` + of("Upload", "OK") + `}`},
		},
		{
			"both stream", editMethod,
			&service{edit: func(s grpc.BidiStreamingServer[text, text]) error {
				var sending sync.WaitGroup
				sending.Go(func() { assert.NoError(t, s.Send(wrapperspb.String("one"))) })
				defer sending.Wait()
				return receiveAll(s.Recv)
			}},
			[]string{"hello", "two"},
			[]string{"one"},
			codes.OK,
			nil, // the order of the first messages is not known
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker, records := frameworktest.NewTracker(t)
			c := serve(t, tt.service, streams(tracker, recoverStreams)...)
			answers, err := c.stream(as(t, "alice"), tt.method, tt.send...)
			assert.Equal(t, tt.code, status.Code(err))
			assert.Equal(t, tt.answers, answers)
			c.stop()
			if tt.want != nil {
				records.RequireRecords(t, tt.want...)
				return
			}
			all := records.Records()
			require.Len(t, all, 2)
			assert.Equal(t, all[0].ID, all[1].Attempt)
			assert.Equal(t, audit.OutcomeSuccess, all[1].Outcome)
			assert.Equal(t, audit.Target{Type: "article", ID: "hello"}, all[1].Target)
		})
	}
}

// The beginning of a stream is on record before anything of it is seen.
func TestStreamBegins(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	begin := `{` + alice + intent + begun + hello + of("Edit", "") + `}`
	c := serve(t, &service{edit: func(s grpc.BidiStreamingServer[text, text]) error {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		records.RequireRecords(t, begin)
		if err := s.Send(m); err != nil {
			return err
		}
		_, err = s.Recv()
		assert.ErrorIs(t, err, io.EOF)
		return tracker.Track(s.Context(), audit.Event{Action: "article.read"})
	}}, streams(tracker)...)
	s, err := c.open(as(t, "alice"), editMethod)
	require.NoError(t, err)
	require.NoError(t, s.Send(wrapperspb.String("hello")))
	_, err = s.Recv()
	require.NoError(t, err)
	records.RequireRecords(t, begin)
	require.NoError(t, s.CloseSend())
	_, err = s.Recv()
	require.ErrorIs(t, err, io.EOF)
	c.stop()
	records.RequireRecords(t, begin,
		`{`+alice+`"action":"article.read","kind":"intent","outcome":"unknown",`+of("Edit", "")+`}`,
		`{`+alice+intent+ended+`"outcome":"success",`+hello+of("Edit", "OK")+`}`)
}

// The handler of a stream completes its event before it has received a message, and after.
func TestStreamIsCompleted(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	c := serve(t, &service{edit: func(s grpc.BidiStreamingServer[text, text]) error {
		audit.SetReason(s.Context(), "spam")
		if _, err := s.Recv(); err != nil {
			return err
		}
		audit.SetOutcome(s.Context(), audit.OutcomeDenied)
		return nil
	}}, streams(tracker)...)
	_, err := c.stream(as(t, "alice"), editMethod, "hello")
	require.NoError(t, err)
	c.stop()
	records.RequireRecords(t,
		`{`+alice+intent+begun+`"reason":"spam",`+hello+of("Edit", "")+`}`,
		`{`+alice+intent+ended+`"outcome":"denied","reason":"spam",`+hello+of("Edit", "OK")+`}`)
}
