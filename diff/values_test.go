package diff_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// color is a number that is recorded as text.
type color int

func (c color) MarshalText() ([]byte, error) {
	if c < 0 {
		return nil, errors.New("no color")
	}
	return []byte([]string{"red", "blue"}[c]), nil // panics for other colors
}

// level has a MarshalText method on its pointer.
type level struct{ n int }

func (l *level) MarshalText() ([]byte, error) { return []byte{'L', byte('0' + l.n)}, nil }

type timestamp time.Time

type (
	named    string
	count    uint8
	flagged  bool
	duration time.Duration
)

func TestDiffOfValues(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 5, time.UTC)
	elsewhere := noon.In(time.FixedZone("elsewhere", 3600))
	now := time.Now()
	ch, other := make(chan int), make(chan int)
	str := func(s string) *string { return &s }

	tests := map[string]struct {
		before, after any
		want          string // of the change, "" for none
	}{
		"bool":                  {false, true, "BOOL(false) -> BOOL(true)"},
		"named bool":            {flagged(false), flagged(true), "BOOL(false) -> BOOL(true)"},
		"int":                   {int8(-1), int8(2), "INT64(-1) -> INT64(2)"},
		"int types":             {int8(1), int64(1), ""},
		"uint":                  {count(1), count(2), "INT64(1) -> INT64(2)"},
		"uint beyond int64":     {uint64(math.MaxInt64), uint64(math.MaxInt64 + 1), "INT64(9223372036854775807) -> STRING(9223372036854775808)"},
		"float":                 {1.5, 2.5, "FLOAT64(1.5) -> FLOAT64(2.5)"},
		"float32":               {float32(0.5), float32(0.25), "FLOAT64(0.5) -> FLOAT64(0.25)"},
		"NaN":                   {math.NaN(), math.NaN(), ""},
		"NaN to number":         {math.NaN(), 1.0, "FLOAT64(NaN) -> FLOAT64(1)"},
		"zeros":                 {0.0, math.Copysign(0, -1), ""},
		"float and int":         {1.0, 1, "FLOAT64(1) -> INT64(1)"},
		"text and int":          {"1", 1, "STRING(1) -> INT64(1)"},
		"string":                {"a", "b", "STRING(a) -> STRING(b)"},
		"empty string":          {nil, "", "EMPTY -> STRING()"},
		"named string":          {named("a"), "a", ""},
		"json.Number":           {json.Number("1"), json.Number("1.0"), "STRING(1) -> STRING(1.0)"},
		"pointer":               {str("a"), str("b"), "STRING(a) -> STRING(b)"},
		"pointer to same":       {str("a"), str("a"), ""},
		"pointer and value":     {str("a"), "a", ""},
		"nil pointer":           {(*string)(nil), str(""), "EMPTY -> STRING()"},
		"nil pointers":          {(*string)(nil), nil, ""},
		"time":                  {noon, noon.Add(1), "STRING(2026-01-02T12:00:00.000000005Z) -> STRING(2026-01-02T12:00:00.000000006Z)"},
		"time zone":             {noon, elsewhere, ""},
		"zone of recorded time": {elsewhere, nil, "STRING(2026-01-02T12:00:00.000000005Z) -> EMPTY"},
		"monotonic reading":     {now, now.Round(0), ""},
		"zero time":             {nil, time.Time{}, "EMPTY -> STRING(0001-01-01T00:00:00.000000000Z)"},
		"named time":            {timestamp(noon), timestamp(elsewhere), ""},
		"named time changed":    {timestamp(noon), nil, "STRING(2026-01-02T12:00:00.000000005Z) -> EMPTY"},
		"duration":              {time.Minute, 90 * time.Second, "STRING(1m0s) -> STRING(1m30s)"},
		"named duration":        {duration(1), duration(2), "INT64(1) -> INT64(2)"},
		"text":                  {color(0), color(1), "STRING(red) -> STRING(blue)"},
		"same text":             {netip.MustParseAddr("::1"), netip.MustParseAddr("0:0::1"), ""},
		"text by pointer":       {&level{1}, &level{2}, "STRING(L1) -> STRING(L2)"},
		"text by value":         {level{1}, level{2}, "STRING(L1) -> STRING(L2)"},
		"text by value and not": {level{1}, &level{1}, ""},
		"big.Int":               {big.NewInt(1), big.NewInt(2), "STRING(1) -> STRING(2)"},
		"text fails":            {color(0), color(-1), "STRING(red) -> STRING(***UNREPRESENTABLE:diff_test.color (MarshalText failed)***)"},
		"text panics":           {color(9), color(0), "STRING(***UNREPRESENTABLE:diff_test.color (MarshalText failed)***) -> STRING(red)"},
		"text fails twice":      {color(9), color(9), ""},
		"texts fail":            {color(8), color(9), "STRING(***UNREPRESENTABLE:diff_test.color (MarshalText failed)***) -> STRING(***UNREPRESENTABLE:diff_test.color (MarshalText failed)***)"},
		"valuer":                {sql.NullString{String: "a", Valid: true}, sql.NullString{String: "b", Valid: true}, "STRING(a) -> STRING(b)"},
		"valuer null":           {sql.NullString{String: "ignored"}, sql.NullString{Valid: true}, "EMPTY -> STRING()"},
		"valuers null":          {sql.NullString{String: "ignored"}, nil, ""},
		"valuer of time":        {sql.NullTime{Time: noon, Valid: true}, sql.NullTime{Time: elsewhere, Valid: true}, ""},
		"valuer of any":         {sql.Null[int]{V: 1, Valid: true}, sql.Null[int]{V: 2, Valid: true}, "INT64(1) -> INT64(2)"},
		"valuer of struct":      {sql.Null[address]{Valid: true}, nil, "STRING(***UNREPRESENTABLE:sql.Null[github.com/opendeed/audit/diff_test.address] (Value failed)***) -> EMPTY"},
		"valuer fails":          {broken{}, nil, "STRING(***UNREPRESENTABLE:diff_test.broken (Value failed)***) -> EMPTY"},
		"valuer fails twice":    {broken{1}, broken{1}, ""},
		"valuers fail":          {broken{1}, broken{2}, "STRING(***UNREPRESENTABLE:diff_test.broken (Value failed)***) -> STRING(***UNREPRESENTABLE:diff_test.broken (Value failed)***)"},
		"valuer panics":         {broken{9}, "x", "STRING(***UNREPRESENTABLE:diff_test.broken (Value failed)***) -> STRING(x)"},
		"bytes":                 {[]byte("a"), []byte("b"), "BYTESLICE(YQ==) -> BYTESLICE(Yg==)"},
		"byte array":            {[2]byte{1, 2}, [2]byte{1, 3}, "BYTESLICE(AQI=) -> BYTESLICE(AQM=)"},
		"named byte array":      {[2]count{1, 2}, [2]byte{1, 2}, ""},
		"named bytes":           {[]count{1, 2}, nil, "BYTESLICE(AQI=) -> EMPTY"},
		"array of named bytes":  {nil, [1]count{1}, "EMPTY -> BYTESLICE(AQ==)"},
		"nil bytes":             {[]byte(nil), []byte{}, ""},
		"strings":               {[]string{"a"}, []string{"a", "b"}, `STRINGSLICE(["a"]) -> STRINGSLICE(["a","b"])`},
		"nil slice":             {[]string(nil), []string{}, ""},
		"emptied slice":         {[]string{"a"}, []string{}, `STRINGSLICE(["a"]) -> STRINGSLICE([])`},
		"nil slices":            {[]string(nil), nil, ""},
		"array":                 {[2]int{1, 2}, [2]int{2, 1}, "INT64SLICE([1,2]) -> INT64SLICE([2,1])"},
		"array and slice":       {[2]int{1, 2}, []int64{1, 2}, ""},
		"uints":                 {[]uint16{1}, []uint16{}, "INT64SLICE([1]) -> INT64SLICE([])"},
		"uints beyond int64":    {[]uint64{1, math.MaxUint64}, nil, `SLICE([1,"18446744073709551615"]) -> EMPTY`},
		"floats":                {[]float64{1, math.NaN()}, []float64{1, math.NaN()}, ""},
		"floats of two types":   {[]float64{0, math.NaN()}, [2]float32{float32(math.Copysign(0, -1)), float32(math.NaN())}, ""},
		"floats changed":        {[]float32{0.5}, []float32{}, "FLOAT64SLICE([0.5]) -> FLOAT64SLICE([])"},
		"bools":                 {[]bool{true}, []bool{false}, "BOOLSLICE([true]) -> BOOLSLICE([false])"},
		"times":                 {[]time.Time{noon}, []time.Time{elsewhere}, ""},
		"times changed":         {[]time.Time{noon}, []time.Time{}, `STRINGSLICE(["2026-01-02T12:00:00.000000005Z"]) -> STRINGSLICE([])`},
		"texts":                 {[]color{0, 1}, []color{1, 0}, `STRINGSLICE(["red","blue"]) -> STRINGSLICE(["blue","red"])`},
		"text by pointers":      {[]*level{{1}}, []level{{1}}, ""},
		"valuers":               {[]sql.NullInt64{{Int64: 1, Valid: true}, {}}, []sql.NullInt64{}, "SLICE([1,null]) -> SLICE([])"},
		"pointers":              {[]*string{str("a"), str("b")}, []*string{str("a"), nil}, `STRINGSLICE(["a","b"]) -> SLICE(["a",null])`},
		"byte slices":           {[][]byte{{1}}, [][]byte{{2}}, `SLICE(["AQ=="]) -> SLICE(["Ag=="])`},
		"anything":              {[]any{"a", 1}, []any{"a", "b"}, `SLICE(["a",1]) -> STRINGSLICE(["a","b"])`},
		"anything, floats":      {[]any{1.0, nil, math.NaN()}, []any{1.0, nil, math.NaN()}, ""},
		"anything as typed":     {[]any{"a"}, []string{"a"}, ""},
		"anything, mixed":       {[]any{"a", 1.0, nil}, [3]any{"a", 1.0, nil}, ""},
		"anything, nothing":     {[]any(nil), []any{}, ""},
		"bools of anything":     {[]any{true, false}, nil, "BOOLSLICE([true,false]) -> EMPTY"},
		"empty struct":          {nil, struct{}{}, "EMPTY -> MAP({})"},
		"func":                  {TestDiffOfValues, TestDiffOfStruct, "STRING(***UNREPRESENTABLE:func(*testing.T)***) -> STRING(***UNREPRESENTABLE:func(*testing.T)***)"},
		"same func":             {TestDiffOfValues, TestDiffOfValues, ""},
		"nil func":              {(func())(nil), func() {}, "EMPTY -> STRING(***UNREPRESENTABLE:func()***)"},
		"chan":                  {ch, other, "STRING(***UNREPRESENTABLE:chan int***) -> STRING(***UNREPRESENTABLE:chan int***)"},
		"same chan":             {ch, ch, ""},
		"nil chan":              {(chan int)(nil), ch, "EMPTY -> STRING(***UNREPRESENTABLE:chan int***)"},
		"complex":               {1i, 2i, "STRING(***UNREPRESENTABLE:complex128***) -> STRING(***UNREPRESENTABLE:complex128***)"},
		"same complex":          {complex(1, math.NaN()), complex(1, math.NaN()), ""},
		"uintptr":               {uintptr(1), uintptr(2), "STRING(***UNREPRESENTABLE:uintptr***) -> STRING(***UNREPRESENTABLE:uintptr***)"},
		"unsafe.Pointer":        {nil, reflect.ValueOf(&ch).UnsafePointer(), "EMPTY -> STRING(***UNREPRESENTABLE:unsafe.Pointer***)"},
		"funcs":                 {[]func(){}, []func(){nil, func() {}}, `SLICE([]) -> SLICE([null,"***UNREPRESENTABLE:func()***"])`},
		"opaque of two types":   {ch, 1i, "STRING(***UNREPRESENTABLE:chan int***) -> STRING(***UNREPRESENTABLE:complex128***)"},
		"opaque and its text":   {ch, "***UNREPRESENTABLE:chan int***", "STRING(***UNREPRESENTABLE:chan int***) -> STRING(***UNREPRESENTABLE:chan int***)"},
		"struct without tags":   {struct{ A int }{1}, struct{ A int }{2}, "STRING(***UNREPRESENTABLE:struct { A int }***) -> STRING(***UNREPRESENTABLE:struct { A int }***)"},
		"same without tags":     {struct{ A int }{1}, struct{ A int }{1}, ""},
		"error":                 {errors.New("a"), errors.New("a"), ""},
		"error changed":         {errors.New("a"), errors.New("b"), "STRING(***UNREPRESENTABLE:errors.errorString***) -> STRING(***UNREPRESENTABLE:errors.errorString***)"},
		"wrong tags": {struct {
			a int `audit:"a"` //nolint:revive // the mistake
		}{1}, nil, "STRING(***UNREPRESENTABLE:struct { a int \"audit:\\\"a\\\"\" } (tags)***) -> EMPTY"},
		"map with float keys":     {map[float64]int{1: 1}, map[float64]int{1: 2}, "STRING(***UNREPRESENTABLE:map[float64]int***) -> STRING(***UNREPRESENTABLE:map[float64]int***)"},
		"map with any keys":       {map[any]int{1.5: 1}, nil, "STRING(***UNREPRESENTABLE:map[interface {}]int (keys)***) -> EMPTY"},
		"map with same keys":      {map[any]int{1: 1, "1": 1}, map[any]int{1: 1, "1": 2}, "STRING(***UNREPRESENTABLE:map[interface {}]int (keys)***) -> STRING(***UNREPRESENTABLE:map[interface {}]int (keys)***)"},
		"same map with same keys": {map[any]int{1: 1, "1": 1}, map[any]int{1: 1, "1": 1}, ""},
		"map with nil key":        {map[any]int{nil: 1}, nil, "STRING(***UNREPRESENTABLE:map[interface {}]int (keys)***) -> EMPTY"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			type holder struct {
				X any `audit:"x"`
			}
			want := []string{}
			if test.want != "" {
				want = append(want, "x: "+test.want)
			}
			assert.Equal(t, want, show(mustDiff(t, holder{test.before}, holder{test.after})))
			assert.Empty(t, show(mustDiff(t, holder{test.before}, holder{test.before})), "before")
			assert.Empty(t, show(mustDiff(t, holder{test.after}, holder{test.after})), "after")
			mirrored := mustDiff(t, holder{test.after}, holder{test.before})
			for i, c := range mirrored {
				mirrored[i].Old, mirrored[i].New = c.New, c.Old
			}
			assert.Equal(t, want, show(mirrored), "mirrored")
		})
	}
}

