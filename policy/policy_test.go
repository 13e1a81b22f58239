package policy_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/policy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func newPolicy(t *testing.T, rules ...policy.Rule) *policy.Policy {
	t.Helper()
	p, err := policy.New(rules...)
	require.NoError(t, err)
	return p
}

// payout returns an event with every field that a rule can require.
func payout() audit.Event {
	return audit.Event{
		ID: audit.NewID(), Action: "payout.send", Actor: audit.User("42"), Outcome: audit.OutcomeSuccess, Reason: "due", Tenant: "acme",
		Target:   audit.Target{Type: "payout", ID: "1001", Name: "March"},
		Changes:  []audit.Change{{Field: "state", New: attribute.StringValue("sent")}},
		Metadata: []attribute.KeyValue{attribute.String("ticket", "T-1"), attribute.String("a", "b")}, // unsorted
	}
}

// missing returns the fields of the problems.
func missing(t *testing.T, problems []error) (fields []string) {
	t.Helper()
	for _, problem := range problems {
		invalid, ok := errors.AsType[*audit.ValidationError](problem)
		if !ok {
			require.ErrorIs(t, problem, policy.ErrAnonymousNotAllowed)
			fields = append(fields, "anonymous")
			continue
		}
		assert.NotEmpty(t, invalid.Reason)
		fields = append(fields, invalid.Field)
	}
	return fields
}

func TestFirstRuleDecides(t *testing.T) {
	t.Parallel()
	p := newPolicy(t,
		policy.Rule{Name: "probes", Routes: []string{"/healthz"}, Exempt: "changes nothing"},
		policy.Rule{Name: "payouts by programs", Actions: []string{"payout.*", "refund.send"}, ActorTypes: []string{"service", "system"}},
		policy.Rule{Name: "payouts", Actions: []string{"payout.*", "refund.send"}, Require: []string{"metadata.absent"}},
		policy.Rule{Name: "salaries", Targets: []string{"salary*"}, Channels: []string{"admin", "web*"}},
		policy.Rule{Name: "no channel", Channels: []string{"*"}, Targets: []string{"orphan"}},
		policy.Rule{Name: "signals of nobody", ActorTypes: []string{"unresolved"}},
	)
	for _, tt := range []struct {
		name    string
		channel string
		change  func(e *audit.Event)
		want    string
	}{
		{"the action", "", func(*audit.Event) {}, "payouts"},
		{"a second pattern", "", func(e *audit.Event) { e.Action = "refund.send" }, "payouts"},
		{"another action", "", func(e *audit.Event) { e.Action = "refund.cancel" }, ""},
		{"the first one, by the actor", "", func(e *audit.Event) { e.Actor = audit.Service("cron") }, "payouts by programs"},
		{"the actor, not the one it acts for", "", func(e *audit.Event) { s := audit.Service("cron"); e.Actor.OnBehalfOf = &s }, "payouts"},
		{"the target and the channel", "website", func(e *audit.Event) { e.Action, e.Target.Type = "pay", "salary" }, "salaries"},
		{"the target without the channel", "api", func(e *audit.Event) { e.Action, e.Target.Type = "pay", "salary" }, ""},
		{"the target's type, not its id", "admin", func(e *audit.Event) { e.Action, e.Target = "pay", audit.Target{Type: "x", ID: "salary"} }, ""},
		{"a star matches no characters", "", func(e *audit.Event) { e.Action, e.Target.Type = "pay", "orphan" }, "no channel"},
		{"a signal", "", func(e *audit.Event) { e.Kind = audit.KindSignal }, "payouts"},
		{"an unresolved signal", "", func(e *audit.Event) {
			e.Action, e.Kind, e.Actor = "pay", audit.KindSignal, audit.Actor{Type: audit.ActorUnresolved}
		}, "signals of nobody"},
	} {
		e := payout()
		tt.change(&e)
		rule, _ := p.Explain(&e, tt.channel)
		assert.Equal(t, tt.want, rule, tt.name)
		if i := p.Find(&e, tt.channel); tt.want == "" {
			assert.Equal(t, -1, i, tt.name)
		} else {
			assert.Equal(t, tt.want, p.Rules()[i].Name, tt.name)
		}
	}
}

