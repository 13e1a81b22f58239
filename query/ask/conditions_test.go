package ask_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/ask"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const id = "0199c1f2-0000-7000-8000-000000000001"

// examples has a value for each condition.
var examples = map[string]string{
	"actor": "user/42", "actor-type": "service", "on-behalf-of": "7", "session": query.SessionOf("x"), "action": "invoice.*", "operation": "update",
	"outcome": "denied", "target": "invoice/1001", "target-type": "invoice", "changed": "amount", "attempt": id, "stage": "end", "kind": "signal", "id": id,
	"tenant": "acme", "channel": "web", "address": "10.0.0.1", "route": "/", "service": "shop", "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
	"metadata": "a=1", "reason": "x", "failure": "y", "text": "z",
}

// TestConditions sets each condition, and finds that together they set every field of a filter.
func TestConditions(t *testing.T) {
	t.Parallel()
	var all query.Filter
	for _, c := range ask.Conditions() {
		value, ok := examples[c.Name]
		require.True(t, ok, c.Name)
		require.NoError(t, ask.Set(&all, c.Name, value), c.Name)
		var not query.Filter
		require.NoError(t, ask.SetNot(&not, c.Name+"="+value))
		require.Len(t, not.Not, 1)
		require.NoError(t, not.Validate(), c.Name)
		assert.NotEmpty(t, c.Usage)
	}
	require.NoError(t, ask.Set(&all, "on-behalf-of", "*"))
	require.NoError(t, all.Validate())
	clock := ask.Clock{Now: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), Zone: time.UTC}
	require.NoError(t, ask.SetTime(&all, clock, "since", "2026-11-20"))
	require.NoError(t, ask.SetTime(&all, clock, "until", "2026-11-21"))
	assert.Equal(t, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), all.Until)
	all.Not, all.Ascending, all.After, all.Limit = []query.Filter{{}}, true, "x", 1 // not conditions
	value := reflect.ValueOf(all)
	for i := range value.NumField() {
		assert.False(t, value.Field(i).IsZero(), "no condition sets %s", value.Type().Field(i).Name)
	}
}

func TestBadConditions(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{"nothing", "x", "not a condition"},
		{"actor", "", "it is empty"},
		{"actor", "user/", "the ID is missing"},
		{"actor", "user", "actor-type"},
		{"outcome", "ok", "none of"},
		{"id", "x", ""},
		{"trace", "x", ""},
		{"stage", "middle", "none of"},
	} {
		var f query.Filter
		err := ask.Set(&f, tt[0], tt[1])
		require.Error(t, err, tt[0])
		assert.ErrorContains(t, err, tt[2])
		assert.Equal(t, query.Filter{}, f, "the filter is unchanged")
	}
	var f query.Filter
	require.ErrorIs(t, ask.Set(&f, "nothing", "x"), ask.ErrUnknown)
	require.ErrorContains(t, ask.SetNot(&f, "action"), "NAME=VALUE")
	require.ErrorIs(t, ask.SetTime(&f, ask.Clock{Zone: time.UTC}, "when", "2026"), ask.ErrUnknown)
	require.ErrorIs(t, ask.SetTime(&f, ask.Clock{Zone: time.UTC}, "since", "whenever"), ask.ErrForm)
}

// TestValues: an actor and a target are written as they are parsed.
func TestValues(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"user/42", "service/a/b", "anonymous", "unresolved", "system/x"} {
		a, err := ask.Actor(text)
		require.NoError(t, err)
		assert.Equal(t, text, ask.ActorText(&a))
	}
	for _, text := range []string{"invoice/1001", "a/b/c"} {
		assert.Equal(t, text, ask.TargetText(ask.Target(text)))
	}
}
