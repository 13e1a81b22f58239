package index

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
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
	keys = slices.Sorted(slices.Values(x.terms))
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
	f.Add([]byte(like("t", "api")), []byte(like("\xff", "\x01")))
	control := []byte(strings.Replace(like("t", "api"), `"session_id":"s"`, "\"session_id\":\"\x13\"", 1))
	require.Contains(f, string(control), "\x13")
	f.Add(usual, control)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		h := NewHasher([16]byte{1})
		x := newExtractor(h, true)
		for _, data := range [][]byte{first, second, first, second} {
			x.begin(new(signature))
			ok := x.extract(data, false)
			at, keys := x.time, keysOf(&x)
			var r record.Record
			if r.UnmarshalJSON(data) != nil {
				require.False(t, ok, "it is no record: %s", data)
				require.False(t, x.entry(data))
				continue
			}
			_, want := termsOf(t, h, data, map[string]uint64{})
			if ok {
				assert.Equal(t, want, keys, "%s", data)
				assert.Equal(t, Nanoseconds(r.Time), at)
			}
			require.True(t, x.entry(data), "%s", data)
			assert.Equal(t, want, keysOf(&x), "%s", data)
			assert.Equal(t, Nanoseconds(r.Time), x.time)
		}
	})
}

// like returns the JSON of a record with the text of a target and a channel.
func like(target, channel string) string {
	return `{"action":"a.b","actor":{"auth_method":"otp","id":"42","name":"Ada","on_behalf_of":{"id":"7","name":"Bob","session_id":"s","type":"service"},` +
		`"roles":["a"],"session_id":"t","type":"user"},"attempt":"0199c1f2-0000-7000-8000-000000000001","bulk":{"affected":2,"selector":"x"},` +
		`"changes":[{"field":"f","new":1,"old":"o","redacted":true}],"channel":"` + channel + `","covers":[{"id":"c","name":"n","type":"u"}],"failure":"it broke",` +
		`"id":"0199c1f2-0000-7000-8000-000000000002","kind":"intent","metadata":{"k":"v","l":2},"observed_time":"2026-11-23T07:26:03.123456789Z",` +
		`"operation":"update","outcome":"success","overridden":{"k":"w"},"reason":"why","redacted":["a.b"],"resource":{"service.name":"shop"},` +
		`"span_id":"00000000000000ab","target":{"id":"1","name":"T","type":"` + target + `"},"tenant":"acme","time":"2026-11-23T07:26:02.123456789Z",` +
		`"trace_id":"000000000000000000000000000000cd","tracker":{"name":"x","version":"1"}}`
}

