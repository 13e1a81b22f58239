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
	newest  *record.Record // that destroyed one of their keys, or nil
	left    bool           // no record says that a key was destroyed
	unknown bool           // not all records could be searched for that, or not all may be seen
}

// add adds what is known of a key.
func (e *erasable) add(k keyState) {
	e.unknown = e.unknown || k.unknown
	switch {
	case k.destroyed == nil:
		e.left = true
	case e.newest == nil || e.newest.Time.Before(k.destroyed.Time):
		e.newest = k.destroyed
	}
}

// keyState is what is known of a key.
type keyState struct {
	destroyed *record.Record // that destroyed it, or nil
	unknown   bool           // no such record was found, and not all could be searched or may be seen
}

// maxErasableKeys is how many keys of one record are looked for.
const maxErasableKeys = 16

// erasables returns the erasable values of a record by their paths in Record.Redacted.
func (v *visit) erasables(r *record.Record) map[string]erasable {
	found := map[string]erasable{}
	known := map[erasure.KeyID]keyState{}
	for _, path := range r.Redacted {
		only := *r
		only.Redacted = []string{path}
		for _, value := range erasure.Values(&only) {
			state, asked := known[value.Key]
			switch {
			case asked:
			case len(known) < maxErasableKeys:
				state = v.keyState(value.Key)
				known[value.Key] = state
			default:
				state.unknown = true
			}
			e := found[path]
			e.add(state)
			found[path] = e
		}
	}
	return found
}

// keyState looks for the erasure that destroyed a key, among the records that this person may
// see.
func (v *visit) keyState(key erasure.KeyID) keyState {
	records, _, partial, err := v.find(query.Filter{
		Actions: []string{semconv.ActionSubjectErase}, Outcomes: []audit.Outcome{audit.OutcomeSuccess},
		Metadata: []attribute.KeyValue{semconv.ErasureKeyIDKey.String(key.String())},
	}, 1)
	if err != nil || len(records) == 0 {
		return keyState{unknown: err != nil || partial || !v.seesErasures()}
	}
	return keyState{destroyed: records[0]}
}

// seesErasures reports whether the person sees all records of erasures, with their keys.
func (v *visit) seesErasures() bool {
	return v.seesAllRecords() && v.reader.Shows("metadata."+string(semconv.ErasureKeyIDKey))
}

// mark says what became of the values.
func (e *erasable) mark(v *visit, path string) markView {
	t := v.language.word
	view := markView{Path: visible(path)}
	switch {
	case e.newest != nil && !e.left:
		view.Text = v.language.phrase("It was erased on %s: its key was destroyed, and nobody can read it any more", v.moment(e.newest.Time).Full)
	case e.unknown && !v.seesErasures():
		view.Text = t("It is erasable: encrypted under a key of its subject. Whether it was erased may be in records that you may not see")
	case e.unknown:
		view.Text = t("It is erasable: encrypted under a key of its subject. Not all records could be searched for its erasure")
	case e.newest != nil:
		view.Text = v.language.phrase("One of its values was erased on %s; no erasure of the others is recorded", v.moment(e.newest.Time).Full)
	default:
		view.Text = t("It is erasable: encrypted under a key of its subject. No erasure of it is recorded; whoever has the key reads it with deed disclose")
	}
	if e.newest != nil {
		view.Href, view.Link = v.recordAddress(e.newest.ID), t("Who erased it")
	}
	return view
}

// status is the word for the value of a change.
func (e *erasable) status(v *visit) string {
	if e.left {
		return v.language.word("erasable")
	}
	return v.language.word("erased")
}
