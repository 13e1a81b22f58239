package sdk_test

import (
	"path/filepath"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/sdk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestForeignEndOfAnAttempt tests that an attempt is ended only by its Finish, or by the
// tracker and the actor that began it.
func TestForeignEndOfAnAttempt(t *testing.T) {
	t.Parallel()
	end := func(tracker, actor string) func(t *testing.T, p *sdk.TrackerProvider, a *audit.Attempt) {
		return func(t *testing.T, p *sdk.TrackerProvider, a *audit.Attempt) {
			t.Helper()
			require.NoError(t, p.Tracker(tracker).Track(t.Context(), audit.Event{
				Action: "page.read", Actor: audit.User(actor), Outcome: audit.OutcomeSuccess, Attempt: a.ID(),
			}))
		}
	}
	for name, tc := range map[string]struct {
		end  func(t *testing.T, p *sdk.TrackerProvider, a *audit.Attempt)
		ends bool
	}{
		"its tracker and actor": {end("test", "42"), true},
		"another actor":         {end("test", "mallory"), false},
		"another tracker":       {end("other", "42"), false},
		"the actor of that ID in another tenant": {func(t *testing.T, p *sdk.TrackerProvider, a *audit.Attempt) {
			t.Helper()
			require.NoError(t, p.Tracker("test").Track(t.Context(), audit.Event{
				Action: "page.read", Actor: audit.User("42"), Tenant: "victim", Attempt: a.ID(),
			}))
		}, false},
		"its actor for somebody else": {func(t *testing.T, p *sdk.TrackerProvider, a *audit.Attempt) {
			t.Helper()
			mallory := audit.User("mallory")
			actor := audit.User("42")
			actor.OnBehalfOf = &mallory
			require.NoError(t, p.Tracker("test").Track(t.Context(), audit.Event{Action: "page.read", Actor: actor, Attempt: a.ID()}))
		}, false},
		"a signal of another actor": {func(t *testing.T, p *sdk.TrackerProvider, a *audit.Attempt) {
			t.Helper()
			require.NoError(t, p.Tracker("test").Track(t.Context(), audit.Event{Kind: audit.KindSignal, Action: "page.read", Attempt: a.ID()}))
		}, false},
		"its Finish, for another actor": {func(t *testing.T, _ *sdk.TrackerProvider, a *audit.Attempt) {
			t.Helper()
			require.NoError(t, a.Finish(t.Context(), audit.Event{Actor: audit.System("settlement"), Outcome: audit.OutcomeSuccess}))
		}, true},
		"another that begins under its ID": {func(t *testing.T, p *sdk.TrackerProvider, a *audit.Attempt) {
			t.Helper()
			other := payout("9")
			other.ID, other.Attempt, other.Actor = a.ID(), a.ID(), audit.User("mallory")
			require.NoError(t, p.Tracker("test").Track(t.Context(), other))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			p := openProvider(t, sdk.WithLedger(dir), quiet())
			a := mustBegin(t, p, "1")
			tc.end(t, p, a)
			require.NoError(t, p.Shutdown(t.Context()))
			p = openProvider(t, sdk.WithLedger(dir), quiet())
			require.NoError(t, p.Shutdown(t.Context()))

			all := stored(t, dir)
			ended := all[1]
			if tc.ends {
				require.Len(t, all, 2)
				assert.Equal(t, a.ID(), ended.Attempt)
				assert.Empty(t, ended.Marks)
				return
			}
			require.Len(t, all, 3, "the next start closes the attempt")
			assert.Equal(t, sdk.RecoveryActor, all[2].Actor.ID)
			assert.Equal(t, a.ID(), all[2].Attempt)
			assert.Zero(t, ended.Attempt)
			assert.Equal(t, []mark.Mark{{Path: "attempt", Kind: mark.Dropped, Count: 1}}, ended.Marks)
		})
	}
}
