// Package querytest holds the conformance suite for implementations of query.Reader.
//
//	func TestReader(t *testing.T) {
//		querytest.Run(t, func(t *testing.T, records []*record.Record) query.Reader {
//			// Store the records in a new store and return its Reader.
//		})
//	}
package querytest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Run tests a query.Reader, and its FindLines if it is a query.LineReader. For each call
// newReader creates a store, stores the records in it in the given order, and returns its Reader.
func Run(t *testing.T, newReader func(t *testing.T, records []*record.Record) query.Reader) {
	t.Helper()
	records := fixture()
	t.Run("filters", func(t *testing.T) { testFilters(t, newReader(t, records), records) })
	t.Run("pages", func(t *testing.T) { testPages(t, newReader(t, records), records) })
	t.Run("random", func(t *testing.T) { testRandom(t, newReader(t, records), records) })
	t.Run("property", func(t *testing.T) { testProperty(t, newReader) })
	t.Run("metadata", func(t *testing.T) { testMetadata(t, newReader) })
	t.Run("repetitions", func(t *testing.T) { testRepetitions(t, newReader) })
	t.Run("bad filters", func(t *testing.T) { testBadFilters(t, newReader(t, records)) })
	t.Run("iteration", func(t *testing.T) { testIteration(t, newReader(t, records)) })
	t.Run("empty", func(t *testing.T) {
		if got := find(t, newReader(t, nil), query.Filter{}); len(got) != 0 {
			t.Errorf("an empty store has %d records", len(got))
		}
	})
}

// condition is a filter on one field and the predicate that it stands for.
type condition struct {
	name    string
	set     func(*query.Filter)
	matches func(*record.Record) bool
}

func target(id string) []audit.Target { return []audit.Target{{Type: "article", ID: id}} }

// concerns reports whether the target of a record, or one that it covers, has the type and
// the ID, of which an empty one does not count.
func concerns(r *record.Record, kind, id string) bool {
	return slices.ContainsFunc(append([]audit.Target{r.Target}, r.Covers...), func(t audit.Target) bool {
		return (kind == "" || kind == t.Type) && (id == "" || id == t.ID)
	})
}

// serves reports whether the actor acts for the user.
func serves(r *record.Record, user string) bool {
	for a := r.Actor.OnBehalfOf; a != nil; a = a.OnBehalfOf {
		if a.Type == audit.ActorUser && a.ID == user {
			return true
		}
	}
	return false
}

func changes(r *record.Record, fields ...string) bool {
	return slices.ContainsFunc(r.Changes, func(c audit.Change) bool { return slices.Contains(fields, c.Field) })
}

func service(r *record.Record) string {
	v, _ := r.Resource.Set().Value("service.name")
	return v.AsString()
}

