package diff

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMalformedTags(t *testing.T) {
	t.Parallel()
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
	for tag, malformed := range tests {
		// The struct is built here because vet reports these tags.
		typ := reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[int](), Tag: tag}})
		err := tagPlanner.check(typ)
		if malformed {
			require.ErrorContains(t, err, "the tag cannot be read", tag)
		} else {
			require.NoError(t, err, tag)
		}
	}
}
