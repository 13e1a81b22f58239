package seal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnchorInLedger has an anchor that whoever puts an old copy back takes along.
func TestAnchorInLedger(t *testing.T) {
	t.Parallel()
	f := newFixture(t).make(1)
	link := filepath.Join(filepath.Dir(f.dir), "elsewhere")
	require.NoError(t, os.Symlink(f.dir, link))
	for _, path := range []string{
		filepath.Join(f.dir, "anchor"), filepath.Join(f.dir, DirName, "anchor"), filepath.Join(f.dir, "..", filepath.Base(f.dir), "anchor"), filepath.Join(link, "anchor"),
	} {
		require.ErrorContains(t, f.start(WithAnchor(AnchorFile(path))), "is in the directory of the ledger", path)
		require.NoFileExists(t, path)
	}
	require.NoError(t, f.start(WithAnchor(AnchorFile(f.dir+".anchor"))))
	f.stop()
}
