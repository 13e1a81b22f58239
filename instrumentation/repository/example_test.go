package auditrepo_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/opendeed/audit"
	auditrepo "github.com/opendeed/audit/instrumentation/repository"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
)

// Invoice is a value of the application.
type Invoice struct {
	ID     string
	Amount int    `audit:"amount"`
	IBAN   string `audit:"iban,sensitive"`
	Status string `audit:"status"`
}

// Database is a store of invoices in memory.
type Database map[string]Invoice

var ErrNoInvoice = errors.New("invoice not found")

func (d Database) Get(_ context.Context, id string) (Invoice, error) {
	invoice, ok := d[id]
	if !ok {
		return invoice, ErrNoInvoice
	}
	return invoice, nil
}

func (d Database) Create(_ context.Context, i Invoice) error {
	d[i.ID] = i
	return nil
}

func (d Database) Update(_ context.Context, i Invoice) error {
	if _, ok := d[i.ID]; !ok {
		return ErrNoInvoice
	}
	d[i.ID] = i
	return nil
}

func (d Database) Delete(_ context.Context, id string) error {
	delete(d, id)
	return nil
}

// Approve fits no role.
func (d Database) Approve(_ context.Context, id string) (before, after Invoice, err error) {
	before, ok := d[id]
	if !ok {
		return before, after, ErrNoInvoice
	}
	after = before
	after.Status = "approved"
	d[id] = after
	return before, after, nil
}

// printer is an exporter that prints records and their changes.
type printer struct{}

func (printer) Name() string { return "printer" }

