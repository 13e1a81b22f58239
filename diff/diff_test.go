package diff_test

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/opendeed/audit/embedded"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// show returns changes as lines for tables: "title: STRING(Old) -> EMPTY".
func show(changes []audit.Change) []string {
	lines := make([]string, 0, len(changes))
	for _, c := range changes {
		line := c.Field + ": " + showValue(c.Old) + " -> " + showValue(c.New)
		if c.Redacted {
			line += " redacted"
		}
		lines = append(lines, line)
	}
	return lines
}

func showValue(v attribute.Value) string {
	if v.Type() == attribute.EMPTY {
		return "EMPTY"
	}
	return v.Type().String() + "(" + v.String() + ")"
}

func requireDiff[T any](t *testing.T, before, after T, want ...string) {
	t.Helper()
	changes, err := audit.Diff(before, after)
	require.NoError(t, err)
	require.Equal(t, append([]string{}, want...), show(changes))
}

type address struct {
	Street string `audit:"street"`
	City   string `audit:"city"`
	Note   string
}

type author struct {
	Name string `audit:"name"`
}

type blogPost struct {
	author                      // promoted
	Title     string            `audit:"title"`
	Body      string            `audit:"body,sensitive"`
	Address   address           `audit:"address"`
	Reviewer  *author           `audit:"reviewer"`
	Tags      []string          `audit:"tags"`
	Labels    map[string]string `audit:"labels"`
	Version   int
	Excluded  string `audit:"-"`
	Published *bool  `audit:"published"`
}

func TestDiffOfStruct(t *testing.T) {
	before := blogPost{
		author: author{Name: "Alice"}, Title: "Old", Body: "old body",
		Address: address{Street: "Main", City: "Berlin", Note: "a"},
		Tags:    []string{"x"}, Labels: map[string]string{"color": "red", "size": "s"}, Version: 1, Excluded: "a",
	}
	after := blogPost{
		author: author{Name: "Bob"}, Title: "New", Body: "new body",
		Address: address{Street: "Main", City: "Paris", Note: "b"}, Reviewer: &author{},
		Tags: []string{"x", "y"}, Labels: map[string]string{"color": "blue", "form": "round"}, Version: 2, Excluded: "b",
		Published: new(bool),
	}
	requireDiff(t, before, after,
		"name: STRING(Alice) -> STRING(Bob)",
		"title: STRING(Old) -> STRING(New)",
		"body: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted",
		"address.city: STRING(Berlin) -> STRING(Paris)",
		"reviewer.name: EMPTY -> STRING()",
		`tags: STRINGSLICE(["x"]) -> STRINGSLICE(["x","y"])`,
		"labels.color: STRING(red) -> STRING(blue)",
		"labels.form: EMPTY -> STRING(round)",
		"labels.size: STRING(s) -> EMPTY",
		"published: EMPTY -> BOOL(false)",
	)
	requireDiff(t, &before, &after, show(mustDiff(t, before, after))...)
	requireDiff(t, before, before)
}

func mustDiff[T any](t *testing.T, before, after T, opts ...diff.Option) []audit.Change {
	t.Helper()
	changes, err := audit.Diff(before, after, opts...)
	require.NoError(t, err)
	return changes
}

// A later diff must not change the result of an earlier one.
func TestDiffReturnsNewSlices(t *testing.T) {
	first := mustDiff(t, author{"a"}, author{"b"})
	mustDiff(t, author{"c"}, author{"d"})
	require.Equal(t, []string{"name: STRING(a) -> STRING(b)"}, show(first))
}

// changeRecorder is a tracker that keeps the changes of the last event.
type changeRecorder struct {
	embedded.Tracker
	changes []audit.Change
}

func (r *changeRecorder) Track(_ context.Context, e audit.Event) error {
	r.changes = e.Changes
	return nil
}

func TestDiffOfAbsentValues(t *testing.T) {
	a := blogPost{Title: "T", Labels: map[string]string{"color": "red"}}
	created := []string{
		"name: EMPTY -> STRING()",
		"title: EMPTY -> STRING(T)",
		"body: EMPTY -> STRING(***REDACTED***) redacted",
		"address.street: EMPTY -> STRING()",
		"address.city: EMPTY -> STRING()",
		"labels.color: EMPTY -> STRING(red)",
	}
	deleted := []string{
		"name: STRING() -> EMPTY",
		"title: STRING(T) -> EMPTY",
		"body: STRING(***REDACTED***) -> EMPTY redacted",
		"address.street: STRING() -> EMPTY",
		"address.city: STRING() -> EMPTY",
		"labels.color: STRING(red) -> EMPTY",
	}

	var tracked changeRecorder
	require.NoError(t, audit.TrackCreate(t.Context(), &tracked, audit.Event{}, a))
	require.Equal(t, created, show(tracked.changes))
	require.NoError(t, audit.TrackDelete(t.Context(), &tracked, audit.Event{}, a))
	require.Equal(t, deleted, show(tracked.changes))

	requireDiff(t, nil, &a, created...)
	requireDiff(t, &a, nil, deleted...)
	requireDiff[*blogPost](t, nil, nil)
	requireDiff[any](t, nil, a, created...)
	requireDiff[any](t, a, nil, deleted...)
	requireDiff[any](t, nil, nil)
}

