package archive_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit/archive"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ledgerquery"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sink is an Exporter that keeps what it gets, and fails after some records.
type sink struct {
	records []*record.Record
	room    int
}

func (s *sink) Name() string { return "sink" }

func (s *sink) Export(_ context.Context, records []*record.Record) error {
	if s.room -= len(records); s.room < 0 {
		return errFull
	}
	s.records = append(s.records, records...)
	return nil
}

func (s *sink) Shutdown(context.Context) error { return nil }

func TestImport(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 2000)
	entries[3].Data = []byte("no record")
	a, err := archive.Create(t.Context(), newDir(t), metaOf(entries), sequence(entries))
	require.NoError(t, err)
	s := &sink{room: 10_000}
	done, err := archive.Import(t.Context(), a, s)
	require.NoError(t, err)
	assert.Equal(t, archive.Imported{Records: 1999, Invalid: 1}, done)
	require.Len(t, s.records, 1999)
	assert.Equal(t, newRecord(2000).ID, s.records[1998].ID)
	s = &sink{room: 700}
	done, err = archive.Import(t.Context(), a, s)
	require.ErrorIs(t, err, errFull)
	assert.EqualValues(t, 500, done.Records)
}

// TestImportLedger imports twice, and after an interruption. The ledger gets each record once.
func TestImportLedger(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 9000)
	altered := newRecord(5)
	altered.Reason = "altered"
	entries[6].Data = encode(t, altered)
	entries[7].Data = append([]byte(" "), entries[7].Data...)
	a, err := archive.Create(t.Context(), newDir(t), metaOf(entries), sequence(entries))
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "ledger")
	l, err := ledger.Open(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	_, err = l.Append(t.Context(), entries[8990].Data, entries[2].Data, entries[7].Data)
	require.NoError(t, err)
	reader, err := ledgerquery.NewReader(dir)
	require.NoError(t, err)
	done, err := archive.ImportLedger(t.Context(), a, l, reader)
	require.NoError(t, err)
	assert.Equal(t, archive.Imported{Records: 8997, Present: 3}, done)
	done, err = archive.ImportLedger(t.Context(), a, l, reader)
	require.NoError(t, err)
	assert.Equal(t, archive.Imported{Present: 9000}, done)
	got, errs := find(t, reader, query.Filter{Ascending: true})
	require.Empty(t, errs)
	assert.Len(t, got, 9000)
	assert.EqualValues(t, 9001, l.Stats().Next)
}

func TestImportDamaged(t *testing.T) {
	t.Parallel()
	entries := newEntries(t, 1, 3000)
	content, m := write(t, metaOf(entries), entries)
	content[m.Parts[1].Offset+100] ^= 1
	a, err := put(t, newDir(t), m.Name, content)
	require.NoError(t, err)
	s := &sink{room: 10_000}
	done, err := archive.Import(t.Context(), a, s)
	_, ok := errors.AsType[*archive.CorruptError](err)
	assert.True(t, ok, "%v", err)
	assert.Equal(t, m.Entries-m.Parts[1].Entries, done.Records)
}
