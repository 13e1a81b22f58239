package audit_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/plumbing"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// model decides by lists, one by one, which signals are recorded: the reference for what
// scopes do with indexes.
type model struct {
	scopes   []*modelScope
	recorded []outcome
}

// outcome is a recorded signal.
type outcome struct {
	n        int64
	overflow bool
}

type modelScope struct {
	parent  *modelScope
	limit   int
	ended   bool
	intents []audit.Event
	held    []modelSignal
}

type modelSignal struct {
	event  audit.Event
	origin *modelScope
}

// encloses reports whether s is other or an outer scope of it.
func (s *modelScope) encloses(other *modelScope) bool {
	for ; other != nil; other = other.parent {
		if other == s {
			return true
		}
	}
	return false
}

func (m *model) track(s *modelScope, e audit.Event) {
	if e.Kind == audit.KindIntent {
		s.intents = append(s.intents, e)
		for _, holder := range m.scopes {
			holder.held = slices.DeleteFunc(holder.held, func(h modelSignal) bool {
				return (holder == s || holder.encloses(s) && h.origin == holder) && covers(&e, &h.event)
			})
		}
		return
	}
	for _, inner := range m.scopes {
		if s.encloses(inner) && inner.covers(&e) {
			return
		}
	}
	m.hold(s, modelSignal{e, s})
}

func (m *model) hold(s *modelScope, h modelSignal) {
	if len(s.held) == s.limit {
		m.record(&h.event, true)
		return
	}
	s.held = append(s.held, h)
}

func (m *model) record(e *audit.Event, overflow bool) {
	m.recorded = append(m.recorded, outcome{e.Metadata[0].Value.AsInt64(), overflow})
}

func (m *model) end(s *modelScope) {
	s.ended = true
	held := s.held
	s.held = nil
	for _, h := range held {
		outer := s.parent
		for outer != nil && outer.ended {
			outer = outer.parent
		}
		switch {
		case outer == nil:
			m.record(&h.event, false)
		case !outer.covers(&h.event):
			m.hold(outer, h)
		}
	}
}

func (s *modelScope) covers(e *audit.Event) bool {
	return slices.ContainsFunc(s.intents, func(i audit.Event) bool { return covers(&i, e) })
}

// covers reports whether an intent covers a signal of its own scope.
func covers(i, s *audit.Event) bool {
	if i.Outcome == audit.OutcomeDenied || i.Outcome == audit.OutcomeFailure || i.BeginsAttempt() ||
		i.Outcome == audit.OutcomeUnknown && s.Outcome != audit.OutcomeUnknown ||
		i.Tenant != s.Tenant || namespaceOf(i) != namespaceOf(s) || s.Target.Type == "" || s.Target.ID == "" {
		return false
	}
	write := s.Operation == audit.OperationCreate || s.Operation == audit.OperationUpdate || s.Operation == audit.OperationDelete
	if write && slices.Contains(i.Covers, s.Target) {
		return true
	}
	if i.Operation != s.Operation || i.Operation == audit.OperationUnspecified && i.Action != s.Action {
		return false
	}
	return i.Target == s.Target || i.Target.Type == s.Target.Type && slices.Contains(i.Bulk.Sample, s.Target.ID)
}

func namespaceOf(e *audit.Event) string { return textOf(e, semconv.TargetNamespaceKey) }

func textOf(e *audit.Event, key attribute.Key) string {
	for _, kv := range e.Metadata {
		if kv.Key == key {
			return kv.Value.AsString()
		}
	}
	return ""
}

// randomEvent returns an intent or a signal about one of a few objects.
func randomEvent(rng *rand.Rand, n int64, ids []string) audit.Event {
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	target := func() audit.Target { return audit.Target{Type: one("article", "user"), ID: one(ids...)} }
	e := audit.Event{
		Kind: audit.Kind(rng.IntN(2)), Action: one("article.update", "article.delete"), Target: target(), Tenant: one("", "acme"),
		Operation: []audit.Operation{
			audit.OperationUnspecified, audit.OperationRead, audit.OperationExecute, audit.OperationCreate,
			audit.OperationUpdate, audit.OperationUpdate, audit.OperationDelete,
		}[rng.IntN(7)],
		Metadata: []attribute.KeyValue{attribute.Int64("n", n)},
	}
	if rng.IntN(8) == 0 {
		e.Metadata = append(e.Metadata, semconv.TargetNamespaceKey.String("archive"))
	}
	if e.Kind == audit.KindSignal {
		e.Outcome = audit.Outcome(rng.IntN(2))
		return e
	}
	e.Outcome = audit.Outcome(rng.IntN(4))
	switch rng.IntN(4) {
	case 0:
		e.Covers = []audit.Target{target(), target()}
	case 1:
		e.Bulk = audit.Bulk{Selector: "some", Sample: []string{one(ids...), one(ids...)}}
	case 2:
		if e.Outcome == audit.OutcomeUnknown {
			e.ID = audit.NewID()
			e.Attempt = e.ID
		}
	}
	return e
}

