// Admin is an article service with an API, an admin panel and a job queue. All three change
// the same articles, and the trail records for each change who made it, through which of
// them, on whose behalf and why. "admin trail" prints the trail. "make demo-admin" runs the
// service and drives it with real requests.
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	audithttp "github.com/opendeed/audit/instrumentation/nethttp"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
)

// tracker uses the provider that run sets.
var tracker = audit.GetTrackerProvider().Tracker("example.com/admin")

// rules say what events the trail must have. They are data, so a deployment can also keep
// them in its configuration file.
var rules = []policy.Rule{
	{Name: "admins give a reason", Channels: []string{semconv.ChannelAdmin}, Require: []string{"reason"}, RequireActorTypes: []string{"user"}},
	{Name: "previews", Routes: []string{"/api/preview"}, Exempt: "a preview renders the request and stores nothing"},
}

func main() {
	dir := cmp.Or(os.Getenv("AUDIT_LEDGER_DIR"), "audit-ledger")
	if err := run(dir, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) > 0 && args[0] == "trail" {
		return showTrail(ctx, dir)
	}
	requirements, err := policy.New(rules...)
	if err != nil {
		return err
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir), sdk.WithPolicy(requirements))
	if err != nil {
		return err
	}
	audit.SetTrackerProvider(provider)
	err = serve(ctx, requirements)
	// The requests and jobs have finished and are recorded. Now the provider can shut down.
	return errors.Join(err, withTimeout(provider.Shutdown))
}

// serve answers requests until ctx ends, then waits for those under way and for their jobs.
func serve(ctx context.Context, requirements *policy.Policy) error {
	auditor, err := auditrepo.New(tracker, auditrepo.Config[article, string]{
		TargetType: "article",
		ID:         func(a article) string { return a.ID },
		Name:       func(a article) string { return a.Title },
	})
	if err != nil {
		return err
	}
	jobs, err := newJobs(auditor.Store(articles))
	if err != nil {
		return err
	}
	service := &service{store: auditor.Store(articles), jobs: jobs}
	server := &http.Server{
		Addr:              "127.0.0.1:" + os.Getenv("PORT"),
		Handler:           service.handler(requirements),
		ReadHeaderTimeout: 5 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	if err := withTimeout(server.Shutdown); err != nil {
		return err
	}
	return withTimeout(jobs.close) // no request can add a job anymore
}

// shutdownTimeout limits each step of the shutdown.
const shutdownTimeout = 5 * time.Second

// withTimeout calls fn with a context that ends after shutdownTimeout.
func withTimeout(fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return fn(ctx)
}

// handler serves the API and the admin panel, each through a middleware that sets its channel.
func (s *service) handler(requirements *policy.Policy) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", audited(semconv.ChannelAPI, requirements, s.api()))
	mux.Handle("/admin/", audited(semconv.ChannelAdmin, requirements, s.admin()))
	return mux
}

func audited(channel string, requirements *policy.Policy, h http.Handler) http.Handler {
	return audithttp.Middleware(
		audithttp.WithChannel(channel),
		audithttp.WithActor(signedIn),
		audithttp.WithOnBehalfOf(viewedAs),
		audithttp.WithDenials(tracker),
		audithttp.WithCoverage(tracker, requirements),
	)(h)
}

// signedIn takes the place of an application's authentication.
func signedIn(r *http.Request) (audit.Actor, error) {
	if id, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return audit.Actor{Type: audit.ActorUser, ID: id, AuthMethod: "bearer"}, nil
	}
	return audit.Actor{}, nil // not signed in
}

// viewedAs returns the user whose account an administrator works in. Anybody can send the
// header, so only "root" may use it.
func viewedAs(r *http.Request, actor audit.Actor) (audit.Actor, error) {
	as := r.Header.Get("View-As")
	switch {
	case as == "":
		return audit.Actor{}, nil
	case actor.ID != "root":
		return audit.Actor{}, errors.New("only root may work in another account")
	}
	return audit.User(as), nil
}

// showTrail prints the records of the ledger, oldest first.
func showTrail(ctx context.Context, dir string) error {
	reader, err := ledgerquery.NewReader(dir)
	if err != nil {
		return err
	}
	exporter, err := stdout.New(stdout.WithText())
	if err != nil {
		return err
	}
	for r, err := range reader.Find(ctx, query.Filter{Ascending: true}) {
		if err != nil {
			return err
		}
		if err := exporter.Export(ctx, []*record.Record{r}); err != nil {
			return err
		}
	}
	return exporter.Shutdown(ctx)
}
