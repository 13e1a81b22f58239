package scope_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/viewer/internal/scope"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

var epoch = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func newReader(t *testing.T, store query.Reader, within query.Filter, shown, hidden []string) *scope.Reader {
	t.Helper()
	mask, err := scope.NewMask(shown, hidden, within)
	require.NoError(t, err)
	reader, err := scope.NewReader(store, within, mask)
	require.NoError(t, err)
	return reader
}

func find(t *testing.T, reader query.Reader, f query.Filter) (lines []string) {
	t.Helper()
	for r, err := range reader.Find(t.Context(), f) {
		require.NoError(t, err)
		line, err := r.AppendJSON(nil)
		require.NoError(t, err)
		lines = append(lines, string(line))
	}
	return lines
}

// secret is in each field of the record that can be hidden.
const secret = "zanzibar"

func secretRecord() *record.Record {
	return &record.Record{
		Event: audit.Event{
			ID: audit.ID{6: 0x70, 8: 0x80, 15: 1}, Time: epoch, Action: "salary.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeSuccess,
			Actor: audit.Actor{
				Type: audit.ActorUser, ID: "42", Name: secret, AuthMethod: secret, Roles: []string{secret}, SessionID: query.SessionOf(secret),
				OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: secret},
			},
			Target: audit.Target{Type: "employee", ID: "7", Name: secret}, Covers: []audit.Target{{Type: "team", ID: secret}},
			Reason: secret, Failure: secret, Tenant: secret, Bulk: audit.Bulk{Selector: secret, Affected: 1, Sample: []string{secret}},
			Changes: []audit.Change{{Field: secret, New: attribute.StringValue(secret)}},
			Metadata: []attribute.KeyValue{
				semconv.MongoDBChangedFieldsKey.StringSlice([]string{secret}), attribute.String(secret, secret),
			},
			Marks: []mark.Mark{{Path: "changes." + secret, Kind: mark.Cut, Length: 9}, {Path: "reason", Kind: mark.Cut, Length: 9}},
		},
		Channel: secret, Tracker: record.Instrumentation{Name: secret}, Resource: resource.NewSchemaless(attribute.String(secret, secret)),
		Overridden: []attribute.KeyValue{attribute.String(secret, secret)}, Redacted: []string{"metadata." + secret},
	}
}

// TestHiddenFields: what is hidden is in no answer, and no filter finds it, whether it has it
// or excludes it.
func TestHiddenFields(t *testing.T) {
	t.Parallel()
	store := querytest.NewReader(secretRecord())
	everything := newReader(t, store, query.Filter{}, nil, nil)
	nothing := newReader(t, store, query.Filter{}, []string{"metadata." + string(semconv.MongoDBChangedFieldsKey)}, nil)
	hidden := newReader(t, store, query.Filter{}, nil, []string{"*"})
	for _, reader := range []*scope.Reader{nothing, hidden} {
		lines := find(t, reader, query.Filter{})
		require.Len(t, lines, 1)
		assert.NotContains(t, lines[0], secret)
		assert.NotContains(t, lines[0], query.SessionOf(secret))
	}
	for name, f := range map[string]query.Filter{
		"text": {Text: secret}, "reason": {Reason: secret}, "failure": {Failure: secret}, "tenant": {Tenants: []string{secret}},
		"channel": {Channels: []string{secret}}, "changed": {Changed: []string{secret}}, "key": {Metadata: []attribute.KeyValue{{Key: secret}}},
		"value": {Metadata: []attribute.KeyValue{attribute.String(secret, secret)}}, "resource": {Resource: []attribute.KeyValue{{Key: secret}}},
		"behalf": {OnBehalfOf: []audit.Actor{audit.User(secret)}}, "session": {Sessions: []string{query.SessionOf(secret)}},
		"covers": {Targets: []audit.Target{{Type: "team", ID: secret}}}, "part": {Text: "anzi"},
	} {
		require.Len(t, find(t, everything, f), 1, name)
		for _, reader := range []*scope.Reader{nothing, hidden} {
			assert.Empty(t, find(t, reader, f), name)
			assert.Len(t, find(t, reader, query.Filter{Not: []query.Filter{f}}), 1, name)
			counts, err := query.Count(t.Context(), reader, f, query.Facets{By: []query.Facet{query.ByTenant}})
			require.NoError(t, err)
			assert.Zero(t, counts.Records, name)
		}
	}
	for _, f := range []query.Filter{{Tenants: []string{""}}, {Channels: []string{""}}} { // as if it had none
		assert.Len(t, find(t, hidden, f), 1)
	}
}

