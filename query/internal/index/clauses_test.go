package index

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/stretchr/testify/assert"
)

// TestClausesOfActorsWithoutID: the type narrows them. With others it does not, since most records
// have an actor of their type.
func TestClausesOfActorsWithoutID(t *testing.T) {
	t.Parallel()
	anonymous, unresolved := audit.Actor{Type: audit.ActorAnonymous}, audit.Actor{Type: audit.ActorUnresolved}
	for _, test := range []struct {
		actors []audit.Actor
		want   []Field
	}{
		{nil, nil},
		{[]audit.Actor{anonymous}, []Field{ActorType}},
		{[]audit.Actor{anonymous, unresolved}, []Field{ActorType}},
		{[]audit.Actor{audit.User("a")}, []Field{ActorID}},
		{[]audit.Actor{anonymous, audit.User("a")}, nil},
	} {
		var fields []Field
		for _, c := range Clauses(&query.Filter{Actors: test.actors}, Hasher{}) {
			fields = append(fields, c.field)
		}
		assert.Equal(t, test.want, fields, "%v", test.actors)
	}
}