// untagged has no tags, so none of its fields is recorded.
type untagged struct{ A, B int }

type withTitle struct {
	Title string `audit:"title"`
}

type withUnexported struct {
	secret string `audit:"secret"` //nolint:revive // the mistake
}

func TestDiffFindsMistakesInTags(t *testing.T) {
	type unknownOption struct {
		A string `audit:"a, sensitive"`
	}
	type emptyOption struct {
		A string `audit:"a,"`
	}
	type noName struct {
		A string `audit:",sensitive"`
	}
	type emptyTag struct {
		A string `audit:""`
	}
	type excludedWithOption struct {
		A string `audit:"-,sensitive"` //nolint:revive // the mistake
	}
	type namedSensitive struct {
		A string `audit:"sensitive"`
	}
	type spaces struct {
		A string `audit:" a"`
	}
	type duplicate struct {
		A string `audit:"a"`
		B string `audit:"a"`
	}
	type duplicateEmbedded struct {
		withTitle
		Headline string `audit:"title"`
	}
	type embeddedUnexported struct {
		withTitle `audit:"inner"`
	}
	type twoKeys struct {
		A string `audit:"a,key"`
		B string `audit:"b,key"`
	}
	type sensitiveKey struct {
		A string `audit:"a,key,sensitive"`
	}
	type floatKey struct {
		A float64 `audit:"a,key"`
	}
	type pointerKey struct {
		A *string `audit:"a,key"`
	}
	type structUntagged struct {
		A untagged `audit:"a"`
	}
	type pointerUntagged struct {
		A **untagged `audit:"a"`
	}
	type sliceUntagged struct {
		A []*untagged `audit:"a"`
	}
	type mapUntagged struct {
		A map[string][]untagged `audit:"a"`
	}
	type nested struct {
		A map[string][]withUnexported `audit:"a"`
	}

	tests := map[string]struct {
		diff func(...diff.Option) ([]audit.Change, error)
		want mistake
	}{
		"unknown option":       {diffZero[unknownOption], mistake{"diff_test.unknownOption.A", `unknown option " sensitive"`}},
		"empty option":         {diffZero[emptyOption], mistake{"diff_test.emptyOption.A", `unknown option ""`}},
		"no name":              {diffZero[noName], mistake{"diff_test.noName.A", "no name"}},
		"empty tag":            {diffZero[emptyTag], mistake{"diff_test.emptyTag.A", "no name"}},
		"excluded with option": {diffZero[excludedWithOption], mistake{"diff_test.excludedWithOption.A", "excludes"}},
		"named sensitive":      {diffZero[namedSensitive], mistake{"diff_test.namedSensitive.A", `write audit:"name,sensitive"`}},
		"spaces":               {diffZero[spaces], mistake{"diff_test.spaces.A", "spaces"}},
		"unexported":           {diffZero[withUnexported], mistake{"diff_test.withUnexported.secret", "not exported"}},
		"unexported embedded":  {diffZero[embeddedUnexported], mistake{"diff_test.embeddedUnexported.withTitle", "not exported"}},
		"duplicate":            {diffZero[duplicate], mistake{"diff_test.duplicate.B", `recorded as "a", and so is diff_test.duplicate.A`}},
		"duplicate embedded":   {diffZero[duplicateEmbedded], mistake{"diff_test.duplicateEmbedded.Headline", "and so is diff_test.withTitle.Title"}},
		"two keys":             {diffZero[twoKeys], mistake{"diff_test.twoKeys.B", "and so is diff_test.twoKeys.A"}},
		"sensitive key":        {diffZero[sensitiveKey], mistake{"diff_test.sensitiveKey.A", "cannot be sensitive"}},
		"float key":            {diffZero[floatKey], mistake{"diff_test.floatKey.A", "a key is"}},
		"pointer key":          {diffZero[pointerKey], mistake{"diff_test.pointerKey.A", "a key is"}},
		"struct untagged":      {diffZero[structUntagged], mistake{"diff_test.structUntagged.A", "no field of diff_test.untagged has an audit tag"}},
		"pointer untagged":     {diffZero[pointerUntagged], mistake{"diff_test.pointerUntagged.A", "no field of diff_test.untagged"}},
		"slice untagged":       {diffZero[sliceUntagged], mistake{"diff_test.sliceUntagged.A", "no field of diff_test.untagged"}},
		"map untagged":         {diffZero[mapUntagged], mistake{"diff_test.mapUntagged.A", "no field of diff_test.untagged"}},
		"nested":               {diffZero[nested], mistake{"diff_test.withUnexported.secret", "not exported"}},
		"top-level list":       {diffZero[[]withUnexported], mistake{"diff_test.withUnexported.secret", "not exported"}},
		"int":                  {diffZero[int], mistake{"int", "no name"}},
		"strings":              {diffZero[[]string], mistake{"[]string", "no name"}},
		"func":                 {diffZero[func()], mistake{"func()", "no name"}},
		"time":                 {diffZero[*time.Time], mistake{"time.Time", "no name"}},
		"map":                  {diffZero[map[string]int], mistake{"map[string]int", "name its keys in WithFields"}},
		"int in interface":     {func(...diff.Option) ([]audit.Change, error) { return audit.Diff[any](nil, 1) }, mistake{"int", "no name"}},
		"mistake in interface": {func(...diff.Option) ([]audit.Change, error) {
			return audit.Diff[any](withUnexported{secret: "x"}, nil)
		}, mistake{"diff_test.withUnexported.secret", "not exported"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 { // compiled, then cached
				changes, err := test.diff()
				assert.Empty(t, changes)
				var invalid *audit.ValidationError
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, test.want.Field, invalid.Field)
				assert.Contains(t, invalid.Reason, test.want.Reason)
			}
		})
	}
}

