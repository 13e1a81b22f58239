package exporttest

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func TestOddRecordsDistinct(t *testing.T) {
	t.Parallel()
	ids, actions := map[audit.ID]bool{}, map[string]bool{}
	again := OddRecords()
	for i, r := range OddRecords() {
		assert.False(t, ids[r.ID] || actions[r.Action], r.Action)
		ids[r.ID], actions[r.Action] = true, true
		clobber(r)
		require.NoError(t, Equal(OddRecords()[i], again[i]), "overwriting one must not change others")
	}
}

func TestOddRecordsComplete(t *testing.T) {
	t.Parallel()
	types := map[attribute.Type]bool{}
	operations, outcomes, actors := map[audit.Operation]bool{}, map[audit.Outcome]bool{}, map[audit.ActorType]bool{}
	for _, r := range OddRecords() {
		operations[r.Operation], outcomes[r.Outcome], actors[r.Actor.Type] = true, true, true
		for _, kv := range r.Metadata {
			types[kv.Value.Type()] = true
		}
	}
	for typ := attribute.EMPTY; typ <= attribute.MAP; typ++ {
		assert.True(t, types[typ], typ)
	}
	for o := audit.Operation(0); o.Valid(); o++ {
		assert.True(t, operations[o], o)
	}
	for o := audit.Outcome(0); o.Valid(); o++ {
		assert.True(t, outcomes[o], o)
	}
	for a := audit.ActorUser; a.Valid(); a++ {
		assert.True(t, actors[a], a)
	}
}
