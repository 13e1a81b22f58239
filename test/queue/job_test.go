package queue_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/propagation"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	otelpropagation "go.opentelemetry.io/otel/propagation"
)

// contextHeader is the message header with the audit context.
const contextHeader = "Audit-Context"

const secret = "a secret of these tests that is longer than 32 bytes"

func newKey(t *testing.T, id string) propagation.Key {
	t.Helper()
	key, err := propagation.NewKey(id, []byte(id+secret))
	require.NoError(t, err)
	return key
}

// shop is a service that enqueues a job for each request.
type shop struct {
	queue   jetstream.JetStream
	tracker audit.Tracker
	key     propagation.Key
}

// actorOf returns a support user who acts on behalf of a customer.
func actorOf(r *http.Request) (audit.Actor, error) {
	customer := audit.User(r.Header.Get("Customer"))
	return audit.Actor{
		Type: audit.ActorUser, ID: r.Header.Get("User"), Name: "Zoë", AuthMethod: "jwt", SessionID: "test",
		Roles: []string{"support"}, OnBehalfOf: &customer,
	}, nil
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /invoices/{id}/send", s.send)
	traced := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // like otelhttp
		ctx := otelpropagation.TraceContext{}.Extract(r.Context(), otelpropagation.HeaderCarrier(r.Header))
		audithttp.Middleware(audithttp.WithActor(actorOf), audithttp.WithChannel(semconv.ChannelAPI))(mux).ServeHTTP(w, r.WithContext(ctx))
	})
	return traced
}

