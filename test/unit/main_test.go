package unit

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/opendeed/audit/test/pgserver"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(suite{m}) }

// suite stops the server after its tests.
type suite struct{ tests *testing.M }

func (s suite) Run() int {
	code := s.tests.Run()
	if err := postgres.server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// postgres is the server that the tests have started.
var postgres struct {
	start  sync.Once
	server *pgserver.Server
	err    error
}

// postgresURI returns how to connect to PostgreSQL. It skips the test if there is none, except
// in CI.
func postgresURI(t *testing.T) string {
	t.Helper()
	if uri := os.Getenv("POSTGRES_URI"); uri != "" {
		return uri
	}
	postgres.start.Do(func() { postgres.server, postgres.err = pgserver.Start() })
	if errors.Is(postgres.err, pgserver.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED WITH POSTGRESQL: %v", postgres.err)
	}
	require.NoError(t, postgres.err)
	return postgres.server.URI()
}
