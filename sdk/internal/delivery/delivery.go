// Package delivery brings records to exporters: before Track returns (syncers), from a
// queue in memory (batchers), or from a ledger on disk (followers).
package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/opendeed/audit/record"
)

// Delivery brings records to one exporter, or to those of a ledger. Its methods may be
// called concurrently.
type Delivery interface {
	// Name is the exporter's name, or the ledger's.
	Name() string
	// Deliver returns nil when the record has reached what the delivery promises. It
	// waits for at most wait.
	Deliver(ctx context.Context, r *record.Record, wait time.Duration) error
	// ForceFlush waits until what was delivered before the call is exported.
	ForceFlush(ctx context.Context) error
	// Shutdown exports what is left and shuts the exporters down. It is called once, when
	// no Deliver is running unless ctx has ended.
	Shutdown(ctx context.Context) error
}

// Env is what every delivery needs of the provider.
type Env struct {
	Logger  *slog.Logger
	Metrics *Metrics
}
