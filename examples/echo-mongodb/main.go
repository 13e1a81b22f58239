// Echo-mongodb is an invoice service that keeps its invoices and their audit trail in
// MongoDB. Between Track and MongoDB is a ledger on the service's own disk: the
// trail goes on while the database is down. "make demo-mongodb" runs it and drives it
// with real requests.
//
//	MONGODB_URI=mongodb://127.0.0.1:27017 PORT=8080 go run ./examples/echo-mongodb
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/exporters/mongodb"
	auditmongo "github.com/opendeed/audit/instrumentation/mongodb"
	"github.com/opendeed/audit/sdk"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// tracker follows the provider that main sets.
var tracker = audit.GetTrackerProvider().Tracker("example.com/invoices")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	// What is written to the invoices leaves a signal, in case that no intent was
	// stated. The trail's own writes leave none.
	monitor, err := auditmongo.NewMonitor(tracker, []auditmongo.Collection{{
		Name: "invoices", TargetType: "invoice",
		Fields: map[string]audit.FieldRule{
			"amount": audit.FieldTracked, "status": audit.FieldTracked, "account": audit.FieldSensitive,
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

	e := newServer(&service{
		invoices: &invoices{collection: database.Collection("invoices")},
		trail:    mongodb.NewReader(trail),
		key:      []byte(rand.Text()),
	})
	drained := make(chan error, 1)
	context.AfterFunc(ctx, func() { drained <- e.Shutdown(context.Background()) })
	if err := e.Start("127.0.0.1:" + os.Getenv("PORT")); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	// First the requests end, then what they wrote is tracked, then the trail is
	// brought to the database. What cannot be stays in the ledger for the next start.
	end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(<-drained, monitor.Shutdown(end), provider.Shutdown(end), client.Disconnect(end))
}