// TestHiddenParts: a pattern that hides a field also hides it where the record has it once more,
// and a part of what is shown.
func TestHiddenParts(t *testing.T) {
	t.Parallel()
	shown := func(text string) []string { return []string{text} }
	full := func() *record.Record {
		r := secretRecord()
		r.Actor = audit.Actor{Type: audit.ActorUser, ID: "1", OnBehalfOf: &audit.Actor{
			Type: audit.ActorUser, ID: "2", Name: "Name 2", AuthMethod: "Auth 2", SessionID: "00000000000000a2", Roles: shown("Role 2"),
			OnBehalfOf: &audit.Actor{Type: audit.ActorUser, ID: "3", Name: "Name 3", SessionID: "00000000000000a3"},
		}}
		r.Covers = []audit.Target{{Type: "team", ID: "9", Name: "Team 9"}}
		r.Bulk = audit.Bulk{Selector: "Selector", Affected: 1, Sample: shown("Sample")}
		r.Overridden = []attribute.KeyValue{attribute.String("client.address", "Replaced")}
		r.Tracker = record.Instrumentation{Name: "Tracker", Version: "Version"}
		r.Redacted = []string{"actor.on_behalf_of.name", "covers[0].name", "bulk.selector"}
		r.Marks = nil
		for _, path := range r.Redacted {
			r.AddMark(mark.Mark{Path: path, Kind: mark.Cut, Length: 9})
		}
		return r
	}
	for pattern, texts := range map[string][]string{
		"actor.name":                      {"Name 2", "Name 3", "actor.on_behalf_of.name"},
		"actor.on_behalf_of.name":         {"Name 2", "actor.on_behalf_of.name"},
		"actor.session_id":                {"00000000000000a2", "00000000000000a3"},
		"*.session_id":                    {"00000000000000a2", "00000000000000a3"},
		"actor.on_behalf_of.auth_method":  {"Auth 2"},
		"actor.roles":                     {"Role 2"},
		"actor.on_behalf_of.on_behalf_of": {"Name 3"},
		"bulk.sample":                     {"Sample"},
		"bulk.selector":                   {"Selector", "bulk.selector"},
		"covers.*":                        {"Team 9", "covers[0]"},
		"covers.name":                     {"Team 9", "covers[0]"},
		"metadata.client.*":               {"Replaced"},
		"overridden.client.address":       {"Replaced"},
		"tracker.*":                       {"Tracker", "Version"},
	} {
		r := full()
		before := find(t, newReader(t, querytest.NewReader(r), query.Filter{}, nil, nil), query.Filter{})
		line := find(t, newReader(t, querytest.NewReader(r), query.Filter{}, nil, []string{pattern}), query.Filter{})
		for _, text := range texts {
			assert.Contains(t, before[0], text)
			assert.NotContains(t, line[0], text, pattern)
		}
		assert.Contains(t, line[0], `"id":"2"`, pattern)
		assert.Equal(t, before, find(t, newReader(t, querytest.NewReader(r), query.Filter{}, nil, nil), query.Filter{}), "the record of the store is as it was")
	}
	line := find(t, newReader(t, querytest.NewReader(full()), query.Filter{}, nil, []string{"reason"}), query.Filter{})[0]
	for _, text := range []string{"Name 2", "Name 3", "Role 2", "Sample", "Selector", "Team 9", "Replaced", "Tracker", `"path":"covers[0].name"`, `"path":"actor.on_behalf_of.name"`} {
		assert.Contains(t, line, text, "only the reason is hidden")
	}
}

