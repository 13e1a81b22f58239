package ledger

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// failOnceFile is a file whose first sync fails and loses its data.
type failOnceFile struct {
	file
	syncs int
}

func (f *failOnceFile) Sync() error {
	if f.syncs++; f.syncs == 1 {
		return errFault
	}
	return f.file.Sync()
}

// TestFailedSyncStaysFailed shows that no later sync of a segment succeeds, since the
// data of the first one is lost.
func TestFailedSyncStaysFailed(t *testing.T) {
	t.Parallel()
	l := mustOpenMem(t, testDisk(), nil)
	s := &segment{file: &failOnceFile{file: l.active.file}}
	require.ErrorIs(t, s.sync(), errFault)
	require.ErrorIs(t, s.sync(), errFault)
}

// TestSegmentNameNotSynced kills a process that has named a segment and not synced the
// directory. The next one appends to the segment, which must survive a power cut then.
func TestSegmentNameNotSynced(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		d := newMemDisk(rand.New(rand.NewPCG(seed, 9)))
		f := &faults{kind: faultNoEffect, only: opSyncDir, at: 1 << 30}
		l := mustOpenMem(t, d, f)
		mustAppend(t, l, string(make([]byte, 60_000)))
		f.arm()
		_, err := l.Append(t.Context(), make([]byte, 10_000))
		require.ErrorIs(t, err, errFault)
		l = crash(t, l, d)
		seq := mustAppend(t, l, "entry")
		l.dir.(*memDir).kill()
		_ = l.Close() // ends its goroutines
		d = d.powerCut()
		require.Greater(t, mustOpenMem(t, d, nil).Stats().Next, seq, "seed %d", seed)
	}
}