// TestEntryIsRecord: the index has exactly those entries that a search decodes. An entry that only
// looks like a record, such as one of another version of this program, would be counted otherwise.
func TestEntryIsRecord(t *testing.T) {
	t.Parallel()
	usual := like("t", "api")
	with := func(old, changed string) string {
		require.Contains(t, usual, old)
		return strings.Replace(usual, old, changed, 1)
	}
	entries := []string{
		usual, with(`"kind"`, `"kinds":1,"kind"`), with(`"k":"v"`, `"k":"v","k":"w"`), with(`"k":"v","l":2`, `"l":2,"k":"v"`),
		with(`"name":"Ada"`, `"name":"Ada","new":1`), with(`"name":"T"`, `"name":"T","new":1`), with(`"old":"o"`, `"new":1,"old":"o"`),
		with(`"target":{"id":"1","name":"T","type":"t"}`, `"target":{}`), with(`,"type":"user"`, ``), with(`,"type":"service"`, ``),
		with(`"type":"service"`, `"type":"robot"`), with(`"field":"f",`, ``), with(`"field":"f"`, `"field":""`), with(`"redacted":true`, `"redacted":false`),
		with(`"observed_time"`, `"marks":[{"mark":"masked","path":"reason"}],"observed_time"`), with(`"metadata"`, `"marks":[{"mark":"masked","path":"reason"}],"metadata"`),
		with(`"trace_id":"000000000000000000000000000000cd"`, `"trace_id":"00000000000000000000000000000000"`), with(`"00000000000000ab"`, `"00000000000000AB"`),
		with(`"id":"0199c1f2-`, `"id":"0199C1F2-`), with(`"id":"0199c1f2-0000`, `"id":"0199c1f200000`), with(`"id":"0199c1f2-0000-7000-8000-000000000002"`, `"id":"00000000-0000-0000-0000-000000000000"`),
		with("\"why\"", "\"w\xffy\""), with("\"it broke\"", "\"it\nbroke\""), with(`"it broke"`, `"it \"broke\""`), with("\"Ada\"", "\"\x00\""),
		with(`"why"`, `"w\/y"`), with(`"why"`, `"w\u0001y"`), with(`"why"`, `"w\u000ay"`), with(`"new":1`, `"new":junk`), with(`"new":1`, `"new":01`),
		with(`"new":1`, `"new":1.5`), with(`"new":1`, `"new":1.50`), with(`"new":1`, `"new":[1,"a"]`), with(`"new":1`, `"new":[1,]`), with(`"new":1`, `"new":{"b":1,"a":2}`),
		with(`"new":1`, `"new":{"$double":"NaN"}`), with(`"new":1`, `"new":null`), with(`"new":1`, `"new":`), with(`"l":2`, `"l":02`), with(`"l":2`, `"l":-0`),
		with(`"l":2`, `"l":[]`), with(`"roles":["a"]`, `"roles":[]`), with(`"roles":["a"]`, `"roles":[1]`), with(`"affected":2`, `"affected":-2`),
		with(`"version":"1"`, `"version":"1","x":1`), with(`"service.name":"shop"`, ``), with(`"redacted":["a.b"]`, `"redacted":{}`), usual + " ", usual + "}",
	}
	for _, member := range []string{
		"action", "auth_method", "session_id", "channel", "failure", "kind", "operation", "outcome", "reason", "tenant", "time", "observed_time", "name",
	} {
		start := strings.Index(usual, `"`+member+`":"`)
		value := start + len(member) + 3
		end := value + 1 + strings.IndexByte(usual[value+1:], '"') + 1
		for _, text := range []string{`""`, `"A?"`, `1`, `null`, `"2026-02-29T07:26:02.123456789Z"`, `"2024-02-29T23:59:59.999999999Z"`, `"2026-11-31T07:26:02.000000000Z"`, `"1969-12-31T07:26:02.000000000Z"`, `"2026-11-30T24:00:00.000000000Z"`, `"2026-11-30 23:00:00.000000000Z"`} {
			entries = append(entries, usual[:value]+text+usual[end:])
		}
		entries = append(entries, usual[:end]+","+usual[start:end]+usual[end:], usual[:start]+strings.TrimPrefix(usual[end:], ","))
	}
	deep := strings.Repeat(`{"id":"7","on_behalf_of":`, record.MaxDelegation)
	for _, more := range []string{``, `{"id":"7","on_behalf_of":`} {
		chain := deep + more + `{"type":"user"}` + strings.Repeat(`,"type":"user"}`, (len(deep)+len(more))/len(`{"id":"7","on_behalf_of":`))
		entries = append(entries, with(`{"id":"7","name":"Bob","session_id":"s","type":"service"}`, chain))
	}
	valid := 0
	for _, entry := range entries {
		x := newExtractor(NewHasher([16]byte{1}), true)
		x.begin(new(signature))
		err := new(record.Record).UnmarshalJSON([]byte(entry))
		require.Equal(t, err == nil, x.entry([]byte(entry)), "%v: %s", err, entry)
		if err == nil {
			valid++
		}
	}
	require.Greater(t, valid, 20)
	require.Greater(t, len(entries)-valid, 100)
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
