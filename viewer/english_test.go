package viewer_test

import (
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
	"github.com/opendeed/audit/semconv"
	"github.com/opendeed/audit/viewer"
	"github.com/stretchr/testify/assert"
)

// TestEnglishSentences: a page says in a sentence what happened, also for what the SDK and deed
// record themselves.
func TestEnglishSentences(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{
		"article.publish":            "Alice published article Hello 999",
		"invoice.send_reminder":      "Alice sent reminder to article Hello 999",
		"user.role_grant":            "Alice granted role to article Hello 999",
		"article.frobnicate":         "Alice : article.frobnicate article Hello 999",
		semconv.ActionTrailRead:      "Alice looked at the trail",
		semconv.ActionSubjectErase:   "Alice erased article Hello 999",
		semconv.ActionTrailDisclose:  "Alice disclosed article Hello 999",
		semconv.ActionHoldPlace:      "Alice placed article Hello 999",
		semconv.ActionHoldLift:       "Alice lifted article Hello 999",
		semconv.ActionDeadLetterDrop: "Alice gave up 3 of the dead letters of article Hello 999",
		semconv.ActionSealAdopt:      "Alice accepted a restored ledger",
		semconv.ActionEpochOpen:      "Alice began to count the events of a process",
		semconv.ActionEpochCount:     "Alice counted the events of a process",
		semconv.ActionEpochClose:     "Alice counted the events of a process, which then stopped",
	} {
		r := event(999, func(r *record.Record) {
			r.Action, r.Operation = action, audit.OperationExecute
			r.Metadata = append(r.Metadata, semconv.TrailRecordsKey.Int(3))
		})
		page := textOf(get(t, newViewer(t, viewer.View{All: true}, []*record.Record{r}), "/record?id="+r.ID.String()))
		assert.Contains(t, page, want+" Thursday, 26 November 2026")
	}
}
