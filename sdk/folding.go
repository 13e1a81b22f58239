package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/delivery"
	"github.com/opendeed/audit/sdk/internal/folding"
	"github.com/opendeed/audit/sdk/internal/party"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Defaults of WithFolding.
const (
	DefaultFoldingLimit  = 100
	DefaultFoldingWindow = time.Minute
)

// WithFolding sets how many denials and the like of one party are recorded whole in each
// window. The default is DefaultFoldingLimit in DefaultFoldingWindow.
//
// A party is an authenticated actor of one tenant, or the network (/24 or /64) of an
// anonymous client's "client.address"; the anonymous clients without an address are one
// party. Folding is for what a party can repeat without changing anything: denied events,
// failed logins, "audit.coverage.missing" and "audit.rejected".
//
// Beyond the limit, events that have action, operation, outcome, target type, channel and
// tenant in common are folded into an attempt ([audit.Begin]) of two records. The first is
// stored before Track returns nil for the first folded event. The second has the outcome,
// how many events were folded (Bulk.Affected), some of their targets (Bulk.Sample), and
// when the first and the last were tracked (package semconv). It is stored at the end of
// the window, and by ForceFlush and Shutdown. If the process is killed before that, the
// next start of a ledger closes the attempt with the mark count.unknown.
//
// The denials of an authenticated actor are never folded with those of others. Anonymous
// ones are, if a thousand networks have open folds, or if their share of a ledger is used
// up ([WithLedger]).
func WithFolding(limit int, window time.Duration) Option {
	return func(c *config) {
		c.foldingLimit, c.foldingWindow = limit, window
		if limit < 1 || window <= 0 {
			c.fail(errors.New("WithFolding: the limit must be at least 1, and the window positive"))
		}
	}
}

func (p *TrackerProvider) newFolder(c *config, res *resource.Resource) *folding.Folder {
	return folding.New(folding.Config{
		Limit:   c.foldingLimit,
		Window:  c.foldingWindow,
		Source:  folding.Source{Tracker: record.Instrumentation{Name: instrumentationName}, Resource: res},
		Logger:  c.logger,
		Deliver: p.deliver,
		Finish:  p.storeOwn,
		Room:    p.room,
		Reject:  p.rejectForShare,
		Folded:  func(ctx context.Context, class party.Class) { p.pipeline.metrics.fold(ctx, class.String()) },
	})
}

// storeOwn stores a record of the provider itself, such as the end of a fold, also during Shutdown.
func (p *TrackerProvider) storeOwn(ctx context.Context, r *record.Record) error {
	wait := p.pipeline.trackTimeout
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	return p.store(context.WithoutCancel(ctx), r, wait)
}

// room returns what is left of a party's share in the ledger that has least.
func (p *TrackerProvider) room(who party.Party) party.Room {
	room := party.Enough
	for l := range p.ledgers() {
		room = max(room, l.Room(who))
	}
	return room
}

// rejectForShare returns the error of a record for which a ledger has no room left.
func (p *TrackerProvider) rejectForShare(r *record.Record, class party.Class) error {
	failed := &audit.DeliveryError{ID: r.ID, Err: delivery.ShareError(class)}
	for _, d := range p.deliveries {
		failed.Failed = append(failed.Failed, d.Name())
	}
	return failed
}