func (printer) Export(_ context.Context, records []*record.Record) error {
	for _, r := range records {
		fmt.Printf("%s %s by %s on %s %s", r.Action, r.Outcome, r.Actor.ID, r.Target.Type, r.Target.ID)
		if r.Reason != "" {
			fmt.Printf(": %s", r.Reason)
		}
		if !r.Bulk.IsZero() {
			fmt.Printf(": %d %s %s", r.Bulk.Affected, r.Bulk.Selector, r.Bulk.Sample)
		}
		fmt.Println()
		for _, c := range r.Changes {
			fmt.Printf("  %s: %q -> %q\n", c.Field, c.Old.String(), c.New.String())
		}
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

// newTracker returns a Tracker and a function that shuts its provider down.
func newTracker() (tracker audit.Tracker, shutdown func()) {
	provider, err := sdk.NewTrackerProvider(sdk.WithSyncer(printer{}))
	if err != nil {
		panic(err)
	}
	return provider.Tracker("example.com/shop"), func() { _ = provider.Shutdown(context.Background()) }
}

// newInvoices returns an Auditor of invoices and a function that shuts its provider down.
func newInvoices() (invoices *auditrepo.Auditor[Invoice, string], shutdown func()) {
	tracker, shutdown := newTracker()
	invoices, err := auditrepo.New(tracker, auditrepo.Config[Invoice, string]{
		TargetType: "invoice",
		ID:         func(i Invoice) string { return i.ID },
	})
	if err != nil {
		panic(err)
	}
	return invoices, shutdown
}

func Example() {
	tracker, shutdown := newTracker()
	defer shutdown()
	db := Database{"1001": {ID: "1001", Status: "draft"}}

	invoices, err := auditrepo.New(tracker, auditrepo.Config[Invoice, string]{
		TargetType: "invoice",
		ID:         func(i Invoice) string { return i.ID },
	})
	if err != nil {
		panic(err)
	}
	store := invoices.Store(db)

	ctx := audit.ContextWithActor(context.Background(), audit.User("alice"))
	err = store.Update(auditrepo.ContextWithReason(ctx, "fixed a typo"), Invoice{ID: "1001", Status: "sent"})
	fmt.Println(err)
	// Output:
	// invoice.update success by alice on invoice 1001: fixed a typo
	//   status: "draft" -> "sent"
	// <nil>
}

func ExampleAuditor_Store() {
	invoices, shutdown := newInvoices()
	defer shutdown()
	store := invoices.Store(Database{})

	ctx := audit.ContextWithActor(context.Background(), audit.User("alice"))
	_ = store.Create(ctx, Invoice{ID: "1001", Amount: 100, IBAN: "DE1", Status: "draft"})
	_ = store.Update(auditrepo.ContextWithReason(ctx, "discount"), Invoice{ID: "1001", Amount: 90, IBAN: "DE2", Status: "draft"})
	err := store.Update(ctx, Invoice{ID: "9999", Amount: 1})
	fmt.Println(err)
	_ = store.Delete(ctx, "1001")
	// Output:
	// invoice.create success by alice on invoice 1001
	//   amount: "" -> "100"
	//   iban: "" -> "***REDACTED***"
	//   status: "" -> "draft"
	// invoice.update success by alice on invoice 1001: discount
	//   amount: "100" -> "90"
	//   iban: "***REDACTED***" -> "***REDACTED***"
	// invoice.update failure by alice on invoice 9999
	// invoice not found
	// invoice.delete success by alice on invoice 1001
	//   amount: "90" -> ""
	//   iban: "***REDACTED***" -> ""
	//   status: "draft" -> ""
}

// A store with only some roles is assembled from them.
func ExampleAuditor_Creator() {
	invoices, shutdown := newInvoices()
	defer shutdown()
	database := Database{}
	type archive struct {
		auditrepo.Getter[Invoice, string]
		auditrepo.Creator[Invoice]
	}
	store := archive{database, invoices.Creator(database)}

	ctx := audit.ContextWithActor(context.Background(), audit.Service("import"))
	_ = store.Create(ctx, Invoice{ID: "1001", Status: "paid"})
	invoice, _ := store.Get(ctx, "1001")
	fmt.Println(invoice.Status)
	// Output:
	// invoice.create success by import on invoice 1001
	//   amount: "" -> "0"
	//   iban: "" -> "***REDACTED***"
	//   status: "" -> "paid"
	// paid
}

// A method that fits no role sets the values before and after.
func ExampleAuditor_Do() {
	invoices, shutdown := newInvoices()
	defer shutdown()
	database := Database{"1001": {ID: "1001", Status: "draft"}}
	approve := func(ctx context.Context, id string) error {
		return invoices.Do(ctx, id, audit.Event{Action: "invoice.approve", Reason: "within budget"},
			func(ctx context.Context, call *auditrepo.Call[Invoice, string]) error {
				before, after, err := database.Approve(ctx, id)
				call.SetBefore(before)
				call.SetAfter(after)
				return err
			})
	}

	ctx := audit.ContextWithActor(context.Background(), audit.User("alice"))
	_ = approve(ctx, "1001")
	_ = approve(ctx, "9999")
	// Output:
	// invoice.approve success by alice on invoice 1001: within budget
	//   status: "draft" -> "approved"
	// invoice.approve failure by alice on invoice 9999: within budget
}

// Without an actor the store is not called. If the record had failed after the write, Done
// would be true, and Retry would track the event again.
func ExampleTrackError() {
	invoices, shutdown := newInvoices()
	defer shutdown()
	store := invoices.Store(Database{})

	err := store.Create(context.Background(), Invoice{ID: "1001"})
	if failed, ok := errors.AsType[*auditrepo.TrackError](err); ok {
		fmt.Println(failed.Done, errors.Is(err, audit.ErrNoActor))
	}
	// Output: false true
}

// What a request saw is one record, which the scope of the request tracks when it ends.
func ExampleAuditor_Reader() {
	tracker, shutdown := newTracker()
	defer shutdown()
	db := Database{"1001": {ID: "1001"}, "1002": {ID: "1002"}, "1003": {ID: "1003"}}

	invoices, err := auditrepo.New(tracker, auditrepo.Config[Invoice, string]{
		TargetType: "invoice",
		ID:         func(i Invoice) string { return i.ID },
		Reads:      &auditrepo.Reads{}, // of all requests; &auditrepo.Reads{OneIn: 100} samples
	})
	if err != nil {
		panic(err)
	}
	store := invoices.Store(db)
	unpaid := func(ctx context.Context) ([]Invoice, error) {
		return invoices.List(ctx, func(context.Context) ([]Invoice, error) {
			return []Invoice{db["1002"], db["1003"]}, nil
		})
	}

	// The middleware opens a scope for each request.
	err = audit.Run(context.Background(), func(ctx context.Context) error {
		_, err := store.Get(ctx, "1001")
		if err != nil {
			return err
		}
		_, err = unpaid(ctx)
		return err
	}, audit.AsActor(audit.User("alice")))
	fmt.Println(err)
	// Output:
	// invoice.read success by alice on invoice : 3 returned [1001 1002 1003]
	// <nil>
}
