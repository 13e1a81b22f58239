package archive_test

import (
	"strings"
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// TestReaderBesideWriter reads pages while archives are added. Each Append makes one.
func TestReaderBesideWriter(t *testing.T) {
	t.Parallel()
	querytest.RunBesideWriter(t, func(t *testing.T) querytest.Store {
		t.Helper()
		if raceDetector && strings.HasSuffix(t.Name(), "/size=1") {
			t.Skip("some 300 pages of some 300 archives each are too slow with the race detector")
		}
		store, next := newDir(t), uint64(1)
		return querytest.Store{
			Reader: archive.NewReader(store),
			Append: func(t *testing.T, records ...*record.Record) {
				t.Helper()
				var entries []archive.Entry
				for _, r := range records {
					entries = append(entries, archive.Entry{Seq: next, Data: encode(t, r)})
					next++
				}
				_, err := archive.Create(t.Context(), store, metaOf(entries), sequence(entries))
				require.NoError(t, err)
			},
		}
	})
}