func TestRequired(t *testing.T) {
	t.Parallel()
	all := []string{"reason", "target", "target.name", "tenant", "channel", "outcome", "changes", "metadata.ticket"}
	p := newPolicy(t, policy.Rule{Name: "everything", Require: all})
	begin := func(e *audit.Event) { e.Attempt = e.ID }
	for _, tt := range []struct {
		name   string
		change func(e *audit.Event)
		want   []string
	}{
		{"all present", func(*audit.Event) {}, nil},
		{"reason", func(e *audit.Event) { e.Reason = "" }, []string{"reason"}},
		{"the target's id", func(e *audit.Event) { e.Target.ID = "" }, []string{"target"}},
		{"the target's type", func(e *audit.Event) { e.Target.Type = "" }, []string{"target"}},
		{"the target's name", func(e *audit.Event) { e.Target.Name = "" }, []string{"target.name"}},
		{"tenant", func(e *audit.Event) { e.Tenant = "" }, []string{"tenant"}},
		{"outcome", func(e *audit.Event) { e.Outcome = 0 }, []string{"outcome"}},
		{"changes", func(e *audit.Event) { e.Changes = nil }, []string{"changes"}},
		{"metadata", func(e *audit.Event) { e.Metadata = e.Metadata[1:] }, []string{"metadata.ticket"}},
		{"several", func(e *audit.Event) { e.Reason, e.Tenant = "", "" }, []string{"reason", "tenant"}},
		{"a signal has no reason", func(e *audit.Event) { *e = audit.Event{Kind: audit.KindSignal} }, nil},
		{"a beginning needs no outcome and no changes", func(e *audit.Event) { begin(e); e.Outcome, e.Changes = 0, nil }, nil},
		{"a beginning needs all else", func(e *audit.Event) { begin(e); e.Reason, e.Metadata = "", nil }, []string{"reason", "metadata.ticket"}},
		{"the end needs an outcome", func(e *audit.Event) { e.Attempt, e.Outcome, e.Changes = audit.NewID(), 0, nil }, []string{"outcome", "changes"}},
		{"no attempt and no id yet", func(e *audit.Event) { e.ID, e.Outcome = audit.ID{}, 0 }, []string{"outcome"}},
	} {
		e := payout()
		tt.change(&e)
		_, problems := p.Explain(&e, "api")
		assert.Equal(t, tt.want, missing(t, problems), tt.name)
	}
	e := payout()
	_, problems := p.Explain(&e, "")
	assert.Equal(t, []string{"channel"}, missing(t, problems))
}

func TestActors(t *testing.T) {
	t.Parallel()
	onBehalfOf := func(actor, principal audit.Actor) audit.Actor { actor.OnBehalfOf = &principal; return actor }
	cycle := audit.User("1")
	cycle.OnBehalfOf = &cycle
	failedLogin := func(e *audit.Event) { e.Operation, e.Outcome = audit.OperationLogin, audit.OutcomeDenied }
	known := policy.Rule{RejectAnonymous: true}
	people := policy.Rule{RequireActorTypes: []string{"user", "service"}}
	both := policy.Rule{RejectAnonymous: true, RequireActorTypes: []string{"user"}}
	for _, tt := range []struct {
		name   string
		rule   policy.Rule
		actor  audit.Actor
		change func(e *audit.Event)
		want   []string
	}{
		{"anonymous", known, audit.Anonymous(), nil, []string{"anonymous"}},
		{"a user", known, audit.User("1"), nil, nil},
		{"for somebody anonymous", known, onBehalfOf(audit.User("1"), audit.Anonymous()), nil, []string{"anonymous"}},
		{"for somebody known", known, onBehalfOf(audit.User("1"), audit.User("2")), nil, nil},
		{"a cycle", known, cycle, nil, nil},
		{"a failed login", known, audit.Anonymous(), failedLogin, nil},
		{"an anonymous login", known, audit.Anonymous(), func(e *audit.Event) { e.Operation = audit.OperationLogin }, []string{"anonymous"}},
		{"a denied request", known, audit.Anonymous(), func(e *audit.Event) { e.Action, e.Outcome = "access.denied", audit.OutcomeDenied }, nil},
		{"a signal", known, audit.Anonymous(), func(e *audit.Event) { e.Kind = audit.KindSignal }, nil},
		{"the first type", people, audit.User("1"), nil, nil},
		{"the second type", people, audit.Service("1"), nil, nil},
		{"another type", people, audit.System("1"), nil, []string{"actor.type"}},
		{"of another type for a user", people, onBehalfOf(audit.System("1"), audit.User("2")), nil, []string{"actor.type"}},
		{"a user for one of another type", people, onBehalfOf(audit.User("2"), audit.System("1")), nil, nil},
		{"an anonymous one of another type", people, audit.Anonymous(), nil, []string{"actor.type"}},
		{"a failed login of nobody", people, audit.Anonymous(), failedLogin, nil},
		{"a failed login of another type", people, audit.System("1"), failedLogin, []string{"actor.type"}},
		{"one problem is enough", both, audit.Anonymous(), nil, []string{"anonymous"}},
		{"another type, and known", both, audit.Service("1"), nil, []string{"actor.type"}},
		{"a signal of another type", people, audit.System("1"), func(e *audit.Event) { e.Kind = audit.KindSignal }, nil},
	} {
		tt.rule.Name = "actors"
		e := payout()
		e.Actor = tt.actor
		if tt.change != nil {
			tt.change(&e)
		}
		_, problems := newPolicy(t, tt.rule).Explain(&e, "")
		assert.Equal(t, tt.want, missing(t, problems), tt.name)
	}
	e := payout()
	e.Actor = audit.System("1")
	_, problems := newPolicy(t, policy.Rule{Name: "r", RequireActorTypes: []string{"user", "service", "anonymous"}}).Explain(&e, "")
	assert.ErrorContains(t, errors.Join(problems...), "actor.type: it must be user, service or anonymous for this action")
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	p := newPolicy(t,
		policy.Rule{Name: "events are matched separately", Channels: []string{"admin"}, Require: []string{"reason"}},
		policy.Rule{Name: "probes", Methods: []string{"GET", "HEAD"}, Routes: []string{"/healthz", "/ready*"}, Exempt: "reads nothing"},
		policy.Rule{Name: "admin", Channels: []string{"admin"}, RequireEvent: true},
		policy.Rule{Name: "search", Methods: []string{"POST"}, Routes: []string{"/search"}, Exempt: "a POST that reads"},
	)
	for _, tt := range []struct {
		method, route, channel string
		required               bool
		exemption              string
		matched                bool
	}{
		{"GET", "/healthz", "api", false, "reads nothing", true},
		{"HEAD", "/ready/db", "admin", false, "reads nothing", true},
		{"POST", "/healthz", "api", false, "", false},
		{"POST", "/healthz", "admin", true, "", true},
		{"GET", "", "admin", true, "", true},
		{"POST", "/search", "api", false, "a POST that reads", true},
		{"POST", "/search", "admin", true, "", true},
		{"post", "/search", "api", false, "", false},
		{"", "", "", false, "", false},
	} {
		required, exemption, matched := p.Coverage(tt.method, tt.route, tt.channel)
		assert.Equal(t, tt.required, required, "%v", tt)
		assert.Equal(t, tt.exemption, exemption, "%v", tt)
		assert.Equal(t, tt.matched, matched, "%v", tt)
	}
	rule, _ := p.Explain(&audit.Event{Action: "a"}, "admin")
	assert.Equal(t, "events are matched separately", rule, "request rules do not match events")
}

