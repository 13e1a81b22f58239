package auditgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	return &service{
		publish: func(_ context.Context, m *text) (*text, error) {
			if err := deed(); err != nil {
				return nil, err
			}
			return m, nil
		},
		watch: func(m *text, s grpc.ServerStreamingServer[text]) error {
			if err := s.Send(m); err != nil {
				return err
			}
			return deed()
		},
		upload: func(s grpc.ClientStreamingServer[text, text]) error {
			m, err := s.Recv()
			if err != nil {
				return err
			}
			if err := deed(); err != nil {
				return err
			}
			return s.SendAndClose(m)
		},
		edit: func(s grpc.BidiStreamingServer[text, text]) error {
			m, err := s.Recv()
			if err != nil {
				return err
			}
			if err := s.Send(m); err != nil {
				return err
			}
			return deed()
		},
	}
}

// serveJournal starts a server whose methods have withheld results, and which forwards what an
// interceptor outside of ours has seen of a unary call.
func serveJournal(t *testing.T, j *journal, s *service, log *frameworktest.Errors, opts ...auditgrpc.IntentOption) *client {
	t.Helper()
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Shutdown(context.Background())) })
	event := auditgrpc.Intent(provider.Tracker("test"), publishEvent, append(opts, auditgrpc.TargetFrom("article", slugOf), auditgrpc.WithheldAnswer())...)
	intents := auditgrpc.Intents{publishMethod: event, watchMethod: event, uploadMethod: event, editMethod: event}
	audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithErrorHandler(log.Handle))
	leaves := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		resp, err := handler(ctx, req)
		if err != nil {
			assert.Nil(t, resp)
		}
		_ = j.add("leaves")
		return resp, err
	}
	leave := func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		defer func() { _ = j.add("leaves") }()
		return handler(srv, s)
	}
	return serve(t, s, grpc.ChainUnaryInterceptor(leaves, audits.Unary, intents.Unary), grpc.ChainStreamInterceptor(leave, audits.Stream, intents.Stream))
}

