package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/sdk"
	"github.com/opendeed/audit/sdk/ledger"
	"github.com/opendeed/audit/sdk/redact"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// denial is an event that anybody can cause. An empty actor is anonymous.
func denial(actor, address, target string) audit.Event {
	e := audit.Event{
		Action: semconv.ActionAccessDenied, Outcome: audit.OutcomeDenied, Actor: audit.Anonymous(),
		Target: audit.Target{Type: "route", ID: target},
	}
	if actor != "" {
		e.Actor = audit.User(actor)
	}
	if address != "" {
		e.Metadata = []attribute.KeyValue{semconv.ClientAddressKey.String(address)}
	}
	return e
}

// metadataOf returns a value of the record's metadata, or "".
func metadataOf(r *record.Record, key attribute.Key) string {
	for _, kv := range r.Metadata {
		if kv.Key == key {
			return kv.Value.String()
		}
	}
	return ""
}

// tally sorts records into those that are whole, and the beginnings and ends of folds.
type tally struct {
	whole, begun, ended []*record.Record
	folded              int64
}

func tallyOf(records []*record.Record) (t tally) {
	for _, r := range records {
		switch {
		case metadataOf(r, semconv.FoldKey) == "":
			t.whole = append(t.whole, r)
		case r.BeginsAttempt():
			t.begun = append(t.begun, r)
		default:
			t.ended = append(t.ended, r)
			t.folded += r.Bulk.Affected
		}
	}
	return t
}

func TestFolding(t *testing.T) {
	t.Parallel()
	missing := audit.Event{Action: semconv.ActionCoverageMissing, Kind: audit.KindSignal, Actor: audit.User("42"), Target: audit.Target{Type: "route", ID: "/x"}}
	login := audit.Event{Action: "user.login", Operation: audit.OperationLogin, Outcome: audit.OutcomeFailure, Actor: audit.User("42"), Target: audit.Target{Type: "user", ID: "eve"}}
	noTarget := denial("42", "", "")
	noTarget.Target = audit.Target{}
	rejected := missing
	rejected.Action, rejected.Kind = "audit.rejected", audit.KindIntent
	for name, test := range map[string]struct {
		event   audit.Event
		whose   string
		network string
	}{
		"an actor's denial":        {denial("42", "203.0.113.9", "/admin"), "actor", ""},
		"without a target":         {noTarget, "actor", ""},
		"anonymous, IPv4":          {denial("", "203.0.113.9", "/admin"), "network", "203.0.113.0/24"},
		"anonymous, with a port":   {denial("", "203.0.113.9:443", "/admin"), "network", "203.0.113.0/24"},
		"anonymous, IPv6":          {denial("", "2001:db8:1:2:3:4:5:6", "/admin"), "network", "2001:db8:1:2::/64"},
		"anonymous, mapped":        {denial("", "::ffff:203.0.113.9", "/admin"), "network", "203.0.113.0/24"},
		"anonymous, no address":    {denial("", "", "/admin"), "network", ""},
		"anonymous, not an IP":     {denial("", "unix", "/admin"), "network", ""},
		"a login that failed":      {login, "actor", ""},
		"a request without events": {missing, "actor", ""},
		"a rejected event":         {rejected, "actor", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &sink{}
				p := newProvider(t, sdk.WithSyncer(s), sdk.WithFolding(3, time.Minute))
				start := time.Now()
				for range 3 {
					require.NoError(t, p.Tracker("test").Track(t.Context(), test.event))
				}
				require.Len(t, tallyOf(s.everything()).whole, 3)
				time.Sleep(time.Second)
				require.NoError(t, p.Tracker("test").Track(t.Context(), test.event))
				begun := tallyOf(s.everything()).begun
				require.Len(t, begun, 1, "the fold is begun before Track returns nil")
				time.Sleep(time.Second)
				for range 5 {
					require.NoError(t, p.Tracker("test").Track(t.Context(), test.event))
				}
				require.Len(t, s.everything(), 4)
				time.Sleep(2 * time.Minute)

				got := tallyOf(s.everything())
				require.Len(t, got.ended, 1)
				end := got.ended[0]
				assert.EqualValues(t, 6, end.Bulk.Affected)
				assert.Equal(t, begun[0].ID, end.Attempt)
				assert.Equal(t, begun[0].ID, begun[0].Attempt)
				assert.Equal(t, audit.OutcomeUnknown, begun[0].Outcome)
				assert.Zero(t, begun[0].Bulk.Affected)
				assert.Equal(t, test.event.Outcome, end.Outcome)
				if test.event.Target.ID != "" {
					assert.Equal(t, []string{test.event.Target.ID}, end.Bulk.Sample)
				}
				assert.Equal(t, start.Add(time.Second).UTC().Format(time.RFC3339Nano), metadataOf(end, semconv.FoldFirstKey))
				assert.Equal(t, start.Add(2*time.Second).UTC().Format(time.RFC3339Nano), metadataOf(end, semconv.FoldLastKey))
				for _, r := range []*record.Record{begun[0], end} {
					assert.Equal(t, test.event.Action, r.Action)
					assert.Equal(t, test.event.Operation, r.Operation)
					assert.Equal(t, test.event.Kind, r.Kind)
					assert.Equal(t, test.event.Actor.ID, r.Actor.ID)
					assert.Equal(t, test.event.Actor.Type, r.Actor.Type)
					assert.Equal(t, test.whose, metadataOf(r, semconv.FoldKey))
					assert.Equal(t, test.network, metadataOf(r, semconv.FoldNetworkKey))
					assert.NotEmpty(t, r.Bulk.Selector)
					data, err := r.AppendJSON(nil)
					require.NoError(t, err)
					require.NoError(t, new(record.Record).UnmarshalJSON(data))
				}

				require.NoError(t, p.Tracker("test").Track(t.Context(), test.event))
				assert.Len(t, tallyOf(s.everything()).whole, 4, "a new window")
			})
		})
	}
}

