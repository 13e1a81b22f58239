package audit_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
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

func TestNotLoadedIsMarked(t *testing.T) {
	t.Parallel()
	type article struct {
		Body string `audit:"body"`
	}
	tracker, trail := newTrail(t)
	ctx := audit.ContextWithActor(t.Context(), audit.User("42"))
	require.NoError(t, audit.TrackUpdate(ctx, tracker, audit.Event{Target: audit.Target{Type: "article", ID: "1"}},
		article{}, article{"text"}, diff.NotLoaded("body")))
	records := trail.all()
	require.Len(t, records, 1)
	assert.Equal(t, "***NOT_LOADED***", records[0].Changes[0].Old.AsString())
	require.Len(t, records[0].Marks, 1)
	assert.Equal(t, "changes.body", records[0].Marks[0].Path)
	assert.EqualValues(t, "not_loaded", records[0].Marks[0].Kind)
}
