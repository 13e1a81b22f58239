package config_test

import (
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// One block of a configuration makes values erasable, and names the store of the keys.
func TestErasure(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TEST_DIR", temp)
	file := write(t, "deploy.yaml", `
ledger: {dir: "${TEST_DIR}/ledger"}
erasure:
  keys: ${TEST_DIR}/keys
  values:
    - {key: "customer.*", subject: {type: customer, metadata: customer.id}}
    - {field: actor.name, subject: actor}
    - {key: note, subject: target, of_tenant: true}
exporters: none
`)
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.NoError(t, err)
	alice := audit.User("42")
	alice.Name = "Alice"
	require.NoError(t, p.Tracker("test").Track(t.Context(), audit.Event{
		Action: "customer.update", Actor: alice, Outcome: audit.OutcomeSuccess, Tenant: "acme",
		Target:   audit.Target{Type: "customer", ID: "9"},
		Metadata: []attribute.KeyValue{attribute.Int("customer.id", 7), attribute.String("customer.email", "a@example.com"), attribute.String("note", "n")},
	}))
	require.NoError(t, p.Shutdown(t.Context()))

	c, err := config.Load(t.Context(), config.WithFile(file))
	require.NoError(t, err)
	keys, release, err := c.KeyStore()
	require.NoError(t, err)
	sources, closeReaders, err := c.Readers()
	require.NoError(t, err)
	subjects := map[string]erasure.Subject{}
	for r, err := range sources[0].Reader.Find(t.Context(), query.Filter{}) {
		require.NoError(t, err)
		for field, v := range erasure.Values(r) {
			k, err := keys.Find(t.Context(), v.Key)
			require.NoError(t, err)
			subjects[field] = k.Subject()
			_, err = erasure.Open(t.Context(), keys, r, field)
			require.NoError(t, err)
		}
	}
	assert.Equal(t, map[string]erasure.Subject{
		"actor.name":              {Type: "user", ID: "42"},
		"metadata.customer.email": {Type: "customer", ID: "7"},
		"metadata.note":           {Tenant: "acme", Type: "customer", ID: "9"},
	}, subjects, "the ID of the subject is not erasable itself")
	require.NoError(t, closeReaders(t.Context()))
	require.NoError(t, release(t.Context()))

	c, err = config.Load(t.Context(), config.WithFile(write(t, "other.yaml", "exporters: [{type: stdout}]")))
	require.NoError(t, err)
	_, _, err = c.KeyStore()
	require.ErrorIs(t, err, config.ErrNoErasure)
	t.Setenv("TEST_DIR", filepath.Join(temp, "none"))
	_, err = config.NewTrackerProvider(t.Context(), config.WithFile(file))
	require.ErrorContains(t, err, "erasure.keys: ")
}
