package audit

import (
	"reflect"

	"github.com/opendeed/audit/internal/values"
	"go.opentelemetry.io/otel/attribute"
)

const (
	whyCycle  = "cycle"  // it contains itself
	whyDepth  = "depth"  // it is nested too deep
	whyKeys   = "keys"   // a map has keys without text, or two with the same
	whyTags   = "tags"   // its tags are wrong, and an interface held it
	whyShared = "shared" // it was recorded under another path already
	whyText   = "MarshalText failed"
	whyValue  = "Value failed" // driver.Valuer's, or it gave what is no single value
)

func unrepresentable(t reflect.Type, why string) attribute.Value {
	return values.NewUnrepresentable(t.String(), why)
}
