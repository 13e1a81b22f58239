package retention_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

func TestCoveringHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	place := func(name string, f query.Filter) {
		require.NoError(t, retention.Place(w.ctx, w.store, w.recorder.Tracker("test"), retention.Hold{Name: name, Reason: "a lawsuit", Filter: f}))
	}
	reader := querytest.NewReader(newRecord(1, rec{"user.login", "acme", 0}), newRecord(2, rec{"doc.view", "globex", 1}))
	subject := audit.Target{Type: "customer", ID: "7"}
	nobody := func(*record.Record) bool { return false }
	ofAcme := func(r *record.Record) bool { return r.Tenant == "acme" }
	covering := func(has func(*record.Record) bool) []string {
		names, err := retention.CoveringHolds(t.Context(), w.store, reader, subject, has)
		require.NoError(t, err)
		return names
	}
	require.Empty(t, covering(ofAcme))
	place("acme", query.Filter{Tenants: []string{"acme"}})
	place("actions", query.Filter{Actions: []string{"user.*"}})
	place("globex", query.Filter{Tenants: []string{"globex"}})
	place("target", query.Filter{Targets: []audit.Target{{Type: "customer", ID: "7"}}})
	place("other", query.Filter{Targets: []audit.Target{{Type: "customer", ID: "8"}}, Actors: []audit.Actor{audit.User("7")}})
	require.Equal(t, []string{"acme", "actions", "target"}, covering(ofAcme))
	require.Equal(t, []string{"target"}, covering(nobody), "also without a record")
	require.NoError(t, retention.Lift(w.ctx, w.store, w.recorder.Tracker("test"), "acme", "over"))
	require.Equal(t, []string{"actions", "target"}, covering(ofAcme))
	subject = audit.Target{Type: "user", ID: "7"}
	require.Equal(t, []string{"other"}, covering(nobody), "as an actor")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := retention.CoveringHolds(ctx, w.store, reader, subject, nobody)
	require.ErrorIs(t, err, context.Canceled, "what cannot be asked may be held")
}
