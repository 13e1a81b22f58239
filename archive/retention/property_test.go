package retention_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/archive/retention"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/require"
)

// model is the policy in other words: it knows each record, and says where it must be.
type model struct {
	rules []retention.Rule
	held  map[string]bool // tenants with a hold
	place map[audit.ID]string
}

func (m *model) rule(r *record.Record) *retention.Rule {
	for i := range m.rules {
		rule := &m.rules[i]
		if (rule.Actions == nil || slices.Contains(rule.Actions, r.Action)) && (rule.Tenants == nil || slices.Contains(rule.Tenants, r.Tenant)) {
			return rule
		}
	}
	return nil
}

// due reports whether so much time has passed since a record.
func due(r *record.Record, after time.Duration, now time.Time) bool {
	born := r.Time
	if r.ObservedTime.After(born) {
		born = r.ObservedTime
	}
	return after > 0 && now.Sub(born) >= after
}

// leave says where a record goes if its segment leaves: an archive of a class, "gone", or ""
// if it must not leave.
func (m *model) leave(r *record.Record, now time.Time) string {
	rule := m.rule(r)
	switch {
	case rule == nil:
		return ""
	case !m.held[r.Tenant] && due(r, rule.Keep, now):
		return "gone"
	case due(r, rule.ArchiveAfter, now):
		return rule.Name
	}
	return ""
}

// apply moves the records of segments, and then removes archives.
func (m *model) apply(segments [][]*record.Record, archives func() map[string][]*record.Record, now time.Time) {
	for _, segment := range segments {
		if slices.ContainsFunc(segment, func(r *record.Record) bool { return m.place[r.ID] == "ledger" && m.leave(r, now) == "" }) {
			break
		}
		for _, r := range segment {
			if m.place[r.ID] == "ledger" {
				m.place[r.ID] = m.leave(r, now)
			}
		}
	}
	for _, records := range archives() {
		expired := !slices.ContainsFunc(records, func(r *record.Record) bool {
			return m.held[r.Tenant] || !due(r, m.rule(r).Keep, now)
		})
		for _, r := range records {
			if expired {
				m.place[r.ID] = "gone"
			}
		}
	}
}

// TestPolicies compares random policies, ledgers and holds with the model.
func TestPolicies(t *testing.T) {
	t.Parallel()
	for seed := range uint64(sampled(40)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			testPolicy(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

var (
	someActions = []string{"user.login", "payout.send", "invoice.update"}
	someTenants = []string{"", "acme", "globex"}
)

func randomRules(rnd *rand.Rand) []retention.Rule {
	var rules []retention.Rule
	for i := range 1 + rnd.IntN(4) {
		r := retention.Rule{Name: fmt.Sprintf("class-%d", i)}
		if i == 0 || rnd.IntN(3) > 0 {
			r.Actions = []string{someActions[rnd.IntN(3)]}
		}
		if r.Actions == nil || rnd.IntN(3) == 0 {
			r.Tenants = []string{someTenants[rnd.IntN(3)]}
		}
		if rnd.IntN(4) > 0 {
			r.Keep = time.Duration(2+rnd.IntN(60)) * retention.Day
		}
		if rnd.IntN(2) == 0 {
			r.ArchiveAfter = time.Duration(1+rnd.IntN(20)) * retention.Day
			if r.Keep > 0 {
				r.ArchiveAfter = min(r.ArchiveAfter, r.Keep/2)
			}
		}
		rules = append(rules, r)
	}
	return append(rules, retention.Rule{Name: "rest", Keep: time.Duration(rnd.IntN(30)) * retention.Day})
}

func testPolicy(t *testing.T, rnd *rand.Rand) {
	var records []*record.Record
	for n := range 30 + rnd.IntN(60) {
		r := newRecord(n+1, rec{action: someActions[rnd.IntN(3)], tenant: someTenants[rnd.IntN(3)], day: n / 4})
		if rnd.IntN(3) == 0 {
			r.Time = r.Time.AddDate(0, 0, rnd.IntN(60)-40)
		}
		records = append(records, r)
	}
	w := newWorld(t, records...)
	m := &model{rules: randomRules(rnd), held: map[string]bool{}, place: map[audit.ID]string{}}
	policy := newPolicy(t, m.rules...)
	all, _, err := w.reader.Segments()
	require.NoError(t, err)
	var segments [][]*record.Record
	for _, s := range all[:len(all)-1] {
		segments = append(segments, records[s.First-1:s.Next-1])
	}
	for _, r := range records {
		m.place[r.ID] = "ledger"
	}
	archives := func() map[string][]*record.Record { // what the model has in each archive
		found := map[string][]*record.Record{}
		for i, segment := range segments {
			for _, r := range segment {
				if place := m.place[r.ID]; place != "ledger" && place != "gone" {
					name := fmt.Sprint(i, place)
					found[name] = append(found[name], r)
				}
			}
		}
		return found
	}
	for day := 10; day < 120; day += 5 + rnd.IntN(20) {
		for _, tenantName := range someTenants {
			switch name := fmt.Sprintf("hold-%s-%d", tenantName, day); {
			case m.held[tenantName] && rnd.IntN(3) == 0:
				holds, err := retention.Holds(t.Context(), w.store)
				require.NoError(t, err)
				for _, h := range holds {
					if h.Lifted.IsZero() && slices.Equal(h.Filter.Tenants, []string{tenantName}) {
						require.NoError(t, retention.Lift(w.ctx, w.store, w.recorder.Tracker("test"), h.Name, "done"))
					}
				}
				m.held[tenantName] = false
			case rnd.IntN(8) == 0:
				h := retention.Hold{Name: name, Filter: query.Filter{Tenants: []string{tenantName}}, Reason: "a case"}
				require.NoError(t, retention.Place(w.ctx, w.store, w.recorder.Tracker("test"), h))
				m.held[tenantName] = true
			}
		}
		options := w.at(policy, day)
		plan, err := retention.PlanLedger(w.ctx, w.reader, options)
		require.NoError(t, err)
		report, err := retention.ApplyLedger(w.ctx, w.reader, w.ledger.RemoveBefore, options)
		require.NoError(t, err)
		require.Len(t, report.Removed, countRemovals(plan), "an apply does what its plan says")
		m.apply(segments, archives, options.Now())
		m.check(t, w, records, day)
	}
}

func countRemovals(p *retention.Plan) (n int) {
	for _, s := range p.Segments {
		if s.Remove {
			n++
		}
	}
	return n
}

// check compares the places of all records.
func (m *model) check(t *testing.T, w *world, records []*record.Record, day int) {
	t.Helper()
	found := w.archived(t)
	for id := range w.kept(t) {
		require.NotContains(t, found, id)
		found[id] = "ledger"
	}
	for i, r := range records {
		want := m.place[r.ID]
		if want == "gone" {
			want = ""
		}
		require.Equal(t, want, found[r.ID], "record %d on day %d", i+1, day)
	}
}