func TestWithheldAnswer(t *testing.T) {
	t.Parallel()
	instead := auditgrpc.OnUnrecorded(func(ctx context.Context, err error, code codes.Code) error {
		assert.ErrorIs(t, err, errDisk)
		assert.Equal(t, "alice", auditgrpc.Metadata("user")(ctx))
		return status.Error(codes.DataLoss, "done, not recorded after "+code.String())
	})
	silent := auditgrpc.OnUnrecorded(func(context.Context, error, codes.Code) error { return nil })
	const begun, done = "hello begun", "hello success"
	ok := func() error { return nil }
	conflict := func() error { return status.Error(codes.Aborted, "conflict") }
	for name, tt := range map[string]struct {
		fails  string
		result func() error
		opts   []auditgrpc.IntentOption
		want   []string
		code   codes.Code
		text   string
	}{
		"a success":              {"", ok, nil, []string{begun, "deed", done, "leaves"}, codes.OK, ""},
		"a failure":              {"", conflict, nil, []string{begun, "deed", "hello failure", "leaves"}, codes.Aborted, "conflict"},
		"not begun":              {begun, ok, nil, []string{"leaves"}, codes.Unavailable, "this cannot be recorded now, so nothing was done; try again later"},
		"not finished":           {done, ok, nil, []string{begun, "deed", "leaves"}, codes.OK, ""},
		"done, not recorded":     {done, ok, []auditgrpc.IntentOption{instead}, []string{begun, "deed", "leaves"}, codes.DataLoss, "done, not recorded after OK"},
		"not done, not recorded": {"hello failure", conflict, []auditgrpc.IntentOption{instead}, []string{begun, "deed", "leaves"}, codes.DataLoss, "done, not recorded after Aborted"},
		"no other result":        {done, ok, []auditgrpc.IntentOption{silent}, []string{begun, "deed", "leaves"}, codes.OK, ""},
		"recorded":               {"", ok, []auditgrpc.IntentOption{instead}, []string{begun, "deed", done, "leaves"}, codes.OK, ""},
		"an error of its own": {begun, ok, []auditgrpc.IntentOption{auditgrpc.OnNotBegun(func(_ context.Context, err error) error {
			assert.ErrorIs(t, err, errDisk)
			return status.Error(codes.ResourceExhausted, "closed")
		})}, []string{"leaves"}, codes.ResourceExhausted, "closed"},
		"no error of its own": {
			begun, ok,
			[]auditgrpc.IntentOption{auditgrpc.OnNotBegun(func(context.Context, error) error { return nil })},
			[]string{"leaves"},
			codes.Unavailable, "this cannot be recorded now, so nothing was done; try again later",
		},
	} {
		for _, method := range []string{publishMethod, watchMethod, uploadMethod, editMethod} {
			t.Run(name+method, func(t *testing.T) {
				t.Parallel()
				j, log := &journal{fails: tt.fails}, &frameworktest.Errors{}
				c := serveJournal(t, j, j.service(tt.result), log, tt.opts...)
				_, err := c.stream(as(t, "alice"), method, "hello")
				c.stop()
				assert.Equal(t, tt.code, status.Code(err))
				assert.Equal(t, tt.text, status.Convert(err).Message())
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

// A handler that sends before it receives begins the event, or cannot send.
func TestWithheldAnswerThatSendsFirst(t *testing.T) {
	t.Parallel()
	for _, fails := range []string{"", " begun"} {
		j := &journal{fails: fails}
		s := &service{edit: func(s grpc.BidiStreamingServer[text, text]) error {
			err := s.Send(new(text))
			_, again := s.Recv()
			assert.Equal(t, err, again)
			return err
		}}
		c := serveJournal(t, j, s, &frameworktest.Errors{})
		_, err := c.stream(as(t, "alice"), editMethod, "hello")
		c.stop()
		if fails == "" {
			require.NoError(t, err)
			assert.Equal(t, []string{" begun", "hello success", "leaves"}, j.all())
			continue
		}
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.Equal(t, []string{"leaves"}, j.all())
	}
}

// A panic continues, and its record is on the trail before.
func TestWithheldAnswerWithPanic(t *testing.T) {
	t.Parallel()
	for _, fails := range []string{"", "hello failure"} {
		j := &journal{fails: fails}
		provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
		require.NoError(t, err)
		intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(provider.Tracker("test"), publishEvent, auditgrpc.TargetFrom("article", slugOf), auditgrpc.WithheldAnswer(),
			auditgrpc.OnUnrecorded(func(context.Context, error, codes.Code) error {
				t.Error("the handler panicked")
				return nil
			}))}
		audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithErrorHandler((&frameworktest.Errors{}).Handle))
		c := serve(t, j.service(func() error { panic("no") }), grpc.ChainUnaryInterceptor(recoverPanics, audits.Unary, intents.Unary))
		_, err = c.publish(as(t, "alice"), "hello")
		assert.EqualError(t, err, "rpc error: code = Internal desc = recovered: no")
		c.stop()
		assert.Len(t, j.all(), map[string]int{"": 3}[fails]+map[string]int{"hello failure": 2}[fails])
		require.NoError(t, provider.Shutdown(context.Background()))
	}
}

// What a policy requires must be known before the handler runs, and changes need not be.
func TestWithheldAnswerUnmet(t *testing.T) {
	t.Parallel()
	rules, err := policy.New(policy.Rule{Name: "articles", Actions: []string{"article.*"}, Require: []string{"reason", "changes"}})
	require.NoError(t, err)
	for reason, code := range map[string]codes.Code{"spam": codes.OK, "": codes.FailedPrecondition} {
		tracker, records := frameworktest.NewTracker(t, sdk.WithPolicy(rules))
		event := publishEvent
		event.Reason, event.Target = reason, audit.Target{Type: "article"}
		ran := false
		s := &service{publish: func(_ context.Context, m *text) (*text, error) {
			ran = true
			return m, nil
		}}
		log := &frameworktest.Errors{}
		audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithErrorHandler(log.Handle))
		c := serve(t, s, interceptors(audits, auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, event, auditgrpc.WithheldAnswer(),
			auditgrpc.OnUnrecorded(func(context.Context, error, codes.Code) error {
				t.Error("it is on record")
				return nil
			}))})...)
		_, err := c.publish(as(t, "alice"), "hello")
		c.stop()
		assert.Equal(t, code, status.Code(err))
		assert.Equal(t, code == codes.OK, ran)
		assert.Len(t, records.Records(), map[bool]int{true: 2}[ran])
	}
}

