package exportfile_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit/cmd/deed/internal/exportfile"
	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// row is what a program that reads an export expects.
type row struct {
	Time      time.Time `parquet:"time,timestamp(microsecond)"`
	ActorID   *string   `parquet:"actor_id,optional"`
	ActorName *string   `parquet:"actor_name,optional"`
	Record    string    `parquet:"record,json"`
}

// TestParquet writes more records than a row group has, and reads them back.
func TestParquet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "export.parquet")
	f, _, err := exportfile.Create(path, planOf(exportfile.Parquet), time.UTC, false, false)
	require.NoError(t, err)
	const records = 10_001
	for i := range records {
		require.NoError(t, f.Add(lineOf(t, i)))
	}
	require.NoError(t, f.Checkpoint())
	m, err := f.Finish("alice", "deed")
	require.NoError(t, err)
	assert.EqualValues(t, records, m.Records)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, info.Size(), m.Bytes)

	rows, err := parquet.ReadFile[row](path)
	require.NoError(t, err)
	require.Len(t, rows, records)
	for i, got := range rows {
		l := lineOf(t, i)
		require.True(t, l.Time.Equal(got.Time))
		require.NotNil(t, got.ActorID)
		require.Equal(t, recordOf(i).Actor.ID, *got.ActorID)
		require.Nil(t, got.ActorName, "an empty text is null")
		require.Equal(t, l.JSON, got.Record)
	}
	left, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	assert.Equal(t, []string{path, path + exportfile.ManifestSuffix}, left)
}

// TestParquetBeginsAnew interrupts an export and runs it again, with and without --resume.
func TestParquetBeginsAnew(t *testing.T) {
	t.Parallel()
	for _, resume := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "export.parquet")
		f, _, err := exportfile.Create(path, planOf(exportfile.Parquet), time.UTC, false, false)
		require.NoError(t, err)
		require.NoError(t, f.Add(lineOf(t, 0)))
		require.NoError(t, f.Stop())
		require.NoFileExists(t, path)

		f, after, err := exportfile.Create(path, planOf(exportfile.Parquet), time.UTC, false, resume)
		require.NoError(t, err)
		require.Empty(t, after)
		require.NoError(t, f.Add(lineOf(t, 1)))
		_, err = f.Finish("alice", "deed")
		require.NoError(t, err)
		rows, err := parquet.ReadFile[row](path)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		assert.Equal(t, "1", *rows[0].ActorID)
	}
}
