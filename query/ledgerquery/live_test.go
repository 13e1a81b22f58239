package ledgerquery_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFindBesideWriter finds records at full speed while a writer fills small segments and,
// in one case, retention removes them. Nothing is damaged, so no call may say so.
func TestFindBesideWriter(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]ledger.Option{
		"kept":    nil,
		"removed": {ledger.WithRetention(0, 6*ledger.MinSegmentSize)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			options := append(options, ledger.WithSegmentSize(ledger.MinSegmentSize), ledger.WithSyncInterval(time.Millisecond))
			l, err := ledger.Open(dir, options...)
			require.NoError(t, err)
			end := time.Now().Add(2 * time.Second)
			if sampled() {
				end = time.Now().Add(300 * time.Millisecond)
			}
			var group sync.WaitGroup
			for writer := range 4 {
				group.Go(func() {
					random := rand.New(rand.NewPCG(uint64(writer), 1))
					for time.Now().Before(end) {
						data, err := newRecord(random.IntN(1_000)).AppendJSON(nil)
						assert.NoError(t, err)
						if _, err := l.Append(t.Context(), data); !assert.NoError(t, err) {
							return
						}
					}
				})
			}
			reader, err := ledgerquery.NewReader(dir)
			require.NoError(t, err)
			for i, filter := range []query.Filter{{Limit: 1}, {Limit: 300, Ascending: true}, {Targets: []audit.Target{{ID: "7"}}}} {
				group.Go(func() {
					for finds := 0; time.Now().Before(end); finds++ {
						for _, err := range reader.Find(t.Context(), filter) {
							if !assert.NoError(t, err, fmt.Sprint("filter ", i, ", call ", finds)) {
								return
							}
						}
					}
				})
			}
			group.Wait()
			require.NoError(t, l.Close())
			stats := l.Stats() // retention may remove a segment until Close returns
			ids, errs := targets(t, reader, query.Filter{})
			require.Empty(t, errs)
			fresh, err := ledgerquery.NewReader(dir)
			require.NoError(t, err)
			same, errs := targets(t, fresh, query.Filter{})
			require.Empty(t, errs)
			assert.Equal(t, same, ids, "the index is that of a new reader")
			assert.GreaterOrEqual(t, uint64(len(ids)), stats.Next-stats.First-1)
		})
	}
}