// broken is a driver.Valuer that fails.
type broken struct{ n int }

func (b broken) Value() (driver.Value, error) {
	if b.n == 9 {
		panic("secret")
	}
	return nil, errors.New("secret")
}

// taggedText has a text that includes its sensitive field.
type taggedText struct {
	User     string `audit:"user"`
	Password string `audit:"password,sensitive"`
}

func (t taggedText) MarshalText() ([]byte, error) { return []byte(t.User + ":" + t.Password), nil }

func TestDiffPrefersTagsToText(t *testing.T) {
	type holder struct {
		X taggedText   `audit:"x"`
		Y []taggedText `audit:"y"`
	}
	requireDiff(t, holder{}, holder{X: taggedText{"u", "p"}, Y: []taggedText{{"u", "p"}}},
		"x.user: STRING() -> STRING(u)",
		"x.password: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted",
		"y.0.user: EMPTY -> STRING(u)",
		"y.0.password: EMPTY -> STRING(***REDACTED***) redacted")
}

const (
	appeared    = "x: EMPTY -> STRING(***REDACTED***) redacted"
	disappeared = "x: STRING(***REDACTED***) -> EMPTY redacted"
	changed     = "x: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"
	unchanged   = ""
)

// password has no exported fields, like other types for secrets.
type password struct{ hash string }

