package querytest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/text/unicode/norm"
)

// testProperty finds random records by random filters, and expects what Filter.Matches
// selects of them. A failure shows the seed, and the filter without the fields that are not
// needed to fail.
func testProperty(t *testing.T, newReader func(*testing.T, []*record.Record) query.Reader) {
	t.Helper()
	stores, filters := uint64(3), 120
	if sampled() {
		stores, filters = 1, 50
	}
	for seed := range stores {
		rng := rand.New(rand.NewPCG(seed, 17))
		records := randomRecords(rng)
		reader := newReader(t, records)
		for n := range filters {
			f := randomFilter(rng, records)
			if wrong := differentCounts(t, reader, f, rng); wrong != "" {
				t.Fatalf("seed %d, filter %d, %+v: %s", seed, n, f, wrong)
			}
			if different(t, reader, f, records) == "" {
				continue
			}
			f = shrink(f, func(f query.Filter) bool { return different(t, reader, f, records) != "" })
			text, err := f.MarshalJSON()
			t.Fatalf("seed %d, filter %d, %s %v: %s", seed, n, text, err, different(t, reader, f, records))
		}
	}
}

// different says how the records that a Reader finds differ from what the filter selects,
// or returns "".
func different(t *testing.T, reader query.Reader, f query.Filter, records []*record.Record) string {
	t.Helper()
	want := selectFrom(records, f)
	var got []*record.Record
	for r, err := range reader.Find(t.Context(), f) {
		if err != nil {
			return "it failed: " + err.Error()
		}
		got = append(got, r)
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("record %d is missing: %s", i, jsonOf(want[i]))
		case i >= len(want):
			return fmt.Sprintf("record %d is too many: %s", i, jsonOf(got[i]))
		case jsonOf(got[i]) != jsonOf(want[i]):
			return fmt.Sprintf("record %d:\n got %s\nwant %s", i, jsonOf(got[i]), jsonOf(want[i]))
		}
	}
	return differentLines(t, reader, f, got)
}

