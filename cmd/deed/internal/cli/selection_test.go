package cli

import (
	"reflect"
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEveryFieldHasAFlag fails if query.Filter gets a condition that no flag can set.
func TestEveryFieldHasAFlag(t *testing.T) {
	const id = "0199c1f2-0000-7000-8000-000000000001"
	var s selection
	flags := pflag.NewFlagSet("query", pflag.ContinueOnError)
	s.register(flags)
	require.NoError(t, flags.Parse([]string{
		"--actor", "user/42", "--actor-type", "user", "--on-behalf-of", "7", "--on-behalf-of", "*", "--session", query.SessionOf("x"),
		"--action", "a.*", "--operation", "update", "--outcome", "denied", "--target", "invoice/1001", "--target-type", "invoice",
		"--changed", "amount", "--attempt", id, "--stage", "end", "--kind", "intent", "--id", id, "--tenant", "acme", "--channel", "web",
		"--address", "10.0.0.1", "--route", "/", "--service", "shop", "--trace", "4bf92f3577b34da6a3ce929d0e0e4736", "--metadata", "a=1",
		"--reason", "x", "--failure", "y", "--text", "z", "--since", "2026-11-20", "--until", "2026-11-21", "--not", "tenant=other",
	}))
	f, err := s.build(ask.Clock{Now: time.Now(), Zone: time.UTC})
	require.NoError(t, err)
	value := reflect.ValueOf(f)
	for i := range value.NumField() {
		switch name := value.Type().Field(i).Name; name {
		case "Ascending", "After", "Limit": // flags of deed query
		default:
			assert.False(t, value.Field(i).IsZero(), "no flag sets %s", name)
		}
	}
	assert.Equal(t, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), f.Until)
	for _, c := range ask.Conditions() { // and each may come after --not
		var excluded query.Filter
		value := flags.Lookup(c.Name).Value.String()
		if list, ok := flags.Lookup(c.Name).Value.(pflag.SliceValue); ok {
			value = list.GetSlice()[0]
		}
		require.NoError(t, ask.SetNot(&excluded, c.Name+"="+value))
		assert.Len(t, excluded.Not, 1)
	}
}
