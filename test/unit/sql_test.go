package unit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/unit/sqlunit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite" // also the driver "sqlite"
)

// engine is a database of one test.
type engine struct {
	db       *sql.DB
	isAnswer func(error) bool
	postgres bool
}

// eachEngine runs test with SQLite and PostgreSQL.
func eachEngine(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db")+"?_pragma=foreign_keys(1)")
		require.NoError(t, err)
		test(t, engine{prepare(t, db, "articles"), isSQLite, false})
	})
	t.Run("postgres", func(t *testing.T) {
		db, err := sql.Open("pgx", postgresURI(t))
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), `DROP TABLE IF EXISTS articles, authors`)
		require.NoError(t, err)
		test(t, engine{prepare(t, db, "articles"), isPgx, true})
	})
}

// isSQLite reports whether SQLite, which runs in the process, has answered.
func isSQLite(err error) bool {
	_, ok := errors.AsType[*sqlite.Error](err)
	return ok
}

// isPgx reports whether pgx says that the transaction had failed before.
func isPgx(err error) bool { return errors.Is(err, pgx.ErrTxCommitRollback) }

func prepare(t *testing.T, db *sql.DB, table string) *sql.DB {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err := db.ExecContext(t.Context(), `CREATE TABLE authors (id TEXT PRIMARY KEY)`)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE `+table+` (
		id TEXT PRIMARY KEY, author TEXT REFERENCES authors DEFERRABLE INITIALLY DEFERRED)`)
	require.NoError(t, err)
	return db
}

// shop is a service that uses an engine.
type shop struct {
	engine
	t        *testing.T
	recorder *audittest.Recorder
	tracker  audit.Tracker
	ctx      context.Context
}

func newShop(t *testing.T, e engine) *shop {
	t.Helper()
	r := audittest.NewRecorder(t)
	return &shop{e, t, r, r.Tracker("example.com/shop"), audit.ContextWithActor(t.Context(), audit.User("42"))}
}

func (s *shop) run(fn func(ctx context.Context, tx *sql.Tx) error) error {
	return sqlunit.Run(s.ctx, s.db, sqlunit.Options{Tracker: s.tracker, IsAnswer: s.isAnswer}, fn)
}

// insert inserts an article and tracks it.
func (s *shop) insert(ctx context.Context, tx *sql.Tx, id string, author any) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO articles (id, author) VALUES ($1, $2)`, id, author); err != nil {
		return err
	}
	return s.tracker.Track(ctx, audit.Event{
		Action: "article.create", Operation: audit.OperationCreate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "article", ID: id},
	})
}

// stored returns the IDs of the articles in the database.
func (s *shop) stored() (ids []string) {
	s.t.Helper()
	rows, err := s.db.QueryContext(context.Background(), `SELECT id FROM articles ORDER BY id`)
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var id string
		require.NoError(s.t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(s.t, rows.Err())
	return ids
}

// succeeded returns the IDs of the articles that were created according to the trail, and
// how the unit ended.
func (s *shop) succeeded() (ids []string, end audit.Outcome) {
	for _, r := range s.recorder.Records() {
		switch {
		case r.BeginsAttempt():
		case r.Action == "unit.commit":
			end = r.Outcome
		case r.Outcome == audit.OutcomeSuccess:
			ids = append(ids, r.Target.ID)
		}
	}
	return ids, end
}

// TestTrailAgrees tests that the trail says of each article what the database says.
func TestTrailAgrees(t *testing.T) {
	errWork := errors.New("work failed")
	for name, tt := range map[string]struct {
		work func(s *shop) func(ctx context.Context, tx *sql.Tx) error
		want audit.Outcome
		ids  []string
		fail bool
	}{
		"commit": {func(s *shop) func(context.Context, *sql.Tx) error {
			return func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(s.insert(ctx, tx, "1", nil), s.insert(ctx, tx, "2", nil))
			}
		}, audit.OutcomeSuccess, []string{"1", "2"}, false},
		"error": {func(s *shop) func(context.Context, *sql.Tx) error {
			return func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(s.insert(ctx, tx, "1", nil), errWork)
			}
		}, audit.OutcomeFailure, nil, true},
		"the commit is refused": {func(s *shop) func(context.Context, *sql.Tx) error {
			return func(ctx context.Context, tx *sql.Tx) error { return s.insert(ctx, tx, "1", "nobody") }
		}, audit.OutcomeFailure, nil, true},
		"canceled": {func(s *shop) func(context.Context, *sql.Tx) error {
			ctx, cancel := context.WithCancel(s.ctx)
			s.ctx = ctx
			return func(ctx context.Context, tx *sql.Tx) error {
				err := s.insert(ctx, tx, "1", nil)
				cancel()
				return err
			}
		}, audit.OutcomeFailure, nil, true},
		"savepoints": {func(s *shop) func(context.Context, *sql.Tx) error {
			return func(ctx context.Context, tx *sql.Tx) error {
				for i := range 4 {
					id := fmt.Sprint(i)
					err := sqlunit.Savepoint(ctx, tx, func(ctx context.Context) error {
						if err := s.insert(ctx, tx, id, nil); err != nil || i%2 == 0 {
							return err
						}
						return sqlunit.Savepoint(ctx, tx, func(ctx context.Context) error { return s.insert(ctx, tx, "0", nil) }) // a duplicate
					})
					if (err != nil) != (i%2 == 1) {
						return err
					}
				}
				return nil
			}
		}, audit.OutcomeSuccess, []string{"0", "2"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, e engine) {
				s := newShop(t, e)
				err := s.run(tt.work(s))
				assert.Equal(t, tt.fail, err != nil, "%v", err)
				assert.Equal(t, tt.ids, s.stored())
				ids, end := s.succeeded()
				assert.Equal(t, tt.ids, ids)
				assert.Equal(t, tt.want, end)
			})
		})
	}
}

// TestFailedTransaction tests a COMMIT that PostgreSQL answers with a rollback, because a
// statement failed whose error was ignored.
func TestFailedTransaction(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		s := newShop(t, e)
		err := s.run(func(ctx context.Context, tx *sql.Tx) error {
			require.NoError(t, s.insert(ctx, tx, "1", nil))
			require.Error(t, s.insert(ctx, tx, "1", nil))
			return nil
		})
		ids, end := s.succeeded()
		assert.Equal(t, s.stored(), ids)
		assert.Equal(t, e.postgres, err != nil)
		assert.Equal(t, e.postgres, end == audit.OutcomeFailure)
	})
}

// TestBusy tests a COMMIT that SQLite refuses, because another connection reads.
func TestBusy(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db"))
	require.NoError(t, err)
	s := newShop(t, engine{prepare(t, db, "articles"), isSQLite, false})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	require.NoError(t, err)
	var n int
	require.NoError(t, reader.QueryRowContext(ctx, `SELECT count(*) FROM articles`).Scan(&n))
	require.Error(t, s.run(func(ctx context.Context, tx *sql.Tx) error { return s.insert(ctx, tx, "1", nil) }))
	require.NoError(t, reader.Rollback())
	ids, end := s.succeeded()
	assert.Equal(t, s.stored(), ids)
	assert.Equal(t, audit.OutcomeFailure, end)
}
