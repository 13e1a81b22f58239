package querytest

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	Run(t, func(_ *testing.T, records []*record.Record) query.Reader { return NewReader(records...) })
}

func TestRunBesideWriter(t *testing.T) {
	RunBesideWriter(t, func(*testing.T) Store {
		m := NewReader()
		return Store{Reader: m, Append: func(_ *testing.T, records ...*record.Record) { m.Append(records...) }}
	})
}

// TestRandomFiltersSelect makes sure that the property is not about empty answers only.
func TestRandomFiltersSelect(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	records := randomRecords(rng)
	some, texts := 0, 0
	for range 1000 {
		f := randomFilter(rng, records)
		if n := len(selectFrom(records, f)); n > 0 && n < len(records) {
			some++
			if f.Text != "" {
				texts++
			}
		}
	}
	assert.Greater(t, some, 300)
	assert.Greater(t, texts, 40)
}

// TestFilterJSON writes and reads random filters.
func TestFilterJSON(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	records := randomRecords(rng)
	written := 0
	for range 800 {
		f := randomFilter(rng, records)
		text, err := json.Marshal(f)
		if err != nil { // a text that is not UTF-8
			var invalid *query.FilterError
			require.ErrorAs(t, err, &invalid)
			continue
		}
		written++
		var read query.Filter
		require.NoError(t, json.Unmarshal(text, &read), "%s", text)
		for _, r := range records {
			require.Equal(t, f.Matches(r), read.Matches(r), "%s", text)
		}
		assert.Equal(t, []any{f.After, f.Ascending, f.Limit}, []any{read.After, read.Ascending, read.Limit})
		again, err := read.MarshalJSON()
		require.NoError(t, err)
		canonical, err := f.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(canonical), string(again))
		rng.Shuffle(len(read.Actors), func(i, j int) { read.Actors[i], read.Actors[j] = read.Actors[j], read.Actors[i] })
		read.Metadata = append(read.Metadata, read.Metadata...)
		again, err = read.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(canonical), string(again), "order and repetition do not count")
	}
	assert.Greater(t, written, 600)
}

// TestMayMatchJSON: the JSON of a record rules it out only if it does not match.
func TestMayMatchJSON(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 3))
	records := randomRecords(rng)
	matching, ruledOut := 0, 0
	for range 300 {
		var f query.Filter
		for f.Text == "" || f.Validate() != nil {
			setText(rng, draw(rng, records), &f)
		}
		m, err := query.NewMatcher(f)
		require.NoError(t, err)
		for _, r := range records {
			may := m.MayMatchJSON([]byte(jsonOf(r)))
			if m.Matches(r) {
				matching++
				require.True(t, may, "%q in %s", f.Text, jsonOf(r))
			} else if !may {
				ruledOut++
			}
		}
	}
	assert.Greater(t, matching, 600)
	assert.Greater(t, ruledOut, 2000)
}
