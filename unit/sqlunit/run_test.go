package sqlunit_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/audittest"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/unit"
	"github.com/opendeed/audit/unit/sqlunit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database is a driver whose transactions end as the test says.
type database struct {
	begin, commit error
	ends          []string
	statements    []string
	failing       string // a statement that fails
}

func (d *database) Connect(context.Context) (driver.Conn, error) { return &conn{d}, nil }
func (d *database) Driver() driver.Driver                        { return nil }

type conn struct{ *database }

func (c *conn) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (c *conn) Close() error                        { return nil }
func (c *conn) Begin() (driver.Tx, error)           { return c, c.begin }

func (c *conn) Commit() error {
	c.ends = append(c.ends, "commit")
	return c.commit
}

func (c *conn) Rollback() error {
	c.ends = append(c.ends, "rollback")
	return nil
}

func (c *conn) ExecContext(_ context.Context, statement string, _ []driver.NamedValue) (driver.Result, error) {
	c.statements = append(c.statements, statement)
	if statement == c.failing {
		return nil, errStatement
	}
	return driver.RowsAffected(1), nil
}

var errStatement = errors.New("statement failed")

// stateError is an answer of PostgreSQL.
type stateError string

func (e stateError) Error() string    { return "answer " + string(e) }
func (e stateError) SQLState() string { return string(e) }

func publish() audit.Event {
	return audit.Event{
		Action: "article.publish", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
		Target: audit.Target{Type: "article", ID: "1001"},
	}
}

