package bench

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
)

// BenchmarkAttempt begins and finishes attempts from so many goroutines, beside two
// events that are tracked. An operation is two records.
func BenchmarkAttempt(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		for _, impl := range []string{"attempt", "track"} {
			b.Run(fmt.Sprintf("goroutines=%d/impl=%s", goroutines, impl), func(b *testing.B) {
				ctx, tracker := newTracker(b, sdk.WithLedger(filepath.Join(b.TempDir(), "ledger")))
				one := func() error {
					if err := tracker.Track(ctx, event()); err != nil {
						return err
					}
					return tracker.Track(ctx, event())
				}
				if impl == "attempt" {
					one = func() error {
						e := event()
						e.Outcome = audit.OutcomeUnknown
						a, err := audit.Begin(ctx, tracker, e)
						if err != nil {
							return err
						}
						return a.Finish(ctx, event())
					}
				}
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for i := range goroutines {
					n := b.N / goroutines
					if i < b.N%goroutines {
						n++
					}
					wg.Go(func() {
						for range n {
							if err := one(); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
			})
		}
	}
}