func jsonOf(r *record.Record) string {
	text, err := r.AppendJSON(nil)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// selectFrom returns what a filter selects of records.
func selectFrom(records []*record.Record, f query.Filter) []*record.Record {
	matcher, err := query.NewMatcher(f)
	if err != nil {
		return nil
	}
	selected := expect(records, f, matcher.Matches)
	if f.After != "" {
		after, _ := query.ParseCursor(f.After) // the filter is valid
		selected = slices.DeleteFunc(selected, func(r *record.Record) bool {
			c := byTimeAndID(r, after)
			if c == 0 {
				c = query.PositionOf(r).Compare(after)
			}
			return c == 0 || (c < 0) == f.Ascending
		})
	}
	if f.Limit > 0 {
		selected = selected[:min(f.Limit, len(selected))]
	}
	return selected
}

// shrink clears fields of the filter for as long as it fails.
func shrink(f query.Filter, fails func(query.Filter) bool) query.Filter {
	for i := range reflect.TypeFor[query.Filter]().NumField() {
		smaller := f
		reflect.ValueOf(&smaller).Elem().Field(i).SetZero()
		if fails(smaller) {
			f = smaller
		}
	}
	for len(f.Not) > 1 {
		smaller := f
		if smaller.Not = f.Not[1:]; !fails(smaller) {
			if smaller.Not = f.Not[:1]; !fails(smaller) {
				break
			}
		}
		f = smaller
	}
	return f
}

// vocabulary has texts that stores may treat differently.
var vocabulary = []string{
	"alice", "Alice", "ALICE", "alice@example.com", "1001", "10", "01", "article", "café", "cafe\u0301", "CAFÉ", "cafe",
	"Stra\u00dfe", "STRASSE", "stra\u1e9ee", "\u212a", "k", "K", "Mi\u017fs", "miss", "Μ\u00b5μ", "ΟΔΟΣ", "οδος", "İi\u0131I",
	"\u0439", "\u0438\u0306", "漢字", "\U0001f600", "a.c", "abc", ".*", "(a|b)[c]{2}^$?+", `quote"d`, `back\slash`, `\x41`, "A",
	"jos\xe9", "two words", "tab\there", "new\nline", "nul\x00", "<b>&amp;</b>", "\u2028", "a_b-c", "`;\u1fef\u037e", "$i",
	"a" + strings.Repeat("\u0301", 5), "\u00e1\u0323", "a\u0323\u0301", "%", "*", "***REDACTED***",
}

// draw returns one of the values.
func draw[T any](rng *rand.Rand, values []T) T { return values[rng.IntN(len(values))] }

// chance reports true once in n times.
func chance(rng *rand.Rand, n int) bool { return rng.IntN(n) == 0 }

func randomName(rng *rand.Rand) string { return record.EscapeName(draw(rng, vocabulary)) }

func randomProse(rng *rand.Rand) string {
	words := make([]string, 1+rng.IntN(4))
	for i := range words {
		words[i] = draw(rng, vocabulary)
	}
	return record.EscapeText(strings.Join(words, draw(rng, []string{" ", "", ", ", "\n"})))
}

func randomValue(rng *rand.Rand, depth int) attribute.Value {
	switch kind := rng.IntN(14); {
	case kind == 0:
		return attribute.BoolValue(chance(rng, 2))
	case kind == 1:
		return attribute.Int64Value(int64(rng.IntN(3)))
	case kind == 2:
		return attribute.Float64Value(float64(rng.IntN(3)) / draw(rng, []float64{1, 2}))
	case kind == 3:
		return attribute.StringSliceValue([]string{randomProse(rng), randomProse(rng)}[:rng.IntN(3)])
	case kind == 4 && depth < 3:
		return attribute.SliceValue(randomValue(rng, depth+1), randomValue(rng, depth+1))
	case kind == 5 && depth < 3:
		return attribute.MapValue(attribute.KeyValue{Key: "a", Value: randomValue(rng, depth+1)}, attribute.KeyValue{Key: "b", Value: randomValue(rng, depth+1)})
	default:
		return attribute.StringValue(randomProse(rng))
	}
}

// randomAttributes returns attributes with some of a few keys, in their order.
func randomAttributes(rng *rand.Rand) []attribute.KeyValue {
	var kvs []attribute.KeyValue
	for _, key := range []attribute.Key{`$key\x0a`, "a.b", "client.address", "note"} {
		if chance(rng, 2) {
			kvs = append(kvs, attribute.KeyValue{Key: key, Value: randomValue(rng, 0)})
		}
	}
	return kvs
}

func randomActor(rng *rand.Rand, depth int) audit.Actor {
	a := audit.Actor{Type: draw(rng, []audit.ActorType{audit.ActorUser, audit.ActorService, audit.ActorSystem, audit.ActorAnonymous})}
	if a.Type != audit.ActorAnonymous {
		a.ID = randomName(rng)
	}
	if chance(rng, 2) {
		a.Name = randomName(rng)
	}
	if chance(rng, 4) {
		a.SessionID = query.SessionOf(draw(rng, vocabulary[:3]))
	}
	if depth < record.MaxDelegation && chance(rng, 2) {
		next := randomActor(rng, depth+1)
		a.OnBehalfOf = &next
	}
	return a
}

func randomTarget(rng *rand.Rand) audit.Target {
	t := audit.Target{Type: draw(rng, []string{"article", "invoice", "odd type"}), ID: randomName(rng)}
	if chance(rng, 3) {
		t.Name = randomName(rng)
	}
	return t
}

func randomRecords(rng *rand.Rand) []*record.Record {
	records := make([]*record.Record, 80)
	for i := range records {
		r := newRecord(i)
		r.Time = epoch.Add(time.Duration(rng.IntN(8))*time.Millisecond + time.Duration(rng.IntN(3)))
		r.Action = draw(rng, []string{"article.update", "article.delete", "invoice.approve", "login", "a.b_c.d1"})
		r.Kind, r.Outcome = audit.Kind(rng.IntN(2)), audit.Outcome(rng.IntN(4))
		r.Operation = audit.Operation(rng.IntN(4))
		r.Actor, r.Target = randomActor(rng, 0), randomTarget(rng)
		for range max(0, rng.IntN(6)-3) {
			r.Covers = append(r.Covers, randomTarget(rng))
		}
		for range max(0, rng.IntN(6)-2) {
			r.Changes = append(r.Changes, audit.Change{Field: randomName(rng), Old: randomValue(rng, 0), New: randomValue(rng, 0)})
		}
		if chance(rng, 2) {
			r.Tenant, r.Channel = randomName(rng), draw(rng, []string{"api", "admin", "web"})
		}
		if chance(rng, 3) {
			r.Reason, r.Failure = randomProse(rng), randomProse(rng)
		}
		if chance(rng, 3) {
			r.Attempt = draw(rng, []audit.ID{r.ID, id(1), id(2)})
		}
		if chance(rng, 5) {
			r.Bulk = audit.Bulk{Selector: randomProse(rng), Affected: 3, Sample: []string{randomName(rng), randomName(rng)}}
		}
		if chance(rng, 2) {
			r.TraceID = trace.TraceID{15: byte(1 + rng.IntN(3))}
		}
		r.Metadata = randomAttributes(rng)
		if kvs := randomAttributes(rng); len(kvs) > 0 {
			r.Resource = resource.NewSchemaless(kvs...)
		}
		records[i] = r
	}
	return records
}

// randomFilter returns a valid filter. Most of its values are from the records, so that it
// selects some.
func randomFilter(rng *rand.Rand, records []*record.Record) query.Filter {
	for {
		var f query.Filter
		setFields(rng, records, &f, 1+rng.IntN(3))
		for range max(0, rng.IntN(6)-3) {
			var excluded query.Filter
			setFields(rng, records, &excluded, 1+rng.IntN(2))
			f.Not = append(f.Not, excluded)
		}
		f.Ascending = chance(rng, 2)
		if chance(rng, 3) {
			f.Limit = 1 + rng.IntN(20)
		}
		if chance(rng, 4) {
			f.After = query.CursorOf(draw(rng, records))
		}
		if f.Validate() == nil {
			return f
		}
	}
}

// setFields sets n random fields.
func setFields(rng *rand.Rand, records []*record.Record, f *query.Filter, n int) {
	for range n {
		set := draw(rng, setters)
		for range 1 + rng.IntN(3)*rng.IntN(2) {
			set(rng, draw(rng, records), f)
		}
	}
}

// setters set or extend a field by a value of the record.
var setters = []func(rng *rand.Rand, r *record.Record, f *query.Filter){
	func(_ *rand.Rand, r *record.Record, f *query.Filter) { f.IDs = append(f.IDs, r.ID) },
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		a := audit.Actor{Type: r.Actor.Type, ID: original(rng, r.Actor.ID)}
		if a.ID != "" && chance(rng, 2) {
			a.Type = audit.ActorNone
		}
		f.Actors = append(f.Actors, a)
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) {
		f.ActorTypes = append(f.ActorTypes, r.Actor.Type)
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) { f.Delegated = r.Actor.OnBehalfOf != nil },
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		for a := r.Actor.OnBehalfOf; a != nil; a = a.OnBehalfOf {
			if a.OnBehalfOf == nil || chance(rng, 2) {
				f.OnBehalfOf = append(f.OnBehalfOf, audit.Actor{Type: a.Type, ID: original(rng, a.ID)})
				return
			}
		}
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) {
		if r.Actor.SessionID != "" {
			f.Sessions = append(f.Sessions, r.Actor.SessionID)
		}
	},
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		f.Tenants = append(f.Tenants, original(rng, r.Tenant))
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) { f.Channels = append(f.Channels, r.Channel) },
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		f.Actions = append(f.Actions, glob(rng, r.Action))
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) {
		f.Operations = append(f.Operations, r.Operation)
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) { f.Outcomes = append(f.Outcomes, r.Outcome) },
	func(_ *rand.Rand, r *record.Record, f *query.Filter) { f.Kinds = append(f.Kinds, r.Kind) },
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		t := draw(rng, append([]audit.Target{r.Target}, r.Covers...))
		t.ID, t.Name = original(rng, t.ID), ""
		if chance(rng, 2) {
			t.Type = ""
		}
		f.Targets = append(f.Targets, t)
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) {
		f.TargetTypes = append(f.TargetTypes, r.Target.Type)
	},
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		for _, c := range r.Changes {
			f.Changed = append(f.Changed, glob(rng, original(rng, c.Field)))
		}
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) {
		if !r.Attempt.IsZero() {
			f.Attempts = append(f.Attempts, r.Attempt)
		}
	},
	func(_ *rand.Rand, r *record.Record, f *query.Filter) { f.Stages = append(f.Stages, query.StageOf(r)) },
	func(_ *rand.Rand, r *record.Record, f *query.Filter) {
		if r.TraceID.IsValid() {
			f.TraceIDs = append(f.TraceIDs, r.TraceID)
		}
	},
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		f.Metadata = appendPair(rng, f.Metadata, r.Metadata)
	},
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		f.Resource = appendPair(rng, f.Resource, r.Resource.Attributes())
	},
	func(rng *rand.Rand, r *record.Record, f *query.Filter) { f.Reason = piece(rng, r.Reason) },
	func(rng *rand.Rand, r *record.Record, f *query.Filter) { f.Failure = piece(rng, r.Failure) },
	setText, setText, setText,
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		f.Since = r.Time.Add(time.Duration(rng.IntN(3) - 1))
	},
	func(rng *rand.Rand, r *record.Record, f *query.Filter) {
		f.Until = r.Time.Add(time.Duration(rng.IntN(3) - 1))
	},
}

