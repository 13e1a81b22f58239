package limit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/export/exporttest"
	"github.com/opendeed/audit/internal/sanitize"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

func newRecord() *record.Record {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	return &record.Record{
		Event: audit.Event{
			ID: audit.ID{1}, Time: at, Action: "article.update", Operation: audit.OperationUpdate, Outcome: audit.OutcomeFailure,
			Actor: audit.User("42"), Target: audit.Target{Type: "article", ID: "1001"},
		},
		ObservedTime: at,
	}
}

// fit fits the record and returns its JSON.
func fit(t testing.TB, r *record.Record) []byte {
	t.Helper()
	Read(r, 256)
	new(Fitter).Fit(r)
	b, err := r.AppendJSON(nil)
	require.NoError(t, err)
	require.LessOrEqual(t, len(b), record.MaxSize)
	var back record.Record
	require.NoError(t, back.UnmarshalJSON(b))
	return b
}

// find returns the mark with the path and the kind.
func find(t testing.TB, r *record.Record, path string, kind mark.Kind) mark.Mark {
	t.Helper()
	i := slices.IndexFunc(r.Marks, func(m mark.Mark) bool { return m.Path == path && m.Kind == kind })
	require.GreaterOrEqual(t, i, 0, "%s %s in %v", path, kind, r.Marks)
	return r.Marks[i]
}

func TestFitKeepsWhatFits(t *testing.T) {
	t.Parallel()
	for _, r := range exporttest.OddRecords() {
		want := r.Clone()
		Read(r, 256)
		new(Fitter).Fit(r)
		require.NoError(t, exporttest.Equal(want, r), r.Action)
	}
}

func TestFitCutsTheLongestFirst(t *testing.T) {
	t.Parallel()
	r := newRecord()
	long, longer := strings.Repeat("a", 50<<10), strings.Repeat("b", 70<<10)
	r.Reason, r.Failure = "why: "+long, strings.Repeat("f", 10<<10)
	r.Changes = []audit.Change{{Field: "body", Old: attribute.StringValue("old"), New: attribute.StringValue(longer)}}
	r.Metadata = []attribute.KeyValue{attribute.String("note", strings.Repeat("n", 1000))}
	text := fit(t, r)
	assert.Greater(t, len(text), record.MaxSize*3/4, "the room is used")
	assert.Equal(t, strings.Repeat("f", 10<<10), r.Failure, "shorter texts stay whole")
	assert.Equal(t, strings.Repeat("n", 1000), r.Metadata[0].Value.AsString())
	assert.True(t, strings.HasPrefix(r.Reason, "why: aaaa"))
	assert.InDelta(t, len(r.Reason), len(r.Changes[0].New.AsString()), 5, "both are cut to the same length")
	assert.Equal(t, mark.Mark{
		Path: "changes.body", Kind: mark.Cut, Length: 70 << 10, SHA256: sha256.Sum256([]byte(longer)),
	}, find(t, r, "changes.body", mark.Cut))
	assert.EqualValues(t, len("why: ")+50<<10, find(t, r, "reason", mark.Cut).Length)
	assert.Len(t, r.Marks, 2)
}

func TestFitNeverCutsWhoAndWhat(t *testing.T) {
	t.Parallel()
	r := newRecord()
	name := strings.Repeat(`"`, record.MaxNameLength)
	actor := audit.Actor{Type: audit.ActorUser, ID: name, Name: name, AuthMethod: name, Roles: slices.Repeat([]string{name}, 50)}
	r.Actor = actor
	for range record.MaxDelegation {
		inner := r.Actor
		r.Actor = actor
		r.Actor.OnBehalfOf = &inner
	}
	r.Target, r.Tenant, r.Channel = audit.Target{Type: name, ID: name, Name: name}, name, name
	r.Reason, r.Failure = strings.Repeat("why ", 20<<10), strings.Repeat("no ", 20<<10)
	for n := range 300 {
		value := attribute.StringValue(strings.Repeat("v", 400))
		r.Metadata = append(r.Metadata, attribute.KeyValue{Key: attribute.Key(strings.Repeat("k", 250) + strconv.Itoa(n)), Value: value})
		r.Changes = append(r.Changes, audit.Change{Field: name, Old: value, New: value})
		r.Covers = append(r.Covers, r.Target)
	}
	fit(t, r)
	depth := 0
	for a := &r.Actor; a != nil; a = a.OnBehalfOf {
		assert.Equal(t, name, a.ID)
		depth++
	}
	assert.Equal(t, record.MaxDelegation+1, depth)
	assert.Equal(t, name, r.Target.ID)
	assert.Equal(t, name, r.Target.Type)
	assert.Equal(t, name, r.Tenant)
	assert.Equal(t, name, r.Channel)
	assert.GreaterOrEqual(t, len(r.Reason), firstWords)
	assert.GreaterOrEqual(t, len(r.Failure), firstWords)
	find(t, r, "metadata", mark.Dropped)
	find(t, r, "changes", mark.Dropped)
}

