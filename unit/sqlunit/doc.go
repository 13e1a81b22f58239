// Package sqlunit runs transactions of database/sql as units of work: what is tracked in a
// transaction is recorded when it has committed, and as a failure if it was rolled back. See
// package unit.
//
//	err := sqlunit.Run(ctx, db, sqlunit.Options{}, func(ctx context.Context, tx *sql.Tx) error {
//		_, err := tx.ExecContext(ctx, `UPDATE articles SET published = true WHERE id = $1`, id)
//		if err != nil {
//			return err
//		}
//		return tracker.Track(ctx, audit.Event{
//			Action: "article.publish", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
//			Target: audit.Target{Type: "article", ID: id},
//		})
//	})
//	if failed, ok := errors.AsType[*unit.RecordError](err); ok && failed.Committed {
//		// The article is published. Its record is not stored.
//	}
package sqlunit
