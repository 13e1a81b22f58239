package auditconnect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/opendeed/audit"
	auditconnect "github.com/opendeed/audit/instrumentation/connect"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// journal lists what happens to a call, in order: what the trail gets and what the handler does.
type journal struct {
	mu    sync.Mutex
	lines []string
	fails string // the line that fails
}

var errDisk = errors.New("the disk is full")

func (j *journal) add(line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if line == j.fails {
		return errDisk
	}
	j.lines = append(j.lines, line)
	return nil
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

func (j *journal) Name() string { return "journal" }

func (j *journal) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		line := fmt.Sprintf("%s %s", r.Target.ID, r.Outcome)
		if r.ID == r.Attempt {
			line = r.Target.ID + " begun"
		}
		if err := j.add(line); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) Shutdown(context.Context) error { return nil }

// service returns an application that says in the journal what it does.
func (j *journal) service(result func() error) *service {
	deed := func() error {
		_ = j.add("deed")
		return result()
	}
	respond := func(m *text) (*connect.Response[text], error) {
		if err := deed(); err != nil {
			return nil, err
		}
		return connect.NewResponse(m), nil
	}
	return &service{
		publish: func(_ context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
			return respond(req.Msg)
		},
		watch: func(_ context.Context, req *connect.Request[text], s *connect.ServerStream[text]) error {
			if err := s.Send(req.Msg); err != nil {
				return err
			}
			return deed()
		},
		upload: func(_ context.Context, s *connect.ClientStream[text]) (*connect.Response[text], error) {
			if !s.Receive() {
				return nil, s.Err()
			}
			return respond(s.Msg())
		},
		edit: func(_ context.Context, s *connect.BidiStream[text, text]) error {
			m, err := s.Receive()
			if err != nil {
				return err
			}
			if err := s.Send(m); err != nil {
				return err
			}
			return deed()
		},
		get: reply(nil).get,
	}
}

func TestWithheldAnswer(t *testing.T) {
	t.Parallel()
	failure := func(code connect.Code, text string) error { return connect.NewError(code, errors.New(text)) }
	instead := auditconnect.OnUnrecorded(func(ctx context.Context, err error, code connect.Code) error {
		assert.ErrorIs(t, err, errDisk)
		assert.Equal(t, "alice", auditconnect.RequestHeader(ctx).Get("User"))
		return failure(connect.CodeDataLoss, fmt.Sprintf("done, not recorded after %d", code))
	})
	silent := auditconnect.OnUnrecorded(func(context.Context, error, connect.Code) error { return nil })
	const begun, done, notBegun = "hello begun", "hello success", "unavailable: this cannot be recorded now, so nothing was done; try again later"
	ok := func() error { return nil }
	conflict := func() error { return failure(connect.CodeAborted, "conflict") }
	for name, tt := range map[string]struct {
		fails  string
		result func() error
		opts   []auditconnect.IntentOption
		want   []string
		code   connect.Code
		text   string
	}{
		"a success":              {"", ok, nil, []string{begun, "deed", done, "leaves"}, 0, ""},
		"a failure":              {"", conflict, nil, []string{begun, "deed", "hello failure", "leaves"}, connect.CodeAborted, "aborted: conflict"},
		"not begun":              {begun, ok, nil, []string{"leaves"}, connect.CodeUnavailable, notBegun},
		"not finished":           {done, ok, nil, []string{begun, "deed", "leaves"}, 0, ""},
		"done, not recorded":     {done, ok, []auditconnect.IntentOption{instead}, []string{begun, "deed", "leaves"}, connect.CodeDataLoss, "data_loss: done, not recorded after 0"},
		"not done, not recorded": {"hello failure", conflict, []auditconnect.IntentOption{instead}, []string{begun, "deed", "leaves"}, connect.CodeDataLoss, "data_loss: done, not recorded after 10"},
		"no other result":        {done, ok, []auditconnect.IntentOption{silent}, []string{begun, "deed", "leaves"}, 0, ""},
		"an error of its own": {begun, ok, []auditconnect.IntentOption{auditconnect.OnNotBegun(func(_ context.Context, err error) error {
			assert.ErrorIs(t, err, errDisk)
			return failure(connect.CodeResourceExhausted, "closed")
		})}, []string{"leaves"}, connect.CodeResourceExhausted, "resource_exhausted: closed"},
	} {
		for _, procedure := range []string{publishProcedure, watchProcedure, uploadProcedure, editProcedure} {
			t.Run(name+procedure, func(t *testing.T) {
				t.Parallel()
				j, log := &journal{fails: tt.fails}, &frameworktest.Errors{}
				provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
				require.NoError(t, err)
				defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
				intents := allProcedures(provider.Tracker("test"), append(tt.opts, auditconnect.WithheldAnswer())...)
				audits := auditconnect.NewInterceptor(auditconnect.WithActor(byUser), auditconnect.WithErrorHandler(log.Handle))
				s := serve(t, j.service(tt.result).handler(connect.WithInterceptors(leaves{t, j}, audits, intents)))
				answer := s.ask(t, procedure, nil, nil, "hello")
				s.Close()
				assert.Equal(t, tt.code, answer.code)
				assert.Equal(t, tt.text, answer.message)
				assert.Equal(t, tt.want, j.all())
				if tt.fails == "" {
					assert.Empty(t, log.All())
				} else if assert.Len(t, log.All(), 1) {
					assert.ErrorIs(t, log.All()[0], errDisk)
				}
			})
		}
	}
}

// leaves is an interceptor that says in the journal when the result leaves.
type leaves struct {
	t *testing.T
	j *journal
}

func (l leaves) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		resp, err := next(ctx, req)
		if err != nil {
			assert.Nil(l.t, resp)
		}
		_ = l.j.add("leaves")
		return resp, err
	}
}

func (l leaves) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (l leaves) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		defer func() { _ = l.j.add("leaves") }()
		return next(ctx, conn)
	}
}

// TestIntentFunc has events that depend on the message and on the code.
func TestIntentFunc(t *testing.T) {
	t.Parallel()
	for message, result := range map[string]error{"hello": nil, "draft": connect.NewError(connect.CodeNotFound, nil)} {
		tracker, records := frameworktest.NewTracker(t)
		intents := auditconnect.Intents{publishProcedure: auditconnect.IntentFunc(tracker, func(ctx context.Context, m *text, code connect.Code) audit.Event {
			assert.Equal(t, "alice", auditconnect.RequestHeader(ctx).Get("User"))
			return audit.Event{Action: "article." + m.GetValue(), Target: audit.Target{Type: "code", ID: fmt.Sprint(uint32(code))}}
		})}
		s := serve(t, reply(result).handler(connect.WithInterceptors(auditconnect.NewInterceptor(auditconnect.WithActor(byUser)), intents)))
		_, err := s.publish(t.Context(), message, "alice")
		assert.Equal(t, result == nil, err == nil)
		s.Close()
		require.Len(t, records.Records(), 1)
		assert.Equal(t, "article."+message, records.Records()[0].Action)
		assert.Equal(t, map[string]string{"hello": "0", "draft": "5"}[message], records.Records()[0].Target.ID)
	}
}