func TestFitEscapes(t *testing.T) {
	t.Parallel()
	r := newRecord()
	r.Actor.ID, r.Actor.Roles = "jos\xe9", []string{"admin", "a\x80"}
	r.Target.Type = "a\nb"
	r.Tenant, r.Channel = "acme\xff", `\x41`
	r.Reason = "line\nfeed \x1b"
	r.Changes = []audit.Change{{Field: "a\x00", Old: attribute.StringValue("\xff"), New: attribute.StringValue("\xfe")}}
	r.Metadata = []attribute.KeyValue{
		attribute.Int("", 1), attribute.Int("a\x00", 2),
		attribute.Map("m", attribute.Int("\xff", 1), attribute.Int("a", 1), attribute.Int("a", 2)),
	}
	fit(t, r)
	assert.Equal(t, `jos\xe9`, r.Actor.ID)
	assert.Equal(t, []string{"admin", `a\x80`}, r.Actor.Roles)
	assert.Equal(t, `a\x0ab`, r.Target.Type)
	assert.Equal(t, `acme\xff`, r.Tenant)
	assert.Equal(t, `\x5cx41`, r.Channel)
	assert.Equal(t, "line\nfeed \\x1b", r.Reason)
	assert.Equal(t, audit.Change{Field: `a\x00`, Old: attribute.StringValue(`\xff`), New: attribute.StringValue(`\xfe`)}, r.Changes[0])
	assert.Equal(t, []attribute.KeyValue{
		attribute.Int("", 1), attribute.Int(`a\x00`, 2), attribute.Map("m", attribute.Int(`\xff`, 1), attribute.Int("a", 2)),
	}, r.Metadata)
	var paths []string
	for _, m := range r.Marks {
		paths = append(paths, m.Path+" "+string(m.Kind))
	}
	assert.Equal(t, []string{
		"actor.id escaped", "actor.roles[1] escaped", `changes.a\x00 escaped`, "changes.field escaped", "channel escaped",
		`metadata.a\x00 escaped`, `metadata.m.\xff escaped`, "metadata.m.a repeated", "reason escaped", "target.type escaped", "tenant escaped",
	}, paths)
}

func TestFitCutsNames(t *testing.T) {
	t.Parallel()
	r := newRecord()
	id := strings.Repeat("é", 600)
	r.Actor.ID, r.Target.ID = id, strings.Repeat("\xff", 300)
	key := strings.Repeat("k", 300)
	r.Metadata = []attribute.KeyValue{attribute.Int(key, 1), attribute.Int(key+"x", 2)}
	fit(t, r)
	assert.Equal(t, strings.Repeat("é", 512), r.Actor.ID)
	assert.Equal(t, mark.Mark{Path: "actor.id", Kind: mark.Cut, Length: 1200, SHA256: sha256.Sum256([]byte(id))},
		find(t, r, "actor.id", mark.Cut))
	assert.Equal(t, strings.Repeat(`\xff`, 256), r.Target.ID)
	require.Len(t, r.Metadata, 2, "different keys stay different")
	sum := sha256.Sum256([]byte(key))
	assert.Contains(t, []attribute.Key{r.Metadata[0].Key, r.Metadata[1].Key},
		attribute.Key(strings.Repeat("k", 239)+"~"+hex.EncodeToString(sum[:8])))

	// A key that looks like one that was cut.
	forged := newRecord()
	forged.Metadata = []attribute.KeyValue{attribute.Int(key, 1), r.Metadata[0], r.Metadata[1]}
	fit(t, forged)
	assert.Len(t, forged.Metadata, 2)
	find(t, forged, "metadata[256 bytes]", mark.Repeated)
}

func TestFitClientText(t *testing.T) {
	t.Parallel()
	r := newRecord()
	long := strings.Repeat("u", 2000)
	r.Metadata = []attribute.KeyValue{attribute.String("agent", long), attribute.String("mine", long), attribute.StringSlice("x", []string{"a", long})}
	r.Marks = []mark.Mark{{Path: "metadata.agent", Kind: mark.Client}, {Path: "metadata.gone", Kind: mark.Client}, {Path: "metadata.x", Kind: mark.Client}}
	fit(t, r)
	assert.Equal(t, long[:record.MaxClientText], r.Metadata[0].Value.AsString())
	assert.Equal(t, long, r.Metadata[1].Value.AsString())
	assert.Equal(t, []string{"a", long[:record.MaxClientText]}, r.Metadata[2].Value.AsStringSlice())
	assert.EqualValues(t, 2000, find(t, r, "metadata.agent", mark.Cut).Length)
	assert.Len(t, r.Marks, 2)
}

