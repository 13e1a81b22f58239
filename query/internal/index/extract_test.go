package index

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// termList collects terms.
type termList struct {
	terms []string
}

func (l *termList) term(f Field, text []byte) {
	l.terms = append(l.terms, string(rune('0'+f))+string(text))
}

func (l *termList) pair(f Field, name, value []byte) {
	l.terms = append(l.terms, string(rune('0'+f))+string(name)+"="+string(value))
}

func (*termList) text([]byte) {}

// FuzzExtract compares what is extracted from any JSON of a record with what is extracted from
// its canonical JSON.
func FuzzExtract(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		f.Add(randomRecord(f, rng))
	}
	f.Add([]byte(`{"action":"\u0061.b","actor":{"id":"42","type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`))
	f.Add([]byte(`{"actor":{"type":"user","id":"4\/2"},"action":"a.b", "id":"0199c1f2-0000-7000-8000-000000000001","metadata":{"a":{"z":1,"b":[1, 2]}},"kind":"intent","outcome":"unknown","time":"9026-11-23T07:26:02.123456789Z"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r record.Record
		var direct, canonical termList
		at, ok := extract(data, false, &direct)
		if r.UnmarshalJSON(data) != nil {
			return
		}
		encoded, err := r.AppendJSON(nil)
		require.NoError(t, err)
		canonicalAt, canonicalOK := extract(encoded, true, &canonical)
		require.True(t, canonicalOK, "canonical JSON: %s", encoded)
		assert.Equal(t, Nanoseconds(r.Time), canonicalAt)
		if ok {
			slices.Sort(direct.terms)
			slices.Sort(canonical.terms)
			assert.Equal(t, canonical.terms, direct.terms)
			assert.Equal(t, canonicalAt, at)
		}
	})
}

// TestExtractIsFast: what the SDK writes needs no decoding.
func TestExtractIsFast(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		data := randomRecord(t, rng)
		var terms termList
		_, ok := extract(data, false, &terms)
		assert.True(t, ok, "%s", data)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(data, &fields))
		assert.Contains(t, terms.terms, string(rune('0'+Action))+fields["action"].(string))
	}
}
