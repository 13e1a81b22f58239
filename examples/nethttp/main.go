// Nethttp is a small document service on the standard library. It writes its audit trail
// to stdout as JSON lines.
//
//	PORT=8080 go run ./examples/nethttp
//	curl -X PUT -u alice:x -d 'text' http://127.0.0.1:8080/documents/7
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exporter, err := stdout.New()
	if err != nil {
		return err
	}
	provider, err := sdk.NewTrackerProvider(
		sdk.WithSyncer(exporter),
		// A deletion needs a reason: without one, its handler does not run.
		sdk.WithValidation(sdk.WithRequired("document.delete", "reason")),
	)
	if err != nil {
		return err
	}
	err = serve(ctx, &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		Handler:           newHandler(provider.Tracker("example.com/documents")),
		ReadHeaderTimeout: 5 * time.Second,
	})
	// The requests have finished and are recorded. Now the provider can shut down.
	return errors.Join(err, withTimeout(provider.Shutdown))
}

// serve answers requests until ctx ends, then waits for those under way.
func serve(ctx context.Context, server *http.Server) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return withTimeout(server.Shutdown)
	}
}

// shutdownTimeout limits each step of the shutdown.
const shutdownTimeout = 5 * time.Second

// withTimeout calls fn with a context that ends after shutdownTimeout.
func withTimeout(fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return fn(ctx)
}

func newHandler(tracker audit.Tracker) http.Handler {
	d := &documents{texts: map[string]string{}}
	mux := http.NewServeMux()
	// The route says what is done, and the handler completes it. The outcome follows from
	// the response status.
	handle := func(pattern, action string, op audit.Operation, h http.HandlerFunc, opts ...audithttp.IntentOption) {
		opts = append(opts, audithttp.TargetParam("document", "id"))
		mux.Handle(pattern, signedIn(audithttp.Intent(tracker, audit.Event{Action: action, Operation: op}, h, opts...)))
	}
	handle("GET /documents/{id}", "document.read", audit.OperationRead, d.get)
	handle("PUT /documents/{id}", "document.update", audit.OperationUpdate, d.put)
	// Nothing is deleted unless the deletion is on record first: see WithheldAnswer.
	handle("DELETE /documents/{id}", "document.delete", audit.OperationDelete, d.remove,
		audithttp.ReasonFrom(audithttp.Query("reason")), audithttp.WithheldAnswer())
	return audithttp.Middleware(
		audithttp.WithActor(actorOf),
		audithttp.WithChannel(semconv.ChannelAPI),
		audithttp.WithDenials(tracker),
	)(mux)
}

// signedIn rejects requests without a name. The middleware records them as denied.
func signedIn(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok {
			http.Error(w, "sign in first", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// actorOf returns the user of a request. This example accepts any password.
func actorOf(r *http.Request) (audit.Actor, error) {
	name, _, ok := r.BasicAuth()
	if !ok {
		return audit.Actor{}, nil // not signed in
	}
	return audit.Actor{Type: audit.ActorUser, ID: name, AuthMethod: "password"}, nil
}

// documents serves documents from memory.
type documents struct {
	mu    sync.Mutex
	texts map[string]string
}

// version is the part of a document that the trail shows: its length, not its text.
type version struct {
	Bytes int `audit:"bytes"`
}

func (d *documents) get(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	text, found := d.texts[r.PathValue("id")]
	d.mu.Unlock()
	if !found {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, text) // fails only if the client is gone
}

func (d *documents) put(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := r.PathValue("id")
	d.mu.Lock()
	before := d.texts[id]
	d.texts[id] = string(text)
	d.mu.Unlock()
	audit.SetChanges(r.Context(), version{len(before)}, version{len(text)})
	w.WriteHeader(http.StatusNoContent)
}

func (d *documents) remove(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	d.mu.Lock()
	before := d.texts[id]
	delete(d.texts, id)
	d.mu.Unlock()
	audit.SetChanges(r.Context(), &version{len(before)}, nil)
	w.WriteHeader(http.StatusNoContent)
}
