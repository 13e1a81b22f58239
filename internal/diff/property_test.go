package diff

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opendeed/audit/internal/values"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

// Texts that no change may contain.
const (
	sensitiveMark = "SENSITIVE"
	untaggedMark  = "UNTAGGED"
)

// sample has fields of every shape.
type sample struct {
	Name   string  `audit:"name"`
	Secret any     `audit:"secret,sensitive"`
	Number float64 `audit:"number"`
	hidden string
	Hidden any
	sampleBase
	Any      any                `audit:"any"`
	Next     *sample            `audit:"next"`
	Children []sample           `audit:"children"`
	Lines    []*sampleLine      `audit:"lines"`
	Map      map[string]*sample `audit:"map"`
	Numbers  map[int]any        `audit:"numbers"`
	Tags     []string           `audit:"tags"`
}

type sampleBase struct {
	At     time.Time      `audit:"at"`
	Null   sql.NullString `audit:"null"`
	Hidden string
}

type sampleLine struct {
	Key    string `audit:"key,key"`
	Secret string `audit:"secret,sensitive"`
	N      *int   `audit:"n"`
	Hidden string
}

// untagged has no tags, so nothing of it is recorded.
type untagged struct{ A, B int }

// loop is a pointer to itself.
type loop *loop

// color is a number that is recorded as text.
type color int

func (c color) MarshalText() ([]byte, error) {
	if c < 0 {
		return nil, errors.New("no color")
	}
	return []byte([]string{"red", "blue"}[c]), nil // panics for other colors
}

// broken is a driver.Valuer that fails.
type broken struct{ n int }

func (b broken) Value() (driver.Value, error) {
	if b.n == 9 {
		panic("secret")
	}
	return nil, errors.New("secret")
}

var (
	sampleChan = make(chan int)
	sampleFunc = func() { panic("called") }
)

// source builds samples from bytes. The same bytes give equal samples with other
// pointers.
type source struct {
	data    []byte
	parents []*sample
	lists   bool // whether to build slices of interfaces
}

