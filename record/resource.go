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

// The resources that were written and read last. They are separate, so that reading the
// records of other programs does not slow down writing.
var lastWritten, lastRead atomic.Pointer[resourceText]

// maxResourceText is the length of the longest text that is cached, in bytes.
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
		p.Skip(len(last.text)) // a complete object cannot be the prefix of another
		return last.resource
	}
	// The text is copied, so that a cached resource does not retain the whole record.
	text := strings.Clone(rest[:canonical.ValueEnd(rest)])
	r := canonical.NewReader(text)
	kvs := r.Attributes()
	if at, reason := r.Failure(); reason != "" {
		p.Fail(start+at, reason)
		return nil
	}
	if kvs[0].Key == "" {
		p.Fail(start, "an attribute of a resource needs a key")
		return nil
	}
	p.Skip(len(text))
	res := resource.NewSchemaless(kvs...)
	if len(text) <= maxResourceText {
		lastRead.Store(&resourceText{resource: res, text: text})
	}
	return res
}
