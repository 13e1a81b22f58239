package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// lettersOf returns the dead letters of a provider.
func lettersOf(t *testing.T, p *sdk.TrackerProvider) (letters []sdk.DeadLetter) {
	t.Helper()
	for letter, err := range p.DeadLetters(t.Context()) {
		require.NoError(t, err)
		letters = append(letters, letter)
	}
	return letters
}

// TestLargeDeadLetters rejects records that are larger than a segment of the dead letters,
// and entries that are no records. None may keep its exporter from the next record, and
// each must come back unchanged.
func TestLargeDeadLetters(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"a large ledger": 0, "a small ledger": 64 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			options := []sdk.LedgerOption{ledger.WithSegmentSize(17 << 20), ledger.WithMaxSize(size)}
			raw := strings.Repeat("\x00\xff\"<", 1<<20)
			l, err := ledger.Open(dir, ledger.WithSegmentSize(17<<20))
			require.NoError(t, err)
			_, err = l.Append(t.Context(), []byte(raw))
			require.NoError(t, err)

			bodies := map[string]string{
				"1": strings.Repeat("y", 5<<20), "2": strings.Repeat("<&>", 1<<20), "3": strings.Repeat("\"\\", 900<<10), "4": "small",
			}
			var fixed atomic.Bool
			f := &follower{id: "strict", reject: func(string) error {
				if fixed.Load() {
					return nil
				}
				return export.Permanent(errors.New(strings.Repeat("<\x00\xff", 5000)))
			}}
			for _, id := range []string{"1", "2", "3", "4"} { // as another program writes them
				r := &record.Record{Event: with(func(e *audit.Event) {
					e.ID, e.Time, e.Target.ID = audit.NewID(), time.Now(), id
					e.Changes = []audit.Change{{Field: "body", New: attribute.StringValue(bodies[id])}}
				})}
				entry, err := r.AppendJSON(nil)
				require.NoError(t, err)
				_, err = l.Append(t.Context(), entry)
				require.NoError(t, err)
			}
			require.NoError(t, l.Close())
			p := openProvider(t, quiet(), sdk.WithLedger(dir, append(options, sdk.ExportTo(f, quick()...))...))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			require.NoError(t, p.ForceFlush(ctx), "the exporter is not stuck")

			letters := lettersOf(t, p)
			require.Len(t, letters, 5)
			all := stored(t, dir, 2)
			assert.Equal(t, raw, string(letters[0].Raw))
			for i, letter := range letters {
				assert.EqualValues(t, i+1, letter.Seq)
				assert.LessOrEqual(t, len(letter.Reason), 1024)
				if i > 0 {
					assert.True(t, letter.Record.IsRetryOf(all[i-1]))
					assert.Nil(t, letter.Raw)
				}
			}
			fixed.Store(true)
			n, err := p.ReplayDeadLetters(t.Context(), "strict")
			require.NoError(t, err)
			assert.Equal(t, 4, n)
			assert.Equal(t, []string{"1", "2", "3", "4"}, f.ids())
			require.NoError(t, p.Shutdown(t.Context()))
		})
	}
}

// sizeOf returns the written bytes of the ledger in a directory.
func sizeOf(t *testing.T, dir string) int64 {
	t.Helper()
	l, err := ledger.Open(dir, ledger.WithSegmentSize(64<<10))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Stats().Bytes
}

