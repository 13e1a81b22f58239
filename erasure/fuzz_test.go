package erasure_test

import (
	"testing"

	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// FuzzReadDisclosure checks that what is accepted was committed to, and is written as it was
// read.
func FuzzReadDisclosure(f *testing.F) {
	keys, err := erasure.CreateDir(f.TempDir() + "/keys")
	require.NoError(f, err)
	v, err := erasure.NewVault(keys)
	require.NoError(f, err)
	s := &sink{}
	p, err := sdk.NewTrackerProvider(byActor(v), sdk.WithSyncer(s))
	require.NoError(f, err)
	require.NoError(f, p.Tracker("test").Track(f.Context(), newEvent()))
	require.NoError(f, p.Shutdown(f.Context()))
	for _, field := range []string{"metadata.customer.email", "metadata.people.customer.a"} {
		d, err := erasure.Disclose(f.Context(), keys, s.records[0], field)
		require.NoError(f, err)
		text, err := d.Encode()
		require.NoError(f, err)
		f.Add(text)
	}
	require.NoError(f, keys.Close())
	f.Add([]byte(`{"disclosure":1,"record":{},"field":"","values":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := erasure.ReadDisclosure(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, d.Openings)
		again, err := d.Encode()
		require.NoError(t, err)
		back, err := erasure.ReadDisclosure(again)
		require.NoError(t, err)
		require.Equal(t, d.Openings, back.Openings)
	})
}

// FuzzParseValue checks that each erasable value has one spelling.
func FuzzParseValue(f *testing.F) {
	f.Add(record.ErasablePrefix + "AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add(record.ErasablePrefix + "::")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := erasure.ParseValue(text)
		if err == nil {
			require.Equal(t, text, v.String())
			require.True(t, record.IsErasable(text))
		}
	})
}

// FuzzErasable checks that each value is opened again, as it would have been recorded.
func FuzzErasable(f *testing.F) {
	f.Add("email", "alice@example.com")
	f.Add("größe in m", "\xff\x00\\x41")
	f.Add("a.b\\", "\u2028 <&>")
	f.Add("", "x")
	keys, err := erasure.CreateDir(f.TempDir() + "/keys")
	require.NoError(f, err)
	v, err := erasure.NewVault(keys)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, key, text string) {
		e := newEvent()
		e.Changes, e.Reason, e.Target.Name, e.Actor.Name = nil, "", "", ""
		e.Metadata = []attribute.KeyValue{attribute.String("customer."+key, text), attribute.String("plain", text)}
		r := tracked(t, e, byActor(v))
		n := 0
		for field := range erasure.Values(r) {
			openings, err := erasure.Open(t.Context(), keys, r, field)
			require.NoError(t, err)
			got, err := openings[0].Attribute()
			require.NoError(t, err)
			for _, kv := range r.Metadata {
				if kv.Key == "plain" && len(kv.Value.AsString()) < erasure.MaxValue/4 {
					require.Equal(t, kv.Value, got)
				}
			}
			n++
		}
		require.LessOrEqual(t, n, 1)
	})
}