func TestReadBoundsTheWork(t *testing.T) {
	t.Parallel()
	r := newRecord()
	r.Reason = strings.Repeat("words ", 200_000) // 1,200,000 bytes
	r.Actor.ID = strings.Repeat("x", 2<<20)
	nested := attribute.StringValue("deep")
	for range 40 {
		nested = attribute.MapValue(attribute.KeyValue{Key: "a", Value: nested})
	}
	r.Metadata = []attribute.KeyValue{
		attribute.Int64Slice("ints", make([]int64, 100_000)),
		{Key: "nested", Value: nested},
		attribute.StringSlice("texts", []string{strings.Repeat("a ", 500_000), strings.Repeat("b", 100_000), "secret"}),
	}
	for n := range 300 {
		r.Metadata = append(r.Metadata, attribute.Int("z"+strconv.Itoa(1000+n), n))
	}
	service := audit.Service("s")
	service.OnBehalfOf = &service
	r.Actor.OnBehalfOf = &service
	Read(r, 256)
	assert.EqualValues(t, 1_200_000-record.MaxReadValue, find(t, r, "reason", mark.Unread).Length)
	assert.True(t, strings.HasSuffix(r.Reason, " words "+record.RedactedText), "what touches the edge is masked")
	assert.Contains(t, r.Redacted, "reason")
	assert.EqualValues(t, record.MaxReadValue, find(t, r, "actor.id", mark.Unread).Length)
	assert.EqualValues(t, 47, find(t, r, "metadata", mark.Dropped).Count)
	assert.Len(t, r.Metadata, 256)
	assert.EqualValues(t, 100_000-maxElements, find(t, r, "metadata.ints", mark.Dropped).Count)
	assert.EqualValues(t, 1_100_006-record.MaxReadValue, find(t, r, "metadata.texts", mark.Unread).Length)
	texts := r.Metadata[2].Value.AsStringSlice()
	assert.Equal(t, record.RedactedText, texts[1][len(texts[1])-len(record.RedactedText):])
	assert.Equal(t, record.RedactedText, texts[2])
	find(t, r, "metadata.nested"+strings.Repeat(".a", record.MaxNesting), mark.Replaced)
	find(t, r, "actor"+strings.Repeat(".on_behalf_of", record.MaxDelegation+1), mark.Dropped)
	assert.Nil(t, service.OnBehalfOf)
	fit(t, r)
}

func TestResource(t *testing.T) {
	t.Parallel()
	small := resource.NewSchemaless(attribute.String("service.name", "shop"))
	got, marks := Resource(small)
	assert.Equal(t, small.Attributes(), got.Attributes())
	assert.Empty(t, marks)

	large := resource.NewSchemaless(attribute.String("service.name", "sh\xffop"), attribute.String("process.command_args", strings.Repeat("a", 100_000)))
	got, marks = Resource(large)
	r := newRecord()
	r.Resource = got
	fit(t, r)
	name, _ := got.Set().Value("service.name")
	assert.Equal(t, `sh\xffop`, name.AsString())
	require.Len(t, marks, 2)
	assert.Equal(t, "resource.process.command_args", marks[0].Path)

	r = newRecord()
	r.Resource = large // a processor may set it
	fit(t, r)
}

// FuzzFit checks that every event with a valid action, actor and enums is recorded.
//
//fuzz:inputs 300
func FuzzFit(f *testing.F) {
	for seed := range uint64(10) {
		f.Add(seed, "text ", 1000)
		f.Add(seed, "\xff\x00\\x41\"é\n", 70_000)
		f.Add(seed, "a", 1_100_000)
	}
	f.Fuzz(func(t *testing.T, seed uint64, s string, n int) {
		g := generator{rng: rand.New(rand.NewPCG(seed, 0)), text: s, longest: min(max(n, 0), 1_100_000)}
		r := g.record()
		id, reason, failure, target := r.Actor.ID, r.Reason, r.Failure, r.Target
		text := fit(t, r)
		assert.Equal(t, audit.OutcomeFailure, r.Outcome)
		requireStart(t, id, r.Actor.ID, sanitize.Line, record.MaxNameLength)
		requireStart(t, target.ID, r.Target.ID, sanitize.Line, record.MaxNameLength)
		requireStart(t, target.Type, r.Target.Type, sanitize.Line, record.MaxNameLength)
		requireStart(t, reason, r.Reason, sanitize.Prose, firstWords-4*5)
		requireStart(t, failure, r.Failure, sanitize.Prose, firstWords-4*5)
		assert.LessOrEqual(t, len(r.Marks), 400)
		for i := range r.Marks {
			assert.LessOrEqual(t, len(r.Marks[i].Path), maxPath)
		}
		var back record.Record
		require.NoError(t, back.UnmarshalJSON(text))
		again, err := back.AppendJSON(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(text, again))
	})
}

