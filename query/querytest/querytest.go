// Package querytest holds the conformance suite for implementations of query.Reader.
//
//	func TestReader(t *testing.T) {
//		querytest.Run(t, func(t *testing.T, records []*record.Record) query.Reader {
//			// Store the records in a new store and return its Reader.
//		})
//	}
package querytest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
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
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
)

// Run tests a query.Reader. For each call newReader creates a store, stores the records
// in it in the given order, and returns its Reader.
func Run(t *testing.T, newReader func(t *testing.T, records []*record.Record) query.Reader) {
	t.Helper()
	records := fixture()
	t.Run("filters", func(t *testing.T) { testFilters(t, newReader(t, records), records) })
	t.Run("pages", func(t *testing.T) { testPages(t, newReader(t, records), records) })
	t.Run("random", func(t *testing.T) { testRandom(t, newReader(t, records), records) })
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

// epoch is the time of the first record of the suite.
var epoch = time.Date(2026, 11, 23, 7, 26, 2, 123456789, time.UTC)

// id returns the n-th ID of the suite.
func id(n int) audit.ID {
	var id audit.ID
	binary.BigEndian.PutUint64(id[:], 0x0199_0000_0000_7000)
	binary.BigEndian.PutUint64(id[8:], 1<<63|uint64(n))
	return id
}

func newRecord(n int) *record.Record {
	at := epoch.Add(time.Duration(n) * time.Second)
	return &record.Record{
		Event: audit.Event{
			ID: id(n), Time: at, Action: "article.update", Operation: audit.OperationUpdate,
			Actor: audit.User("42"), Target: audit.Target{Type: "article", ID: "1001"}, Outcome: audit.OutcomeSuccess,
		},
		ObservedTime: at.Add(time.Millisecond),
	}
}

// longID returns an ID that is too long for a record. All begin alike.
func longID(n int) string { return strings.Repeat("long", record.MaxNameLength/4) + strconv.Itoa(n) }

// pick returns the value with index n, modulo their number.
func pick[T any](n int, values ...T) T { return values[n%len(values)] }

// fixture returns records that differ in every field that a filter can match. Some have
// the same time, and they are not in the order of their times.
func fixture() []*record.Record {
	rng := rand.New(rand.NewPCG(1, 2))
	records := make([]*record.Record, 0, 300)
	for n := range 300 {
		r := newRecord(n)
		r.Time = epoch.Add(time.Duration(rng.IntN(100)) * time.Second)
		r.Action = pick(rng.IntN(100), "article.update", "article.delete", "invoice.approve", "invoice.line.add", "login")
		r.Operation = pick(rng.IntN(100), audit.OperationUnspecified, audit.OperationCreate, audit.OperationUpdate)
		r.Kind = pick(rng.IntN(100), audit.KindIntent, audit.KindSignal)
		r.Outcome = pick(rng.IntN(100), audit.OutcomeUnknown, audit.OutcomeSuccess, audit.OutcomeDenied)
		r.Actor = pick(rng.IntN(100), audit.User("42"), audit.User("7"), audit.Service("42"), audit.Anonymous())
		r.Target = audit.Target{Type: pick(rng.IntN(100), "article", "invoice"), ID: pick(rng.IntN(100), "1", "2", `odd "id" ü`, `jos\xe9`, `back\slash`)}
		if n := rng.IntN(20); n < 2 {
			r.Target.ID, _ = record.CutName(longID(n))
			r.AddMark(mark.Mark{Path: "target.id", Kind: mark.Cut, Length: int64(len(longID(n))), SHA256: sha256.Sum256([]byte(longID(n)))})
		}
		r.Tenant = pick(rng.IntN(100), "", "acme", "other")
		r.Channel = pick(rng.IntN(100), "", "api", "admin")
		if rng.IntN(2) == 0 {
			r.TraceID[15] = byte(1 + rng.IntN(3))
		}
		r.Metadata = []attribute.KeyValue{attribute.Int("batch", rng.IntN(3)), attribute.String("region", pick(rng.IntN(100), "eu", "us"))}
		if rng.IntN(4) == 0 {
			r.Metadata = append(r.Metadata, attribute.String(`reg\x0aion`, `\x00`))
		}
		records = append(records, r)
	}
	return records
}

// condition is a filter on one field and the predicate that it stands for.
type condition struct {
	name    string
	set     func(*query.Filter)
	matches func(*record.Record) bool
}

func conditions() []condition {
	denied, unknown, signal, intent := audit.OutcomeDenied, audit.OutcomeUnknown, audit.KindSignal, audit.KindIntent
	since, until := epoch.Add(20*time.Second), epoch.Add(70*time.Second)
	trace := strings.Repeat("0", 31) + "2"
	return []condition{
		{"actor type", func(f *query.Filter) { f.ActorType = audit.ActorService }, func(r *record.Record) bool { return r.Actor.Type == audit.ActorService }},
		{"anonymous", func(f *query.Filter) { f.ActorType = audit.ActorAnonymous }, func(r *record.Record) bool { return r.Actor.Type == audit.ActorAnonymous }},
		{"actor id", func(f *query.Filter) { f.ActorID = "42" }, func(r *record.Record) bool { return r.Actor.ID == "42" }},
		{"target type", func(f *query.Filter) { f.TargetType = "invoice" }, func(r *record.Record) bool { return r.Target.Type == "invoice" }},
		{"target id", func(f *query.Filter) { f.TargetID = "1" }, func(r *record.Record) bool { return r.Target.ID == "1" }},
		{"odd target id", func(f *query.Filter) { f.TargetID = `odd "id" ü` }, func(r *record.Record) bool { return r.Target.ID == `odd "id" ü` }},
		{"escaped target id", func(f *query.Filter) { f.TargetID = `jos\xe9` }, func(r *record.Record) bool { return r.Target.ID == `jos\xe9` }},
		{"original target id", func(f *query.Filter) { f.TargetID = "jos\xe9" }, func(r *record.Record) bool { return r.Target.ID == `jos\xe9` }},
		{"target id with a backslash", func(f *query.Filter) { f.TargetID = `back\slash` }, func(r *record.Record) bool { return r.Target.ID == `back\slash` }},
		{"long target id", func(f *query.Filter) { f.TargetID = longID(1) }, func(r *record.Record) bool {
			return len(r.Marks) > 0 && r.Marks[0].SHA256 == sha256.Sum256([]byte(longID(1)))
		}},
		{"cut target id", func(f *query.Filter) { f.TargetID, _ = record.CutName(longID(1)) }, func(r *record.Record) bool { return len(r.Marks) > 0 }},
		{"original metadata", func(f *query.Filter) { f.Metadata = append(f.Metadata, attribute.String("reg\nion", "\x00")) }, func(r *record.Record) bool {
			return len(r.Metadata) > 2
		}},
		{"tenant", func(f *query.Filter) { f.Tenant = "acme" }, func(r *record.Record) bool { return r.Tenant == "acme" }},
		{"channel", func(f *query.Filter) { f.Channel = "admin" }, func(r *record.Record) bool { return r.Channel == "admin" }},
		{"trace", func(f *query.Filter) { f.TraceID = trace }, func(r *record.Record) bool { return r.TraceID.IsValid() && r.TraceID.String() == trace }},
		{"action", func(f *query.Filter) { f.Action = "article.update" }, func(r *record.Record) bool { return r.Action == "article.update" }},
		{"action prefix", func(f *query.Filter) { f.Action = "invoice.*" }, func(r *record.Record) bool { return strings.HasPrefix(r.Action, "invoice.") }},
		{"action suffix", func(f *query.Filter) { f.Action = "*e" }, func(r *record.Record) bool { return strings.HasSuffix(r.Action, "e") }},
		{"action middle", func(f *query.Filter) { f.Action = "i*.line.*d" }, func(r *record.Record) bool { return r.Action == "invoice.line.add" }},
		{"no action", func(f *query.Filter) { f.Action = "log" }, func(*record.Record) bool { return false }},
		{"operation", func(f *query.Filter) { f.Operation = audit.OperationCreate }, func(r *record.Record) bool { return r.Operation == audit.OperationCreate }},
		{"outcome", func(f *query.Filter) { f.Outcome = &denied }, func(r *record.Record) bool { return r.Outcome == denied }},
		{"unknown outcome", func(f *query.Filter) { f.Outcome = &unknown }, func(r *record.Record) bool { return r.Outcome == unknown }},
		{"signal", func(f *query.Filter) { f.Kind = &signal }, func(r *record.Record) bool { return r.Kind == signal }},
		{"intent", func(f *query.Filter) { f.Kind = &intent }, func(r *record.Record) bool { return r.Kind == intent }},
		{"since", func(f *query.Filter) { f.Since = since }, func(r *record.Record) bool { return !r.Time.Before(since) }},
		{"until", func(f *query.Filter) { f.Until = until }, func(r *record.Record) bool { return r.Time.Before(until) }},
		{"one instant", func(f *query.Filter) { f.Since, f.Until = since, since.Add(1) }, func(r *record.Record) bool { return r.Time.Equal(since) }},
		{"metadata", func(f *query.Filter) { f.Metadata = append(f.Metadata, attribute.Int("batch", 1)) }, func(r *record.Record) bool { return r.Metadata[0].Value.AsInt64() == 1 }},
		{"more metadata", func(f *query.Filter) { f.Metadata = append(f.Metadata, attribute.String("region", "eu")) }, func(r *record.Record) bool { return r.Metadata[1].Value.AsString() == "eu" }},
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
	for range 200 {
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
	for _, fields := range [][]string{
		{"actor type", "anonymous"},
		{"target id", "odd target id", "escaped target id", "original target id", "target id with a backslash", "long target id", "cut target id"},
		{"outcome", "unknown outcome"},
		{"signal", "intent"},
		{"action", "action prefix", "action suffix", "action middle", "no action"},
		{"since", "until", "one instant"},
	} {
		if slices.Contains(fields, name) && slices.ContainsFunc(names, func(n string) bool { return slices.Contains(fields, n) }) {
			return true
		}
	}
	return false
}

// testPages reads all records, page by page.
func testPages(t *testing.T, reader query.Reader, records []*record.Record) {
	t.Helper()
	for _, ascending := range []bool{false, true} {
		for _, size := range []int{7, 100, 299, 300, 301} {
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
	outcome, kind := audit.Outcome(99), audit.Kind(99)
	for field, f := range map[string]query.Filter{
		"After":     {After: "what is this"},
		"Limit":     {Limit: -1},
		"ActorType": {ActorType: 99},
		"Operation": {Operation: 99},
		"Outcome":   {Outcome: &outcome},
		"Kind":      {Kind: &kind},
		"Until":     {Since: epoch, Until: epoch.Add(-1)},
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
	slices.SortFunc(want, func(a, b *record.Record) int {
		c := a.Time.Compare(b.Time)
		if c == 0 {
			c = strings.Compare(a.ID.String(), b.ID.String())
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
