package auditmongo

import (
	"context"
	"errors"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/unit"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TransactionOptions configures [WithTransaction]. The zero value is ready to use.
type TransactionOptions struct {
	// Tracker records the unit of work. nil means the global provider.
	Tracker audit.Tracker
	// Event describes the unit of work: see unit.Begin.
	Event audit.Event
	// Driver is passed to the driver's WithTransaction.
	Driver []options.Lister[options.TransactionOptions]
	// Unit has options of the unit of work.
	Unit []unit.Option
}

// WithTransaction runs fn in a transaction of the session, as its method of that name does,
// which calls fn again after transient errors. The transaction is a unit of work (package
// unit): what fn tracks is recorded when the transaction has committed, as failures if it was
// aborted, and with an unknown outcome if the answer to the commit was lost. What an earlier
// run tracked is discarded.
//
// fn may abort the transaction; it must not commit it. WithTransaction returns the errors of
// the driver unchanged; if recording fails, they are joined with a [*unit.RecordError].
func WithTransaction(ctx context.Context, session *mongo.Session, o TransactionOptions, fn func(ctx context.Context) error) error {
	tracker := o.Tracker
	if tracker == nil {
		tracker = audit.GetTrackerProvider().Tracker("github.com/opendeed/audit/instrumentation/mongodb")
	}
	return unit.Run(ctx, tracker, o.Event, func(u *unit.Unit) error {
		committing := false // the last run of fn has succeeded, and left the transaction open
		_, err := session.WithTransaction(ctx, func(inner context.Context) (any, error) {
			committing = false
			err := fn(u.Start(inner))
			if err == nil {
				err = ctx.Err() // the driver would abort too, and not say so
			}
			committing = err == nil && session.TransactionRunning()
			return nil, err
		}, o.Driver...)
		var failed error
		switch {
		case err == nil && !committing:
			failed = u.Rollback(nil) // fn has aborted it
		case committing && isInDoubt(ctx, err):
			failed = u.Unknown(err)
		}
		if failed != nil {
			return errors.Join(err, failed)
		}
		return err
	}, o.Unit...)
}

// isInDoubt reports whether the error of a transaction whose function succeeded leaves open
// if it was committed: the server did not answer, or not clearly.
func isInDoubt(ctx context.Context, err error) bool {
	if err == nil || err == context.Canceled && ctx.Err() != nil { //nolint:errorlint // itself, when the driver has aborted
		return false
	}
	answer, ok := errors.AsType[mongo.CommandError](err)
	return !ok || answer.HasErrorLabel("UnknownTransactionCommitResult") || answer.HasErrorLabel("NetworkError") ||
		answer.HasErrorCode(unknownWriteConcern) || answer.HasErrorCode(unsatisfiableWriteConcern)
}

// The codes of commits that the primary has done, and whose write concern cannot be met. The
// driver gives no label to them, since it is no use to try again.
const (
	unknownWriteConcern       = 79
	unsatisfiableWriteConcern = 100
)