// TestMarksOfLists: a mark of a list is shown with a part of the list, so that changes that were
// only asked for are not shown as made. Its length and hash are not: they may be those of a hidden part.
func TestMarksOfLists(t *testing.T) {
	t.Parallel()
	r := secretRecord()
	r.Changes = []audit.Change{{Field: "salary", New: attribute.StringValue("1")}, {Field: "title", New: attribute.StringValue("2")}}
	r.Marks = []mark.Mark{{Path: "changes", Kind: mark.Requested}, {Path: "changes", Kind: mark.Cut, Length: 9}, {Path: "attempt", Kind: mark.Dropped, Count: 1}, {Path: "covers", Kind: mark.Dropped, Count: 1}}
	for pattern, want := range map[string][]mark.Mark{
		"changes.salary": {r.Marks[0], r.Marks[2], r.Marks[3]},
		"changes.*":      {r.Marks[2], r.Marks[3]},
		"covers.name":    r.Marks,
	} {
		for seen, err := range newReader(t, querytest.NewReader(r), query.Filter{}, nil, []string{pattern}).Find(t.Context(), query.Filter{}) {
			require.NoError(t, err)
			assert.Equal(t, want, seen.Marks, pattern)
		}
	}
}

// TestOtherTargets: with a View of some targets, a record does not name others.
func TestOtherTargets(t *testing.T) {
	t.Parallel()
	r := secretRecord()
	r.Covers = append(r.Covers, audit.Target{Type: "team", ID: "mine"})
	for _, path := range []string{"target.id", "covers[0].id", "covers[1].id", "bulk.sample[0]"} {
		r.AddMark(mark.Mark{Path: path, Kind: mark.Cut, Length: 9})
	}
	store := querytest.NewReader(r, &record.Record{Event: audit.Event{ID: audit.ID{1}, Time: epoch, Action: "a", Actor: audit.User("1"), Target: audit.Target{Type: "team", ID: "other"}}})
	mine := query.Filter{Targets: []audit.Target{{Type: "team", ID: "mine"}}}
	reader := newReader(t, store, mine, nil, nil)
	for r, err := range reader.Find(t.Context(), query.Filter{}) {
		require.NoError(t, err)
		assert.Equal(t, []audit.Target{{Type: "team", ID: "mine"}}, r.Covers)
		assert.Zero(t, r.Target)
		assert.Empty(t, r.Changes)
		assert.Empty(t, r.Bulk.Sample)
		assert.Equal(t, []mark.Mark{{Path: "reason", Kind: mark.Cut, Length: 9}}, r.Marks, "no length or hash of what is hidden")
	}
	assert.Empty(t, find(t, reader, query.Filter{Targets: []audit.Target{{Type: "employee", ID: "7"}}}))
	assert.Empty(t, find(t, reader, query.Filter{Targets: []audit.Target{{Type: "team", ID: "other"}}}))
}