// conditions has a name before the comma, or the whole name, for the field that it sets.
func conditions() []condition {
	since, until := epoch.Add(24*time.Second), epoch.Add(70*time.Second)
	isLong := func(n int) func(*record.Record) bool {
		return func(r *record.Record) bool {
			return r.Target.Type == "article" && len(r.Marks) > 0 && r.Marks[0].SHA256 == sha256.Sum256([]byte(longID(n)))
		}
	}
	return []condition{
		{"IDs", func(f *query.Filter) { f.IDs = []audit.ID{id(7), id(9), id(1000)} }, func(r *record.Record) bool { return r.ID == id(7) || r.ID == id(9) }},
		{"Actors", func(f *query.Filter) { f.Actors = []audit.Actor{audit.User("42")} }, func(r *record.Record) bool { return r.Actor.Type == audit.ActorUser && r.Actor.ID == "42" }},
		{"Actors, without a type", func(f *query.Filter) { f.Actors = []audit.Actor{{ID: "42", Name: "ignored"}} }, func(r *record.Record) bool { return r.Actor.ID == "42" }},
		{"Actors, two", func(f *query.Filter) { f.Actors = []audit.Actor{audit.User("7"), audit.Anonymous()} }, func(r *record.Record) bool {
			return r.Actor.ID == "7" || r.Actor.Type == audit.ActorAnonymous
		}},
		{"ActorTypes", func(f *query.Filter) { f.ActorTypes = []audit.ActorType{audit.ActorService} }, func(r *record.Record) bool { return r.Actor.Type == audit.ActorService }},
		{"OnBehalfOf", func(f *query.Filter) { f.OnBehalfOf = []audit.Actor{audit.User("7")} }, func(r *record.Record) bool { return serves(r, "7") }},
		{"OnBehalfOf, two", func(f *query.Filter) { f.OnBehalfOf = []audit.Actor{audit.User("7"), audit.User("8")} }, func(r *record.Record) bool { return serves(r, "7") || serves(r, "8") }},
		{"Delegated", func(f *query.Filter) { f.Delegated = true }, func(r *record.Record) bool { return r.Actor.OnBehalfOf != nil }},
		{"Delegated, and OnBehalfOf", func(f *query.Filter) { f.Delegated, f.OnBehalfOf = true, []audit.Actor{audit.User("7")} }, func(r *record.Record) bool { return serves(r, "7") }},
		{"Not delegated", func(f *query.Filter) { f.Not = []query.Filter{{Delegated: true}} }, func(r *record.Record) bool { return r.Actor.OnBehalfOf == nil }},
		{"Sessions", func(f *query.Filter) { f.Sessions = []string{query.SessionOf("a")} }, func(r *record.Record) bool { return r.Actor.SessionID == "ca978112ca1bbdca" }},
		{"Tenants", func(f *query.Filter) { f.Tenants = []string{"acme"} }, func(r *record.Record) bool { return r.Tenant == "acme" }},
		{"Tenants, none or one", func(f *query.Filter) { f.Tenants = []string{"", "acme"} }, func(r *record.Record) bool { return r.Tenant != "other" }},
		{"Channels", func(f *query.Filter) { f.Channels = []string{"admin", "job"} }, func(r *record.Record) bool { return r.Channel == "admin" }},
		{"Channels, none", func(f *query.Filter) { f.Channels = []string{""} }, func(r *record.Record) bool { return r.Channel == "" }},
		{"Actions", func(f *query.Filter) { f.Actions = []string{"article.update"} }, func(r *record.Record) bool { return r.Action == "article.update" }},
		{"Actions, prefix", func(f *query.Filter) { f.Actions = []string{"invoice.*"} }, func(r *record.Record) bool { return strings.HasPrefix(r.Action, "invoice.") }},
		{"Actions, suffix", func(f *query.Filter) { f.Actions = []string{"*e"} }, func(r *record.Record) bool { return strings.HasSuffix(r.Action, "e") }},
		{"Actions, middle", func(f *query.Filter) { f.Actions = []string{"i*.line.*d"} }, func(r *record.Record) bool { return r.Action == "invoice.line.add" }},
		{"Actions, two", func(f *query.Filter) { f.Actions = []string{"login", "*.delete"} }, func(r *record.Record) bool { return r.Action == "login" || r.Action == "article.delete" }},
		{"Actions, no match", func(f *query.Filter) { f.Actions = []string{"log"} }, func(*record.Record) bool { return false }},
		{"Operations", func(f *query.Filter) { f.Operations = []audit.Operation{audit.OperationCreate} }, func(r *record.Record) bool { return r.Operation == audit.OperationCreate }},
		{"Operations, none or one", func(f *query.Filter) {
			f.Operations = []audit.Operation{audit.OperationUnspecified, audit.OperationCreate}
		}, func(r *record.Record) bool { return r.Operation != audit.OperationUpdate }},
		{"Outcomes", func(f *query.Filter) { f.Outcomes = []audit.Outcome{audit.OutcomeDenied} }, func(r *record.Record) bool { return r.Outcome == audit.OutcomeDenied }},
		{"Outcomes, two", func(f *query.Filter) { f.Outcomes = []audit.Outcome{audit.OutcomeDenied, audit.OutcomeUnknown} }, func(r *record.Record) bool { return r.Outcome != audit.OutcomeSuccess }},
		{"Kinds", func(f *query.Filter) { f.Kinds = []audit.Kind{audit.KindSignal} }, func(r *record.Record) bool { return r.Kind == audit.KindSignal }},
		{"Kinds, intent", func(f *query.Filter) { f.Kinds = []audit.Kind{audit.KindIntent} }, func(r *record.Record) bool { return r.Kind == audit.KindIntent }},
		{"Targets", func(f *query.Filter) { f.Targets = target("1") }, func(r *record.Record) bool { return concerns(r, "article", "1") }},
		{"Targets, covered", func(f *query.Filter) { f.Targets = []audit.Target{{Type: "comment", ID: "9", Name: "ignored"}} }, func(r *record.Record) bool { return concerns(r, "comment", "9") }},
		{"Targets, without a type", func(f *query.Filter) { f.Targets = []audit.Target{{ID: "9"}, {ID: "2"}} }, func(r *record.Record) bool { return concerns(r, "", "9") || concerns(r, "", "2") }},
		{"Targets, odd", func(f *query.Filter) { f.Targets = target(`odd "id" ü`) }, func(r *record.Record) bool { return concerns(r, "article", `odd "id" ü`) }},
		{"Targets, escaped", func(f *query.Filter) { f.Targets = target(`jos\xe9`) }, func(r *record.Record) bool { return concerns(r, "article", `jos\xe9`) }},
		{"Targets, original", func(f *query.Filter) { f.Targets = target("jos\xe9") }, func(r *record.Record) bool { return concerns(r, "article", `jos\xe9`) }},
		{"Targets, with a backslash", func(f *query.Filter) { f.Targets = target(`back\slash`) }, func(r *record.Record) bool { return concerns(r, "article", `back\slash`) }},
		{"Targets, long", func(f *query.Filter) { f.Targets = target(longID(1)) }, isLong(1)},
		{"Targets, cut", func(f *query.Filter) { kept, _ := record.CutName(longID(1)); f.Targets = target(kept) }, func(r *record.Record) bool {
			return isLong(0)(r) || isLong(1)(r)
		}},
		{"TargetTypes", func(f *query.Filter) { f.TargetTypes = []string{"invoice"} }, func(r *record.Record) bool { return r.Target.Type == "invoice" }},
		{"TargetTypes, covered", func(f *query.Filter) { f.TargetTypes = []string{"comment", "nothing"} }, func(r *record.Record) bool { return concerns(r, "comment", "") }},
		{"Changed", func(f *query.Filter) { f.Changed = []string{"title"} }, func(r *record.Record) bool { return changes(r, "title") }},
		{"Changed, prefix", func(f *query.Filter) { f.Changed = []string{"address.*", "odd\nfield"} }, func(r *record.Record) bool {
			return changes(r, "address.city", "address.street", `odd\x0afield`)
		}},
		{"Attempts", func(f *query.Filter) { f.Attempts = []audit.ID{id(3), id(4)} }, func(r *record.Record) bool { return r.Attempt == id(3) || r.Attempt == id(4) }},
		{"Stages", func(f *query.Filter) { f.Stages = []query.Stage{query.StageBegin} }, func(r *record.Record) bool { return r.Attempt == r.ID }},
		{"Stages, end", func(f *query.Filter) { f.Stages = []query.Stage{query.StageEnd} }, func(r *record.Record) bool { return !r.Attempt.IsZero() && r.Attempt != r.ID }},
		{"Stages, none", func(f *query.Filter) { f.Stages = []query.Stage{query.StageNone} }, func(r *record.Record) bool { return r.Attempt.IsZero() }},
		{"TraceIDs", func(f *query.Filter) { f.TraceIDs = []trace.TraceID{{15: 2}} }, func(r *record.Record) bool { return r.TraceID == trace.TraceID{15: 2} }},
		{"Metadata", func(f *query.Filter) { f.Metadata = []attribute.KeyValue{attribute.Int("batch", 1)} }, func(r *record.Record) bool { return r.Metadata[0].Value.AsInt64() == 1 }},
		{"Metadata, two keys", func(f *query.Filter) {
			f.Metadata = []attribute.KeyValue{attribute.Int("batch", 1), attribute.String("region", "eu")}
		}, func(r *record.Record) bool {
			return r.Metadata[0].Value.AsInt64() == 1 && r.Metadata[1].Value.AsString() == "eu"
		}},
		{"Metadata, two values", func(f *query.Filter) {
			f.Metadata = []attribute.KeyValue{attribute.Int("batch", 1), attribute.Int("batch", 2)}
		}, func(r *record.Record) bool {
			return r.Metadata[0].Value.AsInt64() != 0
		}},
		{"Metadata, original", func(f *query.Filter) { f.Metadata = []attribute.KeyValue{attribute.String("reg\nion", "\x00")} }, func(r *record.Record) bool {
			return len(r.Metadata) > 2
		}},
		{"Resource", func(f *query.Filter) { f.Resource = []attribute.KeyValue{attribute.String("service.name", "shop")} }, func(r *record.Record) bool { return service(r) == "shop" }},
		{"Reason", func(f *query.Filter) { f.Reason = "REFUND customer" }, func(r *record.Record) bool { return strings.HasPrefix(r.Reason, "Customer") }},
		{"Failure", func(f *query.Filter) { f.Failure = "funds bank's" }, func(r *record.Record) bool { return r.Failure != "" }},
		{"Text", func(f *query.Filter) { f.Text = "agreed" }, func(r *record.Record) bool { return strings.HasSuffix(r.Reason, "agreed") }},
		{"Text, of an ID", func(f *query.Filter) { f.Text = "Odd" }, func(r *record.Record) bool {
			return r.Target.ID == `odd "id" ü` || changes(r, `odd\x0afield`)
		}},
		{"Text, two words", func(f *query.Filter) { f.Text = " \tgate AGREED\n" }, func(r *record.Record) bool {
			return strings.HasSuffix(r.Reason, "agreed") && r.Actor.OnBehalfOf != nil && r.Actor.OnBehalfOf.ID == "gateway"
		}},
		{"Text, normalized", func(f *query.Filter) { f.Text = "cafe\u0301" }, func(r *record.Record) bool {
			return slices.ContainsFunc(r.Changes, func(c audit.Change) bool { return c.Old.AsString() != "Old" })
		}},
		{"Text, with accents", func(f *query.Filter) { f.Text = "cafe" }, func(*record.Record) bool { return false }},
		{"Text, not of numbers and keys", func(f *query.Filter) { f.Text = "batch" }, func(*record.Record) bool { return false }},
		{"Since", func(f *query.Filter) { f.Since = since }, func(r *record.Record) bool { return !r.Time.Before(since) }},
		{"Until", func(f *query.Filter) { f.Until = until }, func(r *record.Record) bool { return r.Time.Before(until) }},
		{"Since, one instant", func(f *query.Filter) { f.Since, f.Until = since, since.Add(1) }, func(r *record.Record) bool { return r.Time.Equal(since) }},
		{"Not", func(f *query.Filter) {
			f.Not = []query.Filter{{Channels: []string{"api"}}, {Actions: []string{"article.*"}, Targets: target("1")}}
		}, func(r *record.Record) bool {
			return r.Channel != "api" && (!strings.HasPrefix(r.Action, "article.") || !concerns(r, "article", "1"))
		}},
		{"Not, text", func(f *query.Filter) {
			f.Not = []query.Filter{{Text: "refund"}, {Targets: target(longID(1))}, {Stages: []query.Stage{query.StageEnd}}}
		}, func(r *record.Record) bool {
			return r.Reason == "" && !isLong(1)(r) && (r.Attempt.IsZero() || r.Attempt == r.ID)
		}},
	}
}

