package config_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/config"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// Every key of a rule is decoded.
func TestPolicyDecode(t *testing.T) {
	setenv(t, map[string]string{"TEST_NAME": "shop", "TEST_SECRET": "Tr0ub4dor&3-is-secret", "TEST_TLS": certificate(t)})
	c, err := config.Load(t.Context(), config.WithFile("testdata/good/everything.yaml"))
	require.NoError(t, err)
	assert.Equal(t, []policy.Rule{
		{
			Name: "payouts", Actions: []string{"payout.*"}, Targets: []string{"payout"}, ActorTypes: []string{"user", "unresolved"},
			Channels: []string{"admin", "api-*"}, Require: []string{"reason", "metadata.ticket"},
			RequireActorTypes: []string{"user", "service"}, RejectAnonymous: true, Changes: policy.ChangesFields,
			Exporters: []string{"mongodb", "security"},
		},
		{Name: "shop", Targets: []string{"draft"}, Exporters: []string{"none"}},
		{
			Name: "probes", Methods: []string{"GET", "HEAD"}, Routes: []string{"/healthz", "/static/*"}, Channels: []string{"api"},
			Exempt: "a probe changes nothing",
		},
		{Name: "admins", Methods: []string{"GET"}, Channels: []string{"admin"}, RequireEvent: true},
	}, c.Policy().Rules())

	c, err = config.Load(t.Context(), config.WithFile("testdata/good/no-rules.yaml"))
	require.NoError(t, err)
	assert.Nil(t, c.Policy(), "an empty list is no policy")
	c, err = config.Load(t.Context(), config.WithFile("testdata/good/minimal.yaml"))
	require.NoError(t, err)
	assert.Nil(t, c.Policy())
}

// The provider applies the rules: requirements, changes and exporters.
func TestPolicyApplied(t *testing.T) {
	t.Setenv("TEST_DIR", filepath.Join(t.TempDir(), "ledger"))
	file := write(t, "deploy.yaml", `
anonymous: ["*"]
policy:
  - {name: deletions, actions: [article.delete], require: [reason]}
  - {name: updates, actions: [article.update], changes: fields}
  - {name: reads, actions: [article.read], exporters: [none]}
  - {name: log-ins, actions: ["user.*"], exporters: [others]}
ledger: {dir: "${TEST_DIR}"}
exporters:
  - {type: stdout, filter: {actions: ["article.*", user.login]}}
  - {type: stdout, name: others, filter: {actions: [user.login]}}
`)
	var out lockedBuffer
	p, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&out))
	require.NoError(t, err)
	tracker := p.Tracker("test")
	rejected, ok := errors.AsType[*sdk.PolicyError](tracker.Track(t.Context(), events[2]))
	require.True(t, ok)
	assert.Equal(t, "deletions", rejected.Rule)
	update := events[0]
	update.Changes = []audit.Change{{Field: "title", Old: attribute.StringValue("before"), New: attribute.StringValue("after")}}
	for _, e := range []audit.Event{update, events[1], events[3]} {
		require.NoError(t, tracker.Track(t.Context(), e))
	}
	require.NoError(t, p.Shutdown(t.Context()))
	assert.ElementsMatch(t, []string{"article.update", "user.login"}, actions(out.String()), "the login reached one of two exporters, the read none")
	assert.Contains(t, out.String(), "title")
	assert.NotContains(t, out.String(), "after")
}

// A provider has one policy, so a file and a program cannot both have one.
func TestPolicyTwice(t *testing.T) {
	t.Parallel()
	p, err := policy.New(policy.Rule{Name: "code", Require: []string{"reason"}})
	require.NoError(t, err)
	for rules, wantErr := range map[string]bool{"policy: [{name: file, actions: [a.b]}]\n": true, "policy: []\n": false, "": false} {
		file := write(t, "deploy.yaml", rules+"exporters: [{type: stdout}]\n")
		provider, err := config.NewTrackerProvider(t.Context(), config.WithFile(file), config.WithStdout(&bytes.Buffer{}),
			config.WithSDKOptions(sdk.WithPolicy(p)))
		if wantErr {
			require.ErrorContains(t, err, "WithPolicy: it was used twice")
			continue
		}
		require.NoError(t, err)
		require.NoError(t, provider.Shutdown(t.Context()))
	}
}
