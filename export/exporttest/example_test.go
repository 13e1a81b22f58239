package exporttest_test

import (
	"fmt"

	"github.com/opendeed/audit/export/exporttest"
	"go.opentelemetry.io/otel/attribute"
)

func ExampleEqual() {
	want, got := exporttest.OddRecords()[0], exporttest.OddRecords()[0]
	want.Metadata = []attribute.KeyValue{attribute.Int("count", 1)}
	got.Metadata = []attribute.KeyValue{attribute.Float64("count", 1)}
	fmt.Println(exporttest.Equal(want, got))
	// Output: metadata.count: want INT64 "1", got FLOAT64 "1"
}
