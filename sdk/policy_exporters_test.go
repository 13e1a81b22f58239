package sdk_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// actions returns the actions of the records that the sink got.
func (s *sink) actions() string { return actionsOf(s.all()) }

// to returns a rule that sends an action to exporters.
func to(action string, exporters ...string) policy.Rule {
	return policy.Rule{Name: action, Actions: []string{action}, Exporters: exporters}
}

func trackActions(t *testing.T, tracker audit.Tracker, actions string) {
	t.Helper()
	for action := range strings.FieldsSeq(actions) {
		require.NoError(t, tracker.Track(t.Context(), with(func(e *audit.Event) { e.Action = action })))
	}
}

func TestPolicyExporters(t *testing.T) {
	t.Parallel()
	direct, synced, batched := &directSink{}, &sink{name: "synced"}, &sink{name: "batched"}
	direct.name = "direct"
	first, second := &sink{name: "first"}, &sink{name: "second"}
	dir := t.TempDir() + "/ledger"
	p := newProvider(t,
		sdk.WithSyncer(direct), sdk.WithSyncer(synced), sdk.WithBatcher(batched), sdk.WithLedger(dir, sdk.ExportTo(first), sdk.ExportTo(second)),
		withPolicy(t, to("n1", "direct"), to("n2", "synced", "batched"), to("n3", "first"), to("n4", policy.NoExporter), to("n5", "second", "direct"),
			policy.Rule{Name: "n6", Actions: []string{"n6"}}))
	trackActions(t, p.Tracker("test"), "n1 n2 n3 n4 n5 n6 n7")
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, "n1 n5 n6 n7", direct.actions())
	assert.Equal(t, "n2 n6 n7", synced.actions())
	assert.Equal(t, "n2 n6 n7", batched.actions())
	assert.Equal(t, "n3 n6 n7", first.actions())
	assert.Equal(t, "n5 n6 n7", second.actions())

	// The ledger has all records. The current policy decides which ones a new exporter gets.
	require.NoError(t, p.Shutdown(t.Context()))
	late := &sink{name: "late"}
	p = newProvider(t, sdk.WithLedger(dir, sdk.ExportTo(first), sdk.ExportTo(second), sdk.ExportTo(late)), withPolicy(t, to("n2", "late"), to("n3", "first")))
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, "n1 n2 n4 n5 n6 n7", late.actions())
	assert.Equal(t, "n3 n6 n7", first.actions(), "its cursor has passed them")
}

// TestPolicyFailedExporters tests that an error does not name an exporter which the policy
// excludes.
func TestPolicyFailedExporters(t *testing.T) {
	t.Parallel()
	apart, good := &sink{name: "apart"}, &sink{name: "good"}
	bad := &sink{name: "bad", export: func(context.Context, []*record.Record) error { return errBroken }}
	tracker := newTracker(t, sdk.WithSyncer(apart), sdk.WithSyncer(good), sdk.WithSyncer(bad),
		withPolicy(t, to("article.update", "good", "bad"), to("article.delete", "apart")))
	err := tracker.Track(t.Context(), valid())
	failed, ok := errors.AsType[*audit.DeliveryError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, []string{"good"}, failed.Stored)
	assert.Equal(t, []string{"bad"}, failed.Failed)
	trackActions(t, tracker, "article.delete")
	assert.Equal(t, "article.delete", apart.actions())
}

// TestPolicyUsesStoredRecord tests that a syncer and an exporter of a ledger get the same
// records if redaction has changed the channel.
func TestPolicyUsesStoredRecord(t *testing.T) {
	t.Parallel()
	synced, followed := &sink{name: "synced"}, &sink{name: "followed"}
	p := newProvider(t, sdk.WithSyncer(synced), sdk.WithLedger(t.TempDir()+"/ledger", sdk.ExportTo(followed)), withPolicy(t,
		policy.Rule{Name: "as it came", Channels: []string{"*abcdefghijklmnopqrstuvwxyz*"}, Exporters: []string{policy.NoExporter}},
		policy.Rule{Name: "as it is stored", Channels: []string{"Bearer *REDACTED*"}, Exporters: []string{"synced", "followed"}},
		policy.Rule{Name: "others", Exporters: []string{policy.NoExporter}}))
	ctx, _ := audit.NewScope(t.Context(), audit.WithChannel("Bearer abcdefghijklmnopqrstuvwxyz0123456789"))
	require.NoError(t, p.Tracker("test").Track(ctx, valid()))
	require.NoError(t, p.ForceFlush(t.Context()))
	assert.Equal(t, "Bearer ***REDACTED***", synced.one(t).Channel)
	assert.Equal(t, "Bearer ***REDACTED***", followed.one(t).Channel)
}

func TestInvalidPolicy(t *testing.T) {
	t.Parallel()
	s, other := &sink{}, &sink{name: "other"}
	none := &sink{name: "none"}
	for _, tt := range []struct {
		name string
		opts []sdk.Option
		want []string // nil if the options are valid
	}{
		{"nil", []sdk.Option{sdk.WithSyncer(s), sdk.WithPolicy(nil)}, []string{"WithPolicy: the policy is nil"}},
		{"two", []sdk.Option{sdk.WithSyncer(s), withPolicy(t), withPolicy(t)}, []string{"WithPolicy: it was used twice"}},
		{"an unknown name", []sdk.Option{sdk.WithSyncer(s), sdk.WithBatcher(other), withPolicy(t, to("a", "sink"), to("b", "sink", "mongo"), to("c", "otlp"))}, []string{
			`WithPolicy: rule "b": no exporter is named "mongo"; the exporters are: sink, other`, `WithPolicy: rule "c": no exporter is named "otlp"`,
		}},
		{"a ledger's name", []sdk.Option{sdk.WithLedger(t.TempDir()+"/ledger", sdk.ExportTo(s)), withPolicy(t, to("a", "ledger"))}, []string{`no exporter is named "ledger"; the exporters are: sink`}},
		{"none without a ledger", []sdk.Option{sdk.WithSyncer(s), withPolicy(t, to("a", "none"))}, []string{`rule "a": its records would not be recorded anywhere`}},
		{"an exporter named none", []sdk.Option{sdk.WithLedger(t.TempDir()+"/ledger", sdk.ExportTo(none)), withPolicy(t, to("a", "none"))}, []string{`"none" means no exporter`}},
		{"an exporter named none, and no rule", []sdk.Option{sdk.WithSyncer(none), withPolicy(t)}, nil},
		{"none with a ledger, in any order of options", []sdk.Option{withPolicy(t, to("a", "none")), sdk.WithLedger(t.TempDir() + "/ledger")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := sdk.NewTrackerProvider(tt.opts...)
			if tt.want == nil {
				require.NoError(t, err)
				require.NoError(t, p.Shutdown(t.Context()))
				return
			}
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}
