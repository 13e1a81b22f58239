package sqlunit

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/opendeed/audit/unit"
)

// Savepoint runs fn in a savepoint of tx, whose unit of work ctx has. If fn fails or panics,
// Savepoint rolls back to the savepoint: what fn tracked is recorded as failures when the
// transaction ends, and the transaction can continue. It returns the error of fn unchanged.
//
// Its statements are those of PostgreSQL, MySQL and SQLite: SAVEPOINT, RELEASE SAVEPOINT and
// ROLLBACK TO SAVEPOINT. After an error of one of them, fail the transaction.
func Savepoint(ctx context.Context, tx *sql.Tx, fn func(ctx context.Context) error) error {
	depth, _ := ctx.Value(depthKey{}).(int)
	depth++
	inner, savepoint, err := unit.NewSavepoint(context.WithValue(ctx, depthKey{}, depth))
	if err != nil {
		return err
	}
	name := "audit_" + strconv.Itoa(depth)
	if _, err := tx.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return errors.Join(err, savepoint.Release()) // it has nothing
	}
	returned := false
	defer func() {
		if !returned {
			_ = rollBack(ctx, tx, savepoint, name) // the panic counts
		}
	}()
	err = fn(inner)
	returned = true
	if err != nil {
		if failed := rollBack(ctx, tx, savepoint, name); failed != nil {
			return errors.Join(err, failed)
		}
		return err
	}
	_, err = tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name)
	return errors.Join(err, savepoint.Release())
}

// depthKey is the key of the number of savepoints around the work, which names them: two
// that are open at the same time must not have the same name.
type depthKey struct{}

// rollBack rolls back to the savepoint and removes it. If the rollback fails, what the
// savepoint holds goes the transaction's way.
func rollBack(ctx context.Context, tx *sql.Tx, savepoint *unit.Savepoint, name string) error {
	ctx = context.WithoutCancel(ctx)
	if _, err := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+name); err != nil {
		return errors.Join(err, savepoint.Release())
	}
	_, err := tx.ExecContext(ctx, "RELEASE SAVEPOINT "+name)
	return errors.Join(err, savepoint.Rollback())
}