func TestNoRules(t *testing.T) {
	t.Parallel()
	empty := newPolicy(t)
	for _, p := range []*policy.Policy{nil, empty} {
		e := audit.Event{}
		rule, problems := p.Explain(&e, "")
		assert.Empty(t, rule)
		assert.Empty(t, problems)
		assert.Equal(t, -1, p.Find(&e, ""))
		assert.Empty(t, p.Rules())
		_, _, matched := p.Coverage("GET", "/", "")
		assert.False(t, matched)
	}
}

// TestImmutable changes the arguments of New and the result of Rules.
func TestImmutable(t *testing.T) {
	t.Parallel()
	rules := []policy.Rule{
		{Name: "r", Actions: []string{"a"}, Require: []string{"reason"}, Exporters: []string{"x"}},
		{Name: "q", Methods: []string{"GET"}, Exempt: "reads"},
	}
	p := newPolicy(t, rules...)
	before := p.Rules()
	for _, list := range [][]policy.Rule{rules, p.Rules()} {
		list[0].Name, list[0].Actions[0], list[0].Require[0], list[0].Exporters[0] = "no", "no", "no", "no"
		list[1].Methods[0] = "NO"
	}
	assert.Equal(t, before, p.Rules())
	rule, problems := p.Explain(&audit.Event{Action: "a"}, "")
	assert.Equal(t, "r", rule)
	assert.Equal(t, []string{"reason"}, missing(t, problems))
	_, _, matched := p.Coverage("GET", "", "")
	assert.True(t, matched)
}

func TestRuleJSON(t *testing.T) {
	t.Parallel()
	const text = `[{"name":"payouts","actions":["payout.*"],"targets":["payout"],"actor_types":["user"],"channels":["admin"],` +
		`"require":["reason"],"require_actor_types":["user"],"reject_anonymous":true,"changes":"omitted","exporters":["none"]},` +
		`{"name":"probes","methods":["GET"],"routes":["/healthz"],"exempt":"reads nothing"},{"name":"admin","channels":["admin"],"require_event":true}]`
	var rules []policy.Rule
	require.NoError(t, json.Unmarshal([]byte(text), &rules))
	back, err := json.Marshal(newPolicy(t, rules...).Rules())
	require.NoError(t, err)
	assert.Equal(t, text, string(back))
}
