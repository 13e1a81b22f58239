// Package unit records what is true only once a transaction commits.
//
// A unit of work holds the events that are tracked in it, and records them when the
// transaction has ended, as that ended: what was committed is recorded as it was tracked,
// what was rolled back is a failure that says so, and what may have been committed has an
// unknown outcome. Applications use the package of their database:
//
//	err := sqlunit.Run(ctx, db, sqlunit.Options{}, func(ctx context.Context, tx *sql.Tx) error {
//		if err := store.Publish(ctx, tx, article); err != nil {
//			return err
//		}
//		return tracker.Track(ctx, audit.Event{Action: "article.publish", Target: target, Outcome: audit.OutcomeSuccess})
//	})
//
// Package auditmongo has WithTransaction for MongoDB. docs/transactions.md says what a crash
// at each point leaves.
//
// # What is held
//
// Under the context of a unit, nil from Track means that the unit holds the record, redacted
// and checked: an event that lacks something, or has no actor, is rejected at once. Three
// kinds of events are recorded at once, because they are true whatever the transaction does:
// denied ones, failed ones, and those that begin an attempt. An effect that no rollback
// undoes, such as a payment, is tracked under the context that [Outside] returns.
//
// A unit holds 1,000 records (see [WithLimit]). Each further one is recorded at once as an
// attempt that is begun; the unit holds its end, which is small.
//
// Signals in the unit are covered by its intents. Those that are left when the unit ends go
// the same way as the intents, except that the scope around a committed unit gets them as it
// gets those of any other scope that ends.
//
// # Adapters
//
// An adapter owns the commit. It begins a unit before the transaction, starts the work as
// often as the driver runs it, and says how it ended:
//
//	err := unit.Run(ctx, tracker, audit.Event{}, func(u *unit.Unit) error {
//		tx, err := pool.Begin(ctx)
//		if err != nil {
//			return err // rolled back: Run says so
//		}
//		defer tx.Rollback(ctx)
//		if err := work(u.Start(ctx), tx); err != nil {
//			return err
//		}
//		err = tx.Commit(ctx)
//		if answerWasLost(err) {
//			return errors.Join(err, u.Unknown(err))
//		}
//		return err // committed, if it is nil
//	})
package unit
