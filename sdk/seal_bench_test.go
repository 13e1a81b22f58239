package sdk_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
)

// BenchmarkSealedTrack tracks durably on a sealed ledger and on one that is not, in turns, and
// reports how much longer the sealed one takes.
func BenchmarkSealedTrack(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			temp := b.TempDir()
			key, err := seal.CreateKey(filepath.Join(temp, "key"), "example.com/audit")
			require.NoError(b, err)
			plain, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(temp, "plain"), ledger.WithScrub(0)))
			require.NoError(b, err)
			sealed, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(temp, "sealed"), ledger.WithScrub(0)),
				sdk.WithSeal(key, seal.WithAnchor(seal.AnchorFile(filepath.Join(temp, "anchor")))))
			require.NoError(b, err)
			trackers := []audit.Tracker{plain.Tracker("bench"), sealed.Tracker("bench")}
			var took [2]time.Duration
			turn := 0
			const each = 16
			for b.Loop() {
				start := time.Now()
				var group sync.WaitGroup
				for range callers {
					group.Go(func() {
						for range each {
							if err := trackers[turn%2].Track(b.Context(), valid()); err != nil {
								b.Error(err)
							}
						}
					})
				}
				group.Wait()
				took[turn%2] += time.Since(start)
				turn++
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "of-unsealed")
			require.NoError(b, plain.Shutdown(b.Context()))
			require.NoError(b, sealed.Shutdown(b.Context()))
		})
	}
}