// compareWithModel runs random events in random scopes, and compares the recorded signals
// with those of the model.
func compareWithModel(t *testing.T, seed uint64, steps int, limits []int, ids []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	tracker, trail := newTrail(t)
	m := &model{}
	var contexts []context.Context
	open := func(parent int) {
		ctx, outer := audit.ContextWithActor(t.Context(), audit.User("42")), (*modelScope)(nil)
		if parent >= 0 {
			ctx, outer = contexts[parent], m.scopes[parent]
		}
		limit := limits[rng.IntN(len(limits))]
		ctx, _ = audit.NewScope(ctx, plumbing.WithSignalLimit(limit))
		contexts, m.scopes = append(contexts, ctx), append(m.scopes, &modelScope{parent: outer, limit: limit})
	}
	end := func(i int) {
		require.NoError(t, audit.ScopeFromContext(contexts[i]).End(t.Context()))
		m.end(m.scopes[i])
	}
	open(-1)
	intents := 0
	for n := range steps {
		at := rng.IntN(len(m.scopes))
		switch action := rng.IntN(40); {
		case m.scopes[at].ended:
		case action == 0 && len(m.scopes) < 30:
			open(at)
		case action == 1 && at > 0:
			end(at)
		default:
			e := randomEvent(rng, int64(n), ids)
			require.NoError(t, tracker.Track(contexts[at], e))
			m.track(m.scopes[at], e)
			if e.Kind == audit.KindIntent {
				intents++
			}
		}
	}
	for i, s := range m.scopes {
		if !s.ended {
			end(i)
		}
	}
	var got []outcome
	for _, r := range trail.all() {
		if r.Kind == audit.KindIntent {
			intents--
			continue
		}
		overflow := slices.ContainsFunc(r.Marks, func(m mark.Mark) bool { return m.Kind == mark.SignalOverflow })
		n := slices.IndexFunc(r.Metadata, func(kv attribute.KeyValue) bool { return kv.Key == "n" })
		got = append(got, outcome{r.Metadata[n].Value.AsInt64(), overflow})
	}
	require.Zero(t, intents, "each intent is recorded once")
	require.Equal(t, m.recorded, got)
}

// TestCoveringAgreesWithModel has sequences in nested scopes, with few objects and small
// limits, and one with more signals than a scope holds.
func TestCoveringAgreesWithModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		compareWithModel(t, seed, 150, []int{0, 1, 3, 1000}, []string{"", "1", "2", "3"})
	}
	ids := make([]string, 4000)
	for i := range ids {
		ids[i] = audit.NewID().String()
	}
	compareWithModel(t, 1, 5000, []int{1000}, ids)
}

//fuzz:inputs 4000
func FuzzCovering(f *testing.F) {
	f.Add(uint64(1), uint8(100))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint8) {
		compareWithModel(t, seed, int(steps), []int{0, 1, 3, 1000}, []string{"", "1", "2"})
	})
}

// TestNoMoreOriginsThanIntents tests, in random nested scopes, that no intent hides writes
// to the objects of two stores, and that none hides a write of another object.
func TestNoMoreOriginsThanIntents(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		tracker, trail := newTrail(t)
		contexts := []context.Context{audit.ContextWithActor(t.Context(), audit.User("42"))}
		for range 5 {
			ctx, _ := audit.NewScope(contexts[rng.IntN(len(contexts))])
			contexts = append(contexts, ctx)
		}
		type object struct{ id, database, idType string }
		tracked, intents := map[object]int{}, map[string]int{}
		for range 40 {
			ctx := contexts[1+rng.IntN(5)]
			o := object{[]string{"1", "2"}[rng.IntN(2)], []string{"shop", "archive"}[rng.IntN(2)], []string{"string", "number"}[rng.IntN(2)]}
			if rng.IntN(4) == 0 {
				require.NoError(t, tracker.Track(ctx, intent(audit.OperationUpdate, article(o.id))))
				intents[o.id]++
				continue
			}
			e := signal(audit.OperationUpdate, article(o.id))
			e.Metadata = []attribute.KeyValue{semconv.DBNamespaceKey.String(o.database), semconv.TargetIDTypeKey.String(o.idType)}
			require.NoError(t, tracker.Track(ctx, e))
			tracked[o]++
		}
		for _, ctx := range slices.Backward(contexts[1:]) {
			require.NoError(t, audit.ScopeFromContext(ctx).End(t.Context()))
		}
		for _, r := range trail.all() {
			if r.Kind == audit.KindSignal {
				e := &r.Event
				tracked[object{e.Target.ID, textOf(e, semconv.DBNamespaceKey), textOf(e, semconv.TargetIDTypeKey)}]--
			}
		}
		hidden := map[string]int{}
		for o, n := range tracked {
			require.GreaterOrEqual(t, n, 0, "recorded twice")
			if n > 0 {
				hidden[o.id]++
			}
		}
		for id, n := range hidden {
			require.LessOrEqual(t, n, intents[id], "seed %d", seed)
		}
	}
}
