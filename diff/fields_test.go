package diff_test

import (
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type rules = map[string]diff.Rule

// account is a struct of another package, without tags.
type account struct {
	Email   string
	Address struct {
		City, Street string
	}
	Labels  map[string]string
	Rows    []row
	RowPtrs *[]*row
	Since   time.Time
	Payload any
	Nested  map[string]map[string]int
	row
}

type row struct {
	Price int
	Cost  int
}

// profile has tags that rules add to.
type profile struct {
	Name  string `audit:"name"`
	Token string `audit:"token,sensitive"`
	Card  card   `audit:"card,sensitive"`
	Home  address
	Work  address `audit:"work"`
	Off   string  `audit:"-"`
	Base
	Lines []line `audit:"lines"`
}

type Base struct {
	Title string `audit:"title"`
	Hint  string
}

func TestWithFieldsOnStructs(t *testing.T) {
	before := account{Email: "a", Labels: map[string]string{"color": "red", "size": "s"}, Rows: []row{{1, 1}}, Payload: row{1, 1}}
	after := account{
		Email: "b", Labels: map[string]string{"color": "blue", "size": "m"}, Rows: []row{{2, 2}, {3, 3}},
		RowPtrs: &[]*row{nil, {1, 1}}, Since: time.Unix(0, 0), Payload: &row{2, 2},
		Nested: map[string]map[string]int{"a": {"b": 1, "c": 2}, "d": {"b": 3}}, row: row{5, 6},
	}
	after.Address.City, after.Address.Street = "Berlin", "Main"

	tests := map[string]struct {
		rules rules
		want  []string
	}{
		"none":                   {nil, []string{}},
		"field":                  {rules{"Email": diff.Tracked}, []string{"Email: STRING(a) -> STRING(b)"}},
		"sensitive field":        {rules{"Email": diff.Sensitive}, []string{"Email: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"nested field":           {rules{"Address.City": diff.Tracked}, []string{"Address.City: STRING() -> STRING(Berlin)"}},
		"nested sensitive field": {rules{"Address.City": diff.Sensitive}, []string{"Address.City: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"nested struct, masked":  {rules{"Address": diff.Sensitive}, []string{"Address: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"masked and not":         {rules{"Address": diff.Sensitive, "Address.City": diff.Tracked}, []string{"Address: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"tracked and fields":     {rules{"Address": diff.Tracked, "Address.City": diff.Tracked}, []string{"Address.City: STRING() -> STRING(Berlin)"}},
		"map":                    {rules{"Labels": diff.Tracked}, []string{"Labels.color: STRING(red) -> STRING(blue)", "Labels.size: STRING(s) -> STRING(m)"}},
		"key of map":             {rules{"Labels.size": diff.Tracked}, []string{"Labels.size: STRING(s) -> STRING(m)"}},
		"missing key":            {rules{"Labels.nope": diff.Tracked}, []string{}},
		"map, masked":            {rules{"Labels": diff.Sensitive}, []string{"Labels: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"map with a masked key": {rules{"Labels": diff.Tracked, "Labels.size": diff.Sensitive}, []string{
			"Labels.color: STRING(red) -> STRING(blue)", "Labels.size: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted",
		}},
		"elements":                        {rules{"Rows.Price": diff.Tracked}, []string{"Rows.0.Price: INT64(1) -> INT64(2)", "Rows.1.Price: EMPTY -> INT64(3)"}},
		"elements by pointer":             {rules{"RowPtrs.Price": diff.Tracked}, []string{"RowPtrs.1.Price: EMPTY -> INT64(1)"}},
		"scalar struct":                   {rules{"Since": diff.Tracked}, []string{"Since: STRING(0001-01-01T00:00:00.000000000Z) -> STRING(1970-01-01T00:00:00.000000000Z)"}},
		"interface":                       {rules{"Payload.Price": diff.Tracked}, []string{"Payload.Price: INT64(1) -> INT64(2)"}},
		"interface, no such field":        {rules{"Payload.Nope": diff.Tracked}, []string{}},
		"interface, tracked as one value": {rules{"Payload": diff.Tracked}, []string{"Payload: STRING(***UNREPRESENTABLE:diff_test.row***) -> STRING(***UNREPRESENTABLE:diff_test.row***)"}},
		"maps in maps":                    {rules{"Nested.a": diff.Tracked, "Nested.d.c": diff.Tracked}, []string{"Nested.a.b: EMPTY -> INT64(1)", "Nested.a.c: EMPTY -> INT64(2)"}},
		"promoted":                        {rules{"Price": diff.Tracked}, []string{"Price: INT64(0) -> INT64(5)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, show(mustDiff(t, before, after, diff.WithFields(test.rules))))
			assert.Empty(t, mustDiff(t, before, before, diff.WithFields(test.rules)))
		})
	}
}

func TestWithFieldsAddsToTags(t *testing.T) {
	before := profile{}
	after := profile{
		Name: "N", Token: "t", Card: card{Number: "1"}, Home: address{"Main", "Berlin", "x"}, Work: address{"Side", "", "y"},
		Off: "o", Base: Base{"T", "H"}, Lines: []line{{"A", 1, "n"}},
	}
	const masked = ": STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"
	tagged := []string{
		"name: STRING() -> STRING(N)", "token" + masked, "card" + masked, "work.street: STRING() -> STRING(Side)",
		"title: STRING() -> STRING(T)", "lines.A.sku: EMPTY -> STRING(A)", "lines.A.price: EMPTY -> INT64(1)",
	}
	with := func(at int, lines ...string) []string {
		return append(append(append([]string{}, tagged[:at]...), lines...), tagged[at:]...)
	}
	instead := func(at int, line string) []string {
		all := with(0)
		all[at] = line
		return all
	}

	tests := map[string]struct {
		rules rules
		want  []string
	}{
		"none":                        {rules{}, tagged},
		"masked by rule":              {rules{"Name": diff.Sensitive}, instead(0, "name"+masked)},
		"masked by tag":               {rules{"Token": diff.Tracked, "Card": diff.Tracked}, tagged},
		"below what is masked by tag": {rules{"Card.Number": diff.Tracked, "Card.Note": diff.Tracked}, tagged},
		"excluded by tag":             {rules{"Off": diff.Tracked}, with(4, "Off: STRING() -> STRING(o)")},
		"struct without tag":          {rules{"Home": diff.Tracked}, with(3, "Home.street: STRING() -> STRING(Main)", "Home.city: STRING() -> STRING(Berlin)")},
		"field of it":                 {rules{"Home.Note": diff.Tracked}, with(3, "Home.Note: STRING() -> STRING(x)")},
		"tagged field of it":          {rules{"Home.City": diff.Tracked}, with(3, "Home.city: STRING() -> STRING(Berlin)")},
		"struct with tag, masked":     {rules{"Work": diff.Sensitive}, instead(3, "work"+masked)},
		"field of it too":             {rules{"Work.Note": diff.Tracked}, with(4, "work.Note: STRING() -> STRING(y)")},
		"promoted":                    {rules{"Hint": diff.Tracked}, with(5, "Hint: STRING() -> STRING(H)")},
		"promoted, masked":            {rules{"Title": diff.Sensitive}, instead(4, "title"+masked)},
		"embedded, masked":            {rules{"Base": diff.Sensitive}, instead(4, "Base"+masked)},
		"embedded":                    {rules{"Base": diff.Tracked}, instead(4, "Base.title: STRING() -> STRING(T)")},
		"field of embedded":           {rules{"Base.Hint": diff.Tracked}, append(instead(4, "Base.title: STRING() -> STRING(T)")[:5], "Base.Hint: STRING() -> STRING(H)", tagged[5], tagged[6])},
		"elements":                    {rules{"Lines.Note": diff.Tracked}, with(7, "lines.A.Note: EMPTY -> STRING(n)")},
		"elements, masked":            {rules{"Lines.Price": diff.Sensitive}, instead(6, "lines.A.price: EMPTY -> STRING(***REDACTED***) redacted")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, show(mustDiff(t, before, after, diff.WithFields(test.rules))))
		})
	}
}

// A sensitive field stays sensitive under every rule.
func TestWithFieldsNeverUnmasks(t *testing.T) {
	type vault struct {
		Secret Base `audit:"secret,sensitive"`
	}
	type outer struct {
		Vault vault // not tracked
		Base  `audit:"base,sensitive"`
	}
	after := outer{Vault: vault{Base{"t", "h"}}, Base: Base{"t", "h"}}
	requireMasked := func(r rules, field string) {
		t.Helper()
		for _, c := range mustDiff(t, outer{}, after, diff.WithFields(r)) {
			require.True(t, c.Redacted, c.Field)
			require.Contains(t, []string{"base", field}, c.Field)
		}
	}
	requireMasked(rules{"Vault.Secret": diff.Tracked}, "Vault.secret")
	requireMasked(rules{"Vault.Secret.Title": diff.Tracked}, "Vault.secret")
	requireMasked(rules{"Vault": diff.Tracked, "Vault.Secret.Title": diff.Tracked}, "Vault.secret")
	requireMasked(rules{"Base.Title": diff.Tracked}, "base")

	_, err := audit.Diff(outer{}, after, diff.WithFields(rules{"Title": diff.Tracked}))
	require.ErrorContains(t, err, "names no field", "promoted through a sensitive struct")
}

func TestWithFieldsOnMaps(t *testing.T) {
	type doc = map[string]any
	before := doc{"title": "a", "address": doc{"city": "Berlin", "zip": 1}, "tags": []any{"x"}, "items": []any{doc{"sku": "A", "price": 1.0}}, "a.b": 1}
	after := doc{"title": "b", "address": doc{"city": "Paris", "zip": 2}, "tags": []any{"x", "y"}, "items": []any{doc{"sku": "B", "price": 2.0}, "odd"}, "a.b": 2}

	tests := map[string]struct {
		rules rules
		want  []string
	}{
		"key":                         {rules{"title": diff.Tracked}, []string{"title: STRING(a) -> STRING(b)"}},
		"keys":                        {rules{"title": diff.Sensitive, "tags": diff.Tracked}, []string{`tags: STRINGSLICE(["x"]) -> STRINGSLICE(["x","y"])`, "title: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"no key":                      {rules{"Title": diff.Tracked}, []string{}},
		"nested":                      {rules{"address.city": diff.Tracked}, []string{"address.city: STRING(Berlin) -> STRING(Paris)"}},
		"all nested":                  {rules{"address": diff.Tracked}, []string{"address.city: STRING(Berlin) -> STRING(Paris)", "address.zip: INT64(1) -> INT64(2)"}},
		"all nested, masked":          {rules{"address": diff.Sensitive}, []string{"address: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"all nested, one masked":      {rules{"address": diff.Tracked, "address.zip": diff.Sensitive}, []string{"address.city: STRING(Berlin) -> STRING(Paris)", "address.zip: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"masked wins":                 {rules{"address": diff.Sensitive, "address.zip": diff.Tracked}, []string{"address: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"elements":                    {rules{"items.price": diff.Tracked}, []string{"items.0.price: FLOAT64(1) -> FLOAT64(2)"}},
		"all elements":                {rules{"items": diff.Tracked}, []string{"items.0.price: FLOAT64(1) -> FLOAT64(2)", "items.0.sku: STRING(A) -> STRING(B)", "items.1: EMPTY -> STRING(odd)"}},
		"below a single value":        {rules{"title.x": diff.Tracked}, []string{}},
		"key with dot":                {rules{"a.b": diff.Tracked}, []string{"a.b: INT64(1) -> INT64(2)"}},
		"key with dot, masked above":  {rules{"a": diff.Sensitive, "a.b": diff.Tracked}, []string{"a.b: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
		"key with dot, tracked above": {rules{"a": diff.Tracked}, []string{"a.b: INT64(1) -> INT64(2)"}},
		"key with dot, above":         {rules{"a": diff.Sensitive}, []string{"a.b: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			option := diff.WithFields(test.rules)
			assert.Equal(t, test.want, show(mustDiff(t, before, after, option)))
			assert.Equal(t, test.want, show(mustDiff[any](t, before, after, option)), "in an interface")
			assert.Equal(t, test.want, show(mustDiff(t, &before, &after, option)), "by pointer")
			assert.Empty(t, mustDiff(t, before, before, option))
		})
	}
}

func TestWithFieldsOnMapsWithDuplicateKeys(t *testing.T) {
	m := func(n int) map[any]any { return map[any]any{1: n, "1": n, 2.5: n, "a": n} }
	same := diff.WithFields(rules{"1": diff.Tracked})
	placeholder := "STRING(***UNREPRESENTABLE:map[interface {}]interface {} (keys)***)"
	assert.Equal(t, []string{"*: " + placeholder + " -> " + placeholder}, show(mustDiff(t, m(1), m(2), same)))
	assert.Empty(t, mustDiff(t, m(1), m(1), same))
	// Keys that no rule names do not matter.
	assert.Equal(t, []string{"a: INT64(1) -> INT64(2)"}, show(mustDiff(t, m(1), m(2), diff.WithFields(rules{"a": diff.Tracked}))))
}

func TestWithFieldsCombines(t *testing.T) {
	one := diff.WithFields(rules{"Email": diff.Tracked, "Labels": diff.Sensitive})
	two := diff.WithFields(rules{"Email": diff.Sensitive, "Labels": diff.Tracked, "Rows.Price": diff.Tracked})
	after := account{Email: "a", Labels: map[string]string{"a": "b"}, Rows: []row{{}}}
	want := []string{
		"Email: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted",
		"Labels: EMPTY -> STRING(***REDACTED***) redacted",
		"Rows.0.Price: EMPTY -> INT64(0)",
	}
	require.Equal(t, want, show(mustDiff(t, account{}, after, one, two)))
	require.Equal(t, want, show(mustDiff(t, account{}, after, two, one)))
}

// textual is recorded as text, unless rules name its fields.
type textual struct{ A, B int }

func (textual) MarshalText() ([]byte, error) { return []byte("textual"), nil }

func TestWithFieldsOfStructsWithMethods(t *testing.T) {
	type holder struct{ X textual }
	one, two := textual{1, 1}, textual{2, 2}
	byField := diff.WithFields(rules{"X.A": diff.Tracked})
	require.Equal(t, []string{"X.A: INT64(1) -> INT64(2)"}, show(mustDiff(t, holder{one}, holder{two}, byField)))
	require.Equal(t, []string{"A: INT64(1) -> INT64(2)"}, show(mustDiff(t, one, two, diff.WithFields(rules{"A": diff.Tracked}))))
	require.Empty(t, mustDiff(t, holder{one}, holder{two}, diff.WithFields(rules{"X": diff.Tracked})), "its text is the same")
	both := diff.WithFields(rules{"X": diff.Tracked, "X.A": diff.Tracked})
	require.Equal(t, []string{"X.A: INT64(1) -> INT64(2)"}, show(mustDiff(t, holder{one}, holder{two}, both)))
}

func TestWithFieldsFindsMistakes(t *testing.T) {
	type inner struct{ ID int }
	type inner2 struct{ ID int }
	type ambiguous struct {
		inner
		inner2
	}
	tests := map[string]struct {
		diff func(...diff.Option) ([]audit.Change, error)
		rule rules
		want mistake
	}{
		"no such field":          {diffZero[account], rules{"email": diff.Tracked}, mistake{"email", "names no field of diff_test.account"}},
		"tag name":               {diffZero[profile], rules{"name": diff.Tracked}, mistake{"name", "names no field of diff_test.profile"}},
		"no such field below":    {diffZero[account], rules{"Address.Zip": diff.Tracked}, mistake{"Address.Zip", "names no field of struct"}},
		"no such element field":  {diffZero[account], rules{"RowPtrs.price": diff.Tracked}, mistake{"RowPtrs.price", "names no field of diff_test.row"}},
		"ambiguous":              {diffZero[ambiguous], rules{"ID": diff.Tracked}, mistake{"ID", "names no field of diff_test.ambiguous"}},
		"in the map":             {diffZero[map[string]row], rules{"a": diff.Tracked}, mistake{"map[string]diff_test.row", "no field of diff_test.row has an audit tag"}},
		"in the map, a field":    {diffZero[map[string]row], rules{"a.Nope": diff.Tracked}, mistake{"a.Nope", "names no field of diff_test.row"}},
		"below one value":        {diffZero[account], rules{"Email.X": diff.Tracked}, mistake{"Email", "string, is one value"}},
		"below one value in map": {diffZero[account], rules{"Labels.a.b": diff.Tracked}, mistake{"Labels.a", "string, is one value"}},
		"struct without fields":  {diffZero[account], rules{"Address": diff.Tracked}, mistake{"diff_test.account.Address", "nothing of it would be recorded"}},
		"slice without fields":   {diffZero[account], rules{"Rows": diff.Tracked}, mistake{"diff_test.account.Rows", "nothing of it would be recorded"}},
		"unexported":             {diffZero[password], rules{"hash": diff.Tracked}, mistake{"diff_test.password.hash", "not exported"}},
		"sensitive key":          {diffZero[profile], rules{"Lines.SKU": diff.Sensitive}, mistake{"diff_test.line.SKU", "cannot be sensitive"}},
		"no value":               {diffZero[account], rules{"Email": 0}, mistake{"Email", "neither diff.Tracked nor diff.Sensitive"}},
		"other value":            {diffZero[account], rules{"Email": 3}, mistake{"Email", "neither diff.Tracked nor diff.Sensitive"}},
		"empty path":             {diffZero[account], rules{"": diff.Tracked}, mistake{"", "empty name"}},
		"empty name":             {diffZero[account], rules{"Address..City": diff.Tracked}, mistake{"Address..City", "empty name"}},
		"one value":              {diffZero[int], rules{"a": diff.Tracked}, mistake{"int", "int, is one value"}},
		"tags are still read":    {diffZero[withUnexported], rules{"secret": diff.Tracked}, mistake{"diff_test.withUnexported.secret", "not exported"}},
		"no rules for a map":     {diffZero[map[string]int], rules{}, mistake{"map[string]int", "name its keys"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := test.diff(diff.WithFields(test.rule))
			var invalid *audit.ValidationError
			require.ErrorAs(t, err, &invalid)
			assert.Equal(t, test.want.Field, invalid.Field)
			assert.Contains(t, invalid.Reason, test.want.Reason)

			_, err = test.diff(diff.WithFields(test.rule), diff.WithFields(nil))
			require.ErrorAs(t, err, &invalid, "combined with another option")
			assert.Equal(t, test.want.Field, invalid.Field)
		})
	}
}

// A diff of documents has exactly the values that the rules track, and masks those that are
// sensitive.
func TestWithFieldsProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	key := func() string { return []string{"a", "b", "c"}[r.IntN(3)] }
	var doc func(depth int) any
	doc = func(depth int) any {
		if depth == 0 || r.IntN(4) == 0 {
			return r.IntN(3)
		}
		m := map[string]any{}
		for range r.IntN(4) {
			m[key()] = doc(depth - 1)
		}
		return m
	}
	for range 2000 {
		before, after := map[string]any{"a": doc(3), "b": doc(3)}, map[string]any{"a": doc(3), "b": doc(3)}
		ruled := rules{}
		for range 1 + r.IntN(4) {
			path := key()
			for range r.IntN(3) {
				path += "." + key()
			}
			ruled[path] = diff.Rule(1 + r.IntN(2))
		}

		recorded := map[string]audit.Change{}
		for _, c := range mustDiff(t, before, after, diff.WithFields(ruled)) {
			require.NotContains(t, recorded, c.Field)
			recorded[c.Field] = c
			rule, at := ruleOn(ruled, c.Field)
			require.NotZero(t, rule, "%s by %v", c.Field, ruled)
			require.Equal(t, rule == diff.Sensitive, c.Redacted, "%s by %v", c.Field, ruled)
			if c.Redacted {
				require.Equal(t, at, c.Field, "a masked value is recorded at the path of its rule")
			}
		}
		oldLeaves, newLeaves := leaves("", before), leaves("", after)
		for path := range union(oldLeaves, newLeaves) {
			if rule, _ := ruleOn(ruled, path); rule == diff.Tracked && oldLeaves[path] != newLeaves[path] {
				require.Contains(t, recorded, path, "by %v", ruled)
			}
		}
	}
}

// ruleOn returns the rule that applies to a path: the sensitive rule of its shortest prefix
// and that prefix, or else a tracked rule.
func ruleOn(ruled rules, path string) (rule diff.Rule, at string) {
	for end := range len(path) + 1 {
		if end < len(path) && path[end] != '.' {
			continue
		}
		switch ruled[path[:end]] {
		case diff.Sensitive:
			return diff.Sensitive, path[:end]
		case diff.Tracked:
			rule = diff.Tracked
		}
	}
	return rule, ""
}

// leaves returns the values of a document by path.
func leaves(path string, v any) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		return map[string]any{strings.TrimPrefix(path, "."): v}
	}
	all := map[string]any{}
	for k, v := range m {
		maps.Copy(all, leaves(path+"."+k, v))
	}
	return all
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

func TestWithFieldsDoesNotRetainRules(t *testing.T) {
	r := rules{"Email": diff.Sensitive}
	option := diff.WithFields(r)
	r["Email"] = diff.Tracked
	require.True(t, mustDiff(t, account{}, account{Email: "a"}, option)[0].Redacted)
	require.True(t, mustDiff(t, account{}, account{Email: "a"}, option, diff.WithFields(nil))[0].Redacted)
}

func TestDiffIsConcurrent(t *testing.T) {
	type fresh struct {
		A address  `audit:"a"`
		B []*fresh `audit:"b"`
		C any      `audit:"c"`
		D string
	}
	option := diff.WithFields(rules{"D": diff.Tracked, "C.D": diff.Tracked})
	before := fresh{C: &fresh{}}
	after := fresh{A: address{City: "x"}, B: []*fresh{{}}, C: &fresh{D: "y"}, D: "z"}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if changes, err := audit.Diff(before, after, option); assert.NoError(t, err) {
				assert.Len(t, changes, 5)
			}
		})
	}
	wait.Wait()
}

// TestWithFieldsCombinesInvalidRule checks that a rule that is neither of the constants is
// an error, also if another option has a valid rule on the same path.
func TestWithFieldsCombinesInvalidRule(t *testing.T) {
	t.Parallel()
	valid, invalid := diff.WithFields(rules{"Price": diff.Tracked}), diff.WithFields(rules{"Price": diff.Sensitive + 1})
	for _, options := range [][]diff.Option{{invalid}, {valid, invalid}, {invalid, valid}} {
		_, err := audit.Diff(row{}, row{}, options...)
		var failed *audit.ValidationError
		require.ErrorAs(t, err, &failed)
		assert.Equal(t, "Price", failed.Field)
	}
}
