package ledgerquery_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestScanChecksFrames: a search for words reports each frame that is damaged, also where the
// damage hides the words. An entry that is no record is reported once, whatever it has. Where the
// index says that no record has a word, nothing is read.
func TestScanChecksFrames(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for i := range 400 {
		records = append(records, newRecord(i))
	}
	dir := filepath.Join(t.TempDir(), "ledger")
	entries := encode(t, records...)
	indexLedger(t, dir, slices.Insert(entries, 100, []byte("article.update, and nothing of a record")))
	require.NotEmpty(t, glob(t, dir, "*1.index"))
	segment := glob(t, dir, "*1.segment")[0]
	content, err := os.ReadFile(segment)
	require.NoError(t, err)
	at := bytes.Index(content, []byte(`article.update`))
	content[at] = 'A' + 1
	require.NoError(t, os.WriteFile(segment, content, 0o600))

	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	for _, words := range []string{"ARTICLE.up", "zq", "nothing"} {
		found, errs := targets(t, reader, query.Filter{Text: words})
		require.NotEmpty(t, errs)
		var invalid *ledgerquery.EntryError
		require.ErrorAs(t, errs[0], &invalid)
		if words == "nothing" {
			require.Len(t, errs, 1)
			continue
		}
		require.Greater(t, len(errs), 1)
		lost := 0
		for _, err := range errs[1:] {
			var corrupt *ledger.CorruptError
			require.ErrorAs(t, err, &corrupt)
			assert.Equal(t, filepath.Base(segment), corrupt.File)
			lost += int(corrupt.Last - corrupt.First + 1)
		}
		if words != "zq" {
			assert.Len(t, found, len(records)-lost)
		}
		assert.Less(t, lost, 8, "the entries of one frame")
	}
}