func testFilters(t *testing.T, reader query.Reader, records []*record.Record) {
	t.Helper()
	for _, c := range conditions() {
		for _, ascending := range []bool{false, true} {
			f := query.Filter{Ascending: ascending}
			c.set(&f)
			t.Run(fmt.Sprintf("%s/ascending=%t", c.name, ascending), func(t *testing.T) {
				equal(t, find(t, reader, f), expect(records, f, c.matches))
			})
		}
	}
}

// testRandom tests random combinations of conditions.
func testRandom(t *testing.T, reader query.Reader, records []*record.Record) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	all := conditions()
	filters := 200
	if sampled() {
		filters = 50
	}
	for range filters {
		f := query.Filter{Ascending: rng.IntN(2) == 0, Limit: rng.IntN(20)}
		var predicates []func(*record.Record) bool
		var names []string
		for range 1 + rng.IntN(3) {
			c := all[rng.IntN(len(all))]
			if slices.Contains(names, c.name) || setsTwice(names, c.name) {
				continue
			}
			c.set(&f)
			names, predicates = append(names, c.name), append(predicates, c.matches)
		}
		want := expect(records, f, predicates...)
		if f.Limit > 0 && len(want) > f.Limit {
			want = want[:f.Limit]
		}
		t.Run(strings.Join(names, ","), func(t *testing.T) { equal(t, find(t, reader, f), want) })
	}
}

