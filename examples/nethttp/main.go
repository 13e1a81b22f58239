// Nethttp is a small document service on the standard library, whose trail goes
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
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
)

func main() {
	exporter, err := stdout.New()
	if err != nil {
		log.Fatal(err)
	}
	provider, err := sdk.NewTrackerProvider(
		sdk.WithSyncer(exporter),
		// Who deletes must say why: without a reason Track returns an error.
		sdk.WithValidation(sdk.WithRequired("document.delete", "reason")),
	)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		Handler:           newHandler(provider.Tracker("example.com/documents")),
		ReadHeaderTimeout: 5 * time.Second,
	}
	drained := make(chan error, 1)
	context.AfterFunc(ctx, func() { drained <- server.Shutdown(context.Background()) })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	// First the requests end, then the trail.
	if err := errors.Join(<-drained, provider.Shutdown(context.Background())); err != nil {
		log.Fatal(err)
	}
}

func newHandler(tracker audit.Tracker) http.Handler {
	d := &documents{tracker: tracker, texts: map[string]string{}}
	mux := http.NewServeMux()
	// One event for each read, by the status of the response.
	mux.Handle("GET /documents/{id}", audithttp.Intent(tracker, audit.Event{
		Action: "document.read", Operation: audit.OperationRead,
	}, http.HandlerFunc(d.get)))
	mux.HandleFunc("PUT /documents/{id}", d.put)
	mux.HandleFunc("DELETE /documents/{id}", d.remove)
	return audithttp.Middleware(
		audithttp.WithActor(actorOf),
		audithttp.WithChannel(semconv.ChannelAPI),
		audithttp.WithDenials(tracker),
	)(mux)
}

// actorOf takes any password, which is all that an example can do.
func actorOf(r *http.Request) (audit.Actor, error) {
	name, _, ok := r.BasicAuth()
	if !ok {
		return audit.Actor{}, nil // nobody: an intent fails with audit.ErrNoActor
	}
	return audit.Actor{Type: audit.ActorUser, ID: name, AuthMethod: "password"}, nil
}

// documents is the service.
type documents struct {
	tracker audit.Tracker
	mu      sync.Mutex
	texts   map[string]string
}

// version is what the trail may show of a document: its length, not its text.
type version struct {
	Bytes int `audit:"bytes"`
}

func (d *documents) get(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	_ = audit.SetTarget(r.Context(), audit.Target{Type: "document", ID: id})
	d.mu.Lock()
	text, found := d.texts[id]
	d.mu.Unlock()
	if !found {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, text)
}

func (d *documents) put(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	id := r.PathValue("id")
	d.mu.Lock()
	defer d.mu.Unlock()
	event := audit.Event{Target: audit.Target{Type: "document", ID: id}}
	err = audit.TrackUpdate(r.Context(), d.tracker, event, version{len(d.texts[id])}, version{len(text)})
	if err != nil { // no trail, no change
		refuse(w, err)
		return
	}
	d.texts[id] = string(text)
	w.WriteHeader(http.StatusNoContent)
}

func (d *documents) remove(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	d.mu.Lock()
	defer d.mu.Unlock()
	event := audit.Event{Target: audit.Target{Type: "document", ID: id}, Reason: r.URL.Query().Get("reason")}
	if err := audit.TrackDelete(r.Context(), d.tracker, event, version{len(d.texts[id])}); err != nil {
		refuse(w, err)
		return
	}
	delete(d.texts, id)
	w.WriteHeader(http.StatusNoContent)
}

// refuse answers by what kept the event from being recorded.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, audit.ErrNoActor) {
		status = http.StatusUnauthorized
	} else if _, invalid := errors.AsType[*audit.ValidationError](err); invalid {
		status = http.StatusBadRequest
	}
	http.Error(w, err.Error(), status)
}
