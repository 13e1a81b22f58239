package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/internal/lockedbuffer"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/seal"
	"github.com/stretchr/testify/require"
)

// keeper is an exporter that keeps checkpoints.
type keeper struct {
	keep func(ctx context.Context, c export.Checkpoint) error
}

func (*keeper) Name() string                                   { return "keeper" }
func (*keeper) Export(context.Context, []*record.Record) error { return nil }
func (*keeper) Shutdown(context.Context) error                 { return nil }
func (*keeper) KeepsCheckpoints() bool                         { return true }
func (k *keeper) ExportCheckpoint(ctx context.Context, c export.Checkpoint) error {
	return k.keep(ctx, c)
}

func newTestCourier(k *keeper, newest func() seal.Checkpoint, log *lockedbuffer.Buffer) *courier {
	c := &courier{
		exporter: k, name: "keeper", log: "2f1c", newest: newest, interval: checkpointInterval,
		logger: slog.New(slog.NewTextHandler(log, nil)), clean: func(err error) error { return err }, done: make(chan struct{}),
	}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

func note(n int64) seal.Checkpoint {
	return seal.Checkpoint{Size: n, Note: []byte(strings.Repeat("n", int(n)))}
}

// TestCourier delivers each new checkpoint once, one a minute, and the last one at the end.
func TestCourier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var newest seal.Checkpoint
		var got []int64
		var log lockedbuffer.Buffer
		var fail error
		set := func(n int64, err error) {
			mu.Lock()
			defer mu.Unlock()
			newest, fail = note(n), err
		}
		kept := func() []int64 {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(got)
		}
		k := &keeper{keep: func(_ context.Context, c export.Checkpoint) error {
			mu.Lock()
			defer mu.Unlock()
			if fail == nil {
				got = append(got, c.Size)
				require.Equal(t, "2f1c", c.Log)
				require.Equal(t, newest.Note, c.Note)
				require.Equal(t, time.Now().UTC(), c.Time)
			}
			return fail
		}}
		c := newTestCourier(k, func() seal.Checkpoint {
			mu.Lock()
			defer mu.Unlock()
			return newest
		}, &log)
		go c.loop()
		minute := func() { time.Sleep(checkpointInterval); synctest.Wait() }
		minute()
		require.Empty(t, kept(), "nothing is sealed yet")
		set(3, nil)
		minute()
		set(5, nil)
		time.Sleep(checkpointInterval / 2)
		synctest.Wait()
		require.Equal(t, []int64{3}, kept())
		minute()
		minute()
		require.Equal(t, []int64{3, 5}, kept(), "not again")
		set(6, errors.New("down"))
		minute()
		minute()
		require.Equal(t, 1, strings.Count(log.String(), "did not keep a checkpoint"), "the same error is logged once")
		set(7, nil)
		minute()
		set(9, nil)
		sealed := make(chan struct{})
		close(sealed)
		require.False(t, c.finish(t.Context(), sealed))
		require.Equal(t, []int64{3, 5, 7, 9}, kept())
	})
}

// TestCourierOfAFaultyExporter survives a panic, and gives up an exporter that hangs.
func TestCourierOfAFaultyExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedbuffer.Buffer
		release := make(chan struct{})
		calls := 0
		k := &keeper{keep: func(context.Context, export.Checkpoint) error {
			if calls++; calls == 1 {
				panic("secret")
			}
			<-release
			return nil
		}}
		c := newTestCourier(k, func() seal.Checkpoint { return note(3) }, &log)
		go c.loop()
		time.Sleep(checkpointInterval)
		synctest.Wait()
		require.Contains(t, log.String(), "did not keep a checkpoint")
		time.Sleep(checkpointInterval)
		synctest.Wait()
		start := time.Now()
		require.True(t, c.finish(t.Context(), make(chan struct{})))
		require.LessOrEqual(t, time.Since(start), 2*checkpointGrace+abortGrace)
		close(release)
		<-c.done
	})
}

// TestCourierWithoutALastCheckpoint delivers what there is if sealing does not end.
func TestCourierWithoutALastCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int64
		k := &keeper{keep: func(_ context.Context, c export.Checkpoint) error {
			got = append(got, c.Size)
			return nil
		}}
		c := newTestCourier(k, func() seal.Checkpoint { return note(3) }, &lockedbuffer.Buffer{})
		go c.loop()
		require.False(t, c.finish(t.Context(), make(chan struct{})))
		require.Equal(t, []int64{3}, got)
	})
}
