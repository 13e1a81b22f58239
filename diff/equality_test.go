package diff_test

import (
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/diff"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decimal is equal to the same amount written in another way, such as 1.5 and 1.50.
type decimal struct{ text string }

func (d decimal) MarshalText() ([]byte, error) { return []byte(d.text), nil }

func (d decimal) Equal(other decimal) bool {
	x, _ := new(big.Rat).SetString(d.text)
	y, _ := new(big.Rat).SetString(other.text)
	return x.Cmp(y) == 0 // panics if a text is not a number
}

// money has the method on a pointer, and fields that are recorded.
type money struct {
	Amount   string `audit:"amount"`
	Currency string `audit:"currency"`
	rate     int
}

func (m *money) Equal(other *money) bool {
	return m.rate == other.rate && decimal{m.Amount}.Equal(decimal{other.Amount}) && m.Currency == other.Currency
}

// tags is a list whose order does not matter.
type tags []string

func (t tags) Equal(other any) bool {
	o, ok := other.(tags)
	return ok && slices.Equal(slices.Sorted(slices.Values(t)), slices.Sorted(slices.Values(o)))
}

// notEqual has a method of that name that compares nothing.
type notEqual struct{ text string }

func (n notEqual) MarshalText() ([]byte, error) { return []byte(n.text), nil }

func (notEqual) Equal(int) bool { return true }

func TestDiffEqualMethod(t *testing.T) {
	t.Parallel()
	type holder struct {
		X any `audit:"x"`
	}
	for name, tc := range map[string]struct {
		before, after any
		want          []string
	}{
		"same amount":         {decimal{"1.5"}, decimal{"1.50"}, nil},
		"other amount":        {decimal{"1.5"}, decimal{"1.51"}, []string{"x: STRING(1.5) -> STRING(1.51)"}},
		"by pointers":         {&decimal{"1.5"}, &decimal{"1.50"}, nil},
		"nil and zero":        {(*decimal)(nil), &decimal{"0"}, []string{"x: EMPTY -> STRING(0)"}},
		"method panics":       {decimal{"a"}, decimal{"b"}, []string{"x: STRING(a) -> STRING(b)"}},
		"method panics, same": {decimal{"a"}, decimal{"a"}, nil},
		"list of amounts":     {[]decimal{{"1"}, {"2"}}, []decimal{{"1.0"}, {"2"}}, nil},
		"map of amounts":      {map[string]decimal{"a": {"1"}}, map[string]decimal{"a": {"1.0"}}, nil},
		"struct":              {money{"1.5", "EUR", 1}, money{"1.50", "EUR", 1}, nil},
		"struct, by pointers": {&money{"1.5", "EUR", 1}, &money{"1.50", "EUR", 1}, nil},
		"struct changed":      {money{"1.5", "EUR", 1}, money{"1.5", "USD", 1}, []string{"x.currency: STRING(EUR) -> STRING(USD)"}},
		"struct changed in what is not recorded": {money{"1.5", "EUR", 1}, money{"1.5", "EUR", 2}, []string{
			"x: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted",
		}},
		"list with a method":         {tags{"a", "b"}, tags{"b", "a"}, nil},
		"list with a method changed": {tags{"a"}, tags{"b"}, []string{`x: STRINGSLICE(["a"]) -> STRINGSLICE(["b"])`}},
		"address in 4 and 16 bytes":  {net.IPv4(10, 0, 0, 1).To4(), net.IPv4(10, 0, 0, 1).To16(), nil},
		"two types":                  {decimal{"1.5"}, "1.50", []string{"x: STRING(1.5) -> STRING(1.50)"}},
		"another method Equal":       {notEqual{"a"}, notEqual{"b"}, []string{"x: STRING(a) -> STRING(b)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireDiff(t, holder{tc.before}, holder{tc.after}, tc.want...)
		})
	}

	type account struct {
		Limit decimal `audit:"limit,sensitive"`
		Owner *money  `audit:"owner"`
	}
	requireDiff(t, account{Limit: decimal{"1.5"}}, account{Limit: decimal{"1.50"}})
	requireDiff(t, account{Limit: decimal{"1.5"}}, account{Limit: decimal{"2"}},
		"limit: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted")
	requireDiff(t, account{Owner: &money{"1", "EUR", 1}}, account{Owner: &money{"1.0", "EUR", 1}})
	requireDiff(t, money{"1.5", "EUR", 1}, money{"1.50", "EUR", 1}, "amount: STRING(1.5) -> STRING(1.50)")
}

// writer is identified by its ID: two writers may have one name.
type writer struct {
	ID   int    `audit:"id,key"`
	Name string `audit:"name"`
}

func TestDiffOfRelations(t *testing.T) {
	type article struct {
		Author  *writer   `audit:"author"`
		Editors []*writer `audit:"editors"`
	}
	requireDiff(t, article{Author: &writer{1, "Kim"}}, article{Author: &writer{2, "Kim"}}, "author.id: INT64(1) -> INT64(2)")
	requireDiff(t, article{Author: &writer{1, "Kim"}}, article{Author: &writer{1, "Kim"}})
	requireDiff(t, article{Editors: []*writer{{1, "Kim"}, {2, "Kim"}}}, article{Editors: []*writer{{2, "Kim"}, {1, "Kim"}}})
	requireDiff(t, article{Editors: []*writer{{1, "Kim"}}}, article{Editors: []*writer{{2, "Kim"}}},
		"editors.1.id: INT64(1) -> EMPTY", "editors.1.name: STRING(Kim) -> EMPTY",
		"editors.2.id: EMPTY -> INT64(2)", "editors.2.name: EMPTY -> STRING(Kim)")
}

func TestDiffOfTimesAtPrecision(t *testing.T) {
	type event struct {
		At    time.Time            `audit:"at"`
		Exact time.Time            `audit:"exact,precision=1ns"`
		Rough *time.Time           `audit:"rough,precision=1s"`
		Many  map[string]time.Time `audit:"many"`
		Vault struct {
			At time.Time `audit:"at,precision=1ms"`
		} `audit:"vault,sensitive"`
	}
	noon := time.Date(2026, 11, 26, 12, 0, 0, 123_456_789, time.UTC)
	before := event{At: noon, Rough: &noon, Many: map[string]time.Time{"a": noon}}
	before.Vault.At = noon
	after := before
	after.At = noon.Round(time.Microsecond) // a database rounds up or down
	rough := noon.Truncate(time.Second)
	after.Rough = &rough
	after.Many = map[string]time.Time{"a": noon.Truncate(time.Microsecond)}
	after.Vault.At = noon.Truncate(time.Millisecond)

	requireDiff(t, before, after,
		"at: STRING(2026-11-26T12:00:00.123456789Z) -> STRING(2026-11-26T12:00:00.123457000Z)",
		"many.a: STRING(2026-11-26T12:00:00.123456789Z) -> STRING(2026-11-26T12:00:00.123456000Z)")
	precision := diff.WithTimePrecision(time.Microsecond)
	requireNoChanges := func(before, after event) {
		t.Helper()
		changes, err := audit.Diff(before, after, precision)
		require.NoError(t, err)
		assert.Empty(t, show(changes))
	}
	requireNoChanges(before, after)
	after.Exact = before.Exact.Add(1)
	changes, err := audit.Diff(before, after, precision)
	require.NoError(t, err)
	assert.Len(t, changes, 1, "the tag has priority")

	after = before
	after.At = noon.Add(time.Microsecond)
	changes, err = audit.Diff(before, after, precision)
	require.NoError(t, err)
	assert.Len(t, changes, 1, "a microsecond is not less than the precision")
}

func TestNotLoaded(t *testing.T) {
	type article struct {
		Title  string    `audit:"title"`
		Body   string    `audit:"body"`
		Author *writer   `audit:"author"`
		Tags   []string  `audit:"tags"`
		PIN    string    `audit:"pin,sensitive"`
		Lines  []*writer `audit:"lines"`
	}
	full := article{Title: "Old", Body: "text", Author: &writer{1, "Kim"}, Tags: []string{"a"}, PIN: "1", Lines: []*writer{{1, "Kim"}}}
	partial := article{Title: "New"}
	all := diff.NotLoaded("body", "author", "tags", "pin", "lines")
	changesOf := func(before, after *article, opts ...diff.Option) []string {
		t.Helper()
		changes, err := audit.Diff(before, after, opts...)
		require.NoError(t, err)
		return show(changes)
	}

	assert.Equal(t, []string{"title: STRING(Old) -> STRING(New)"}, changesOf(&full, &partial, all), "what is not known was not emptied")
	assert.Equal(t, []string{
		"title: STRING(New) -> STRING(Old)",
		"body: STRING(***NOT_LOADED***) -> STRING(text)",
		"author.id: STRING(***NOT_LOADED***) -> INT64(1)",
		"author.name: STRING(***NOT_LOADED***) -> STRING(Kim)",
		`tags: STRING(***NOT_LOADED***) -> STRINGSLICE(["a"])`,
		"pin: STRING(***NOT_LOADED***) -> STRING(***REDACTED***) redacted",
		"lines.1.id: STRING(***NOT_LOADED***) -> INT64(1)",
		"lines.1.name: STRING(***NOT_LOADED***) -> STRING(Kim)",
	}, changesOf(&partial, &full, all))
	assert.Empty(t, changesOf(&partial, &partial, all))

	changed := full
	changed.Body, changed.Author = "other", &writer{2, "Kim"}
	assert.Equal(t, changesOf(&full, &changed), changesOf(&full, &changed, all), "values that are known are compared")

	assert.Equal(t, []string{"title: EMPTY -> STRING(New)"}, changesOf(nil, &partial, all))
	assert.Equal(t, []string{"title: STRING(New) -> EMPTY"}, changesOf(&partial, nil, all))
	assert.Equal(t, changesOf(nil, &full), changesOf(nil, &full, all))
	assert.Equal(t, []string{"title: STRING(New) -> STRING(Old)", "author.name: STRING(***NOT_LOADED***) -> STRING(Kim)"},
		changesOf(&article{Title: "New", Author: &writer{ID: 1}}, &article{Title: "Old", Author: &writer{1, "Kim"}}, diff.NotLoaded("author.name")))

	for _, path := range []string{"Body", "author.nick", "body.x", "", "author.", "title "} {
		var invalid *audit.ValidationError
		_, err := audit.Diff(full, partial, diff.NotLoaded(path))
		require.ErrorAs(t, err, &invalid, "%q", path)
	}
}

func TestDiffLimits(t *testing.T) {
	type holder struct {
		X any `audit:"x"`
	}
	many := make(map[string]int, 100_001)
	for i := range 100_001 {
		many[big.NewInt(int64(i)).String()] = i
	}
	other := map[string]int{}
	requireDiff(t, holder{many}, holder{many})
	requireDiff(t, holder{many}, holder{other},
		"x: STRING(***UNREPRESENTABLE:map[string]int (size)***) -> EMPTY")
}
