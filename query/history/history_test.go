package history_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/history"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

var (
	epoch   = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	article = audit.Target{Type: "article", ID: "1001"}
)

// at returns the time of the n-th record.
func at(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) }

type option func(*record.Record)

// event returns the n-th record about the article.
func event(n int, operation audit.Operation, options ...option) *record.Record {
	r := &record.Record{Event: audit.Event{
		ID: audit.ID{6: 0x70, 8: 0x80, 14: byte(n >> 8), 15: byte(n)}, Time: at(n), Action: "article." + operation.String(), Operation: operation,
		Actor: audit.User(fmt.Sprint(n)), Target: article, Outcome: audit.OutcomeSuccess,
	}, ObservedTime: at(n)}
	for _, o := range options {
		o(r)
	}
	return r
}

// change adds a change. An empty text stands for no value.
func change(field, before, after string) option {
	value := func(text string) attribute.Value {
		if text == "" {
			return attribute.Value{}
		}
		return attribute.StringValue(text)
	}
	return func(r *record.Record) {
		r.Changes = append(r.Changes, audit.Change{Field: field, Old: value(before), New: value(after)})
	}
}

func marked(path string, kind mark.Kind) option {
	return func(r *record.Record) {
		r.AddMark(mark.Mark{Path: path, Kind: kind, Length: 9, SHA256: sha256.Sum256([]byte(path))})
	}
}

func with(outcome audit.Outcome) option { return func(r *record.Record) { r.Outcome = outcome } }

func metadata(kvs ...attribute.KeyValue) option {
	return func(r *record.Record) { r.Metadata = append(r.Metadata, kvs...) }
}

// show returns versions as lines.
func show(t *testing.T, records []*record.Record, within query.Filter) (lines []string, errs []error) {
	t.Helper()
	for v, err := range history.Of(t.Context(), querytest.NewReader(records...), article, within) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		line := fmt.Sprintf("%d by %s: %s", v.Number, v.Record.Actor.ID, v.Effect)
		for _, g := range v.Gaps {
			line += " [" + g.String() + "]"
		}
		for _, c := range v.Changes {
			line += fmt.Sprintf("; %s %s -> %s", c.Field, c.Old, c.New)
			if c.Unrecorded {
				line += ", was " + c.Expected.String()
			}
		}
		lines = append(lines, line)
	}
	return lines, errs
}

// stateAt returns a state as lines.
func stateAt(t *testing.T, records []*record.Record, when time.Time) []string {
	t.Helper()
	s, err := history.AsOf(t.Context(), querytest.NewReader(records...), article, when, query.Filter{})
	require.NoError(t, err)
	lines := []string{s.Exists.String()}
	if s.Complete {
		lines[0] += ", complete"
	}
	for _, f := range s.Fields {
		line := fmt.Sprintf("%s %s by %s", f.Name, f.Value, f.Source.Actor.ID)
		if f.Doubtful {
			line += ", doubtful"
		}
		if f.Later {
			line += ", later"
		}
		lines = append(lines, line)
	}
	return lines
}

const (
	create, read, update, remove = audit.OperationCreate, audit.OperationRead, audit.OperationUpdate, audit.OperationDelete
	approve                      = audit.OperationUnspecified
)