// next returns a number below n, and 0 after the last byte.
func (s *source) next(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

func (s *source) text() string { return []string{"", "a", "b", "a#2", "c"}[s.next(5)] }

func (s *source) sample() *sample {
	x := &sample{}
	s.parents = append(s.parents, x)
	defer func() { s.parents = s.parents[:len(s.parents)-1] }()

	x.Name = s.text()
	x.Secret = []any{nil, sensitiveMark, sensitiveMark + "2", map[string]any{sensitiveMark: sensitiveMark}, []string{sensitiveMark}, &sampleLine{Key: sensitiveMark}}[s.next(6)]
	x.Number = []float64{0, math.Copysign(0, -1), 1, math.NaN()}[s.next(4)]
	x.hidden = untaggedMark
	x.Hidden = []any{untaggedMark, map[string]int{untaggedMark: 1}}[s.next(2)]
	x.At = time.Unix(int64(s.next(2)), 0).In(time.FixedZone("", s.next(2)*3600))
	x.Null = sql.NullString{String: s.text(), Valid: s.next(2) == 1}
	x.sampleBase.Hidden = untaggedMark
	if len(s.parents) > 4 || len(s.data) == 0 {
		return x
	}
	x.Any = s.any()
	switch s.next(4) {
	case 1:
		x.Next = s.sample()
	case 2:
		x.Next = s.parents[s.next(len(s.parents))] // a cycle
	}
	for range s.next(3) {
		x.Children = append(x.Children, *s.sample())
	}
	for range s.next(4) {
		n := s.next(3)
		x.Lines = append(x.Lines, []*sampleLine{nil, {Key: s.text(), Secret: sensitiveMark, Hidden: untaggedMark, N: &n}, {}}[s.next(3)])
	}
	for range s.next(3) {
		if x.Map == nil {
			x.Map = map[string]*sample{}
		}
		x.Map[s.text()] = s.sample()
	}
	for range s.next(3) {
		if x.Numbers == nil {
			x.Numbers = map[int]any{}
		}
		x.Numbers[s.next(20)-10] = s.any()
	}
	x.Tags = [][]string{nil, {}, {"a"}, {"b", ""}}[s.next(4)]
	return x
}

func (s *source) any() any {
	switch s.next(24) {
	case 1:
		return s.next(2) == 1
	case 2:
		return s.next(3)
	case 3:
		return uint64(math.MaxUint64)
	case 4:
		return []float64{0, math.Inf(1), math.NaN()}[s.next(3)]
	case 5:
		return s.text()
	case 6:
		return []string{s.text()}
	case 7:
		return time.Duration(s.next(3))
	case 8:
		return color(s.next(4) - 1)
	case 9:
		return sampleChan
	case 10:
		return sampleFunc
	case 11:
		return map[string]any{s.text(): s.any(), "a": s.any()}
	case 12:
		return *s.sample()
	case 13:
		return s.sample()
	case 14:
		return []sample{*s.sample()}
	case 15:
		return map[any]any{s.text(): s.any(), s.next(2): s.any()}
	case 16:
		return untagged{A: s.next(2)}
	case 17:
		return [][]byte{{byte(s.next(2))}, nil}
	case 18:
		return broken{s.next(10)}
	case 19:
		return complex(0, float64(s.next(2)))
	case 20:
		return map[float64]int{math.NaN(): 1}
	case 21:
		if s.lists {
			return []any{s.any(), s.any()}
		}
		return [2]*int{}
	case 22:
		n := s.next(2)
		return [2]*int{&n}
	case 23:
		var p loop
		p = &p
		return p
	default:
		return nil
	}
}

// changesOf returns the changes between two values.
func changesOf[T any](t *testing.T, before, after T) []Change {
	t.Helper()
	changes, err := AppendChanges(nil, reflect.TypeFor[T](), reflect.ValueOf(&before), reflect.ValueOf(&after), Options{})
	require.NoError(t, err)
	return changes
}

// show returns a line for each change: "title: STRING(Old) -> EMPTY()".
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

func showValue(v attribute.Value) string { return v.Type().String() + "(" + v.String() + ")" }

// checkProperties checks the properties of every diff on two samples.
func checkProperties(t *testing.T, one, two []byte, lists bool) {
	t.Helper()
	build := func(data []byte) *sample { return (&source{data: data, lists: lists}).sample() }
	a, b := build(one), build(two)

	require.Empty(t, show(changesOf(t, a, a)))
	require.Empty(t, show(changesOf(t, *a, *a)))

	changes := changesOf(t, a, b)
	require.Equal(t, show(changes), show(changesOf(t, build(one), build(two))), "deterministic")
	require.ElementsMatch(t, show(changes), show(swap(changesOf(t, b, a))), "symmetric")

	for _, c := range changes {
		line := show([]Change{c})[0]
		require.NotContains(t, line, sensitiveMark)
		require.NotContains(t, line, untaggedMark)
		require.NotContains(t, line, "idden")
		require.NotEmpty(t, c.Field)
		require.Equal(t, c.Redacted, strings.HasSuffix(c.Field, "secret"), c.Field)
	}
	if lists {
		return // whether a list is one value depends on both sides
	}
	have := recorded(t, swap(changesOf(t, a, nil)))
	want := recorded(t, changesOf(t, nil, b))
	for _, c := range changes {
		require.True(t, isEmpty(c.Old) && isEmpty(have[c.Field]) || values.Equal(c.Old, have[c.Field]),
			"%s was %s", c.Field, showValue(have[c.Field]))
		if isEmpty(c.New) {
			delete(have, c.Field)
		} else {
			have[c.Field] = c.New
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(have)))
	for field, v := range want {
		require.True(t, values.Equal(v, have[field]), "%s is %s and not %s", field, showValue(have[field]), showValue(v))
	}
}

// isEmpty reports whether v is EMPTY or an empty slice, which are the same to a diff.
func isEmpty(v attribute.Value) bool {
	switch v.Type() {
	case attribute.EMPTY:
		return true
	case attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.STRINGSLICE, attribute.SLICE:
		return v.String() == "[]"
	case attribute.BYTESLICE:
		return len(v.AsByteSlice()) == 0
	default:
		return false
	}
}

// swap exchanges old and new.
func swap(changes []Change) []Change {
	for i, c := range changes {
		changes[i].Old, changes[i].New = c.New, c.Old
	}
	return changes
}

// recorded returns the values that a creation records.
func recorded(t *testing.T, created []Change) map[string]attribute.Value {
	t.Helper()
	all := make(map[string]attribute.Value, len(created))
	for _, c := range created {
		require.Equal(t, attribute.EMPTY, c.Old.Type(), c.Field)
		require.NotContains(t, all, c.Field)
		all[c.Field] = c.New
	}
	return all
}

// The recorded values of a, with the changes from a to b, are those of b.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		one := make([]byte, r.IntN(80))
		for i := range one {
			one[i] = byte(r.Uint32())
		}
		two := slices.Clone(one)
		for range r.IntN(4) {
			if len(two) > 0 {
				two[r.IntN(len(two))] = byte(r.Uint32())
			}
		}
		checkProperties(t, one, two, r.IntN(2) == 0)
	}
}

func FuzzDiff(f *testing.F) {
	f.Add([]byte{}, []byte{}, false)
	f.Add([]byte("\x01\x02\x03\x01\x01\x01\x00\x01\x0b\x01\x02"), []byte("\x02\x02\x03\x01\x01\x01\x00\x01\x0b\x02\x02"), true)
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), []byte("0123456789abcdefghijklmnopqrstuvwxyZ"), false)
	f.Fuzz(func(t *testing.T, one, two []byte, lists bool) {
		if len(one)+len(two) > 400 {
			return // longer inputs find nothing more
		}
		checkProperties(t, one, two, lists)
	})
}
