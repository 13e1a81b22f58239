package ledger

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAlignedFrames requires that no two commits share a page, that a frame fills a
// segment as without padding, and that padding counts toward WithMaxSize.
func TestAlignedFrames(t *testing.T) {
	t.Parallel()
	for _, options := range [][]Option{nil, {WithDenseFrames()}, {WithSyncInterval(time.Hour)}} {
		d := testDisk()
		l := mustOpenMem(t, d, nil, append(options, WithMaxSize(4*MinSegmentSize))...)
		r := rand.New(rand.NewPCG(1, 1))
		var want []string
		for {
			entry := strings.Repeat("x", r.IntN(9_000))
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			_, err := l.Append(ctx, []byte(entry))
			cancel()
			if err != nil {
				require.ErrorIs(t, err, ErrFull)
				break
			}
			want = append(want, entry)
			require.LessOrEqual(t, l.Stats().Bytes, int64(4*MinSegmentSize))
			if len(want)%7 == 0 {
				require.NoError(t, l.Sync())
			}
		}
		require.Equal(t, want, readMem(t, d))
		require.NoError(t, l.Close())
		for _, e := range l.extents {
			s, err := openSegment(d.open(nil), l.id, e.number)
			require.NoError(t, err)
			frames := newScanner(s, s.capacity)
			for {
				from := frames.offset
				found, err := frames.scanAny()
				require.NoError(t, err)
				if !found {
					break
				}
				if options == nil {
					assert.True(t, from == segmentHeaderSize || from%pageSize == 0, "%d", from)
				}
			}
		}
	}
	l := mustOpenMem(t, testDisk(), nil)
	fits := MinSegmentSize - segmentHeaderSize - frameHeaderSize - frameTrailerSize - entryOverhead
	mustAppend(t, l, strings.Repeat("x", fits))
	mustAppend(t, l, strings.Repeat("y", fits))
}

// TestTornNeighbor tears the page that was written last to zeros. What was acknowledged
// before is still there.
func TestTornNeighbor(t *testing.T) {
	t.Parallel()
	d := testDisk()
	l := mustOpenMem(t, d, nil)
	mustAppend(t, l, "one")
	mustAppend(t, l, "two")
	end := l.end
	mustAppend(t, l, "torn")
	crashed := d.clone()
	content := crashed.edit(segmentName(1))
	clear(content[end : end+pageSize])
	require.False(t, bytes.Contains(content, []byte("torn")))
	l = mustOpenMem(t, crashed, nil)
	require.EqualValues(t, 3, l.Stats().Next)
	require.Equal(t, []string{"one", "two"}, readMem(t, crashed))
}
