package record_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opendeed/audit/record"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

func withResource(attributes ...attribute.KeyValue) *record.Record {
	r := smallRecord()
	r.Resource = resource.NewSchemaless(attributes...)
	return r
}

// TestResourceJSONConcurrently writes and reads records of several services at the same
// time. A cached resource must not reach records of another service.
func TestResourceJSONConcurrently(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 4 {
		r := withResource(attribute.Int("service", i), attribute.String("long", strings.Repeat("x", i*10_000)))
		wg.Go(func() {
			for range 100 {
				text, err := r.AppendJSON(nil)
				if !assert.NoError(t, err) || !assert.Contains(t, string(text), `"service":`+strconv.Itoa(i)+`}`) {
					return
				}
				var back record.Record
				if !assert.NoError(t, back.UnmarshalJSON(text)) || !assert.Equal(t, r.Resource, back.Resource) {
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestResourceJSONIsShared(t *testing.T) { // not parallel, because the cache is global
	text, err := withResource(attribute.String("service.name", "shop")).AppendJSON(nil)
	require.NoError(t, err)
	var first, second record.Record
	require.NoError(t, first.UnmarshalJSON(text))
	require.NoError(t, second.UnmarshalJSON(text))
	assert.Same(t, first.Resource, second.Resource)

	// A text with the same beginning.
	longer := strings.Replace(string(text), `"shop"}`, `"shop","x":1}`, 1)
	require.NoError(t, second.UnmarshalJSON([]byte(longer)))
	assert.Equal(t, 2, second.Resource.Len())
	spaced := strings.Replace(string(text), `"shop"}`, `"shop" }`, 1)
	require.NoError(t, second.UnmarshalJSON([]byte(spaced)))
	assert.Equal(t, first.Resource, second.Resource)
}

func TestResourceJSONOmits(t *testing.T) {
	t.Parallel()
	small := goldenText(t, "small")
	for name, r := range map[string]*record.Record{
		"nothing":            withResource(),
		"what is left empty": {Event: smallRecord().Event, Resource: resource.Empty()},
		"the schema":         {Event: smallRecord().Event, Resource: resource.NewWithAttributes("https://example.com/schema")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := r.AppendJSON(nil)
			require.NoError(t, err)
			assert.Equal(t, small, string(text))
		})
	}
}