// mistake is an error that names a field, and a part of its reason.
type mistake struct{ Field, Reason string }

// diffZero compares two zero values.
func diffZero[T any](opts ...diff.Option) ([]audit.Change, error) {
	var zero T
	return audit.Diff(zero, zero, opts...)
}

func TestDiffAcceptsValidTags(t *testing.T) {
	type allowed struct {
		A string            `audit:"a.b,sensitive,sensitive"`
		B string            `audit:"key,key"`
		C string            `json:"audit:c" xaudit:"c"`
		D untagged          `audit:"d,sensitive"`
		E map[string]any    `audit:"e"`
		F func()            `audit:"f"`
		G sql.NullString    `audit:"g"`
		H *allowed          `audit:"h"`
		I [][]allowed       `audit:"i"`
		J map[float64]int   `audit:"j"`
		K struct{}          `audit:"k"`
		L []map[string]any  `audit:"l"`
		M loop              `audit:"m"`
		N tree              `audit:"n"`
		O interface{ M() }  `audit:"o"`
		P []*time.Time      `audit:"p"`
		Q []chan int        `audit:"q"`
		R map[string]*loop  `audit:"r"`
		S *[]*map[int]*bool `audit:"s"`
	}
	changes, err := diffZero[allowed]()
	require.NoError(t, err)
	require.Empty(t, changes)
}

// A struct without tags has no changes and is no error: its event is recorded without changes.
func TestDiffOfStructWithoutTags(t *testing.T) {
	requireDiff(t, untagged{A: 1}, untagged{A: 2})
	requireDiff[any](t, &untagged{A: 1}, untagged{A: 2})
	requireDiff(t, []untagged{{A: 1}}, nil)
	requireDiff(t, level{1}, level{2})
	requireDiff(t, sql.NullString{}, sql.NullString{Valid: true})
}

type base struct {
	ID      string `audit:"id"`
	Hidden  string
	*extra  // by pointer
	Unnamed `audit:"-"`
}

type extra struct {
	Note string `audit:"note"`
}

type Unnamed struct {
	Excluded string `audit:"excluded"`
}

type Named struct {
	Since int `audit:"since"`
}

func TestDiffOfEmbeddedStructs(t *testing.T) {
	type recursive struct {
		*base
		N int `audit:"n"`
	}
	type doc struct {
		recursive
		Named `audit:"named"`
		Title string `audit:"title"`
	}
	requireDiff(t,
		doc{recursive: recursive{base: &base{ID: "1", Hidden: "a"}}},
		doc{recursive: recursive{base: &base{ID: "2", Hidden: "b", extra: &extra{}, Unnamed: Unnamed{"x"}}, N: 1}, Named: Named{2}, Title: "T"},
		"id: STRING(1) -> STRING(2)",
		"note: EMPTY -> STRING()",
		"n: INT64(0) -> INT64(1)",
		"named.since: INT64(0) -> INT64(2)",
		"title: STRING() -> STRING(T)",
	)
	requireDiff(t, doc{}, doc{recursive: recursive{base: &base{}}}, "id: EMPTY -> STRING()")
}