// send enqueues a job. The audit context and the trace context have separate headers.
func (s *shop) send(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	token, err := propagation.Marshal(ctx, s.key, "mailer", time.Hour, audit.WithTenant(r.Header.Get("Tenant")))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	msg := nats.NewMsg("jobs.mailer")
	msg.Data = []byte(r.PathValue("id"))
	msg.Header.Set(contextHeader, token)
	otelpropagation.TraceContext{}.Inject(ctx, otelpropagation.HeaderCarrier(msg.Header))
	if _, err := s.queue.PublishMsg(ctx, msg); err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	e := audit.Event{Action: "invoice.enqueue", Target: audit.Target{Type: "invoice", ID: r.PathValue("id")}, Tenant: r.Header.Get("Tenant")}
	if err := s.tracker.Track(ctx, e); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// worker runs jobs with a provider of its own.
type worker struct {
	tracker  audit.Tracker
	audience string
	keys     []propagation.Key
}

// handle runs one job with work and acknowledges the message. It returns the error of an
// invalid audit context. The worker terminates such a message, and records the denial with
// itself as the actor.
func (w *worker) handle(ctx context.Context, msg jetstream.Msg, work func(context.Context, audit.ID) error) error {
	ctx = otelpropagation.TraceContext{}.Extract(ctx, otelpropagation.HeaderCarrier(msg.Headers()))
	job, scope, err := propagation.Unmarshal(ctx, msg.Headers().Get(contextHeader), w.audience, w.keys)
	if err != nil {
		denied := audit.Event{
			Action: "job.accept", Outcome: audit.OutcomeDenied, Reason: err.Error(),
			Actor: audit.System(w.audience), Target: audit.Target{Type: "queue", ID: msg.Subject()},
		}
		if err := w.tracker.Track(ctx, denied); err != nil {
			return err
		}
		if err := msg.Term(); err != nil {
			return err
		}
		return err
	}
	if err := work(job, propagation.TokenID(job)); err != nil {
		_ = scope.End(job)
		return msg.Nak()
	}
	if err := scope.End(job); err != nil {
		return msg.Nak()
	}
	return msg.Ack()
}

// TestJobs sends requests of different actors through the queue. Every job fails once and is
// delivered again.
func TestJobs(t *testing.T) {
	t.Parallel()
	const requests = 50
	queue := newQueue(t)
	consumer := newConsumer(t, queue, "mailer")
	shopRecorder, workerRecorder := audittest.NewRecorder(t), audittest.NewRecorder(t)
	previous, current := newKey(t, "2026-10"), newKey(t, "2026-11")
	service := &shop{queue: queue, tracker: shopRecorder.Tracker("shop"), key: current}
	server := httptest.NewServer(service.handler())
	defer server.Close()
	mailer := &worker{tracker: workerRecorder.Tracker("mailer"), audience: "mailer", keys: []propagation.Key{previous, current}}

	var work sync.WaitGroup
	work.Go(func() {
		seen := map[audit.ID]int{} // deliveries by context ID
		errMail := fmt.Errorf("no connection to the mail server")
		deliver(t, consumer, 2*requests, func(msg jetstream.Msg) {
			err := mailer.handle(t.Context(), msg, func(ctx context.Context, id audit.ID) error {
				invoice := audit.Target{Type: "invoice", ID: string(msg.Data())}
				assert.False(t, id.IsZero())
				seen[id]++
				sent := audit.Event{Action: "invoice.send", Operation: audit.OperationUpdate, Target: invoice, Outcome: audit.OutcomeSuccess}
				if seen[id] == 1 {
					sent.Outcome = audit.OutcomeFailure
				}
				assert.NoError(t, mailer.tracker.Track(ctx, sent))
				assert.NoError(t, mailer.tracker.Track(ctx, audit.Event{
					Kind: audit.KindSignal, Action: "invoice.update", Operation: audit.OperationUpdate, Target: invoice,
				}))
				if seen[id] == 1 {
					return errMail
				}
				return nil
			})
			assert.NoError(t, err)
		})
		assert.Len(t, seen, requests, "each request has its own context ID, the same in all deliveries")
	})

	var clients sync.WaitGroup
	for i := range requests {
		clients.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("%s/invoices/%d/send?token=x", server.URL, i), http.NoBody)
			assert.NoError(t, err)
			for key, value := range map[string]string{
				"User": "support-%d", "Customer": "customer-%d", "Tenant": "tenant-%d", "User-Agent": "client/%d",
				"Traceparent": "00-0000000000000000000000000000%04x-00f067aa0ba902b7-01",
			} {
				r.Header.Set(key, fmt.Sprintf(value, i+1))
			}
			response, err := http.DefaultClient.Do(r)
			if assert.NoError(t, err) {
				assert.Equal(t, http.StatusAccepted, response.StatusCode)
				assert.NoError(t, response.Body.Close())
			}
		})
	}
	clients.Wait()
	http.DefaultClient.CloseIdleConnections()
	server.Close()
	work.Wait()
	requireDrained(t, consumer)

	requested := map[string]*record.Record{} // by invoice
	for _, r := range shopRecorder.Records() {
		requested[r.Target.ID] = r
	}
	require.Len(t, requested, requests)
	counts := map[string]int{}
	for _, r := range workerRecorder.Records() {
		request := requested[r.Target.ID]
		require.NotNil(t, request)
		assert.Equal(t, "customer-"+strings.TrimPrefix(r.Actor.ID, "support-"), r.Actor.OnBehalfOf.ID)
		assert.Equal(t, request.Actor, r.Actor)
		assert.Equal(t, "9f86d081884c7d65", r.Actor.SessionID)
		assert.Equal(t, request.Tenant, r.Tenant)
		assert.Equal(t, request.TraceID, r.TraceID)
		assert.True(t, r.TraceID.IsValid())
		assert.Equal(t, semconv.ChannelJob, r.Channel)
		metadata := attribute.NewSet(r.Metadata...)
		for _, kv := range request.Metadata {
			value, _ := metadata.Value(kv.Key)
			assert.Equal(t, kv.Value, value, "%s", kv.Key)
		}
		channel, _ := metadata.Value(semconv.ContextChannelKey)
		assert.Equal(t, semconv.ChannelAPI, channel.AsString())
		assert.Equal(t, len(request.Metadata)+2, metadata.Len())
		counts[r.Kind.String()+" "+r.Action+" "+r.Outcome.String()]++
	}
	assert.Equal(t, map[string]int{
		"intent invoice.send failure": requests, "signal invoice.update unknown": requests, // of the first delivery
		"intent invoice.send success": requests, // of the second delivery, where it covers the signal
	}, counts)
}
