package config_test

import (
	"testing"
	"time"

	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetention(t *testing.T) {
	t.Setenv("TEST_NAME", "shop")
	t.Chdir("testdata")
	c, err := config.Load(t.Context(), config.WithFile("good/records.yaml"))
	require.NoError(t, err)
	r := c.Retention()
	require.NotNil(t, r)
	assert.Equal(t, "shop/archives", r.Archives)
	assert.Empty(t, r.Store)
	assert.True(t, r.AllLogs)
	assert.Equal(t, []retention.Rule{
		{
			Name: "payouts", Actions: []string{"payout.*"}, Targets: []string{"payout"}, Tenants: []string{"acme*"},
			Keep: 10 * retention.Year, ArchiveAfter: 180 * retention.Day,
		},
		{Name: "logins", Actions: []string{"user.login"}, Keep: 90 * retention.Day},
		{Name: "rest", Keep: retention.Year + 12*time.Hour},
	}, r.Policy.Rules())
	c, err = config.Load(t.Context(), config.WithFile("good/records-buffer.yaml"))
	require.NoError(t, err)
	assert.Equal(t, "mongodb", c.Retention().Store)
	c, err = config.Load(t.Context(), config.WithFile("good/minimal.yaml"))
	require.NoError(t, err)
	assert.Nil(t, c.Retention())
}
