package audit

import (
	"database/sql"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const (
	appeared    = "x: EMPTY -> STRING(***REDACTED***) redacted"
	disappeared = "x: STRING(***REDACTED***) -> EMPTY redacted"
	changed     = "x: STRING(***REDACTED***) -> STRING(***REDACTED***) redacted"
	unchanged   = ""
)

// password hides what it holds, as types for secrets do.
type password struct{ hash string }

// hidden holds anything where methods cannot be called.
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
		"nil slice":                   {[]string(nil), []string{}, appeared},
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
		"nested nil slice":            {hidden{[]int(nil)}, hidden{[]int{}}, changed},
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