// TestNeverFolded tracks many events that change something, or that are promised to be
// stored.
func TestNeverFolded(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]audit.Event{
		"an actor's success":     valid(),
		"an actor's failure":     with(func(e *audit.Event) { e.Outcome = audit.OutcomeFailure }),
		"an anonymous success":   with(func(e *audit.Event) { e.Actor = audit.Anonymous() }),
		"an unresolved signal":   with(func(e *audit.Event) { e.Actor, e.Kind = audit.Actor{}, audit.KindSignal }),
		"the end of an attempt":  with(func(e *audit.Event) { e.Attempt, e.Outcome = audit.NewID(), audit.OutcomeDenied }),
		"a login that succeeded": with(func(e *audit.Event) { e.Operation = audit.OperationLogin }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &sink{}
			p := newProvider(t, sdk.WithSyncer(s), sdk.WithFolding(1, time.Minute), sdk.WithAnonymous("*"))
			for range 20 {
				require.NoError(t, p.Tracker("test").Track(t.Context(), event))
			}
			assert.Len(t, tallyOf(s.everything()).whole, 20)
		})
	}
}

// TestInsiderAmongCrowd hides one actor's denials among those of other actors, tenants and
// networks. Nobody's may be counted with theirs.
func TestInsiderAmongCrowd(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithSyncer(s), sdk.WithFolding(2, time.Minute))
	track := func(e audit.Event) { require.NoError(t, p.Tracker("test").Track(t.Context(), e)) }
	insider := denial("insider", "203.0.113.9", "/salaries")
	for i := range 3000 {
		track(denial("", fmt.Sprintf("203.%d.%d.9", i%7, i%200), "/x"))
		track(denial(fmt.Sprint("other-", i%50), "203.0.113.9", "/x"))
	}
	track(insider)
	require.Equal(t, "/salaries", s.all()[len(s.all())-1].Target.ID, "whole")
	elsewhere := insider
	elsewhere.Tenant = "another"
	for range 5 {
		track(insider)
		track(elsewhere)
	}
	require.NoError(t, p.ForceFlush(t.Context()))
	counted := map[string]int64{}
	for _, r := range tallyOf(s.everything()).ended {
		if r.Actor.ID == "insider" {
			counted[r.Tenant] = r.Bulk.Affected
			assert.Equal(t, []string{"/salaries"}, r.Bulk.Sample)
		}
	}
	assert.Equal(t, map[string]int64{"": 4, "another": 3}, counted)
}