func lines(r *audittest.Recorder) (lines []string) {
	for _, r := range r.Records() {
		line := r.Action + " " + r.Outcome.String()
		for _, kv := range r.Metadata {
			if kv.Key == semconv.ErrorTypeKey {
				line += " " + kv.Value.String()
			}
		}
		if r.BeginsAttempt() {
			line = r.Action + " begins"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestRun(t *testing.T) {
	t.Parallel()
	canceled := func(cancel context.CancelFunc) error { cancel(); return nil }
	for name, tt := range map[string]struct {
		database database
		work     func(cancel context.CancelFunc) error
		isAnswer func(error) bool
		err      error
		outcome  string
		errType  string
		ends     []string
	}{
		"committed":           {outcome: "success", ends: []string{"commit"}},
		"failed":              {work: func(context.CancelFunc) error { return io.EOF }, err: io.EOF, outcome: "failure", errType: " *errors.errorString", ends: []string{"rollback"}},
		"canceled":            {work: canceled, err: context.Canceled, outcome: "failure", errType: " context.Canceled", ends: []string{"rollback"}},
		"bad connection":      {database: database{commit: driver.ErrBadConn}, err: driver.ErrBadConn, outcome: "unknown", errType: " *errors.errorString", ends: []string{"commit"}},
		"timeout at commit":   {database: database{commit: context.DeadlineExceeded}, err: context.DeadlineExceeded, outcome: "unknown", errType: " context.DeadlineExceeded", ends: []string{"commit"}},
		"connection is gone":  {database: database{commit: io.ErrUnexpectedEOF}, err: io.ErrUnexpectedEOF, outcome: "unknown", errType: " *errors.errorString", ends: []string{"commit"}},
		"serialization":       {database: database{commit: stateError("40001")}, err: stateError("40001"), outcome: "failure", errType: " sqlunit_test.stateError", ends: []string{"commit"}},
		"completion unknown":  {database: database{commit: stateError("40003")}, err: stateError("40003"), outcome: "unknown", errType: " sqlunit_test.stateError", ends: []string{"commit"}},
		"connection failure":  {database: database{commit: stateError("08006")}, err: stateError("08006"), outcome: "unknown", errType: " sqlunit_test.stateError", ends: []string{"commit"}},
		"server stops":        {database: database{commit: stateError("57P01")}, err: stateError("57P01"), outcome: "unknown", errType: " sqlunit_test.stateError", ends: []string{"commit"}},
		"answer of no state":  {database: database{commit: errStatement}, isAnswer: func(err error) bool { return errors.Is(err, errStatement) }, err: errStatement, outcome: "failure", errType: " *errors.errorString", ends: []string{"commit"}},
		"nothing known of it": {database: database{commit: errStatement}, err: errStatement, outcome: "unknown", errType: " *errors.errorString", ends: []string{"commit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := audittest.NewRecorder(t)
			tracker := recorder.Tracker("example.com/shop")
			db := sql.OpenDB(&tt.database)
			defer db.Close()
			ctx, cancel := context.WithCancel(audit.ContextWithActor(t.Context(), audit.User("42")))
			defer cancel()
			err := sqlunit.Run(ctx, db, sqlunit.Options{Tracker: tracker, IsAnswer: tt.isAnswer}, func(ctx context.Context, _ *sql.Tx) error {
				require.NoError(t, tracker.Track(ctx, publish()))
				if tt.work != nil {
					return tt.work(cancel)
				}
				return nil
			})
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, []string{"unit.commit begins", "article.publish " + tt.outcome, "unit.commit " + tt.outcome + tt.errType}, lines(recorder))
			db.Close() // waits for the rollback of database/sql
			assert.Equal(t, tt.ends, tt.database.ends)
		})
	}
}

func TestRunReturnsErrorsUnchanged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		database database
		fn       error
	}{{database{commit: driver.ErrBadConn}, nil}, {database{commit: stateError("40001")}, nil}, {database{begin: io.EOF}, nil}, {database{}, io.EOF}} {
		recorder := audittest.NewRecorder(t)
		db := sql.OpenDB(&tt.database)
		t.Cleanup(func() { _ = db.Close() })
		ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
		err := sqlunit.Run(ctx, db, sqlunit.Options{Tracker: recorder.Tracker("x")}, func(context.Context, *sql.Tx) error { return tt.fn })
		want := errors.Join(tt.fn, tt.database.begin, tt.database.commit).(interface{ Unwrap() []error }).Unwrap()[0]
		assert.True(t, err == want, "%v", err) //nolint:errorlint,testifylint // the same error
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("example.com/shop")
	d := &database{}
	db := sql.OpenDB(d)
	defer db.Close()
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	require.PanicsWithValue(t, "oh", func() {
		_ = sqlunit.Run(ctx, db, sqlunit.Options{Tracker: tracker}, func(ctx context.Context, _ *sql.Tx) error {
			require.NoError(t, tracker.Track(ctx, publish()))
			panic("oh")
		})
	})
	assert.Equal(t, []string{"unit.commit begins", "article.publish failure", "unit.commit failure aborted"}, lines(recorder))
	assert.Equal(t, []string{"rollback"}, d.ends)
}

// TestNothingIsDoneWithoutBeginning tests that no transaction begins if its beginning is not
// recorded.
func TestNothingIsDoneWithoutBeginning(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	d := &database{begin: io.EOF}
	db := sql.OpenDB(d)
	defer db.Close()
	err := sqlunit.Run(t.Context(), db, sqlunit.Options{Tracker: recorder.Tracker("x")}, func(context.Context, *sql.Tx) error { return nil })
	require.ErrorIs(t, err, audit.ErrNoActor)
	require.NotErrorIs(t, err, io.EOF)
}

func TestSavepoint(t *testing.T) {
	t.Parallel()
	recorder := audittest.NewRecorder(t)
	tracker := recorder.Tracker("example.com/shop")
	d := &database{}
	db := sql.OpenDB(d)
	defer db.Close()
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	require.NoError(t, sqlunit.Run(ctx, db, sqlunit.Options{Tracker: tracker}, func(ctx context.Context, tx *sql.Tx) error {
		require.NoError(t, sqlunit.Savepoint(ctx, tx, func(ctx context.Context) error { return tracker.Track(ctx, publish()) }))
		require.Equal(t, io.EOF, sqlunit.Savepoint(ctx, tx, func(ctx context.Context) error {
			require.NoError(t, tracker.Track(ctx, publish()))
			return io.EOF
		}))
		require.PanicsWithValue(t, "oh", func() {
			_ = sqlunit.Savepoint(ctx, tx, func(context.Context) error { panic("oh") })
		})
		return nil
	}))
	assert.Equal(t, []string{"unit.commit begins", "article.publish success", "article.publish failure", "unit.commit success"}, lines(recorder))
	assert.Equal(t, []string{
		"SAVEPOINT audit_1", "RELEASE SAVEPOINT audit_1",
		"SAVEPOINT audit_1", "ROLLBACK TO SAVEPOINT audit_1", "RELEASE SAVEPOINT audit_1",
		"SAVEPOINT audit_1", "ROLLBACK TO SAVEPOINT audit_1", "RELEASE SAVEPOINT audit_1",
	}, d.statements)
	require.ErrorIs(t, sqlunit.Savepoint(ctx, nil, nil), unit.ErrNoUnit)
}

// TestSavepointWithoutAnswer tests that a part of a transaction whose end is not known goes
// the transaction's way.
func TestSavepointWithoutAnswer(t *testing.T) {
	t.Parallel()
	for _, failing := range []string{"SAVEPOINT audit_1", "RELEASE SAVEPOINT audit_1", "ROLLBACK TO SAVEPOINT audit_1"} {
		recorder := audittest.NewRecorder(t)
		tracker := recorder.Tracker("example.com/shop")
		d := &database{failing: failing}
		db := sql.OpenDB(d)
		t.Cleanup(func() { _ = db.Close() })
		ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
		err := sqlunit.Run(ctx, db, sqlunit.Options{Tracker: tracker}, func(ctx context.Context, tx *sql.Tx) error {
			return sqlunit.Savepoint(ctx, tx, func(ctx context.Context) error {
				require.NoError(t, tracker.Track(ctx, publish()))
				if failing == "ROLLBACK TO SAVEPOINT audit_1" {
					return io.EOF
				}
				return nil
			})
		})
		require.ErrorIs(t, err, errStatement)
		for _, line := range lines(recorder)[1:] {
			assert.Contains(t, line, "failure")
		}
	}
}