// Self embeds itself, which Go allows by pointer.
type Self struct {
	*Self
	N int `audit:"n"`
}

func TestDiffOfRecursiveEmbedding(t *testing.T) {
	requireDiff(t, Self{N: 1, Self: &Self{N: 1}}, Self{N: 2, Self: &Self{N: 3}}, "n: INT64(1) -> INT64(2)")
}

type line struct {
	SKU   string `audit:"sku,key"`
	Price int    `audit:"price"`
	Note  string
}

type point struct {
	X int `audit:"x"`
	Y int
}

func TestDiffOfLists(t *testing.T) {
	type order struct {
		Points  []point        `audit:"points"`
		Refs    []*point       `audit:"refs"`
		Array   [2]point       `audit:"array"`
		Matrix  [][]int        `audit:"matrix"`
		Maps    []map[int]bool `audit:"maps"`
		Any     []any          `audit:"any"`
		Lines   []line         `audit:"lines"`
		LineRef []*line        `audit:"refs_by_key"`
	}
	tests := map[string]struct {
		before, after order
		want          []string
	}{
		"by index": {
			order{Points: []point{{1, 1}, {2, 1}}},
			order{Points: []point{{1, 2}, {3, 2}, {4, 2}}},
			[]string{"points.1.x: INT64(2) -> INT64(3)", "points.2.x: EMPTY -> INT64(4)"},
		},
		"nil and empty": {order{}, order{Points: []point{}}, []string{}},
		"nil elements": {
			order{Refs: []*point{nil, {2, 0}}},
			order{Refs: []*point{{1, 0}, nil, nil}},
			[]string{"refs.0.x: EMPTY -> INT64(1)", "refs.1.x: INT64(2) -> EMPTY"},
		},
		"array": {order{}, order{Array: [2]point{{0, 1}, {1, 0}}}, []string{"array.1.x: INT64(0) -> INT64(1)"}},
		"slices of slices": {
			order{Matrix: [][]int{{1, 2}, {3}}},
			order{Matrix: [][]int{{1, 2}, {4, 5}, {}}},
			[]string{"matrix.1: INT64SLICE([3]) -> INT64SLICE([4,5])"},
		},
		"slices of maps": {
			order{Maps: []map[int]bool{{1: true, 2: true}}},
			order{Maps: []map[int]bool{{2: false, 1: true, 10: true}}},
			[]string{"maps.0.10: EMPTY -> BOOL(true)", "maps.0.2: BOOL(true) -> BOOL(false)"},
		},
		"of anything": {
			order{Any: []any{"a", 1, map[string]any{"k": 1}}},
			order{Any: []any{"a", point{X: 2}, map[string]any{"k": []any{1}}, nil, []any{"b"}}},
			[]string{
				"any.1: INT64(1) -> EMPTY", "any.1.x: EMPTY -> INT64(2)",
				"any.2.k: INT64(1) -> INT64SLICE([1])", `any.4: EMPTY -> STRINGSLICE(["b"])`,
			},
		},
		"of anything, single values on one side": {
			order{Any: []any{"a", 1}},
			order{Any: []any{&point{X: 1}, 1}},
			[]string{"any.0: STRING(a) -> EMPTY", "any.0.x: EMPTY -> INT64(1)"},
		},
		"reordered by key": {
			order{Lines: []line{{"B", 1, "x"}, {"A", 2, "x"}}},
			order{Lines: []line{{"A", 2, "y"}, {"B", 1, "y"}}},
			[]string{},
		},
		"by key": {
			order{Lines: []line{{"B", 1, ""}, {"A", 2, ""}}},
			order{Lines: []line{{"C", 3, ""}, {"B", 2, ""}}},
			[]string{
				"lines.A.sku: STRING(A) -> EMPTY", "lines.A.price: INT64(2) -> EMPTY",
				"lines.B.price: INT64(1) -> INT64(2)",
				"lines.C.sku: EMPTY -> STRING(C)", "lines.C.price: EMPTY -> INT64(3)",
			},
		},
		"by key, by pointer": {
			order{LineRef: []*line{nil, {"A", 1, ""}}},
			order{LineRef: []*line{{"A", 2, ""}}},
			[]string{"refs_by_key.A.price: INT64(1) -> INT64(2)"},
		},
		"by the same key": {
			order{Lines: []line{{"A", 1, ""}, {"A", 2, ""}, {"A", 3, ""}, {"", 5, ""}}},
			order{Lines: []line{{"A", 1, ""}, {"A", 5, ""}, {"", 6, ""}}},
			[]string{
				`lines."".price: INT64(5) -> INT64(6)`, "lines.A#2.price: INT64(2) -> INT64(5)",
				"lines.A#3.sku: STRING(A) -> EMPTY", "lines.A#3.price: INT64(3) -> EMPTY",
			},
		},
		"by a key that looks like a numbered one": {
			order{Lines: []line{{"A", 1, ""}, {"A", 2, ""}, {"A#2", 3, ""}}},
			order{Lines: []line{{"A#2", 3, ""}, {"A", 1, ""}, {"A", 3, ""}}},
			[]string{"lines.A#3.price: INT64(2) -> INT64(3)"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			requireDiff(t, test.before, test.after, test.want...)
			requireDiff(t, test.before, test.before)
			requireDiff(t, test.after, test.after)
		})
	}
}