// TestFoldCannotBegin counts no event as recorded whose fold has no beginning.
func TestFoldCannotBegin(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	s := &sink{export: func(context.Context, []*record.Record) error {
		if down.Load() {
			return errors.New("down")
		}
		return nil
	}}
	p := newProvider(t, sdk.WithSyncer(s), sdk.WithFolding(1, time.Minute), quiet())
	track := func() error { return p.Tracker("test").Track(t.Context(), denial("42", "", "/x")) }
	require.NoError(t, track())
	down.Store(true)
	var failed *audit.DeliveryError
	require.ErrorAs(t, track(), &failed)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { assert.Error(t, track()) })
	}
	wg.Wait()
	down.Store(false)
	require.NoError(t, track())
	require.NoError(t, track())
	down.Store(true)
	require.ErrorContains(t, p.ForceFlush(t.Context()), "not recorded yet")
	down.Store(false)
	require.NoError(t, track())
	require.NoError(t, p.ForceFlush(t.Context()))
	got := tallyOf(s.everything())
	assert.Len(t, got.whole, 1)
	assert.EqualValues(t, 3, got.folded)
	assert.Len(t, got.begun, len(got.ended))
}

// TestConcurrentFolding counts each event exactly once, while folds end.
func TestConcurrentFolding(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithSyncer(s), sdk.WithFolding(5, 20*time.Millisecond))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				assert.NoError(t, p.Tracker("test").Track(t.Context(), denial(fmt.Sprint(g%3), "", fmt.Sprint(i))))
				if i%100 == 0 {
					assert.NoError(t, p.ForceFlush(t.Context()))
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, p.ForceFlush(t.Context()))
	got := tallyOf(s.everything())
	assert.EqualValues(t, 8*500, got.folded+int64(len(got.whole)))
	assert.Len(t, got.ended, len(got.begun))
	for _, r := range got.ended {
		assert.LessOrEqual(t, len(r.Bulk.Sample), 20)
	}
}

// TestFoldOfManyKinds repeats events of many actions. A party has a bounded number of
// folds.
func TestFoldOfManyKinds(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithSyncer(s), sdk.WithFolding(1, time.Minute))
	for i := range 500 {
		e := denial("42", "", "/x")
		e.Action, e.Tenant = fmt.Sprintf("thing%d.read", i%100), "acme"
		require.NoError(t, p.Tracker("test").Track(t.Context(), e))
	}
	require.NoError(t, p.ForceFlush(t.Context()))
	got := tallyOf(s.everything())
	assert.EqualValues(t, 499, got.folded)
	assert.Len(t, got.ended, 17)
	for _, r := range got.ended {
		assert.Equal(t, "acme", r.Tenant)
		if r.Action == "audit.folded" {
			assert.Empty(t, r.Bulk.Sample, "a policy may hide the targets of some actions")
		}
	}
}

// TestFoldKeepsSecrets folds events whose texts are redacted.
func TestFoldKeepsSecrets(t *testing.T) {
	t.Parallel()
	s := &sink{}
	p := newProvider(t, sdk.WithSyncer(s), sdk.WithFolding(1, time.Minute), sdk.WithRedaction(redact.WithSensitiveKeys("client.address")))
	for i := range 10 {
		e := denial("", "203.0.113.9", fmt.Sprintf("password=hunter2hunter%d", i))
		require.NoError(t, p.Tracker("test").Track(t.Context(), e))
		e.Metadata[0].Value = attribute.StringValue("198.51.100.7") // another network
		require.NoError(t, p.Tracker("test").Track(t.Context(), e))
	}
	require.NoError(t, p.ForceFlush(t.Context()))
	got := tallyOf(s.everything())
	require.Len(t, got.ended, 2)
	for _, r := range s.all() {
		data, err := r.AppendJSON(nil)
		require.NoError(t, err)
		assert.NotContains(t, string(data), "203.0.113")
		assert.NotContains(t, string(data), "198.51.100")
		assert.NotContains(t, string(data), "hunter2")
	}
}