// TestDeadLettersCountTowardLimit rejects everything in a ledger that keeps nothing once it
// is exported. Dead letters must not grow beyond the limit of the ledger; then Track fails,
// nothing is lost, and replaying them makes room.
func TestDeadLettersCountTowardLimit(t *testing.T) {
	t.Parallel()
	const limit = 4 << 20
	dir := filepath.Join(t.TempDir(), "ledger")
	var fixed atomic.Bool
	f := &follower{id: "strict", reject: func(string) error {
		if fixed.Load() {
			return nil
		}
		return export.Permanent(errors.New("no"))
	}}
	options, reader, logs := observed()
	open := func() *sdk.TrackerProvider {
		return openProvider(t, append(options, sdk.WithTrackTimeout(3*time.Second), sdk.WithLedger(dir, sdk.ExportTo(f, quick()...),
			ledger.WithSegmentSize(256<<10), ledger.WithMaxSize(limit), ledger.WithRetention(0, 0), ledger.WithSyncInterval(time.Millisecond)))...)
	}
	p := open()
	tracked := 0
	track := func() error {
		e := with(func(e *audit.Event) {
			e.Target.ID = fmt.Sprint(tracked)
			e.Reason = strings.Repeat("x", 20_000)
		})
		err := p.Tracker("test").Track(t.Context(), e)
		if err == nil {
			tracked++
		}
		return err
	}
	var err error
	for err == nil && tracked < 1000 {
		err = track()
	}
	require.ErrorIs(t, err, audit.ErrFull)
	assert.Positive(t, logs.Count("dead letters have used up their share"))
	letters := sumOf(t, reader, "audit.ledger.dead_letter_bytes")
	assert.LessOrEqual(t, letters+sumOf(t, reader, "audit.ledger.bytes"), int64(limit))
	assert.GreaterOrEqual(t, letters, int64(limit/8))
	assert.LessOrEqual(t, letters, int64(limit/4))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, p.Shutdown(ctx))
	assert.LessOrEqual(t, sizeOf(t, filepath.Join(dir, "dead-letters")), int64(limit/4))

	p = open()
	for err = track(); err == nil && tracked < 1000; {
		err = track()
	}
	require.ErrorIs(t, err, audit.ErrFull, "they count after a restart, too")
	fixed.Store(true)
	require.Eventually(t, func() bool { return track() == nil }, time.Minute, 10*time.Millisecond)
	_, err = p.ReplayDeadLetters(t.Context(), "strict")
	require.NoError(t, err)
	require.NoError(t, p.ForceFlush(t.Context()))
	got := map[string]bool{}
	for _, id := range f.ids() {
		got[id] = true
	}
	assert.Len(t, got, tracked, "nothing is lost")

	fixed.Store(false) // letters that were replayed make room for others
	replayed := len(lettersOf(t, p))
	const rounds, each = 5, 12
	for range rounds {
		for range each {
			require.NoError(t, track())
		}
		require.NoError(t, p.ForceFlush(t.Context()))
		fixed.Store(true)
		_, err := p.ReplayDeadLetters(t.Context(), "strict")
		require.NoError(t, err)
		fixed.Store(false)
	}
	assert.Less(t, len(lettersOf(t, p)), replayed+rounds*each)
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestOrphanCursorIsNamed fills a ledger whose retention waits for an exporter that is not
// configured any more.
func TestOrphanCursorIsNamed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	p := openProvider(t, sdk.WithLedger(dir, sdk.ExportTo(&follower{id: "old"})))
	trackNumbered(t, p, 1, 1)
	require.NoError(t, p.Shutdown(t.Context()))
	options, reader, _ := observed()
	p = openProvider(t, append(options, sdk.WithTrackTimeout(100*time.Millisecond), sdk.WithLedger(dir, sdk.ExportTo(&follower{id: "new"}, quick()...),
		ledger.WithSegmentSize(64<<10), ledger.WithMaxSize(256<<10), ledger.WithRetention(0, 0)))...)
	var err error
	for i := 0; err == nil && i < 5000; i++ {
		err = p.Tracker("test").Track(t.Context(), valid())
	}
	require.ErrorIs(t, err, audit.ErrFull)
	require.ErrorContains(t, err, "old (at entry 1 of ")
	assert.Positive(t, sumOf(t, reader, "audit.ledger.depth", attribute.String("exporter", "old")))
	require.NoError(t, p.Shutdown(t.Context()))
}
