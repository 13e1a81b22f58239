package ledger

import (
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
