package propagation_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/propagation"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// FuzzMarshal passes contexts that the seed chooses through a token. The records on
// both sides are the same, and the token contains their JSON.
func FuzzMarshal(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	key := newKey(f, "k1", testSecret)
	f.Fuzz(func(t *testing.T, seed uint64) {
		tracker, trail := newRecorder(t, sdk.WithAnonymous("*"))
		d := dice{rand.New(rand.NewPCG(seed, 1))}
		opts := []audit.ScopeOption{audit.AsActor(d.actor(0)), audit.WithTenant(d.name()), audit.WithChannel("api")}
		for range d.IntN(3) {
			opts = append(opts, audit.WithScopeMetadata(d.attributes(0)...), plumbing.WithClientMetadata(attribute.String("c", d.text()+"\xff")))
		}
		request, _ := audit.NewScope(t.Context(), opts...)
		job, scope := carry(request, t)
		event := intent(audit.OperationRead, article("1"))
		require.NoError(t, tracker.Track(request, event))
		require.NoError(t, tracker.Track(job, event))
		again, err := propagation.Marshal(job, key, "worker", time.Minute)
		require.NoError(t, err)
		require.NoError(t, scope.Set(audit.WithoutMetadata(semconv.ContextIDKey, semconv.ContextChannelKey)))
		require.NoError(t, tracker.Track(job, event))

		want, full, got := members(t, trail.Records()[0]), members(t, trail.Records()[1]), members(t, trail.Records()[2])
		var payload map[string]json.RawMessage
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(again, ".")[2])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &payload))
		for _, name := range []string{"actor", "tenant", "metadata", "overridden", "marks"} {
			require.Equal(t, string(want[name]), string(got[name]), name)
			if name != "marks" { // those of the text come with the record
				require.Equal(t, string(full[name]), string(payload[name]), name)
			}
		}
	})
}

func members(t *testing.T, r *record.Record) (members map[string]json.RawMessage) {
	t.Helper()
	text, err := r.AppendJSON(nil)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &members))
	return members
}

// dice chooses the content of a context.
type dice struct{ *rand.Rand }

func (d dice) text() string {
	parts := []string{"a", "\"", "\\", "\xff", "\u0085", `\x41`, "\t\n\r", "ä", "\u2028", "\ue000", "\U00010000", "<&>", "$", "ab c", ""}
	return parts[d.IntN(len(parts))] + parts[d.IntN(len(parts))]
}

// name is text without control characters.
func (d dice) name() string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, d.text())
}

func (d dice) actor(depth int) audit.Actor {
	a := audit.Actor{Type: audit.ActorUser + audit.ActorType(d.IntN(4)), Name: d.name(), AuthMethod: d.name(), SessionID: d.text()}
	if a.Type != audit.ActorAnonymous {
		a.ID = "i" + d.name()
	}
	a.Roles = several(d, 3, d.name)
	if depth < record.MaxDelegation && d.IntN(2) == 0 {
		next := d.actor(depth + 1)
		a.OnBehalfOf = &next
	}
	return a
}

func (d dice) attributes(depth int) []attribute.KeyValue {
	seen := map[string]bool{"": true}
	var kvs []attribute.KeyValue
	for range d.IntN(6) {
		if key := d.name(); !seen[key] {
			seen[key] = true
			kvs = append(kvs, attribute.KeyValue{Key: attribute.Key(key), Value: d.value(depth)})
		}
	}
	return kvs
}

func (d dice) int() int64 {
	return []int64{0, -1, int64(d.IntN(1000)), 1<<53 - 1, 1 << 53, -1 << 53, math.MinInt64, math.MaxInt64}[d.IntN(8)]
}

func (d dice) float() float64 {
	odd := []float64{0, math.Copysign(0, -1), 1, 1.5, 1e21, 1e-7, 5e-324, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1), 1e20, 123456.789}
	if d.IntN(2) == 0 {
		return math.Float64frombits(d.Uint64())
	}
	return odd[d.IntN(len(odd))]
}

func (d dice) value(depth int) attribute.Value {
	kinds := 12
	if depth > 3 {
		kinds = 10
	}
	switch d.IntN(kinds) {
	case 0:
		return attribute.Value{}
	case 1:
		return attribute.BoolValue(d.IntN(2) == 0)
	case 2:
		return attribute.Int64Value(d.int())
	case 3:
		return attribute.Float64Value(d.float())
	case 4:
		return attribute.StringValue(d.text())
	case 5:
		return attribute.BoolSliceValue(several(d, 3, func() bool { return d.IntN(2) == 0 }))
	case 6:
		return attribute.Int64SliceValue(several(d, 3, d.int))
	case 7:
		return attribute.Float64SliceValue(several(d, 3, d.float))
	case 8:
		return attribute.StringSliceValue(several(d, 3, d.text))
	case 9:
		return attribute.ByteSliceValue([]byte(d.text()))
	case 10:
		return attribute.SliceValue(several(d, 4, func() attribute.Value { return d.value(depth + 1) })...)
	}
	return attribute.MapValue(d.attributes(depth + 1)...)
}

// several returns up to n elements.
func several[T any](d dice, n int, element func() T) []T {
	var all []T
	for range d.IntN(n + 1) {
		all = append(all, element())
	}
	return all
}
