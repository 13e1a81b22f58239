package ledger

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readCounter counts what is opened and read.
type readCounter struct {
	fileSystem
	opened int
	read   int64
}

type countedReads struct {
	file
	dir *readCounter
}

func (d *readCounter) Open(name string) (file, error) {
	d.opened++
	f, err := d.fileSystem.Open(name)
	return &countedReads{f, d}, err
}

func (f *countedReads) ReadAt(b []byte, offset int64) (int, error) {
	n, err := f.file.ReadAt(b, offset)
	f.dir.read += int64(n)
	return n, err
}

// TestReadInManyPlaces reads an entry in each of many places, in descending order. The cost
// must not grow with the number of segments or with their size.
func TestReadInManyPlaces(t *testing.T) {
	t.Parallel()
	const places, entrySize = 600, 16 << 10
	for _, segmentSize := range []int64{MinSegmentSize, 16 << 20} {
		d := testDisk()
		l := mustOpenMem(t, d, nil, WithSegmentSize(segmentSize))
		for range places {
			mustAppend(t, l, strings.Repeat("x", entrySize))
		}
		segments, size := l.Stats().Segments, l.Stats().Bytes
		require.NoError(t, l.Close())
		dir := &readCounter{fileSystem: d.open(nil)}
		r := &Reader{dir: dir}
		for seq := uint64(places); seq > 0; seq-- {
			for e, err := range r.Entries(t.Context(), seq) {
				require.NoError(t, err)
				require.Equal(t, seq, e.Seq)
				break
			}
		}
		assert.LessOrEqual(t, dir.opened, segments+3*places+10, "segments of %d", segmentSize)
		assert.LessOrEqual(t, dir.read, 2*size+places*(3*readAhead), "segments of %d", segmentSize)
	}
}
