// Package delivery passes records to exporters: before Track returns (syncers), from a
// queue in memory (batchers), or from a ledger on disk (followers).
package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/internal/gaps"
)

// Delivery passes records to one exporter, or to the exporters of one ledger. Its methods
// are safe for concurrent use.
type Delivery interface {
	deliverer

	// Name returns the name of the exporter or the ledger.
	Name() string
	// ForceFlush waits until every record delivered before the call is exported.
	ForceFlush(ctx context.Context) error
	// Shutdown exports the remaining records and shuts the exporters down. It is called
	// once. No Deliver is running then, unless ctx has ended.
	Shutdown(ctx context.Context) error
}

// deliverer takes records. Its methods wait at most for the duration wait.
type deliverer interface {
	// Deliver returns nil once the record is exported, queued or stored, depending on
	// the delivery. From then on it does not refer to the record, which the caller may use
	// again.
	Deliver(ctx context.Context, r *record.Record, wait time.Duration) error
	// DeliverAll delivers records that begin no attempt, at once where the delivery can. It
	// returns nil, or an error for each record, which is nil if it was delivered.
	DeliverAll(ctx context.Context, records []*record.Record, wait time.Duration) []error
}

// Env is what every delivery needs from the provider.
type Env struct {
	Logger  *slog.Logger
	Metrics *Metrics
	Counts  *gaps.Counts // nil if nobody wants them
	// Redact removes what looks like a secret from the texts of exporters' errors.
	Redact func(string) string
}

// eachOf delivers one record after the other, within the time of all of them.
func eachOf(records []*record.Record, wait time.Duration, deliver func(*record.Record, time.Duration) error) []error {
	deadline := time.Now().Add(wait)
	var errs []error
	for i, r := range records {
		if err := deliver(r, max(0, time.Until(deadline))); err != nil {
			if errs == nil {
				errs = make([]error, len(records))
			}
			errs[i] = err
		}
	}
	return errs
}

// errsOf returns the errors of n records of which Export returned err.
func errsOf(n int, err error) []error {
	if err == nil {
		return nil
	}
	errs := make([]error, n)
	for i := range errs {
		_, errs[i] = rejection(err, i)
	}
	return errs
}
