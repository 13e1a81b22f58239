package audit

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// show returns changes as lines for tables: "title: STRING(Old) -> EMPTY".
func show(changes []Change) []string {
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
	changes, err := Diff(before, after)
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

type article struct {
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
	before := article{
		author: author{Name: "Alice"}, Title: "Old", Body: "old body",
		Address: address{Street: "Main", City: "Berlin", Note: "a"},
		Tags:    []string{"x"}, Labels: map[string]string{"color": "red", "size": "s"}, Version: 1, Excluded: "a",
	}
	after := article{
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

func mustDiff[T any](t *testing.T, before, after T, opts ...DiffOption) []Change {
	t.Helper()
	changes, err := Diff(before, after, opts...)
	require.NoError(t, err)
	return changes
}

func TestDiffOfWhatIsAbsent(t *testing.T) {
	a := article{Title: "T", Labels: map[string]string{"color": "red"}}
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

	changes, err := diff(nil, &a)
	require.NoError(t, err)
	require.Equal(t, created, show(changes))

	changes, err = diff(&a, nil)
	require.NoError(t, err)
	require.Equal(t, deleted, show(changes))

	requireDiff(t, nil, &a, created...)
	requireDiff(t, &a, nil, deleted...)
	requireDiff[*article](t, nil, nil)
	requireDiff[any](t, nil, a, created...)
	requireDiff[any](t, a, nil, deleted...)
	requireDiff[any](t, nil, nil)
}