func TestLife(t *testing.T) {
	t.Parallel()
	records := []*record.Record{
		event(1, create, change("title", "", "Old"), change("body", "", "text")),
		event(2, read),
		event(3, update, change("title", "Old", "New")),
		event(4, update, change("title", "New", "Hidden"), with(audit.OutcomeDenied)),
		event(5, update, change("title", "New", "Newer"), change("tag", "", "x")),
		event(6, remove, change("title", "Newer", ""), change("body", "text", "")),
		event(7, create, change("title", "", "Again")),
	}
	lines, errs := show(t, records, query.Filter{})
	assert.Empty(t, errs)
	assert.Equal(t, []string{
		"1 by 1: created; title (absent) -> Old; body (absent) -> text",
		"2 by 2: none",
		"3 by 3: changed; title Old -> New",
		"4 by 4: none; title New -> Hidden",
		"5 by 5: changed; title New -> Newer; tag (absent) -> x",
		"6 by 6: deleted; title Newer -> (absent); body text -> (absent)",
		"7 by 7: created; title (absent) -> Again",
	}, lines)
	for when, want := range map[time.Time][]string{
		at(0):         {"gone"},
		at(1):         {"present, complete", "body text by 1", "title Old by 1"},
		at(3).Add(-1): {"present, complete", "body text by 1", "title Old by 1"},
		at(4):         {"present, complete", "body text by 1", "title New by 3"},
		at(5):         {"present, complete", "body text by 1", "tag x by 5", "title Newer by 5"},
		at(6):         {"gone, complete"},
		at(100):       {"present, complete", "title Again by 7"},
	} {
		assert.Equal(t, want, stateAt(t, records, when), when)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	cut := strings.Repeat("long", 3)
	for _, tt := range []struct {
		name    string
		records []*record.Record
		want    []string
		now     []string
	}{
		{
			"first seen mid-life",
			[]*record.Record{event(1, update, change("title", "Old", "New"))},
			[]string{"1 by 1: changed [earlier]; title Old -> New"},
			[]string{"present", "title New by 1"},
		},
		{
			"changed by nobody",
			[]*record.Record{event(1, create, change("title", "", "a")), event(2, update, change("title", "b", "c"))},
			[]string{"1 by 1: created; title (absent) -> a", "2 by 2: changed; title b -> c, was a"},
			[]string{"present, complete", "title c by 2"},
		},
		{
			"fields that the creation does not list",
			[]*record.Record{event(1, create), event(2, update, change("title", "b", "c"))},
			[]string{"1 by 1: created", "2 by 2: changed; title b -> c"},
			[]string{"present", "title c by 2"},
		},
		{
			"changed after its deletion",
			[]*record.Record{event(1, remove), event(2, update, change("title", "b", "c")), event(3, create, change("title", "", "d"))},
			[]string{"1 by 1: deleted [earlier]", "2 by 2: changed [reappeared]; title b -> c", "3 by 3: created [recreated]; title (absent) -> d"},
			[]string{"present, complete", "title d by 3"},
		},
		{
			"an update without changes",
			[]*record.Record{event(1, create, change("title", "", "a")), event(2, update), event(3, update, change("title", "b", "c"))},
			[]string{"1 by 1: created; title (absent) -> a", "2 by 2: changed [unlisted]", "3 by 3: changed; title b -> c"},
			[]string{"present", "title c by 3"},
		},
		{
			"changes that were dropped",
			[]*record.Record{event(1, create, change("title", "", "a"), change("body", "", "b")), event(2, update, change("title", "a", "c"), marked("changes", mark.Dropped))},
			[]string{"1 by 1: created; title (absent) -> a; body (absent) -> b", "2 by 2: changed [unlisted]; title a -> c"},
			[]string{"present", "body b by 1, doubtful", "title c by 2"},
		},
		{
			"changes that may not be exported",
			[]*record.Record{event(1, approve, func(r *record.Record) { r.Redacted = []string{"changes"} })},
			[]string{"1 by 1: changed [earlier] [unlisted]"},
			[]string{"present"},
		},
		{
			"an unknown outcome",
			[]*record.Record{event(1, create, change("title", "", "a"), change("body", "", "b")), event(2, update, change("title", "a", "c"), with(audit.OutcomeUnknown))},
			[]string{"1 by 1: created; title (absent) -> a; body (absent) -> b", "2 by 2: uncertain; title a -> c"},
			[]string{"present, complete", "body b by 1", "title a by 1, doubtful"},
		},
		{
			"a deletion of unknown outcome",
			[]*record.Record{event(1, create, change("title", "", "a")), event(2, remove, with(audit.OutcomeUnknown))},
			[]string{"1 by 1: created; title (absent) -> a", "2 by 2: uncertain"},
			[]string{"unrecorded", "title a by 1, doubtful"},
		},
		{
			"changes that were asked for",
			[]*record.Record{event(1, update, change("title", "a", "b"), marked("changes", mark.Requested))},
			[]string{"1 by 1: uncertain [earlier]; title a -> b"},
			[]string{"unrecorded", "title a by 1, doubtful"},
		},
		{
			"an attempt",
			[]*record.Record{
				event(1, update, func(r *record.Record) { r.Attempt, r.Outcome = r.ID, audit.OutcomeUnknown }),
				event(2, update, change("title", "a", "b"), func(r *record.Record) { r.Attempt = event(1, update).ID }),
			},
			[]string{"1 by 1: none", "2 by 2: changed [earlier]; title a -> b"},
			[]string{"present", "title b by 2"},
		},
		{
			"covered by another object's record",
			[]*record.Record{event(1, create, change("title", "", "a")), event(2, update, change("total", "1", "2"), func(r *record.Record) {
				r.Target, r.Covers = audit.Target{Type: "order", ID: "7"}, []audit.Target{article}
			})},
			[]string{"1 by 1: created; title (absent) -> a", "2 by 2: uncertain"},
			[]string{"present", "title a by 1, doubtful"},
		},
		{
			"an action that does not say",
			[]*record.Record{event(1, create, change("title", "", "a")), event(2, approve), event(3, approve, change("title", "a", "b"))},
			[]string{"1 by 1: created; title (absent) -> a", "2 by 2: uncertain", "3 by 3: changed; title a -> b"},
			[]string{"present", "title b by 3"},
		},
		{
			"a masked field",
			[]*record.Record{event(1, update, func(r *record.Record) {
				r.Changes = []audit.Change{
					{Field: "password", Old: attribute.StringValue(record.RedactedText), New: attribute.StringValue(record.RedactedText), Redacted: true},
					{Field: "names.only", Redacted: true},
					{Field: "new", New: attribute.StringValue(record.RedactedText), Redacted: true},
					{Field: `hash\x0aed`, Old: attribute.StringValue("ab"), New: attribute.StringValue("cd")},
				}
				r.Redacted = []string{`changes.hash\x0aed`}
			})},
			[]string{`1 by 1: changed [earlier]; password (redacted) -> (redacted); names.only (redacted) -> (redacted); new (absent) -> (redacted); hash\x0aed (redacted) -> (redacted)`},
			[]string{"present", `hash\x0aed (redacted) by 1`, "names.only (redacted) by 1", "new (redacted) by 1", "password (redacted) by 1"},
		},
		{
			"values that are cut",
			[]*record.Record{event(1, update, change("a", "1", cut), change("b", cut, "1"), change("c", cut, cut), change("d", cut, "1"),
				marked("changes.a", mark.Cut), marked("changes.b", mark.Cut), marked("changes.c[0]", mark.Cut), marked("changes.dd", mark.Cut))},
			[]string{"1 by 1: changed [earlier]; a 1 -> " + cut + " (cut); b " + cut + " (cut) -> 1; c " + cut + " (cut) -> " + cut + " (cut); d " + cut + " -> 1"},
			[]string{"present", "a " + cut + " (cut) by 1", "b 1 by 1", "c " + cut + " (cut) by 1", "d 1 by 1"},
		},
		{
			"values that are not known",
			[]*record.Record{
				event(1, create, change("a", "", "1"), change("b", "", "1"), change("c", "", "1")),
				event(2, update, change("a", record.NotLoadedText, "2"), func(r *record.Record) {
					r.Changes = append(r.Changes, audit.Change{Field: "f", New: record.UnrepresentableValue("func()", "")})
				}),
				event(3, update, change("b", "", "3"), metadata(semconv.RepositoryBeforeUnknownKey.String("*errors.errorString"))),
				event(4, update, metadata(semconv.MongoDBChangedFieldsKey.StringSlice([]string{"c"}))),
			},
			[]string{
				"1 by 1: created; a (absent) -> 1; b (absent) -> 1; c (absent) -> 1",
				"2 by 2: changed; a (not loaded) -> 2; f (absent) -> (unrepresentable)",
				"3 by 3: changed; b (unknown) -> 3", "4 by 4: changed; c (unknown) -> (unknown)",
			},
			[]string{"present, complete", "a 2 by 2", "b 3 by 3", "c (unknown) by 4", "f (unrepresentable) by 2"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lines, errs := show(t, tt.records, query.Filter{})
			assert.Empty(t, errs)
			assert.Equal(t, tt.want, lines)
			assert.Equal(t, tt.now, stateAt(t, tt.records, at(1000)))
		})
	}
}

// TestAsOfLearnsFromLaterRecords: what a record changed from tells what was there.
func TestAsOfLearnsFromLaterRecords(t *testing.T) {
	t.Parallel()
	records := []*record.Record{
		event(5, update, change("title", "a", "b"), change("tag", "", "x")),
		event(6, update, change("title", "b", "c"), change("body", "old", "new")),
		event(7, read), event(8, approve),
		event(9, update, change("note", "n", "m")),
		event(10, remove, change("size", "7", "")),
		event(11, create, change("color", "", "red")),
		event(12, update, change("color", "red", "blue"), change("form", "round", "flat")),
	}
	assert.Equal(t, []string{
		"present", "body old by 6, later", "note n by 9, doubtful, later", "size 7 by 10, doubtful, later", "title a by 5, later",
	}, stateAt(t, records, at(1)))
	assert.Equal(t, []string{
		"present", "body old by 6, later", "note n by 9, doubtful, later", "size 7 by 10, doubtful, later", "tag x by 5", "title b by 5",
	}, stateAt(t, records, at(5)))
	assert.Equal(t, []string{"gone, complete"}, stateAt(t, records, at(10)))
	assert.Equal(t, []string{"present, complete", "color red by 11", "form round by 12, later"}, stateAt(t, records, at(11)))
}

func TestMixedObjects(t *testing.T) {
	t.Parallel()
	tenant := func(name string) option { return func(r *record.Record) { r.Tenant = name } }
	records := []*record.Record{event(1, create, tenant("acme")), event(2, update), event(3, create, tenant("other"))}
	lines, errs := show(t, records, query.Filter{})
	assert.Len(t, lines, 2)
	require.Len(t, errs, 1)
	require.EqualError(t, errs[0], "history: the records are about several objects, which differ in tenant; narrow the filter")
	lines, errs = show(t, records, query.Filter{Tenants: []string{"other"}})
	assert.Len(t, lines, 1)
	assert.Empty(t, errs)

	namespace := metadata(semconv.TargetNamespaceKey.String("archive"))
	records = []*record.Record{event(1, create, namespace), event(2, create)}
	_, errs = show(t, records, query.Filter{})
	var mixed *history.MixedError
	require.Len(t, errs, 1)
	require.ErrorAs(t, errs[0], &mixed)
	assert.Equal(t, "metadata audit.target.namespace", mixed.Field)
	s, err := history.AsOf(t.Context(), querytest.NewReader(records...), article, at(9), query.Filter{})
	require.ErrorAs(t, err, &mixed)
	assert.Equal(t, 1, s.Versions)
}

// broken yields an error before the records.
type broken struct {
	query.Reader
	err error
}

func (b broken) Find(ctx context.Context, f query.Filter) iter.Seq2[*record.Record, error] {
	return func(yield func(*record.Record, error) bool) {
		if !yield(nil, b.err) {
			return
		}
		for r, err := range b.Reader.Find(ctx, f) {
			if !yield(r, err) {
				return
			}
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	reader := broken{querytest.NewReader(event(1, create, change("title", "", "a"))), errors.New("damaged")}
	s, err := history.AsOf(t.Context(), reader, article, at(1), query.Filter{})
	require.ErrorIs(t, err, reader.err)
	assert.Len(t, s.Fields, 1, "the rest is used")
	n := 0
	for _, err := range history.Of(t.Context(), reader, article, query.Filter{}) {
		require.ErrorIs(t, err, reader.err)
		n++
		break
	}
	assert.Equal(t, 1, n)
	var invalid *query.FilterError
	for _, within := range []query.Filter{{Limit: 1}, {Ascending: true}, {Text: " "}, {Targets: []audit.Target{article}}} {
		s, err := history.AsOf(t.Context(), reader, article, at(1), within)
		require.ErrorAs(t, err, &invalid)
		assert.Nil(t, s)
	}
	for _, err := range history.Of(t.Context(), reader, audit.Target{ID: "1"}, query.Filter{}) {
		require.ErrorAs(t, err, &invalid)
	}
}

// TestManyFields: no more than MaxFields are held.
func TestManyFields(t *testing.T) {
	t.Parallel()
	var records []*record.Record
	for n := range 3 {
		r := event(n, update)
		for i := range 4000 {
			change(fmt.Sprint(n, ".", i), "a", "b")(r)
		}
		records = append(records, r)
	}
	s, err := history.AsOf(t.Context(), querytest.NewReader(records...), article, at(9), query.Filter{})
	require.NoError(t, err)
	assert.Len(t, s.Fields, history.MaxFields)
	assert.Equal(t, 2000, s.Omitted)
	assert.False(t, s.Complete)
}
