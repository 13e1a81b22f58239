package record_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckActor(t *testing.T) {
	t.Parallel()
	chain := func(n int) audit.Actor {
		a := audit.User("1")
		for range n {
			next := a
			a = audit.Actor{Type: audit.ActorService, ID: "1", OnBehalfOf: &next}
		}
		return a
	}
	circular := audit.User("1")
	circular.OnBehalfOf = &circular
	tests := []struct {
		name  string
		actor audit.Actor
		kind  audit.Kind
		field string // empty if the actor is valid
	}{
		{"a user", audit.User("1"), audit.KindIntent, ""},
		{"a service", audit.Service("1"), audit.KindSignal, ""},
		{"anonymous", audit.Anonymous(), audit.KindIntent, ""},
		{"unresolved, of a signal", audit.Actor{Type: audit.ActorUnresolved}, audit.KindSignal, ""},
		{"a name that is not plain", audit.Actor{Type: audit.ActorUser, ID: "1", Name: "a\n"}, audit.KindIntent, ""},
		{"the longest chain", chain(record.MaxDelegation), audit.KindIntent, ""},
		{"none", audit.Actor{}, audit.KindSignal, "actor.type"},
		{"of an unknown type", audit.Actor{Type: 9, ID: "1"}, audit.KindIntent, "actor.type"},
		{"unresolved, of an intent", audit.Actor{Type: audit.ActorUnresolved}, audit.KindIntent, "actor.type"},
		{"unresolved, with an ID", audit.Actor{Type: audit.ActorUnresolved, ID: "1"}, audit.KindSignal, "actor.id"},
		{"a user without an ID", audit.User(""), audit.KindIntent, "actor.id"},
		{"anonymous, with an ID", audit.Actor{Type: audit.ActorAnonymous, ID: "1"}, audit.KindIntent, "actor.id"},
		{"an ID that is not plain", audit.User("a\xff"), audit.KindIntent, ""},
		{"a method that is not plain", audit.Actor{Type: audit.ActorUser, ID: "1", AuthMethod: "a\x00"}, audit.KindIntent, ""},
		{"a role that is not plain", audit.Actor{Type: audit.ActorUser, ID: "1", Roles: []string{"a", "\x7f"}}, audit.KindIntent, ""},
		{"on behalf of none", audit.Actor{Type: audit.ActorUser, ID: "1", OnBehalfOf: &audit.Actor{ID: "2"}}, audit.KindIntent, "actor.on_behalf_of.type"},
		{"too long a chain", chain(record.MaxDelegation + 1), audit.KindIntent, "actor.on_behalf_of"},
		{"a circular chain", circular, audit.KindIntent, "actor.on_behalf_of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := record.CheckActor(&tt.actor, tt.kind)
			if tt.field == "" {
				require.NoError(t, err)
				return
			}
			var invalid *audit.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, tt.field, invalid.Field)
			assert.NotEmpty(t, invalid.Reason)
		})
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "plain", "jos\xe9", "a\tb\n\x00", `\x41`, "é\u0085"} {
		assert.Equal(t, text, record.Unescape(record.EscapeName(text)))
		assert.Equal(t, text, record.Unescape(record.EscapeText(text)))
	}
	assert.Equal(t, `a\x09b`, record.EscapeName("a\tb"))
	assert.Equal(t, "a\tb", record.EscapeText("a\tb"))
}
