package limit

import (
	"slices"
	"strings"
	"time"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/mark"
	"github.com/opendeed/audit/record"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
)

// maxResource is the size of the JSON of the largest resource, in bytes.
const maxResource = 8 << 10

// Resource returns a resource that fits into every record, without its schema URL, which
// records do not have. The marks say what was changed.
func Resource(r *resource.Resource) (fitting *resource.Resource, marks []mark.Mark) {
	if r == nil {
		return nil, nil
	}
	kvs := slices.DeleteFunc(r.Attributes(), func(kv attribute.KeyValue) bool { return kv.Key == "" })
	c := new(record.Record)
	c.Metadata = kvs
	c.ID, c.Action, c.Actor.Type, c.Time = audit.ID{1}, "a", audit.ActorUnresolved, time.Unix(0, 0)
	fitted := shorten(c, budget{size: maxResource, marks: maxResource / 4})
	for i := range fitted.Marks {
		m := &fitted.Marks[i]
		m.Path = "resource" + strings.TrimPrefix(m.Path, "metadata")
	}
	return resource.NewSchemaless(fitted.Metadata...), fitted.Marks
}