func TestDiffOfListAtTheRoot(t *testing.T) {
	requireDiff(t, []point{{X: 1}}, []point{{X: 2}, {X: 3}}, "0.x: INT64(1) -> INT64(2)", "1.x: EMPTY -> INT64(3)")
	requireDiff(t, []line{{SKU: "A"}}, nil, "A.sku: STRING(A) -> EMPTY", "A.price: INT64(0) -> EMPTY")
	requireDiff(t, []any{1, point{X: 1}}, []any{2, point{X: 2}}, "1.x: INT64(1) -> INT64(2)")
}

func TestDiffByKeysOfOtherTypes(t *testing.T) {
	type byText struct {
		Color color `audit:"color,key"`
		N     int   `audit:"n"`
	}
	type byTime struct {
		At time.Time `audit:"at,key"`
		N  *int      `audit:"n"`
	}
	type byPointer struct {
		Level *level `audit:"level,key"`
		N     uint   `audit:"n"`
	}
	one := 1
	requireDiff(t, []byText{{0, 1}, {1, 2}, {9, 3}}, []byText{{1, 2}, {0, 2}, {9, 4}},
		"2.n: INT64(3) -> INT64(4)", "red.n: INT64(1) -> INT64(2)")
	requireDiff(t, []byTime{{time.Unix(0, 0), nil}}, []byTime{{time.Unix(0, 0), &one}},
		"1970-01-01T00:00:00.000000000Z.n: EMPTY -> INT64(1)")
	requireDiff(t, []byPointer{{&level{1}, 1}, {nil, 2}}, []byPointer{{&level{1}, 2}, {nil, 3}},
		"1.n: INT64(2) -> INT64(3)", "L1.n: INT64(1) -> INT64(2)")
}

func TestDiffOfMaps(t *testing.T) {
	type holder struct {
		M any `audit:"m"`
	}
	tests := map[string]struct {
		before, after any
		want          []string
	}{
		"strings":       {map[string]string{"b": "1", "a": "1"}, map[named]string{"b": "2", "a": "2"}, []string{"m.a: STRING(1) -> STRING(2)", "m.b: STRING(1) -> STRING(2)"}},
		"nil and empty": {map[string]int(nil), map[string]int{}, []string{}},
		"nil values":    {map[string]any{"a": nil}, map[string]any{"b": (*int)(nil)}, []string{}},
		"numbers":       {map[int]int{-1: 1}, map[uint]int{2: 1}, []string{"m.-1: INT64(1) -> EMPTY", "m.2: EMPTY -> INT64(1)"}},
		"texts":         {map[color]int{0: 1}, map[color]int{0: 2}, []string{"m.red: INT64(1) -> INT64(2)"}},
		"text pointers": {map[*level]int{{1}: 1}, map[*level]int{{1}: 2}, []string{"m.L1: INT64(1) -> INT64(2)"}},
		"anything":      {map[any]any{"a": 1, 2: map[any]any{"b": 1}}, map[any]any{"a": 1, 2: map[any]any{"b": 2}}, []string{"m.2.b: INT64(1) -> INT64(2)"}},
		"structs":       {map[string]point{"p": {1, 1}}, map[string]*point{"p": {2, 2}}, []string{"m.p: STRING(a) -> EMPTY"}},
		"sets":          {map[string]struct{}{"a": {}}, map[string]struct{}{"b": {}}, []string{"m.a: MAP({}) -> EMPTY", "m.b: EMPTY -> MAP({})"}},
		"empty key":     {map[string]int{"": 1}, map[string]int{"": 2}, []string{`m."": INT64(1) -> INT64(2)`}},
		"map to value":  {map[string]int{"a": 1}, 2, []string{"m.a: INT64(1) -> EMPTY", "m: EMPTY -> INT64(2)"}},
		"map to keyed":  {map[string]line{"A": {SKU: "A"}}, []line{{SKU: "B"}}, []string{"m.A.sku: STRING(A) -> EMPTY", "m.A.price: INT64(0) -> EMPTY", "m.B.sku: EMPTY -> STRING(B)", "m.B.price: EMPTY -> INT64(0)"}},
		"other struct":  {point{X: 1}, author{"x"}, []string{"m.x: INT64(1) -> EMPTY", "m.name: EMPTY -> STRING(x)"}},
		"same fields": {point{X: 1}, struct {
			X int `audit:"x"`
		}{1}, []string{"m.x: INT64(1) -> EMPTY", "m.x: EMPTY -> INT64(1)"}},
	}
	tests["structs"] = struct {
		before, after any
		want          []string
	}{tests["structs"].before, tests["structs"].after, []string{"m.p.x: INT64(1) -> INT64(2)"}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			requireDiff(t, holder{test.before}, holder{test.after}, test.want...)
			requireDiff(t, holder{test.before}, holder{test.before})
		})
	}
}