// TestFoldAfterKill kills the process while events are folded.
func TestFoldAfterKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ledger")
	p := openProvider(t, sdk.WithLedger(dir), sdk.WithFolding(1, time.Hour), quiet())
	for range 10 {
		require.NoError(t, p.Tracker("test").Track(t.Context(), denial("", "203.0.113.9", "/x")))
	}
	dead := copyAsKilled(t, dir)
	require.NoError(t, p.Shutdown(t.Context()))
	assert.EqualValues(t, 9, tallyOf(stored(t, dir)).folded, "Shutdown records the number")

	p = openProvider(t, sdk.WithLedger(dead), quiet())
	require.NoError(t, p.Shutdown(t.Context()))
	got := tallyOf(stored(t, dead))
	require.Len(t, got.ended, 1)
	end := got.ended[0]
	assert.Equal(t, got.begun[0].ID, end.Attempt)
	assert.Equal(t, audit.OutcomeUnknown, end.Outcome)
	assert.Zero(t, end.Bulk.Affected)
	assert.Equal(t, []mark.Mark{{Path: "bulk.affected", Kind: mark.CountUnknown}}, end.Marks)
	assert.Equal(t, "203.0.113.0/24", metadataOf(end, semconv.FoldNetworkKey))
	assert.Contains(t, end.Failure, "how many events were folded")
}

// TestFloodLeavesRoom floods a small ledger in every way that needs no account, and by
// many accounts. An administrator's events are all stored.
func TestFloodLeavesRoom(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("no way ", 70) // nothing that redaction takes long to rule out
	guest := with(func(e *audit.Event) { e.Actor, e.Reason = audit.Anonymous(), text })
	for name, flood := range map[string]func(i int) audit.Event{
		"one network": func(int) audit.Event { return denial("", "203.0.113.9", text) },
		"many networks": func(i int) audit.Event {
			return denial("", fmt.Sprintf("203.%d.%d.9", i/200%200, i%200), fmt.Sprint(i, text))
		},
		"no address":     func(i int) audit.Event { return denial("", "", fmt.Sprint(i, text)) },
		"one account":    func(i int) audit.Event { return denial("42", "", fmt.Sprint(i, text)) },
		"many accounts":  func(i int) audit.Event { return denial(fmt.Sprint(i%500), "", fmt.Sprint(i, text)) },
		"guests' events": func(int) audit.Event { return guest },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "ledger")
			p := openProvider(t, sdk.WithTrackTimeout(time.Second), sdk.WithAnonymous("*"), quiet(),
				sdk.WithLedger(dir, ledger.WithSegmentSize(256<<10), ledger.WithMaxSize(4<<20), ledger.WithSyncInterval(time.Hour)))
			const n = 9000
			payouts := 0
			for i := range n {
				require.NoError(t, p.Tracker("test").Track(t.Context(), flood(i)))
				if i%9 == 0 {
					payouts++
					e := with(func(e *audit.Event) {
						e.Action, e.Target = "payout.send", audit.Target{Type: "payout", ID: fmt.Sprint(i)}
					})
					require.NoError(t, p.Tracker("test").Track(t.Context(), e), "payout %d", payouts)
				}
			}
			require.NoError(t, p.Shutdown(t.Context()))
			got := tallyOf(stored(t, dir))
			assert.EqualValues(t, n+payouts, got.folded+int64(len(got.whole)), "every event is stored or counted")
			assert.Len(t, got.ended, len(got.begun))
		})
	}
}
