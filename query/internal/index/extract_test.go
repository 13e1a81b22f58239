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

// object is a JSON object.
type object map[string]json.RawMessage

// each calls yield with the objects of an array.
func (o object) each(t testing.TB, name string, yield func(object)) {
	t.Helper()
	if len(o[name]) == 0 {
		return
	}
	var elements []object
	require.NoError(t, json.Unmarshal(o[name], &elements))
	for _, e := range elements {
		yield(e)
	}
}

// at returns the object that is a member.
func (o object) at(t testing.TB, name string) (member object) {
	t.Helper()
	if len(o[name]) > 0 {
		require.NoError(t, json.Unmarshal(o[name], &member))
	}
	return member
}

// termsOf decodes a record, and returns the keys of its terms. It counts the texts of the fields
// with facets in facets.
func termsOf(t testing.TB, h Hasher, data []byte, facets map[string]uint64) (r *record.Record, keys []Key) {
	t.Helper()
	r = new(record.Record)
	require.NoError(t, r.UnmarshalJSON(data))
	canonical, err := r.AppendJSON(nil)
	require.NoError(t, err)
	var o object
	require.NoError(t, json.Unmarshal(canonical, &o))
	add := func(f Field, text json.RawMessage) {
		if len(text) == 0 {
			return
		}
		text = text[1 : len(text)-1]
		keys = append(keys, h.Term(f, text))
		if faceted>>f&1 != 0 {
			facets[string(rune(f))+string(text)]++
		}
	}
	for name, f := range map[string]Field{
		"action": Action, "attempt": Attempt, "channel": Channel, "id": ID, "kind": Kind, "operation": Operation, "outcome": Outcome,
		"tenant": Tenant, "trace_id": Trace,
	} {
		add(f, o[name])
	}
	actor := o.at(t, "actor")
	add(ActorID, actor["id"])
	add(ActorType, actor["type"])
	add(Session, actor["session_id"])
	for next := actor.at(t, "on_behalf_of"); next != nil; next = next.at(t, "on_behalf_of") {
		add(Delegated, json.RawMessage(`"true"`))
		add(OnBehalfOf, next["id"])
		add(Session, next["session_id"])
	}
	target := o.at(t, "target")
	add(TargetID, target["id"])
	add(TargetType, target["type"])
	o.each(t, "covers", func(covered object) { add(TargetID, covered["id"]) })
	o.each(t, "changes", func(change object) { add(Changed, change["field"]) })
	for name, value := range o.at(t, "metadata") {
		text, ok := encodeText(name)
		require.True(t, ok)
		keys = append(keys, h.Term(MetadataKey, text), h.Pair(Metadata, text, value))
	}
	slices.Sort(keys)
	return r, slices.Compact(keys)
}

func keysOf(x *extractor) (keys []Key) {
	for _, t := range x.found {
		keys = append(keys, t.key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// FuzzExtract compares what is extracted from any JSON of records, one after the other, with what
// their canonical JSON has.
func FuzzExtract(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		f.Add(randomRecord(f, rng), randomRecord(f, rng))
	}
	usual := usualRecord(rng, 1)
	f.Add([]byte(`{"action":"\u0061.b","actor":{"id":"42","type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`), usual)
	f.Add([]byte(`{"actor":{"type":"user","id":"4\/2"},"action":"a.b", "id":"0199c1f2-0000-7000-8000-000000000001","metadata":{"a":{"z":1,"b":[1, 2]}},"kind":"intent","outcome":"unknown","time":"9026-11-23T07:26:02.123456789Z"}`), usual)
	f.Add(usual, []byte(`{"actor":{"type":"user","id":"42"},"action":"a.b","id":"0199c1f2-0000-7000-8000-000000000001","metadata":{"client.address":{"z":1,"b":"\u0061"}},"kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`))
	f.Add([]byte(`{"actor":{"type":"user","id":"42"},"action":"a.b","id":"0199c1f2-0000-7000-8000-000000000001","metadata":{"client.address":{"z":1,"b":2}},"kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`),
		[]byte(`{"actor":{"type":"user","id":"42"},"action":"a.b","id":"0199c1f2-0000-7000-8000-000000000001","metadata":{"client.address":{"z":1,"b":2}},"kind":"intent","outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		h := NewHasher([16]byte{1})
		x := newExtractor(h, true)
		for _, data := range [][]byte{first, second, first, second} {
			x.begin(new(signature))
			ok := x.extract(data, false)
			at, keys := x.time, keysOf(&x)
			var r record.Record
			if r.UnmarshalJSON(data) != nil {
				continue
			}
			_, want := termsOf(t, h, data, map[string]uint64{})
			if ok {
				assert.Equal(t, want, keys, "%s", data)
				assert.Equal(t, Nanoseconds(r.Time), at)
			}
			encoded, err := r.AppendJSON(nil)
			require.NoError(t, err)
			require.True(t, x.extract(encoded, true), "canonical JSON: %s", encoded)
			assert.Equal(t, want, keysOf(&x), "%s", encoded)
			assert.Equal(t, Nanoseconds(r.Time), x.time)
		}
	})
}

// TestExtractIsFast: what the SDK writes needs no decoding.
func TestExtractIsFast(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	h := NewHasher([16]byte{1})
	x := newExtractor(h, true)
	x.begin(new(signature))
	for i := range 200 {
		data := randomRecord(t, rng)
		if i%2 == 0 {
			data = usualRecord(rng, i)
		}
		require.True(t, x.extract(data, false), "%s", data)
		_, want := termsOf(t, h, data, map[string]uint64{})
		require.Equal(t, want, keysOf(&x), "%s", data)
	}
}

// TestExtractAfter extracts records of which the last one has some of what those before it had,
// or seems to.
func TestExtractAfter(t *testing.T) {
	t.Parallel()
	with := func(metadata string) []byte {
		return []byte(`{"action":"a.b","actor":{"id":"42","type":"user"},"id":"0199c1f2-0000-7000-8000-000000000001","kind":"intent","metadata":` +
			metadata + `,"outcome":"unknown","time":"2026-11-23T07:26:02.123456789Z"}`)
	}
	for name, metadata := range map[string][]string{
		"another number":      {`{"n":2}`, `{"n":25}`},
		"another text":        {`{"n":"a"}`, `{"n":"a\""}`, `{"n":"a"}`},
		"another name":        {`{"n":"a"}`, `{"nn":"a"}`},
		"the value of before": {`{"a":"v"}`, `{"b":{"x":1}}`, `{"b":"v"}`},
		"not canonical":       {`{"a":{"y":1,"x":2}}`, `{"a":{"y":1,"x":2}}`},
		"fewer and more":      {`{"a":1,"b":2}`, `{"b":2}`, `{"a":1,"b":2,"c":3}`},
	} {
		h := NewHasher([16]byte{1})
		x := newExtractor(h, true)
		x.begin(new(signature))
		ok := false
		for _, m := range metadata {
			ok = x.extract(with(m), false)
		}
		last := with(metadata[len(metadata)-1])
		_, want := termsOf(t, h, last, map[string]uint64{})
		if name == "not canonical" {
			assert.False(t, ok, name)
			continue
		}
		require.True(t, ok, name)
		assert.Equal(t, want, keysOf(&x), name)
	}
}