// setsTwice reports whether the condition name sets a field that one of names sets.
func setsTwice(names []string, name string) bool {
	field := func(name string) string {
		field, _, _ := strings.Cut(name, ",")
		if field == "Until" {
			return "Since"
		}
		return field
	}
	return slices.ContainsFunc(names, func(n string) bool { return field(n) == field(name) })
}

// testPages reads all records, page by page.
func testPages(t *testing.T, reader query.Reader, records []*record.Record) {
	t.Helper()
	for _, ascending := range []bool{false, true} {
		for _, size := range []int{7, 50, fixtureSize - 1, fixtureSize, fixtureSize + 1} {
			f := query.Filter{Ascending: ascending, Limit: size}
			var got []*record.Record
			for {
				page := find(t, reader, f)
				got = append(got, page...)
				if len(page) < size {
					break
				}
				f.After = query.CursorOf(page[len(page)-1])
			}
			equal(t, got, expect(records, f))
		}
	}
}

// testMetadata searches for values that look alike but have different types.
func testMetadata(t *testing.T, newReader func(*testing.T, []*record.Record) query.Reader) {
	t.Helper()
	values := []attribute.Value{
		attribute.BoolValue(true), attribute.Int64Value(1), attribute.Float64Value(1), attribute.StringValue("1"), attribute.StringValue("true"),
		attribute.Int64Value(math.MaxInt64), attribute.Float64Value(math.Inf(1)), attribute.StringValue("it's \"odd\"\n"), attribute.StringValue(""),
		attribute.StringSliceValue([]string{"1", "2"}), attribute.Int64SliceValue([]int64{1, 2}), attribute.Float64SliceValue([]float64{1, 2}),
		attribute.BoolSliceValue([]bool{true}), attribute.ByteSliceValue([]byte{0, 255}),
		attribute.SliceValue(attribute.Int64Value(1), attribute.StringValue("1")), attribute.MapValue(attribute.Int("a", 1)),
	}
	records := make([]*record.Record, 0, len(values)+1)
	for n, v := range values {
		r := newRecord(n)
		r.Metadata = []attribute.KeyValue{{Key: "a.dotted $key", Value: v}}
		records = append(records, r)
	}
	records = append(records, newRecord(len(values)))
	reader := newReader(t, records)
	for n, v := range values {
		equal(t, find(t, reader, query.Filter{Metadata: []attribute.KeyValue{{Key: "a.dotted $key", Value: v}}}), records[n:n+1])
	}
	withKey := query.Filter{Metadata: []attribute.KeyValue{{Key: "a.dotted $key"}}, Ascending: true}
	equal(t, find(t, reader, withKey), records[:len(values)])
}

