package ledger

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReleasePairs releases an open pair. It takes no room any more, also after a restart,
// and an entry that closes it later changes nothing.
func TestReleasePairs(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		dir := t.TempDir()
		l, err := Open(dir)
		require.NoError(t, err)
		p, _ := mustTrackPairs(t, l)
		mustOpenPair(t, p, "+1 ")
		mustOpenPair(t, p, "+2 ")
		one, _ := classifySign([]byte("+1 "))
		never, _ := classifySign([]byte("+3 "))
		p.Release(one, never)
		if late {
			_, err = l.Append(t.Context(), []byte("-1 "))
			require.NoError(t, err)
		}
		require.NoError(t, l.Close())
		l, err = Open(dir)
		require.NoError(t, err)
		_, open := mustTrackPairs(t, l)
		assert.Equal(t, []string{"+2 "}, open)
		require.NoError(t, l.Close())
	}
}