// The result that an interceptor between has seen is replaced by the outermost.
func TestUnrecordedBehindAnotherInterceptor(t *testing.T) {
	t.Parallel()
	j := &journal{fails: "hello failure"}
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(j))
	require.NoError(t, err)
	defer func() { require.NoError(t, provider.Shutdown(context.Background())) }()
	intents := auditgrpc.Intents{publishMethod: auditgrpc.Intent(provider.Tracker("test"), publishEvent, auditgrpc.TargetFrom("article", slugOf), auditgrpc.WithheldAnswer(),
		auditgrpc.OnUnrecorded(func(_ context.Context, _ error, code codes.Code) error {
			assert.Equal(t, codes.NotFound, code)
			return status.Error(codes.DataLoss, "not recorded")
		}))}
	mapped := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		_, err := handler(ctx, req)
		assert.Equal(t, codes.Aborted, status.Code(err))
		return nil, status.Error(codes.NotFound, "mapped")
	}
	audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithErrorHandler((&frameworktest.Errors{}).Handle))
	c := serve(t, j.service(func() error { return status.Error(codes.Aborted, "no") }), interceptors(audits, intents, mapped)...)
	_, err = c.publish(as(t, "alice"), "hello")
	assert.Equal(t, codes.DataLoss, status.Code(err))
	c.stop()
}

// TestIntentFunc has events that depend on the message and on the status.
func TestIntentFunc(t *testing.T) {
	t.Parallel()
	var seen []codes.Code
	for message, result := range map[string]error{"hello": nil, "draft": status.Error(codes.NotFound, "no")} {
		tracker, records := frameworktest.NewTracker(t)
		intents := auditgrpc.Intents{publishMethod: auditgrpc.IntentFunc(tracker, func(ctx context.Context, m *text, code codes.Code) audit.Event {
			assert.Equal(t, "alice", auditgrpc.Metadata("user")(ctx))
			seen = append(seen, code)
			return audit.Event{Action: "article." + m.GetValue(), Target: audit.Target{Type: "code", ID: code.String()}}
		})}
		c := serve(t, reply(result), interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)), intents)...)
		_, err := c.publish(as(t, "alice"), message)
		assert.Equal(t, status.Code(result), status.Code(err))
		c.stop()
		require.Len(t, records.Records(), 1)
		assert.Equal(t, "article."+message, records.Records()[0].Action)
		assert.Equal(t, status.Code(result).String(), records.Records()[0].Target.ID)
	}
	assert.Len(t, seen, 2)
}

// An event of another message is reported, and recorded without it.
func TestIntentFuncOfAnotherMessage(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	log := &frameworktest.Errors{}
	intents := auditgrpc.Intents{publishMethod: auditgrpc.IntentFunc(tracker, func(_ context.Context, m *grpc.UnaryServerInfo, _ codes.Code) audit.Event {
		assert.Nil(t, m)
		return publishEvent
	})}
	c := serve(t, reply(nil), interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithErrorHandler(log.Handle)), intents)...)
	_, err := c.publish(as(t, "alice"), "hello")
	require.NoError(t, err)
	c.stop()
	assert.Len(t, records.Records(), 1)
	require.Len(t, log.All(), 1)
	assert.ErrorContains(t, log.All()[0], "takes a *grpc.UnaryServerInfo")
}
