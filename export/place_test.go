package export_test

import (
	"context"
	"slices"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// placing is an exporter that keeps the place of each record.
type placing struct {
	export.Exporter

	places map[*record.Record]export.Place
}

func (p *placing) Export(ctx context.Context, records []*record.Record) error {
	for _, r := range records {
		if place, ok := export.PlaceOf(ctx, r); ok {
			p.places[r] = place
		}
	}
	return nil
}

func TestPlaceOf(t *testing.T) {
	t.Parallel()
	records := exporttest.OddRecords()[:4]
	seqs := []uint64{7, 8, 12, 13}
	const log = "2f1c8a6e0b7d4e5f9a3b1c2d4e6f8091"
	ctx := export.WithPlaces(t.Context(), log, records, seqs)
	for i, r := range records {
		place, ok := export.PlaceOf(ctx, r)
		require.True(t, ok)
		require.Equal(t, export.Place{Log: log, Seq: seqs[i]}, place)
		_, ok = export.PlaceOf(ctx, r.Clone())
		require.False(t, ok, "a copy may be another record")
		_, ok = export.PlaceOf(t.Context(), r)
		require.False(t, ok)
	}
	_, ok := export.PlaceOf(export.WithPlaces(t.Context(), log, records, seqs[:1]), records[0])
	require.False(t, ok)
	one := export.WithPlaces(t.Context(), log, records[:1], seqs[:1])
	_, ok = export.PlaceOf(one, records[1])
	require.False(t, ok)

	// A filter that leaves records out does not shift the places.
	p := &placing{places: map[*record.Record]export.Place{}}
	f := export.Filter(p, func(r *record.Record) bool { return slices.Index(records, r)%2 == 1 })
	require.NoError(t, f.Export(ctx, records))
	require.Equal(t, map[*record.Record]export.Place{records[1]: {Log: log, Seq: 8}, records[3]: {Log: log, Seq: 13}}, p.places)
}
