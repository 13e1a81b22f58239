package unit

import (
	"context"
	"database/sql"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lossyConn loses the server's answers once it is told to: it waits for one, and closes the
// connection.
type lossyConn struct {
	net.Conn
	loses *atomic.Bool
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.loses.Load() {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// TestLostAnswer tests a COMMIT that PostgreSQL did, and whose answer is lost.
func TestLostAnswer(t *testing.T) {
	config, err := pgx.ParseConfig(postgresURI(t))
	require.NoError(t, err)
	var loses atomic.Bool
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		return &lossyConn{c, &loses}, err
	}
	db := stdlib.OpenDB(*config)
	_, err = db.ExecContext(t.Context(), `DROP TABLE IF EXISTS articles, authors`)
	require.NoError(t, err)
	s := newShop(t, engine{prepare(t, db, "articles"), isPgx, true})
	require.Error(t, s.run(func(ctx context.Context, tx *sql.Tx) error {
		err := s.insert(ctx, tx, "1", nil)
		loses.Store(true)
		return err
	}))
	loses.Store(false)
	require.Eventually(t, func() bool { return len(s.stored()) == 1 }, time.Minute, 10*time.Millisecond, "it was committed")
	ids, end := s.succeeded()
	assert.Empty(t, ids)
	assert.Equal(t, audit.OutcomeUnknown, end)
	assert.Len(t, s.recorder.Records(), 3)
}