// requireStart checks that got is the beginning of the escaped text, whole if it takes at
// most n bytes of JSON.
func requireStart(t *testing.T, want, got string, form sanitize.Form, n int) {
	t.Helper()
	if len(want) > record.MaxReadValue {
		return // the end is masked
	}
	escaped := sanitize.Escape(want, form)
	require.True(t, strings.HasPrefix(escaped, got))
	if sanitize.Width(want, form, 10*record.MaxSize) <= n {
		require.Equal(t, escaped, got)
	} else if form == sanitize.Prose {
		require.GreaterOrEqual(t, sanitize.Width(want[:len(sanitize.Unescape(got))], form, record.MaxSize), n)
	}
}

// generator makes records of any size and nesting, with the given text in them.
type generator struct {
	rng     *rand.Rand
	text    string
	longest int
	size    int
}

// some returns the text, repeated.
func (g *generator) some() string {
	if g.size > 200_000 || g.text == "" { // or once a long one
		return ""
	}
	n := []int{0, 1, 3, g.longest / 100, g.longest}[g.rng.IntN(5)]
	s := strings.Repeat(g.text, n/len(g.text)+1)[:n]
	g.size += n
	return s
}

func (g *generator) count(most int) int { return []int{0, 1, 2, g.rng.IntN(most + 1)}[g.rng.IntN(4)] }

func (g *generator) texts(most int) []string {
	texts := make([]string, g.count(most))
	for i := range texts {
		texts[i] = g.some()
	}
	return texts
}

func (g *generator) value(depth int) attribute.Value {
	switch g.rng.IntN(9) {
	case 0:
		return attribute.StringSliceValue(g.texts(100))
	case 1:
		return attribute.Int64SliceValue(make([]int64, g.count(5000)))
	case 2:
		return attribute.ByteSliceValue([]byte(g.some()))
	case 3, 4:
		if depth > 40 {
			return attribute.BoolValue(true)
		}
		return attribute.MapValue(g.attributes(depth+1, 3)...)
	case 5:
		list := make([]attribute.Value, g.count(4))
		for i := range list {
			list[i] = g.value(depth + 3)
		}
		return attribute.SliceValue(list...)
	}
	return attribute.StringValue(g.some())
}

func (g *generator) attributes(depth, most int) []attribute.KeyValue {
	kvs := make([]attribute.KeyValue, g.count(most))
	for i := range kvs {
		kvs[i] = attribute.KeyValue{Key: attribute.Key(g.some() + strconv.Itoa(g.rng.IntN(200))), Value: g.value(depth)}
	}
	return kvs
}

func (g *generator) target() audit.Target {
	return audit.Target{Type: "t" + g.some(), ID: g.some(), Name: g.some()}
}

func (g *generator) actor(depth int) audit.Actor {
	a := audit.Actor{Type: audit.ActorUser, ID: "u" + g.some(), Name: g.some(), AuthMethod: g.some(), Roles: g.texts(1500)}
	if depth < 12 && g.rng.IntN(2) == 0 {
		next := g.actor(depth + 1)
		a.OnBehalfOf = &next
	}
	return a
}

func (g *generator) record() *record.Record {
	r := newRecord()
	r.Actor, r.Target = g.actor(0), g.target()
	r.Reason, r.Failure, r.Tenant, r.Channel = g.some(), g.some(), g.some(), g.some()
	if g.rng.IntN(2) == 0 {
		r.Bulk = audit.Bulk{Selector: "s" + g.some(), Sample: g.texts(2000)}
	}
	for range g.count(300) {
		r.Covers = append(r.Covers, g.target())
	}
	for range g.count([]int{10, 600, 6000}[g.rng.IntN(3)]) {
		r.Changes = append(r.Changes, audit.Change{Field: g.some(), Old: g.value(0), New: g.value(0)})
	}
	r.Metadata, r.Overridden = g.attributes(0, 400), g.attributes(0, 400)
	r.Redacted = g.texts(100)
	for range g.count(500) {
		r.Marks = append(r.Marks, mark.Mark{Path: g.some(), Kind: mark.Kind(g.some()), Count: int64(g.rng.IntN(9) - 2)})
	}
	r.Tracker = record.Instrumentation{Name: g.some(), Version: g.some()}
	return r
}
