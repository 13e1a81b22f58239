package record_test

import (
	"strings"
	"testing"

	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// TestPlaceIsIgnored reads lines of a copy, which have the place of the record.
func TestPlaceIsIgnored(t *testing.T) {
	t.Parallel()
	const line = `{"action":"a","actor":{"id":"1","type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","outcome":"success","time":"2026-11-20T08:55:10.000000000Z"}`
	with := func(place string) string { return strings.TrimSuffix(line, "}") + `,"place":` + place + "}" }
	var want, got record.Record
	require.NoError(t, want.UnmarshalJSON([]byte(line)))
	require.NoError(t, got.UnmarshalJSON([]byte(with(`{"log":"2f1c","seq":12}`))))
	require.Equal(t, want, got)
	b, err := got.AppendJSON(nil)
	require.NoError(t, err)
	require.Equal(t, line, string(b))
	for _, place := range []string{`null`, `{}`, `{"log":"2f1c"}`, `{"log":"2f1c","seq":-1}`, `{"log":"2f1c","seq":1,"note":""}`, `{"log":"2f1c","seq":1},"place":{"log":"2f1c","seq":1}`} {
		require.Error(t, got.UnmarshalJSON([]byte(with(place))), place)
	}
}