// testRepetitions stores records that were tracked twice.
func testRepetitions(t *testing.T, newReader func(*testing.T, []*record.Record) query.Reader) {
	t.Helper()
	first, again := newRecord(1), newRecord(1)
	again.ObservedTime = again.ObservedTime.Add(time.Minute)
	again.TraceID[0] = 1
	assigned, retried := newRecord(2), newRecord(2)
	assigned.ObservedTime = assigned.Time
	retried.Time = retried.Time.Add(time.Minute)
	retried.ObservedTime = retried.Time
	other := newRecord(3)
	reader := newReader(t, []*record.Record{first, assigned, again, other, retried})
	equal(t, find(t, reader, query.Filter{Ascending: true}), []*record.Record{first, assigned, other})
}

func testBadFilters(t *testing.T, reader query.Reader) {
	t.Helper()
	for field, f := range map[string]query.Filter{
		"After":         {After: "what is this"},
		"Limit":         {Limit: -1},
		"ActorTypes":    {ActorTypes: []audit.ActorType{99}},
		"Actors":        {Actors: []audit.Actor{audit.User("")}},
		"Operations":    {Operations: []audit.Operation{99}},
		"Outcomes":      {Outcomes: []audit.Outcome{99}},
		"Kinds":         {Kinds: []audit.Kind{99}},
		"Targets":       {Targets: []audit.Target{{Type: "article"}}},
		"Until":         {Since: epoch, Until: epoch.Add(-1)},
		"Not[0]":        {Not: []query.Filter{{}}},
		"Not[1].Stages": {Not: []query.Filter{{Text: "a"}, {Stages: []query.Stage{9}}}},
	} {
		n := 0
		for r, err := range reader.Find(t.Context(), f) {
			n++
			var invalid *query.FilterError
			if r != nil || !errors.As(err, &invalid) || invalid.Field != field {
				t.Errorf("%s: got %v, %v", field, r, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d results, want one error", field, n)
		}
	}
}

func testIteration(t *testing.T, reader query.Reader) {
	t.Helper()
	for _, err := range reader.Find(t.Context(), query.Filter{}) {
		if err != nil {
			t.Error(err)
		}
		break // the Reader must stop
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range reader.Find(ctx, query.Filter{}) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a canceled Find ended with %v", last)
	}
}

// expect returns the records that match all predicates, in the order of the filter.
func expect(records []*record.Record, f query.Filter, predicates ...func(*record.Record) bool) []*record.Record {
	var want []*record.Record
	for _, r := range records {
		if !slices.ContainsFunc(predicates, func(matches func(*record.Record) bool) bool { return !matches(r) }) {
			want = append(want, r)
		}
	}
	positions := map[*record.Record]query.Position{}
	slices.SortFunc(want, func(a, b *record.Record) int {
		c := byTimeAndID(a, query.Position{Time: b.Time, ID: b.ID})
		if c == 0 && a != b {
			for _, r := range []*record.Record{a, b} {
				if _, ok := positions[r]; !ok {
					positions[r] = query.PositionOf(r)
				}
			}
			c = positions[a].Compare(positions[b])
		}
		if !f.Ascending {
			c = -c
		}
		return c
	})
	return want
}

func find(t *testing.T, reader query.Reader, f query.Filter) []*record.Record {
	t.Helper()
	var got []*record.Record
	for r, err := range reader.Find(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	return got
}

// differentLines says how the lines of a Reader that is a query.LineReader differ from the
// records, or returns "".
func differentLines(t *testing.T, reader query.Reader, f query.Filter, records []*record.Record) string {
	t.Helper()
	lines, ok := reader.(query.LineReader)
	if !ok {
		return ""
	}
	n := 0
	for line, err := range lines.FindLines(t.Context(), f) {
		switch {
		case err != nil:
			return "FindLines failed: " + err.Error()
		case n == len(records):
			return "line " + strconv.Itoa(n) + " is too many: " + line.JSON
		}
		r := records[n]
		if json := jsonOf(r); line.JSON != json || line.ID != r.ID || !line.Time.Equal(r.Time) {
			return fmt.Sprintf("line %d:\n got %s %s %s\nwant %s %s %s", n, line.Time, line.ID, line.JSON, r.Time, r.ID, json)
		}
		if line.Cursor() != query.CursorOf(r) {
			return "the cursor of line " + strconv.Itoa(n) + " is not that of the record"
		}
		n++
	}
	if n < len(records) {
		return "line " + strconv.Itoa(n) + " is missing: " + jsonOf(records[n])
	}
	return ""
}

// equal compares the JSON of records.
func equal(t *testing.T, got, want []*record.Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d records, want %d", len(got), len(want))
	}
	for i := range got {
		g, errG := got[i].AppendJSON(nil)
		w, errW := want[i].AppendJSON(nil)
		if errG != nil || errW != nil || string(g) != string(w) {
			t.Fatalf("record %d:\n got %s %v\nwant %s %v", i, g, errG, w, errW)
		}
	}
}

// byTimeAndID compares a record with a position, without the digest.
func byTimeAndID(r *record.Record, p query.Position) int {
	return cmp.Or(r.Time.Compare(p.Time), bytes.Compare(r.ID[:], p.ID[:]))
}