// TestProperty compares random filters on random views with a search of the records as they
// may be seen.
func TestProperty(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string { return string(rune('a' + rng.IntN(3))) }
	var records []*record.Record
	for n := range 60 {
		r := &record.Record{Event: audit.Event{
			ID: audit.ID{6: 0x70, 8: 0x80, 15: byte(n)}, Time: epoch.Add(time.Duration(rng.IntN(20)) * time.Minute), Action: word() + "." + word(),
			Outcome: audit.Outcome(rng.IntN(4)), Actor: audit.User(word()), Target: audit.Target{Type: word(), ID: word()}, Tenant: word(), Reason: word(),
			Covers:  []audit.Target{{Type: word(), ID: word()}},
			Changes: []audit.Change{{Field: word(), New: attribute.StringValue(word())}}, Metadata: []attribute.KeyValue{attribute.String(word(), word())},
		}, Channel: word()}
		records = append(records, r)
	}
	filter := func() (f query.Filter) {
		for range rng.IntN(4) {
			switch rng.IntN(12) {
			case 0:
				f.Tenants = append(f.Tenants, word())
			case 1:
				f.Actions = append(f.Actions, word()+".*")
			case 2:
				f.Actions = append(f.Actions, "*."+word())
			case 3:
				f.Text = word()
			case 4:
				f.Channels = append(f.Channels, word())
			case 5:
				f.Targets = append(f.Targets, audit.Target{Type: word(), ID: word()})
			case 6:
				f.TargetTypes = append(f.TargetTypes, word())
			case 7:
				f.Since = epoch.Add(time.Duration(rng.IntN(20)) * time.Minute)
			case 8:
				f.Changed = append(f.Changed, word())
			case 9:
				f.Metadata = append(f.Metadata, attribute.KeyValue{Key: attribute.Key(word())})
			case 10:
				f.Reason = word()
			case 11:
				f.Tenants = []string{""}
			}
		}
		return f
	}
	patterns := []string{"reason", "changes.*", "changes.a", "metadata.*", "tenant", "channel", "covers", "target.name", "*"}
	some := func() (list []string) {
		for range rng.IntN(3) {
			list = append(list, patterns[rng.IntN(len(patterns))])
		}
		return list
	}
	store := querytest.NewReader(records...)
	found := 0
	for n := range 2000 {
		within, shown, hidden, f := filter(), some(), some(), filter()
		if excluded := filter(); rng.IntN(2) == 0 && excluded.Validate() == nil {
			if not := (query.Filter{Not: []query.Filter{excluded}}); not.Validate() == nil {
				f.Not = not.Not
			}
		}
		f.Limit, f.Ascending = rng.IntN(5), rng.IntN(2) == 0
		what := fmt.Sprint(n, within, shown, hidden, f)
		reader := newReader(t, store, within, shown, hidden)
		// The records as they may be seen, which the store would give to somebody who asks all.
		var seen []*record.Record
		for r, err := range reader.Find(t.Context(), query.Filter{}) {
			require.NoError(t, err)
			seen = append(seen, r)
		}
		want := find(t, querytest.NewReader(seen...), f)
		got := find(t, reader, f)
		require.Equal(t, want, got, what)
		var lines []string
		for l, err := range query.Lines(t.Context(), reader, f) {
			require.NoError(t, err)
			lines = append(lines, l.JSON)
		}
		require.Equal(t, want, lines, what)
		found += len(got)
		for _, r := range seen { // and these are within the view
			original := records[r.ID[15]]
			require.True(t, within.Matches(original), what)
		}
	}
	require.Greater(t, found, 500)
}

// counter counts calls of CountRecords.
type counter struct {
	query.Reader

	asked []query.Filter
}

func (c *counter) CountRecords(_ context.Context, f query.Filter, _ query.Facets) (*query.Counts, error) {
	c.asked = append(c.asked, f)
	return &query.Counts{Records: 4711}, nil
}

func (c *counter) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return c.Reader.Find(ctx, f)
}

// TestCounter: the index of the store counts only what the view shows.
func TestCounter(t *testing.T) {
	t.Parallel()
	acme := query.Filter{Tenants: []string{"acme"}}
	for _, tt := range []struct {
		within, f query.Filter
		hidden    []string
		indexed   bool
	}{
		{query.Filter{}, query.Filter{}, nil, true},
		{acme, query.Filter{Outcomes: []audit.Outcome{audit.OutcomeDenied}}, nil, true},
		{acme, query.Filter{Tenants: []string{"acme", "other"}}, nil, false},
		{acme, query.Filter{}, []string{"reason"}, false},
		{query.Filter{TargetTypes: []string{"a"}}, query.Filter{}, nil, false},
	} {
		store := &counter{Reader: querytest.NewReader(secretRecord())}
		counts, err := query.Count(t.Context(), newReader(t, store, tt.within, nil, tt.hidden), tt.f, query.Facets{})
		require.NoError(t, err)
		assert.Equal(t, tt.indexed, counts.Records == 4711)
		for _, f := range store.asked {
			assert.Equal(t, tt.within.Tenants, f.Tenants)
		}
	}
}
