package viewer_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/query/querytest"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
)

func digits(n int, fill string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat(fill, n)))
}

// erasableText returns a text in the form of an erasable value under a key, which nobody can open.
func erasableText(key string) string {
	return record.ErasablePrefix + key + ":" + digits(32, "c") + ":" + digits(60, "s")
}

// TestErasableValues: a page says of erasable values when all, some or none of their keys were
// destroyed, and nothing if that was not found out.
func TestErasableValues(t *testing.T) {
	t.Parallel()
	first, second := digits(16, "1"), digits(16, "2")
	changed := event(900, func(r *record.Record) {
		r.Action = "patient.move"
		r.Changes = []audit.Change{{Field: "address", Old: text(erasableText(first)), New: text(erasableText(second)), Redacted: true}}
		r.AddRedacted("changes.address")
	})
	erasure := func(n int, key string) *record.Record {
		return event(n, func(r *record.Record) {
			r.Action, r.Operation = semconv.ActionSubjectErase, audit.OperationDelete
			r.Metadata = []attribute.KeyValue{semconv.ErasureKeyIDKey.String(key)}
		})
	}
	const day = "Thursday, 26 November 2026, "
	for want, records := range map[string][]*record.Record{
		"No erasure of it is recorded": {},
		"One of its values was erased on " + day + "07:00:00.000 UTC; no erasure of the others is recorded": {erasure(995, first)},
		"It was erased on " + day + "09:00:00.000 UTC":                                                      {erasure(995, second), erasure(997, first)},
		"It was erased on " + day + "08:00:00.000 UTC":                                                      {erasure(995, first), erasure(996, second)},
	} {
		handler := newViewer(t, viewer.View{All: true}, append(records, changed))
		answer := get(t, handler, "/record?id="+changed.ID.String())
		assert.Contains(t, textOf(answer), want)
		if len(records) > 0 {
			assert.Contains(t, hrefs(t, answer.Body.String(), `class="said"`), "./record?id="+records[len(records)-1].ID.String(), "the last erasure")
		}
	}
	for _, view := range []viewer.View{{Within: query.Filter{Tenants: []string{"acme"}}}, {All: true, Hidden: []string{"metadata.*"}}} {
		page := textOf(get(t, newViewer(t, view, []*record.Record{changed}), "/record?id="+changed.ID.String()))
		assert.Contains(t, page, "Whether it was erased may be in records that you may not see")
		assert.NotContains(t, page, "No erasure of it is recorded")
	}
	handler := newBroken(t, broken{Reader: querytest.NewReader(changed)})
	assert.Contains(t, textOf(get(t, handler, "/record?id="+changed.ID.String())), "Not all records could be searched for its erasure")
}
