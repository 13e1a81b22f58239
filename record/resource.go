package record

import (
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/sdk/resource"
)

// resourceText is a resource and its JSON. Resources never change, and most
// programs have one.
type resourceText struct {
	resource *resource.Resource
	text     string
}

// The resource that was written last and the one that was read last. They are two,
// so that a program that reads the records of others still writes its own quickly.
var lastWritten, lastRead atomic.Pointer[resourceText]

// maxResourceText is how long a text may be to be kept, in bytes.
const maxResourceText = 16 << 10

// resource writes the member, which is left out when there are no attributes.
func (w *jsonWriter) resource(b []byte, r *resource.Resource) []byte {
	if r == nil {
		return b
	}
	if last := lastWritten.Load(); last != nil && last.resource == r {
		return append(b, last.text...)
	}
	start := len(b)
	b = w.attributes(b, `"resource":`, r.Attributes())
	if text := b[start:]; len(text) <= maxResourceText && w.reason == "" {
		lastWritten.Store(&resourceText{resource: r, text: string(text)})
	}
	return b
}

// resource reads what stands in the member.
func (p *jsonReader) resource() *resource.Resource {
	start := p.skipSpace(p.pos)
	rest := p.text[start:]
	if last := lastRead.Load(); last != nil && strings.HasPrefix(rest, last.text) {
		p.pos = start + len(last.text) // a whole object: nothing else can begin so
		return last.resource
	}
	// A copy, so that what is kept does not hold on to the whole record.
	own := jsonReader{text: strings.Clone(rest[:endOfValue(rest, 0)])}
	kvs := own.attributes()
	if own.reason != "" {
		p.fail(start+own.failed, own.reason)
		return nil
	}
	if kvs[0].Key == "" {
		p.fail(start, "an attribute of a resource needs a key")
		return nil
	}
	p.pos = start + len(own.text)
	r := resource.NewSchemaless(kvs...)
	if len(own.text) <= maxResourceText {
		lastRead.Store(&resourceText{resource: r, text: own.text})
	}
	return r
}