// setText sets Text to a word of the vocabulary or a piece of a text of the record.
func setText(rng *rand.Rand, r *record.Record, f *query.Filter) {
	texts := []string{r.Action, r.Actor.ID, r.Actor.Name, r.Target.ID, r.Target.Name, r.Reason, r.Tenant, r.Bulk.Selector, draw(rng, vocabulary)}
	for _, kv := range r.Metadata {
		texts = append(texts, textsIn(kv.Value)...)
	}
	for _, c := range r.Changes {
		texts = append(append(texts, textsIn(c.Old)...), c.Field)
	}
	f.Text = piece(rng, draw(rng, texts))
}

func textsIn(v attribute.Value) (texts []string) {
	switch v.Type() {
	case attribute.STRING:
		return []string{v.AsString()}
	case attribute.STRINGSLICE:
		return v.AsStringSlice()
	case attribute.SLICE:
		for _, element := range v.AsSlice() {
			texts = append(texts, textsIn(element)...)
		}
	case attribute.MAP:
		for _, kv := range v.AsMap() {
			texts = append(texts, textsIn(kv.Value)...)
		}
	default:
	}
	return texts
}

// piece returns a part of a text, in another case or normalization.
func piece(rng *rand.Rand, text string) string {
	runes := []rune(draw(rng, []func(string) string{norm.NFC.String, norm.NFD.String, record.Unescape, strings.Clone})(text))
	if len(runes) == 0 {
		return ""
	}
	from := rng.IntN(len(runes))
	runes = runes[from:min(len(runes), from+1+rng.IntN(12))]
	change := draw(rng, []func(rune) rune{unicode.ToLower, unicode.ToUpper, unicode.SimpleFold, func(r rune) rune { return r }})
	return strings.Map(change, string(runes))
}

// original returns a text as a record has it, or as it was before.
func original(rng *rand.Rand, text string) string {
	if chance(rng, 2) {
		return record.Unescape(text)
	}
	return text
}

// glob replaces a part of the text by a star, or not.
func glob(rng *rand.Rand, text string) string {
	if text == "" || chance(rng, 2) {
		return text
	}
	from := rng.IntN(len(text))
	to := from + rng.IntN(len(text)-from+1)
	return strings.ToValidUTF8(text[:from], "") + "*" + strings.ToValidUTF8(text[to:], "")
}

// appendPair appends an attribute of from, or its key only.
func appendPair(rng *rand.Rand, to, from []attribute.KeyValue) []attribute.KeyValue {
	if len(from) == 0 {
		return to
	}
	kv := draw(rng, from)
	kv.Key = attribute.Key(original(rng, string(kv.Key)))
	switch {
	case chance(rng, 4):
		kv.Value = attribute.Value{}
	case kv.Value.Type() == attribute.STRING:
		kv.Value = attribute.StringValue(original(rng, kv.Value.AsString()))
	}
	return append(to, kv)
}
