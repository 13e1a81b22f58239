// Admin is an article service with two doors, an API and an admin panel, and one job
// queue behind them. The same article is changed through all three, and the trail tells
// them apart: who, through which door, for whom, why. "admin trail" shows it. "make
// demo-admin" runs it and drives it with real requests.
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

var tracker = audit.GetTrackerProvider().Tracker("example.com/admin")

// rules are what must be so in the trail. They are data: a deployment may have them in
// its file.
var rules = []policy.Rule{
	{Name: "admins say why", Channels: []string{semconv.ChannelAdmin}, Require: []string{"reason"}, RequireActorTypes: []string{"user"}},
	{Name: "previews", Routes: []string{"/api/preview"}, Exempt: "it renders what it is sent and stores nothing"},
}

func main() {
	dir := cmp.Or(os.Getenv("AUDIT_LEDGER_DIR"), "audit-ledger")
	if len(os.Args) > 1 && os.Args[1] == "trail" {
		if err := showTrail(context.Background(), dir); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := run(dir); err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	must, err := policy.New(rules...)
	if err != nil {
		return err
	}
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir), sdk.WithPolicy(must))
	if err != nil {
		return err
	}
	audit.SetTrackerProvider(provider)
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
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: service.handler(must), ReadHeaderTimeout: time.Second}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	drained := make(chan error, 1)
	context.AfterFunc(ctx, func() { drained <- server.Shutdown(context.Background()) })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	// First the requests end, then the jobs that they asked for, then the trail.
	err = <-drained
	jobs.close()
	return errors.Join(err, provider.Shutdown(context.Background()))
}

// handler has the two doors, which are two middlewares: a channel each.
func (s *service) handler(must *policy.Policy) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/", door(semconv.ChannelAPI, must, s.api()))
	mux.Handle("/admin/", door(semconv.ChannelAdmin, must, s.admin()))
	return mux
}

func door(channel string, must *policy.Policy, h http.Handler) http.Handler {
	return audithttp.Middleware(
		audithttp.WithChannel(channel),
		audithttp.WithActor(signedIn),
		audithttp.WithOnBehalfOf(viewedAs),
		audithttp.WithDenials(tracker),
		audithttp.WithCoverage(tracker, must),
	)(h)
}

// signedIn stands for an application's authentication.
func signedIn(r *http.Request) (audit.Actor, error) {
	if id, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); is {
		return audit.Actor{Type: audit.ActorUser, ID: id, AuthMethod: "bearer"}, nil
	}
	return audit.Actor{}, nil // nobody
}

// viewedAs is whose account an administrator works in. Anybody can send the header; only
// "root" may.
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

// showTrail prints what is in the ledger, oldest first.
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
	return nil
}
