//go:build !race

// The race detector allocates memory itself.

package sdk_test

import (
	"context"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// TestTrackAllocations allows the caller's slice of metadata.
func TestTrackAllocations(t *testing.T) {
	assert.LessOrEqual(t, trackAllocations(t, sdk.WithBatcher(&discard{})), 1.0)
	assert.LessOrEqual(t, trackAllocations(t, sdk.WithSyncer(&directDiscard{})), 1.0)
}

// TestPolicyAllocations tests that a policy allocates nothing for an event that meets it
// and has no changes.
func TestPolicyAllocations(t *testing.T) {
	rules := withPolicy(t,
		policy.Rule{Name: "payouts", Actions: []string{"payout.*"}, Require: []string{"reason"}},
		policy.Rule{
			Name: "articles", Targets: []string{"art*"}, ActorTypes: []string{"user"}, Require: []string{"target", "metadata.step"},
			RequireActorTypes: []string{"user"}, RejectAnonymous: true, Changes: policy.ChangesFields, Exporters: []string{"discard"},
		})
	assert.LessOrEqual(t, trackAllocations(t, sdk.WithSyncer(&directDiscard{}), rules,
		sdk.WithAnonymous("article.*"), sdk.WithValidation(sdk.WithActions("article.*"), sdk.WithRequired("*", "target"))), 1.0)
}

func trackAllocations(t *testing.T, opts ...sdk.Option) float64 {
	t.Helper()
	tracker := newTracker(t, opts...)
	ctx, _ := audit.NewScope(context.Background(), audit.WithScopeMetadata(
		attribute.String("http.request.method", "PATCH"), attribute.String("http.route", "/articles/:id"),
		attribute.String("url.path", "/articles/1001"), attribute.String("client.address", "203.0.113.7"),
		attribute.String("network.peer.address", "10.0.0.1"), attribute.String("user_agent.original", "Mozilla/5.0 (X11)"),
		attribute.String("http.request.id", "0199c1f2-aaaa-7bbb-8ccc-000000000001")))
	var err error
	const runs = 20_000 // many more than a queue holds records
	allocs := testing.AllocsPerRun(runs, func() {
		e := valid()
		e.Metadata = []attribute.KeyValue{
			attribute.String("app.version", "1.2.0"), attribute.String("app.region", "eu-west-1"),
			attribute.String("feature.flag", "beta"), attribute.String("order.number", "A-1001"), attribute.String("step", "review"),
		}
		err = tracker.Track(ctx, e)
	})
	require.NoError(t, err)
	return allocs
}

type discard struct{}

func (*discard) Name() string                                   { return "discard" }
func (*discard) Export(context.Context, []*record.Record) error { return nil }
func (*discard) Shutdown(context.Context) error                 { return nil }

type directDiscard struct{ discard }

func (*directDiscard) Direct() bool { return true }