type node struct {
	Name     string           `audit:"name"`
	Next     *node            `audit:"next"`
	Children []*node          `audit:"children"`
	Links    map[string]*node `audit:"links"`
	Any      any              `audit:"any"`
}

// loop is a pointer to itself.
type loop *loop

// tree is a slice of itself.
type tree []tree

func TestDiffOfCycles(t *testing.T) {
	next := func(name string) *node { n := &node{Name: name}; n.Next = n; return n }
	children := func(name string) *node { n := &node{Name: name}; n.Children = []*node{n}; return n }
	links := func(name string) *node { n := &node{Name: name}; n.Links = map[string]*node{"a": n}; return n }
	own := func(name string) *node {
		n := &node{Name: name}
		m := map[string]any{}
		m["m"] = m
		n.Any = m
		return n
	}
	slice := func(name string) *node {
		s := []any{nil, name}
		s[0] = s
		return &node{Any: s}
	}
	tests := map[string]struct {
		make func(string) *node
		want []string
	}{
		"pointer": {next, []string{
			"name: STRING(a) -> EMPTY", "next: STRING(***UNREPRESENTABLE:*diff_test.node (cycle)***) -> EMPTY",
		}},
		"slice": {children, []string{
			"name: STRING(a) -> EMPTY", "children.0: STRING(***UNREPRESENTABLE:*diff_test.node (cycle)***) -> EMPTY",
		}},
		"map": {links, []string{
			"name: STRING(a) -> EMPTY", "links.a: STRING(***UNREPRESENTABLE:*diff_test.node (cycle)***) -> EMPTY",
		}},
		"map of anything": {own, []string{
			"name: STRING(a) -> EMPTY", "any.m: STRING(***UNREPRESENTABLE:map[string]interface {} (cycle)***) -> EMPTY",
		}},
		"slice of anything": {slice, []string{
			"name: STRING() -> EMPTY",
			"any.0: STRING(***UNREPRESENTABLE:[]interface {} (cycle)***) -> EMPTY", "any.1: STRING(a) -> EMPTY",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			requireDiff(t, test.make("a"), nil, test.want...)
			requireDiff(t, test.make("a"), test.make("a"))
			changes := mustDiff(t, test.make("a"), test.make("b"))
			require.Len(t, changes, 1, "the name alone")
		})
	}

	t.Run("cycles of different length", func(t *testing.T) {
		long := &node{Name: "a", Next: &node{Name: "a"}}
		long.Next.Next = long
		requireDiff(t, next("a"), long,
			"next: STRING(***UNREPRESENTABLE:*diff_test.node (cycle)***) -> EMPTY",
			"next.name: EMPTY -> STRING(a)",
			"next.next: EMPTY -> STRING(***UNREPRESENTABLE:*diff_test.node (cycle)***)")
	})
	t.Run("cycles to other places", func(t *testing.T) {
		far, near := &node{Next: &node{}}, &node{Next: &node{}}
		far.Next.Next, near.Next.Next = far, near.Next
		placeholder := "STRING(***UNREPRESENTABLE:*diff_test.node (cycle)***)"
		requireDiff(t, far, near, "next.next: "+placeholder+" -> "+placeholder)
	})
	t.Run("pointer to itself", func(t *testing.T) {
		var p loop
		p = &p
		requireDiff(t, node{Any: p}, node{Any: 1}, "any: STRING(***UNREPRESENTABLE:diff_test.loop (cycle)***) -> INT64(1)")
		requireDiff(t, node{Any: p}, node{Any: p})
		requireDiff(t, node{Any: []loop{p}}, node{}, `any: STRINGSLICE(["***UNREPRESENTABLE:diff_test.loop***"]) -> EMPTY`)
		_, err := audit.Diff[any](p, p)
		require.Error(t, err)
	})
	t.Run("slice of itself", func(t *testing.T) {
		s := tree{nil, tree{}}
		s[0] = s
		requireDiff(t, node{Any: s}, node{}, "any.0: STRING(***UNREPRESENTABLE:diff_test.tree (cycle)***) -> EMPTY")
	})
	t.Run("a slice at the root", func(t *testing.T) {
		s := []any{nil, point{X: 1}}
		s[0] = s
		requireDiff(t, s, nil, "1.x: INT64(1) -> EMPTY")
	})
}

