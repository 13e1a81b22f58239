package bench

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
)

// BenchmarkAttempt compares an attempt that begins and finishes with two tracked events. An
// operation is two records.
func BenchmarkAttempt(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		for _, impl := range []string{"attempt", "track"} {
			b.Run(fmt.Sprintf("goroutines=%d/impl=%s", goroutines, impl), func(b *testing.B) {
				ctx, tracker := newTracker(b, sdk.WithLedger(filepath.Join(b.TempDir(), "ledger")))
				twoRecords := func() error {
					if err := tracker.Track(ctx, event()); err != nil {
						return err
					}
					return tracker.Track(ctx, event())
				}
				if impl == "attempt" {
					twoRecords = func() error {
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
				inParallel(b, goroutines, twoRecords)
				b.StopTimer()
			})
		}
	}
}
