package ledger

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// descriptorsEnv passes the directory to the process that TestNoDescriptors starts.
const descriptorsEnv = "LEDGER_TEST_DESCRIPTORS"

// TestNoDescriptors uses up all descriptors of a process, as many clients can. What they do
// must not stop the records.
func TestNoDescriptors(t *testing.T) {
	if dir := os.Getenv(descriptorsEnv); dir != "" {
		for _, local := range []bool{true, false} {
			appendWithoutDescriptors(t, filepath.Join(dir, map[bool]string{true: "local", false: "shared"}[local]), local)
		}
		return
	}
	t.Parallel()
	binary, err := os.Executable()
	require.NoError(t, err)
	other := exec.CommandContext(t.Context(), binary, "-test.run=^TestNoDescriptors$", "-test.v")
	other.Env = append(os.Environ(), descriptorsEnv+"="+t.TempDir())
	out, err := other.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// placedDir is a directory of which the test says whether it is local.
type placedDir struct {
	*osDir
	local bool
}

func (d placedDir) Lock() (bool, error) {
	created, err := d.osDir.Lock()
	d.osDir.local = d.local
	return created, err
}

func appendWithoutDescriptors(t *testing.T, dir string, local bool) {
	d, err := createDir(dir, access{})
	require.NoError(t, err)
	l, err := open(placedDir{d, local}, config{segmentSize: MinSegmentSize})
	require.NoError(t, err)
	mustAppend(t, l, "one")
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: old.Max}))
	var used []int
	for {
		fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			require.ErrorIs(t, err, syscall.EMFILE)
			break
		}
		used = append(used, fd)
	}
	_, err = l.Append(t.Context(), []byte("two"))
	for _, fd := range used {
		require.NoError(t, syscall.Close(fd))
	}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.Equal(t, []string{"one", "two"}, readAll(t, dir))
}
