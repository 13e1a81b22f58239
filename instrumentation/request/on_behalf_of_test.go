package request

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/stretchr/testify/assert"
)

// The principal is at the end of the chain, and the application's actor is unchanged.
func TestOnBehalfOfChain(t *testing.T) {
	t.Parallel()
	service := audit.Service("mailer")
	actor := audit.Actor{Type: audit.ActorUser, ID: "admin", OnBehalfOf: &service}
	got := onBehalfOf(actor, audit.User("alice"))

	alice := audit.User("alice")
	want := audit.Actor{Type: audit.ActorService, ID: "mailer", OnBehalfOf: &alice}
	assert.Equal(t, audit.Actor{Type: audit.ActorUser, ID: "admin", OnBehalfOf: &want}, got)
	assert.Equal(t, audit.Service("mailer"), service)
}
