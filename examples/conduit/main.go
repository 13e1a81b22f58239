// Conduit is a service of articles, comments and users, with twelve routes that change
// something. Each has at most two lines of audit code: the route's intent, and what the
// handler adds to it. docs/real-service.md walks through it.
package main

import (
	"cmp"
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/stdout"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	exporter, err := stdout.New(stdout.WithText())
	if err != nil {
		return err
	}
	options, err := auditOptions()
	if err != nil {
		return err
	}
	dir := cmp.Or(os.Getenv("AUDIT_LEDGER_DIR"), "audit-ledger")
	provider, err := sdk.NewTrackerProvider(append(options, sdk.WithLedger(dir, sdk.ExportTo(exporter)))...)
	if err != nil {
		return err
	}
	err = serve(ctx, provider.Tracker("example.com/conduit"))
	return errors.Join(err, withTimeout(provider.Shutdown))
}

// auditOptions returns what the service and its tests have in common: who may be anonymous,
// and what an event must say.
func auditOptions() ([]sdk.Option, error) {
	rules, err := policy.New(
		policy.Rule{Name: "removals have a reason", Actions: []string{"article.delete"}, Require: []string{"reason"}},
	)
	return []sdk.Option{sdk.WithAnonymous("user.register"), sdk.WithPolicy(rules)}, err
}

// serve answers requests until ctx ends, then waits for those under way.
func serve(ctx context.Context, tracker audit.Tracker) error {
	e := newServer(tracker)
	failed := make(chan error, 1)
	go func() { failed <- e.Start("127.0.0.1:" + os.Getenv("PORT")) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return withTimeout(e.Shutdown)
	}
}

// withTimeout calls fn with a context that ends after five seconds.
func withTimeout(fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return fn(ctx)
}
