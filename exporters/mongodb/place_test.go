package mongodb

import (
	"slices"
	"testing"

	"github.com/opendeed/audit/export"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// A place is beside the record: Unmarshal returns the same record, and PlaceOf the place.
func TestPlaces(t *testing.T) {
	t.Parallel()
	want := export.Place{Log: "2f1c8a6e0b7d4e5f9a3b1c2d4e6f8091", Seq: 1<<63 - 1}
	for _, r := range exporttest.OddRecords() {
		var e encoder
		document, err := e.append(nil, r, want)
		require.NoError(t, err)
		back, err := Unmarshal(document)
		require.NoError(t, err)
		require.NoError(t, exporttest.Equal(r, back))
		place, ok := PlaceOf(document)
		require.True(t, ok)
		require.Equal(t, want, place)

		document, err = Marshal(r)
		require.NoError(t, err)
		_, ok = PlaceOf(document)
		require.False(t, ok)
	}
}

func TestPlacesAreChecked(t *testing.T) {
	t.Parallel()
	document, err := Marshal(exporttest.OddRecords()[0])
	require.NoError(t, err)
	var members bson.D
	require.NoError(t, bson.Unmarshal(document, &members))
	for name, place := range map[string]any{
		"text":       "12",
		"no number":  bson.D{{Key: "log", Value: "a"}},
		"other type": bson.D{{Key: "log", Value: "a"}, {Key: "seq", Value: 1.5}},
		"zero":       bson.D{{Key: "log", Value: "a"}, {Key: "seq", Value: int64(0)}},
		"more":       bson.D{{Key: "log", Value: "a"}, {Key: "seq", Value: int64(1)}, {Key: "x", Value: 1}},
	} {
		b, err := bson.Marshal(append(slices.Clip(members), bson.E{Key: "place", Value: place}))
		require.NoError(t, err)
		_, ok := PlaceOf(b)
		require.False(t, ok, name)
		_, err = Unmarshal(b)
		var invalid *DocumentError
		require.ErrorAs(t, err, &invalid, name)
		require.Equal(t, "place", invalid.Path)
	}
}
