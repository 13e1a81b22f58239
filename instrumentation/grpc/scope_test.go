package auditgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	auditgrpc "github.com/opendeed/audit/instrumentation/grpc"
	"github.com/opendeed/audit/instrumentation/request/frameworktest"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// TestClientAddress sends x-forwarded-for from a proxy that is trusted, and from one that is
// not.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	for trusted, want := range map[string]string{"127.0.0.0/8": "203.0.113.7", "10.0.0.0/8": "127.0.0.1"} {
		tracker, records := frameworktest.NewTracker(t)
		audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithTrustedProxies(netip.MustParsePrefix(trusted)))
		c := serve(t, reply(nil), interceptors(audits, auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)})...)
		_, err := c.publish(as(t, "alice", "x-forwarded-for", "198.51.100.1, 203.0.113.7", "x-request-id", "r-1"), "hello")
		require.NoError(t, err)
		c.stop()
		require.Len(t, records.Records(), 1)
		recorded := records.Records()[0].Metadata
		assert.Contains(t, recorded, semconv.ClientAddressKey.String(want))
		assert.Contains(t, recorded, semconv.NetworkPeerAddressKey.String("127.0.0.1"))
		assert.Contains(t, recorded, semconv.RequestIDKey.String("r-1"))
	}
}

// TestOnBehalfOf serves an administrator who acts for others.
func TestOnBehalfOf(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	log := &frameworktest.Errors{}
	audits := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithErrorHandler(log.Handle),
		auditgrpc.WithOnBehalfOf(func(ctx context.Context, actor audit.Actor) (audit.Actor, error) {
			switch owner := auditgrpc.Metadata("as")(ctx); {
			case owner == "":
				return audit.Actor{}, nil
			case actor.ID != "admin":
				return audit.Actor{}, errors.New("not permitted")
			default:
				return audit.User(owner), nil
			}
		}))
	c := serve(t, reply(nil), interceptors(audits, auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)})...)
	for _, ctx := range []context.Context{as(t, "admin", "as", "bob"), as(t, "admin"), as(t, "alice", "as", "bob")} {
		_, err := c.publish(ctx, "hello")
		require.NoError(t, err)
	}
	c.stop()
	all := records.Records()
	require.Len(t, all, 2)
	bob := audit.User("bob")
	assert.Equal(t, audit.Actor{Type: audit.ActorUser, ID: "admin", OnBehalfOf: &bob}, all[0].Actor)
	assert.Equal(t, audit.User("admin"), all[1].Actor)
	require.Len(t, log.All(), 1)
	unresolved, ok := errors.AsType[*audit.ActorError](log.All()[0])
	require.True(t, ok)
	assert.EqualError(t, unresolved.Err, "not permitted")
}

// TestNestedInterceptors has another interceptor for the channel of one service.
func TestNestedInterceptors(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	inner := auditgrpc.NewInterceptor(auditgrpc.WithChannel(semconv.ChannelAdmin))
	outer := auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser), auditgrpc.WithChannel(semconv.ChannelAPI), auditgrpc.WithDenials(tracker))
	c := serve(t, reply(nil), interceptors(outer, auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)}, inner.Unary)...)
	_, err := c.publish(as(t, "alice"), "hello")
	require.NoError(t, err)
	c.stop()
	records.RequireRecords(t, `{`+alice+intent+`"channel":"admin","outcome":"success",`+of("Publish", "OK")+`}`)
}

// TestConcurrentCalls sends calls and streams of many users over one connection. Each record
// has the actor of its call.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	const users, calls = 20, 20
	tracker, records := frameworktest.NewTracker(t)
	service := reply(nil)
	service.edit = func(s grpc.BidiStreamingServer[text, text]) error {
		for {
			m, err := s.Recv()
			if err != nil {
				return nil // the client has closed the stream
			}
			if err := s.Send(m); err != nil {
				return err
			}
		}
	}
	event := auditgrpc.Intent(tracker, publishEvent, auditgrpc.TargetFrom("article", slugOf))
	c := serve(t, service, interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)),
		auditgrpc.Intents{publishMethod: event, editMethod: event})...)
	var clients sync.WaitGroup
	for n := range users {
		user := "user-" + strconv.Itoa(n)
		ctx := as(t, user)
		clients.Go(func() {
			for i := range calls {
				id := fmt.Sprintf("%s/%d", user, i)
				_, err := c.publish(ctx, id)
				assert.NoError(t, err)
				answers, err := c.stream(ctx, editMethod, id, "more")
				assert.NoError(t, err)
				assert.Equal(t, []string{id, "more"}, answers)
			}
		})
	}
	clients.Wait()
	c.stop()
	all := records.Records()
	require.Len(t, all, users*calls*3)
	for _, r := range all {
		assert.Regexp(t, "^"+r.Actor.ID+"/", r.Target.ID)
	}
}

// TestTrackAfterCall tracks from a goroutine whose call has ended. The actor function is not
// called any more.
func TestTrackAfterCall(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	release, late := make(chan struct{}), make(chan error, 1)
	service := &service{publish: func(ctx context.Context, m *text) (*text, error) {
		go func() {
			<-release
			late <- tracker.Track(ctx, audit.Event{Action: "article.late", Metadata: []attribute.KeyValue{}})
		}()
		return m, nil
	}}
	c := serve(t, service, interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)), nil)...)
	_, err := c.publish(as(t, "alice"), "hello")
	require.NoError(t, err)
	c.stop()
	close(release)
	require.ErrorIs(t, <-late, audit.ErrNoActor)
	require.Empty(t, records.Records())
}

// TestIncomingMetadata checks that no other metadata of a client is recorded.
func TestIncomingMetadata(t *testing.T) {
	t.Parallel()
	tracker, records := frameworktest.NewTracker(t)
	c := serve(t, reply(nil), interceptors(auditgrpc.NewInterceptor(auditgrpc.WithActor(byUser)),
		auditgrpc.Intents{publishMethod: auditgrpc.Intent(tracker, publishEvent)})...)
	_, err := c.publish(metadata.AppendToOutgoingContext(as(t, "alice"), "authorization", "Bearer secret", "x-tenant", "acme"), "hello")
	require.NoError(t, err)
	c.stop()
	records.RequireRecords(t, `{`+alice+intent+`"outcome":"success",`+of("Publish", "OK")+`}`)
}
