package audit

import (
	"database/sql"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// untagged shows nothing of itself.
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
		diff func() ([]Change, error)
		want ValidationError
	}{
		"unknown option":       {of[unknownOption], ValidationError{"audit.unknownOption.A", `unknown option " sensitive"`}},
		"empty option":         {of[emptyOption], ValidationError{"audit.emptyOption.A", `unknown option ""`}},
		"no name":              {of[noName], ValidationError{"audit.noName.A", "no name"}},
		"empty tag":            {of[emptyTag], ValidationError{"audit.emptyTag.A", "no name"}},
		"excluded with option": {of[excludedWithOption], ValidationError{"audit.excludedWithOption.A", "excludes"}},
		"named sensitive":      {of[namedSensitive], ValidationError{"audit.namedSensitive.A", `write audit:"name,sensitive"`}},
		"spaces":               {of[spaces], ValidationError{"audit.spaces.A", "spaces"}},
		"unexported":           {of[withUnexported], ValidationError{"audit.withUnexported.secret", "not exported"}},
		"unexported embedded":  {of[embeddedUnexported], ValidationError{"audit.embeddedUnexported.withTitle", "not exported"}},
		"duplicate":            {of[duplicate], ValidationError{"audit.duplicate.B", `recorded as "a", and so is audit.duplicate.A`}},
		"duplicate embedded":   {of[duplicateEmbedded], ValidationError{"audit.duplicateEmbedded.Headline", "and so is audit.withTitle.Title"}},
		"two keys":             {of[twoKeys], ValidationError{"audit.twoKeys.B", "and so is audit.twoKeys.A"}},
		"sensitive key":        {of[sensitiveKey], ValidationError{"audit.sensitiveKey.A", "cannot be sensitive"}},
		"float key":            {of[floatKey], ValidationError{"audit.floatKey.A", "a key is"}},
		"pointer key":          {of[pointerKey], ValidationError{"audit.pointerKey.A", "a key is"}},
		"struct untagged":      {of[structUntagged], ValidationError{"audit.structUntagged.A", "no field of audit.untagged has an audit tag"}},
		"pointer untagged":     {of[pointerUntagged], ValidationError{"audit.pointerUntagged.A", "no field of audit.untagged"}},
		"slice untagged":       {of[sliceUntagged], ValidationError{"audit.sliceUntagged.A", "no field of audit.untagged"}},
		"map untagged":         {of[mapUntagged], ValidationError{"audit.mapUntagged.A", "no field of audit.untagged"}},
		"nested":               {of[nested], ValidationError{"audit.withUnexported.secret", "not exported"}},
		"top-level list":       {of[[]withUnexported], ValidationError{"audit.withUnexported.secret", "not exported"}},
		"int":                  {of[int], ValidationError{"int", "no name"}},
		"strings":              {of[[]string], ValidationError{"[]string", "no name"}},
		"func":                 {of[func()], ValidationError{"func()", "no name"}},
		"time":                 {of[*time.Time], ValidationError{"time.Time", "no name"}},
		"map":                  {of[map[string]int], ValidationError{"map[string]int", "name its keys in WithFields"}},
		"int in interface":     {func() ([]Change, error) { return Diff[any](nil, 1) }, ValidationError{"int", "no name"}},
		"mistake in interface": {func() ([]Change, error) { return Diff[any](withUnexported{secret: "x"}, nil) }, ValidationError{"audit.withUnexported.secret", "not exported"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 { // compiled, and remembered
				changes, err := test.diff()
				assert.Empty(t, changes)
				var invalid *ValidationError
				require.ErrorAs(t, err, &invalid)
				assert.Equal(t, test.want.Field, invalid.Field)
				assert.Contains(t, invalid.Reason, test.want.Reason)
			}
		})
	}
}

// of compares two zero values.
func of[T any]() ([]Change, error) {
	var zero T
	return Diff(zero, zero)
}

func TestDiffAllowsWhatIsNoMistake(t *testing.T) {
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
	changes, err := of[allowed]()
	require.NoError(t, err)
	require.Empty(t, changes)
}

func TestDiffFindsTagsThatCannotBeRead(t *testing.T) {
	tests := map[reflect.StructTag]bool{
		`audit:title`:             true,
		`audit: "title"`:          true,
		`json:"a" audit:title`:    true,
		`json:"a",audit:"title"`:  true,
		"json:\"a\"\taudit:title": true,
		`json:"audit:title"`:      false,
		`json:"a" doc:"x audit:"`: false,
		`xaudit:"title"`:          false,
		`json:"a"`:                false,
		``:                        false,
	}
	for tag, wrong := range tests {
		// Built here, because vet knows these mistakes too.
		typ := reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int](), Tag: tag}})
		err := tagPlans.check(typ)
		if wrong {
			require.ErrorContains(t, err, "the tag cannot be read", tag)
		} else {
			require.NoError(t, err, tag)
		}
	}
}

// A struct without tags is recorded without changes: what was stated is recorded
// even if nothing of it was opted in.
func TestDiffOfStructWithoutTags(t *testing.T) {
	requireDiff(t, untagged{A: 1}, untagged{A: 2})
	requireDiff[any](t, &untagged{A: 1}, untagged{A: 2})
	requireDiff(t, []untagged{{A: 1}}, nil)
	requireDiff(t, level{1}, level{2})
	requireDiff(t, sql.NullString{}, sql.NullString{Valid: true})
}
