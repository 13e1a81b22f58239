package erasure

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Destroy that stops after any step has destroyed the key for everybody, or not at all, and
// is finished by the next one.
func TestDestroyStops(t *testing.T) {
	t.Parallel()
	s := Subject{Type: "user", ID: "42"}
	errStopped := errors.New("stopped")
	for _, step := range []string{"erased", "overwritten"} {
		d, err := CreateDir(filepath.Join(t.TempDir(), "keys"))
		require.NoError(t, err)
		k, err := d.Key(t.Context(), s)
		require.NoError(t, err)
		d.crash = func(at string) error {
			if at == step {
				return errStopped
			}
			return nil
		}
		require.ErrorIs(t, d.Destroy(t.Context(), s), errStopped)
		require.NoError(t, d.Close())

		next, err := OpenDir(d.Path())
		require.NoError(t, err)
		_, err = next.Key(t.Context(), s)
		var erased *ErasedError
		require.ErrorAs(t, err, &erased, step)
		name := filepath.Join(d.Path(), file(k.id, keySuffix))
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		if step == "overwritten" {
			require.Empty(t, strings.Trim(string(content), "\x00"))
		}
		require.NoError(t, next.Destroy(t.Context(), s))
		require.NoFileExists(t, name)
		require.NoError(t, next.Close())
	}
}
