// Echo-mongodb is an invoice service that keeps its invoices and their audit trail in
// MongoDB. Track writes to a ledger on the service's own disk first, so events are recorded
// while the database is down. "make demo-mongodb" runs the service and drives it with real
// requests.
//
//	MONGODB_URI=mongodb://127.0.0.1:27017 PORT=8080 go run ./examples/echo-mongodb
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/exporters/mongodb"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/sdk"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// tracker uses the provider that run sets.
var tracker = audit.GetTrackerProvider().Tracker("example.com/invoices")

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The monitor raises a signal for each write to the invoices, which is recorded if no
	// intent covers it. It raises none for the trail's own writes.
	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
		Name: "invoices", TargetType: "invoice",
		Fields: map[string]diff.Rule{
			"amount": diff.Tracked, "status": diff.Tracked, "account": diff.Sensitive,
		},
	}})
	if err != nil {
		return err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(os.Getenv("MONGODB_URI")).
		SetMonitor(monitor.CommandMonitor()).SetServerSelectionTimeout(3 * time.Second))
	if err != nil {
		return err
	}
	database := client.Database(cmp.Or(os.Getenv("MONGODB_DATABASE"), "shop"))
	trail := database.Collection("audit")
	exporter, err := mongodb.New(ctx, trail)
	if err != nil {
		return err
	}
	dir := cmp.Or(os.Getenv("AUDIT_LEDGER_DIR"), "audit-ledger")
	provider, err := sdk.NewTrackerProvider(sdk.WithLedger(dir, sdk.ExportTo(exporter)))
	if err != nil {
		return err
	}
	audit.SetTrackerProvider(provider)

	err = serve(ctx, newServer(&service{
		invoices: &invoices{collection: database.Collection("invoices")},
		trail:    mongodb.NewReader(trail),
		key:      []byte(rand.Text()),
	}))
	// The requests have finished. Now the monitor tracks the signals of their writes, then the
	// provider exports the trail. The ledger keeps what MongoDB does not accept in time for the
	// next start.
	return errors.Join(err,
		withTimeout(monitor.Shutdown),
		withTimeout(provider.Shutdown),
		withTimeout(client.Disconnect),
	)
}

// serve answers requests until ctx ends, then waits for those under way.
func serve(ctx context.Context, e *echo.Echo) error {
	failed := make(chan error, 1)
	go func() { failed <- e.Start("127.0.0.1:" + os.Getenv("PORT")) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return withTimeout(e.Shutdown)
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
