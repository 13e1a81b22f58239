package ledgerquery_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPagesBesideWriter(t *testing.T) {
	t.Parallel()
	querytest.RunBesideWriter(t, func(t *testing.T) querytest.Store {
		dir := filepath.Join(t.TempDir(), "ledger")
		l, err := ledger.Open(dir, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Hour))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		reader, err := ledgerquery.NewReader(dir)
		require.NoError(t, err)
		return querytest.Store{Reader: reader, Append: func(t *testing.T, records ...*record.Record) {
			for _, r := range records {
				data, err := r.AppendJSON(nil)
				assert.NoError(t, err)
				_, err = l.Append(t.Context(), data)
				assert.NoError(t, err)
			}
		}}
	})
}
