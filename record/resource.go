package record

import (
	"strings"
	"sync/atomic"

	"github.com/opendeed/audit/internal/canonical"
	"go.opentelemetry.io/otel/sdk/resource"
)

// resourceText is a resource and its JSON. Resources are immutable, and most programs
// have one.
type resourceText struct {
	resource *resource.Resource
	text     string
}

// The resource that was written last and the one that was read last. They are separate,
// so that reading the records of other programs does not slow down writing.
var lastWritten, lastRead atomic.Pointer[resourceText]

// maxResourceText is the length in bytes of the longest text that is kept.
const maxResourceText = 16 << 10

// resource appends the member. It omits a resource without attributes.
func (w *writer) resource(b []byte, r *resource.Resource) []byte {
	if r == nil {
		return b
	}
	if last := lastWritten.Load(); last != nil && last.resource == r {
		return append(b, last.text...)
	}
	start := len(b)
	b = w.Attributes(b, `"resource":`, r.Attributes())
	if text := b[start:]; len(text) <= maxResourceText && !w.Failed() {
		lastWritten.Store(&resourceText{resource: r, text: string(text)})
	}
	return b
}

// resource reads the value of the member.
func (p *reader) resource() *resource.Resource {
	rest := p.Rest()
	start := p.Pos()
	if last := lastRead.Load(); last != nil && strings.HasPrefix(rest, last.text) {
		p.Skip(len(last.text)) // a complete object, which cannot be the prefix of another
		return last.resource
	}
	// A copy, so that a resource that is kept does not retain the whole record.
	text := strings.Clone(rest[:canonical.ValueEnd(rest)])
	own := canonical.NewReader(text)
	kvs := own.Attributes()
	if at, reason := own.Failure(); reason != "" {
		p.Fail(start+at, reason)
		return nil
	}
	if kvs[0].Key == "" {
		p.Fail(start, "an attribute of a resource needs a key")
		return nil
	}
	p.Skip(len(text))
	r := resource.NewSchemaless(kvs...)
	if len(text) <= maxResourceText {
		lastRead.Store(&resourceText{resource: r, text: text})
	}
	return r
}
