package sqlunit

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/unit"
)

// Options configures [Run]. The zero value is ready to use.
type Options struct {
	// Tracker records the unit of work. nil means the global provider.
	Tracker audit.Tracker
	// Event describes the unit of work: see [unit.Begin].
	Event audit.Event
	// Tx is passed to BeginTx.
	Tx *sql.TxOptions
	// Unit has options of the unit of work.
	Unit []unit.Option
	// IsAnswer reports whether an error of Commit is the answer of the database, which did
	// not commit. Without it, only errors with a SQLSTATE count as answers: those with a
	// method SQLState, as the PostgreSQL drivers have. For MySQL:
	//
	//	IsAnswer: func(err error) bool {
	//		_, ok := errors.AsType[*mysql.MySQLError](err)
	//		return ok
	//	}
	IsAnswer func(error) bool
}

// Beginner begins transactions: *sql.DB and *sql.Conn do.
type Beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// Run runs fn in a transaction of db, which is a unit of work. It commits the transaction if
// fn returns nil, and rolls it back if fn fails or panics. fn must not end the transaction
// itself.
//
// If Commit fails without an answer of the database, it is not known whether the transaction
// was committed: the records have an unknown outcome. Run returns the errors of fn and of the
// transaction unchanged; if recording fails, they are joined with a [*unit.RecordError].
func Run(ctx context.Context, db Beginner, o Options, fn func(ctx context.Context, tx *sql.Tx) error) error {
	tracker := o.Tracker
	if tracker == nil {
		tracker = audit.GetTrackerProvider().Tracker("github.com/opendeed/audit/unit/sqlunit")
	}
	return unit.Run(ctx, tracker, o.Event, func(u *unit.Unit) error {
		tx, err := db.BeginTx(ctx, o.Tx)
		if err != nil {
			return err
		}
		committing := false
		defer func() {
			if !committing { // fn has failed or panicked
				_ = tx.Rollback() // without a COMMIT the database rolls back in any case
			}
		}()
		if err := fn(u.Start(ctx), tx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err // Commit would fail too, and perhaps too late
		}
		committing = true
		err = tx.Commit()
		if err == nil || o.isAnswer(ctx, err) {
			return err
		}
		if failed := u.Unknown(err); failed != nil {
			return errors.Join(err, failed)
		}
		return err
	}, o.Unit...)
}

// isAnswer reports whether Commit failed and the transaction is certainly not committed.
func (o *Options) isAnswer(ctx context.Context, err error) bool {
	if errors.Is(err, sql.ErrTxDone) {
		return ctx.Err() != nil // database/sql rolled it back; otherwise fn has ended it
	}
	if o.IsAnswer != nil && o.IsAnswer(err) {
		return true
	}
	stated, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	return ok && isRollback(stated.SQLState())
}

// isRollback reports whether a SQLSTATE means that the transaction was rolled back. Those of
// broken connections, of a server that stops, and "statement completion unknown" don't.
func isRollback(state string) bool {
	return len(state) == 5 && !strings.HasPrefix(state, "08") && !strings.HasPrefix(state, "57P") && state != "40003"
}
