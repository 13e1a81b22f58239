package exportfile_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/cmd/deed/internal/exportfile"
	"github.com/opendeed/audit/cmd/deed/internal/render"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/report"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

func recordOf(i int) *record.Record {
	r := &record.Record{Event: audit.Event{Action: "invoice.create", Actor: audit.User(fmt.Sprint(i)), Time: start.Add(time.Duration(i) * time.Second)}}
	r.ID[13], r.ID[14], r.ID[15] = byte((i+1)>>16), byte((i+1)>>8), byte(i+1)
	return r
}

func lineOf(t *testing.T, i int) query.Line {
	t.Helper()
	l, err := query.LineOf(recordOf(i))
	require.NoError(t, err)
	return l
}

func planOf(format render.Format) report.Plan {
	return report.Plan{Format: string(format), Zone: "UTC", Filter: json.RawMessage(`{"ascending":true}`), Sources: []string{"a"}}
}

// TestResume kills an export after each number of records, with more written that no
// checkpoint knows. It continues to the same bytes as one that was not interrupted.
func TestResume(t *testing.T) {
	const records = 5
	for _, format := range []render.Format{render.CSV, render.JSON} {
		whole := filepath.Join(t.TempDir(), "whole")
		f, after, err := exportfile.Create(whole, planOf(format), time.UTC, false, false)
		require.NoError(t, err)
		require.Empty(t, after)
		for i := range records {
			require.NoError(t, f.Add(lineOf(t, i)))
		}
		_, err = f.Finish("alice", "deed")
		require.NoError(t, err)
		want, err := os.ReadFile(whole)
		require.NoError(t, err)

		for known := range records {
			path := filepath.Join(t.TempDir(), "export")
			f, _, err := exportfile.Create(path, planOf(format), time.UTC, false, false)
			require.NoError(t, err)
			for i := range known {
				require.NoError(t, f.Add(lineOf(t, i)))
			}
			require.NoError(t, f.Checkpoint())
			part, err := os.OpenFile(path+".part", os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = part.WriteString("half a rec")
			require.NoError(t, err)
			require.NoError(t, part.Close())
			assert.NoFileExists(t, path)
			_, _, err = exportfile.Create(path, planOf(format), time.UTC, false, true)
			require.ErrorContains(t, err, "another export is writing it")
			require.NoError(t, f.Close())

			_, _, err = exportfile.Create(path, planOf(format), time.UTC, false, false)
			require.ErrorContains(t, err, "add --resume to continue it")
			other := planOf(format)
			other.Sources = []string{"b"}
			_, _, err = exportfile.Create(path, other, time.UTC, false, true)
			require.ErrorIs(t, err, exportfile.ErrDiffers)

			f, after, err = exportfile.Create(path, planOf(format), time.UTC, false, true)
			require.NoError(t, err)
			if known > 0 {
				assert.Equal(t, query.CursorOf(recordOf(known-1)), after)
			}
			for i := known; i < records; i++ {
				require.NoError(t, f.Add(lineOf(t, i)))
			}
			m, err := f.Finish("alice", "deed")
			require.NoError(t, err)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got), "%s %d", format, known)
			sum := sha256.Sum256(got)
			assert.Equal(t, hex.EncodeToString(sum[:]), m.SHA256)
			assert.EqualValues(t, records, m.Records)
			assert.EqualValues(t, len(got), m.Bytes)
			assert.Equal(t, recordOf(0).ID.String(), m.Range.FirstID)
			assert.Equal(t, recordOf(records-1).ID.String(), m.Range.LastID)
			left, err := filepath.Glob(path + "*")
			require.NoError(t, err)
			assert.Equal(t, []string{path, path + exportfile.ManifestSuffix}, left)
		}
	}
}

// TestAlteredPart continues no part that is not what its checkpoint says.
func TestAlteredPart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "export")
	f, _, err := exportfile.Create(path, planOf(render.JSON), time.UTC, false, false)
	require.NoError(t, err)
	require.NoError(t, f.Add(lineOf(t, 0)))
	require.NoError(t, f.Stop())
	written, err := os.ReadFile(path + ".part")
	require.NoError(t, err)
	for _, altered := range []string{"X" + string(written[1:]), string(written[1:]), ""} {
		require.NoError(t, os.WriteFile(path+".part", []byte(altered), 0o600))
		_, _, err = exportfile.Create(path, planOf(render.JSON), time.UTC, false, true)
		require.ErrorContains(t, err, "is not what its checkpoint says; remove both to begin anew")
	}
	require.NoError(t, os.WriteFile(path+".part", append(written, "more"...), 0o600))
	f, _, err = exportfile.Create(path, planOf(render.JSON), time.UTC, false, true)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// TestReserve names no file that exists, that is being written, or that has a manifest.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.csv")
	for _, name := range []string{"audit.csv", "audit-2.csv.part", "audit-3.csv.manifest.json", "audit-4.csv.part.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("taken"), 0o600))
	}
	for _, want := range []string{"audit-5.csv", "audit-6.csv"} {
		reserved, err := exportfile.Reserve(path)
		require.NoError(t, err)
		assert.Equal(t, filepath.Join(dir, want), reserved)
	}
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, names, 6, "it leaves a part for what it has reserved only")
	_, err = exportfile.Reserve(filepath.Join(dir, "none", "audit.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
