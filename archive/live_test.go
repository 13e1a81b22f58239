package archive_test

import (
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// TestReaderBesideWriter reads pages while archives are added. One record after the other makes an
// archive of five, since each page reads all archives here: the times of all overlap.
func TestReaderBesideWriter(t *testing.T) {
	t.Parallel()
	querytest.RunBesideWriter(t, func(t *testing.T) querytest.Store {
		t.Helper()
		store, next := newDir(t), uint64(1)
		var entries []archive.Entry
		return querytest.Store{
			Reader: archive.NewReader(store),
			Append: func(t *testing.T, records ...*record.Record) {
				t.Helper()
				for _, r := range records {
					entries = append(entries, archive.Entry{Seq: next, Data: encode(t, r)})
					next++
				}
				if len(entries) < 5 {
					return
				}
				_, err := archive.Create(t.Context(), store, metaOf(entries), sequence(entries))
				require.NoError(t, err)
				entries = nil
			},
		}
	})
}