func TestDiffOfSharedPointers(t *testing.T) {
	shared := &node{Name: "s"}
	requireDiff(t, &node{}, &node{Children: []*node{shared, shared}},
		"children.0.name: EMPTY -> STRING(s)", "children.1.name: EMPTY -> STRING(s)")
}

// Two values at one address can differ in type or length.
func TestDiffOfPointersIntoTheStruct(t *testing.T) {
	type holder struct {
		First point  `audit:"first"`
		Ref   *point `audit:"ref"`
	}
	h := holder{First: point{X: 1}}
	h.Ref = &h.First
	requireDiff(t, &h, nil, "first.x: INT64(1) -> EMPTY", "ref.x: INT64(1) -> EMPTY")

	s := []any{1, point{X: 1}, nil}
	s[2] = s[:1]
	requireDiff(t, node{Any: s}, node{},
		"any.0: INT64(1) -> EMPTY", "any.1.x: INT64(1) -> EMPTY", "any.2: INT64SLICE([1]) -> EMPTY")
}

func TestDiffOfDeepValues(t *testing.T) {
	const maxDepth, maxEqualDepth = 32, 10_000
	nest := func(levels int, leaf any) any {
		for range levels {
			leaf = map[string]any{"m": leaf}
		}
		return leaf
	}
	// The struct is the first level.
	path := strings.Repeat(".m", maxDepth-1)
	requireDiff(t, node{Any: nest(maxDepth-1, 1)}, node{Any: nest(maxDepth-1, 2)}, "any"+path+": INT64(1) -> INT64(2)")

	placeholder := "STRING(***UNREPRESENTABLE:map[string]interface {} (depth)***)"
	requireDiff(t, node{Any: nest(maxDepth, 1)}, node{Any: nest(maxDepth, 2)}, "any"+path+": "+placeholder+" -> "+placeholder)
	requireDiff(t, node{Any: nest(maxDepth, 1)}, node{Any: nest(maxDepth, 1)})
	requireDiff(t, node{Any: nest(maxDepth, 1)}, node{Any: nest(maxDepth-1, 1)}, "any"+path+": "+placeholder+" -> INT64(1)")

	// Values nested deeper than Diff compares count as different.
	requireDiff(t, node{Any: nest(maxEqualDepth, 1)}, node{Any: nest(maxEqualDepth, 1)}, "any"+path+": "+placeholder+" -> "+placeholder)
}

// callCounter counts the calls of its method.
type callCounter struct{ calls int }

func (c *callCounter) MarshalText() ([]byte, error) { c.calls++; return nil, nil }

func TestDiffSkipsIdenticalPointers(t *testing.T) {
	var a callCounter
	m := map[string]*callCounter{"a": &a}
	requireDiff(t, node{Any: m}, node{Any: m})
	requireDiff(t, node{Any: &a}, node{Any: &a})
	require.Zero(t, a.calls)

	n := &node{}
	for range 200 {
		n = &node{Children: []*node{n, n}} // 2^200 paths
	}
	requireDiff(t, n, n)
	requireDiff(t, node{Any: n}, node{Any: n})
	requireDiff(t, node{Any: map[string]any{"n": n}}, node{Any: map[string]any{"n": n}})
}