// hidden has a value whose methods cannot be called.
type hidden struct{ v any }

type card struct {
	Number string  `audit:"number"`
	PIN    *string `audit:"pin,sensitive"`
	Note   string
}

func TestDiffOfSensitiveValues(t *testing.T) {
	pin, samePIN := "1", "1"
	cyclic := func(name string) *node { n := &node{Name: name}; n.Next = n; return n }
	wrong := struct {
		a int `audit:"a"` //nolint:revive // the mistake
	}{1}
	ch := make(chan int)
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

	tests := map[string]struct {
		before, after any
		want          string
	}{
		"text":                        {"a", "b", changed},
		"same text":                   {"a", "a", unchanged},
		"zero value":                  {nil, "", appeared},
		"types":                       {"1", 1, changed},
		"types, recorded the same":    {int8(1), 1, unchanged},
		"NaN":                         {math.NaN(), math.NaN(), unchanged},
		"nil pointer":                 {(*string)(nil), &pin, appeared},
		"pointers":                    {&pin, &samePIN, unchanged},
		"nil slice":                   {[]string(nil), []string{}, unchanged},
		"map":                         {map[string]int{"a": 1}, map[string]int{"b": 1}, changed},
		"same maps":                   {map[string]int{"a": 1}, map[string]int{"a": 1}, unchanged},
		"map with more":               {map[string]int{"a": 1}, map[string]int{"a": 1, "b": 1}, changed},
		"empty map":                   {map[string]int{}, map[string]int{"a": 1}, appeared},
		"empty and nil map":           {map[string]int{}, map[string]int(nil), unchanged},
		"maps of two types":           {map[string]int{"a": 1}, map[string]any{"a": 1}, changed},
		"valuer":                      {sql.NullString{Valid: true}, sql.NullString{}, disappeared},
		"valuers":                     {sql.NullString{String: "a", Valid: true}, sql.NullString{String: "b", Valid: true}, changed},
		"valuer that fails":           {broken{1}, broken{2}, changed},
		"valuer that fails the same":  {broken{1}, broken{1}, unchanged},
		"valuers below":               {[]any{struct{ V any }{sql.NullInt64{Int64: 1}}}, []any{struct{ V any }{sql.NullInt64{Int64: 2}}}, unchanged},
		"text that fails":             {color(8), color(9), changed},
		"text that fails the same":    {color(9), color(9), unchanged},
		"func":                        {func() {}, nil, disappeared},
		"chan":                        {ch, make(chan int), changed},
		"tagged struct":               {card{Number: "1"}, card{Number: "2"}, changed},
		"tagged struct, same":         {card{"1", &pin, "a"}, &card{"1", &samePIN, "b"}, unchanged},
		"tagged struct, nested":       {card{"1", &pin, "a"}, card{"1", nil, "a"}, changed},
		"tagged struct appears":       {nil, card{}, appeared},
		"untagged struct":             {password{"a"}, password{"b"}, changed},
		"untagged struct, same":       {password{"a"}, &password{"a"}, unchanged},
		"untagged struct appears":     {(*password)(nil), &password{}, appeared},
		"struct with wrong tags":      {wrong, wrong, unchanged},
		"struct of another type":      {password{}, card{}, changed},
		"keyed, reordered":            {[]line{{SKU: "A"}, {SKU: "B"}}, []line{{SKU: "B"}, {SKU: "A"}}, unchanged},
		"keyed, changed":              {[]line{{SKU: "A", Price: 1}}, []line{{SKU: "A", Price: 2}}, changed},
		"keyed, renamed":              {[]line{{SKU: "A"}}, []line{{SKU: "B"}}, changed},
		"keyed, one more":             {[]line{{SKU: "A"}}, []line{{SKU: "A"}, {SKU: "A"}}, changed},
		"by index, reordered":         {[]point{{X: 1}, {X: 2}}, []point{{X: 2}, {X: 1}}, changed},
		"by index, of pointers":       {[]*point{{X: 1}, nil}, []*point{{X: 1}, nil}, unchanged},
		"arrays":                      {[1]point{{X: 1}}, [1]point{{X: 2}}, changed},
		"cycles":                      {cyclic("a"), cyclic("a"), unchanged},
		"cycles that differ":          {cyclic("a"), cyclic("b"), changed},
		"errors":                      {errors.New("a"), errors.New("b"), changed},
		"wrapped errors":              {errors.Join(errors.New("a")), errors.Join(errors.New("a")), unchanged},
		"hidden time":                 {hidden{noon}, hidden{noon}, unchanged},
		"hidden times":                {hidden{noon}, hidden{noon.Add(1)}, changed},
		"hidden text":                 {hidden{color(0)}, hidden{color(1)}, changed},
		"hidden values of two types":  {hidden{noon}, hidden{"noon"}, changed},
		"hidden scalars of two types": {hidden{1}, hidden{int8(1)}, changed},
		"nested nil slice":            {hidden{[]int(nil)}, hidden{[]int{}}, unchanged},
		"maps with nil":               {map[string]any{"a": nil}, map[string]any{"b": nil}, changed},
		"slice of anything":           {[]any{1, "a", nil}, []any{1, "a", nil}, unchanged},
		"nested slice of anything":    {[]any{[]any{1}}, [1]any{[]any{1}}, changed},
		"complex numbers and uintptr": {[]any{1i, uintptr(1)}, []any{1i, uintptr(2)}, changed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			type holder struct {
				X any `audit:"x,sensitive"`
			}
			want := []string{}
			if test.want != unchanged {
				want = append(want, test.want)
			}
			assert.Equal(t, want, show(mustDiff(t, holder{test.before}, holder{test.after})))
			assert.Empty(t, show(mustDiff(t, holder{test.before}, holder{test.before})), "before")
			assert.Empty(t, show(mustDiff(t, holder{test.after}, holder{test.after})), "after")
		})
	}
}

func TestDiffOfSensitiveFieldsBelow(t *testing.T) {
	pin := "1234"
	type user struct {
		Card  card            `audit:"card"`
		Cards map[string]card `audit:"cards"`
		Vault card            `audit:"vault,sensitive"`
		card  `audit:"-"`
	}
	requireDiff(t,
		user{card: card{Number: "a"}},
		user{card: card{Number: "b"}, Card: card{PIN: &pin}, Cards: map[string]card{"visa": {PIN: &pin}}, Vault: card{Number: "7"}},
		"card.pin: EMPTY -> STRING(***REDACTED***) redacted",
		"cards.visa.number: EMPTY -> STRING()",
		"cards.visa.pin: EMPTY -> STRING(***REDACTED***) redacted",
		"vault: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted",
	)
}
