package exportertest_test

import (
	"fmt"

	"github.com/opendeed/audit/sdk/exportertest"
	"go.opentelemetry.io/otel/attribute"
)

func ExampleEqual() {
	want, got := exportertest.OddRecords()[0], exportertest.OddRecords()[0]
	want.Metadata = []attribute.KeyValue{attribute.Int("count", 1)}
	got.Metadata = []attribute.KeyValue{attribute.Float64("count", 1)}
	fmt.Println(exportertest.Equal(want, got))
	// Output: metadata.count: want INT64 "1", got FLOAT64 "1"
}
