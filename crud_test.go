package audit_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestActionOfTargetType(t *testing.T) {
	t.Parallel()
	type account struct {
		Owner string `audit:"owner"`
	}
	tracker, trail := newTrail(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	event := audit.Event{Target: audit.Target{Type: "bank-account", ID: "1"}}
	require.NoError(t, audit.TrackCreate(ctx, tracker, event, account{"a"}))
	require.Len(t, trail.all(), 1)
	assert.Equal(t, "bank_account.create", trail.all()[0].Action)
	assert.Equal(t, "bank-account", trail.all()[0].Target.Type)

	event.Target.Type = "счёт"
	var invalid *audit.ValidationError
	require.ErrorAs(t, audit.TrackCreate(ctx, tracker, event, account{"a"}), &invalid)
	assert.Equal(t, "action", invalid.Field)
	assert.Contains(t, invalid.Reason, "account.create", "the error shows how to name the action")
	event.Action = "account.create"
	require.NoError(t, audit.TrackCreate(ctx, tracker, event, account{"a"}))
}
