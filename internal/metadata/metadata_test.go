package metadata_test

import (
	"slices"
	"testing"

	"github.com/opendeed/audit/internal/metadata"
	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
)

// Neither function changes the slice that it gets, not even in its spare capacity.
func TestArgumentsStay(t *testing.T) {
	t.Parallel()
	kvs := []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("b", 2), attribute.Int("spare", 3)}
	before := slices.Clone(kvs)
	more := []attribute.KeyValue{attribute.Int("c", 4), attribute.Int("b", 5)}

	merged, replaced := metadata.Replace(kvs[:2], more)
	assert.Equal(t, []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("b", 5), attribute.Int("c", 4)}, merged)
	assert.Equal(t, []attribute.Key{"b"}, replaced)
	assert.Equal(t, []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("b", 2), attribute.Int("c", 4)}, metadata.WithDefaults(kvs[:2], more))
	assert.Equal(t, more, metadata.WithDefaults(nil, more))
	assert.Equal(t, before, kvs)
}

// A key that is repeated in what is added is replaced by its last value.
func TestReplaceRepeated(t *testing.T) {
	t.Parallel()
	merged, replaced := metadata.Replace(nil, []attribute.KeyValue{attribute.Int("a", 1), attribute.Int("a", 2)})
	assert.Equal(t, []attribute.KeyValue{attribute.Int("a", 2)}, merged)
	assert.Equal(t, []attribute.Key{"a"}, replaced)
}
