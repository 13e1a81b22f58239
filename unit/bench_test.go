package unit_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/unit"
	"github.com/stretchr/testify/require"
)

// BenchmarkUnit measures one record in a ledger: tracked alone, in an attempt, and in a unit
// of work, which also has ten.
func BenchmarkUnit(b *testing.B) {
	p, err := sdk.NewTrackerProvider(sdk.WithLedger(filepath.Join(b.TempDir(), "ledger")))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, p.Shutdown(context.Background())) })
	tracker := p.Tracker("example.com/app")
	ctx := audit.ContextWithActor(b.Context(), audit.User("42"))
	inUnit := func(n int) func() error {
		return func() error {
			return unit.Run(ctx, tracker, audit.Event{}, func(u *unit.Unit) error {
				ctx := u.Start(ctx)
				for range n {
					if err := tracker.Track(ctx, update("1")); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	for _, way := range []struct {
		name string
		do   func() error
	}{
		{"alone", func() error { return tracker.Track(ctx, update("1")) }},
		{"attempt", func() error {
			return audit.Do(ctx, tracker, audit.Event{Action: "article.publish"}, func(context.Context) error { return nil })
		}},
		{"unit=1", inUnit(1)},
		{"unit=10", inUnit(10)},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				require.NoError(b, way.do())
			}
		})
		b.Run(way.name+"/parallel", func(b *testing.B) {
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := way.do(); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
