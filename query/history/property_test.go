package history_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/history"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// object is a model of an object: its fields at each step, or nil where it does not exist.
type object []map[string]string

// live returns the states of a random life, and the record of each step.
func live(rng *rand.Rand, steps int) (object, []*record.Record) {
	states := object{nil}
	var records []*record.Record
	for n := 1; n <= steps; n++ {
		now := maps.Clone(states[n-1])
		r := event(n, update)
		switch {
		case now == nil:
			r = event(n, create)
			now = map[string]string{}
			for _, field := range []string{"a", "b", "c", "d"} {
				if rng.IntN(2) == 0 {
					now[field] = fmt.Sprint(n)
				}
				change(field, "", now[field])(r)
			}
		case rng.IntN(6) == 0:
			r = event(n, remove)
			for field, value := range now {
				change(field, value, "")(r)
			}
			now = nil
		case rng.IntN(4) == 0:
			r.Outcome = audit.OutcomeDenied
			change("a", now["a"], "denied")(r)
		default:
			for _, field := range []string{"a", "b", "c", "d", "e"} {
				if rng.IntN(3) > 0 {
					continue
				}
				value := ""
				if rng.IntN(4) > 0 {
					value = fmt.Sprint(n)
				}
				change(field, now[field], value)(r)
				now[field] = value
			}
			if len(r.Changes) == 0 {
				change("f", now["f"], fmt.Sprint(n))(r)
				now["f"] = fmt.Sprint(n)
			}
		}
		states = append(states, now)
		records = append(records, r)
	}
	return states, records
}

// claims checks a state against the model at a step. Values that the state has for certain
// must be right.
func claims(t *testing.T, s *history.State, want map[string]string, certain func(history.Field) bool) {
	t.Helper()
	for _, f := range s.Fields {
		if certain(f) {
			require.Equal(t, want[f.Name], f.Value.Value.AsString(), f.Name)
		}
	}
}

// TestPropertyOfWholeHistories: with all records, the state is that of the object.
func TestPropertyOfWholeHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		states, records := live(rand.New(rand.NewPCG(seed, 1)), 40)
		reader := querytest.NewReader(records...)
		for n, want := range states {
			s, err := history.AsOf(t.Context(), reader, article, at(n), query.Filter{})
			require.NoError(t, err)
			require.Equal(t, want != nil, s.Exists == history.Present, "seed %d, step %d", seed, n)
			require.Equal(t, want == nil, s.Exists == history.Gone)
			got := map[string]string{}
			for _, f := range s.Fields {
				require.Equal(t, history.Known, f.Value.Status)
				require.False(t, f.Doubtful)
				got[f.Name] = f.Value.Value.AsString()
			}
			maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
			require.Len(t, got, len(want), "seed %d, step %d", seed, n)
			claims(t, s, want, func(history.Field) bool { return true })
		}
		for v, err := range history.Of(t.Context(), reader, article, query.Filter{}) {
			require.NoError(t, err)
			require.Empty(t, v.Gaps)
			for _, c := range v.Changes {
				require.False(t, c.Unrecorded)
			}
		}
	}
}

// TestPropertyOfLateHistories: without the first records, the state has only values that are
// right, also those that later records tell.
func TestPropertyOfLateHistories(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 2))
		states, records := live(rng, 40)
		first := 1 + rng.IntN(30)
		reader := querytest.NewReader(records[first:]...)
		for n := first; n < len(states); n++ {
			s, err := history.AsOf(t.Context(), reader, article, at(n), query.Filter{})
			require.NoError(t, err)
			if s.Exists != history.Unrecorded {
				require.Equal(t, states[n] != nil, s.Exists == history.Present, "seed %d, step %d", seed, n)
			}
			claims(t, s, states[n], func(f history.Field) bool { return !f.Doubtful })
		}
	}
}

// TestPropertyOfLostRecords: if records are lost, a change from another value than the
// records led to is shown, and nothing else is.
func TestPropertyOfLostRecords(t *testing.T) {
	t.Parallel()
	shown := 0
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		states, all := live(rng, 40)
		var records []*record.Record
		for _, r := range all {
			if rng.IntN(4) > 0 {
				records = append(records, r)
			}
		}
		last := map[string]string{} // as the records say
		for v, err := range history.Of(t.Context(), querytest.NewReader(records...), article, query.Filter{}) {
			require.NoError(t, err)
			if v.Effect == history.None {
				continue
			}
			n := int(v.Record.ID[15])
			for _, c := range v.Changes {
				value, ok := last[c.Field]
				require.Equal(t, ok && value != c.Old.Value.AsString() && v.Effect != history.Created, c.Unrecorded, "seed %d, step %d", seed, n)
				require.Equal(t, states[n-1][c.Field], c.Old.Value.AsString())
				if c.Unrecorded {
					shown++
					require.Equal(t, value, c.Expected.Value.AsString())
				}
			}
			if v.Effect != history.Changed {
				clear(last)
			}
			for _, c := range v.Changes {
				if v.Effect != history.Deleted {
					last[c.Field] = c.New.Value.AsString()
				}
			}
		}
	}
	require.Greater(t, shown, 50)
}