// mesh returns the first of n nodes that all have all as children.
func mesh(n int, name string) *node {
	nodes := make([]*node, n)
	for i := range nodes {
		nodes[i] = &node{Name: name}
	}
	for _, n := range nodes {
		n.Children = slices.Clone(nodes)
	}
	return nodes[0]
}

// Values with many references to each other have more paths than a diff can walk.
func TestDiffOfGraphsTerminates(t *testing.T) {
	wide := func(levels int, name string) *node {
		n := &node{Name: name}
		for range levels {
			n = &node{Children: []*node{n, n, n}}
		}
		return n
	}
	for name, build := range map[string]func(string) *node{
		"mesh": func(name string) *node { return mesh(15, name) }, // 15! paths
		"dag":  func(name string) *node { return wide(15, name) }, // 3^15 paths
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, mustDiff(t, build("a"), build("a")))

			for _, changes := range [][]audit.Change{mustDiff(t, nil, build("a")), mustDiff(t, build("a"), build("b"))} {
				assert.Len(t, changes, 1001)
				last := changes[1000]
				assert.Equal(t, "*", last.Field)
				assert.Equal(t, "***UNREPRESENTABLE:diff_test.node (limit)***", last.New.AsString())
			}
		})
	}
}

// TestDiffOfSharedValues tests that a value which is reached by several paths is recorded
// under the first, in a value of so many parts that not every path is walked.
func TestDiffOfSharedValues(t *testing.T) {
	type holder struct {
		Mesh  *node `audit:"mesh"`
		First *node `audit:"first"`
		Other *node `audit:"other"`
	}
	build := func(name string) holder {
		n := &node{Name: name}
		return holder{Mesh: mesh(15, "same"), First: n, Other: n}
	}
	requireDiff(t, build("a"), build("b"),
		"first.name: STRING(a) -> STRING(b)",
		"other: STRING(***UNREPRESENTABLE:diff_test.node (shared)***) -> STRING(***UNREPRESENTABLE:diff_test.node (shared)***)")
}

func TestDiffOfManyElements(t *testing.T) {
	const n = 20_000
	before, after := make([]line, n), make([]line, n)
	for i := range n {
		before[i] = line{SKU: "same", Price: i}
		after[n-1-i] = line{SKU: strconv.Itoa(i), Price: i}
	}
	changes := mustDiff(t, before, after)
	require.Len(t, changes, 1001)
	assert.Equal(t, "*", changes[1000].Field, "the last change says that there are more")
	assert.Empty(t, mustDiff(t, before, append([]line{}, before...)))
}

func BenchmarkDiff(b *testing.B) {
	type invoice struct {
		Number   string            `audit:"number"`
		Total    int64             `audit:"total"`
		Paid     bool              `audit:"paid"`
		Due      time.Time         `audit:"due"`
		IBAN     string            `audit:"iban,sensitive"`
		Address  address           `audit:"address"`
		Reviewer *author           `audit:"reviewer"`
		Tags     []string          `audit:"tags"`
		Labels   map[string]string `audit:"labels"`
		Lines    []line            `audit:"lines"`
		Internal [8]string
	}
	before := invoice{
		Number: "2026-001", Total: 100, Due: time.Unix(0, 0), IBAN: "a", Address: address{"Main", "Berlin", ""},
		Reviewer: &author{"Alice"}, Tags: []string{"a", "b"}, Labels: map[string]string{"a": "b", "c": "d"},
		Lines: []line{{"A", 1, ""}, {"B", 2, ""}, {"C", 3, ""}},
	}
	after := before
	after.Total, after.Address.City, after.IBAN, after.Reviewer = 200, "Paris", "b", &author{"Bob"}
	after.Lines = []line{{"A", 1, ""}, {"B", 3, ""}, {"C", 3, ""}}

	run := func(name string, before, after invoice) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := audit.Diff(before, after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("unchanged", before, before)
	run("changed", before, after)

	b.Run("map", func(b *testing.B) {
		option := diff.WithFields(rules{"title": diff.Tracked, "address": diff.Tracked})
		before := map[string]any{"title": "a", "body": "b", "address": map[string]any{"city": "Berlin", "street": "Main"}}
		after := map[string]any{"title": "b", "body": "c", "address": map[string]any{"city": "Paris", "street": "Main"}}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := audit.Diff(before, after, option); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{1_000, 10_000} {
		b.Run("lines="+strconv.Itoa(n), func(b *testing.B) {
			before, after := make([]line, n), make([]line, n)
			for i := range n {
				before[i] = line{SKU: strconv.Itoa(i), Price: i}
				after[n-1-i] = before[i]
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := audit.Diff(before, after); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
