package viewer

import (
	"github.com/opendeed/audit"
	"github.com/opendeed/audit/erasure"
	"github.com/opendeed/audit/query"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"go.opentelemetry.io/otel/attribute"
)

// erasable is what became of the erasable values at a path.
type erasable struct {
	erasures []*record.Record // that destroyed their keys, as far as the trail says
	left     bool             // a key was not destroyed, as far as the trail says
}

// maxErasableKeys is how many keys of one record are looked for.
const maxErasableKeys = 16

// erasables returns the erasable values of a record by their paths in Record.Redacted.
func (v *visit) erasables(r *record.Record) map[string]erasable {
	found := map[string]erasable{}
	known := map[erasure.KeyID]*record.Record{}
	for _, path := range r.Redacted {
		only := *r
		only.Redacted = []string{path}
		for _, value := range erasure.Values(&only) {
			destroyed, asked := known[value.Key]
			if !asked && len(known) < maxErasableKeys {
				destroyed = v.erasureOf(value.Key)
				known[value.Key] = destroyed
			}
			e := found[path]
			if destroyed == nil {
				e.left = true
			} else {
				e.erasures = append(e.erasures, destroyed)
			}
			found[path] = e
		}
	}
	return found
}

// erasureOf returns the record of the erasure that destroyed a key, or nil if the trail has none
// that this person may see.
func (v *visit) erasureOf(key erasure.KeyID) *record.Record {
	records, _, _, err := v.find(query.Filter{
		Actions: []string{semconv.ActionSubjectErase}, Outcomes: []audit.Outcome{audit.OutcomeSuccess},
		Metadata: []attribute.KeyValue{semconv.ErasureKeyIDKey.String(key.String())},
	}, 1)
	if err != nil || len(records) == 0 {
		return nil // the page says that it is slow, if it is
	}
	return records[0]
}

// mark says what became of the values.
func (e *erasable) mark(v *visit, path string) markView {
	view := markView{Path: visible(path), Text: v.language.word("It is erasable: encrypted under a key of its subject. The trail has no erasure of it; deed disclose opens it for whoever has the key")}
	if e.left {
		return view
	}
	newest := e.erasures[0]
	at := v.moment(newest.Time)
	view.Text = v.language.phrase("It was erased on %s: its key was destroyed, and nobody can read it any more", at.Full)
	view.Href, view.Link = v.recordAddress(newest.ID), v.language.word("Who erased it")
	return view
}

// status is the word for the value of a change.
func (e *erasable) status(v *visit) string {
	if e.left {
		return v.language.word("erasable")
	}
	return v.language.word("erased")
}
