package viewer_test

import (
	"testing"
	"time"

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
		semconv.ActionCursorRemove:   "Alice stopped keeping records for article Hello 999",
		semconv.ActionLedgerRepair:   "Alice repaired a damaged ledger",
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

// TestSentencesWithGaps: a sentence is whole without what the record lacks, or a View hides.
func TestSentencesWithGaps(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*record.Record){
		"Alice was denied access to article Hello 999": func(r *record.Record) { r.Action, r.Outcome = semconv.ActionAccessDenied, audit.OutcomeDenied },
		"Alice was denied access to something": func(r *record.Record) {
			r.Action, r.Outcome, r.Target = semconv.ActionAccessDenied, audit.OutcomeDenied, audit.Target{}
		},
		"Alice used something, which recorded nothing":  func(r *record.Record) { r.Action = semconv.ActionCoverageMissing },
		"The record of something by Alice was rejected": func(r *record.Record) { r.Action, r.Outcome = semconv.ActionRejected, audit.OutcomeDenied },
	} {
		r := event(999, change)
		r.Metadata = append(r.Metadata, semconv.HTTPRouteKey.String("/articles/:id"), semconv.RejectedActionKey.String("a.b"))
		hidden := newViewer(t, viewer.View{All: true, Hidden: []string{"metadata.*"}}, []*record.Record{r})
		assert.Contains(t, textOf(get(t, hidden, "/record?id="+r.ID.String())), want)
		assert.NotContains(t, textOf(get(t, newViewer(t, viewer.View{All: true}, []*record.Record{r}), "/record?id="+r.ID.String())), want)
	}
}

// TestNumbers: words agree with their number.
func TestNumbers(t *testing.T) {
	t.Parallel()
	bulk := func(typ string, n int64, ago time.Duration) *record.Record {
		return event(1, func(r *record.Record) {
			r.Time, r.Target, r.Bulk = noon.Add(-ago), audit.Target{Type: typ}, audit.Bulk{Selector: "old", Affected: n}
		})
	}
	for want, r := range map[string]*record.Record{
		"Alice published 1 article Thursday, 26 November 2026, 11:59:59.000 UTC · just now": bulk("article", 1, time.Second),
		"2 categories Thursday, 26 November 2026, 11:59:00.000 UTC · 1 minute ago":          bulk("category", 2, time.Minute),
		"0 ship keys Thursday, 26 November 2026, 10:00:00.000 UTC · 2 hours ago":            bulk("ship_key", 0, 2*time.Hour),
		"2 addresses Tuesday, 24 November 2026, 13:00:00.000 UTC · 1 day ago":               bulk("address", 2, 47*time.Hour), // it was not yesterday
		"2 news Saturday, 26 September 2026, 12:00:00.000 UTC · 2 months ago":               bulk("news", 2, 61*24*time.Hour),
	} {
		page := textOf(get(t, newViewer(t, viewer.View{All: true}, []*record.Record{r}), "/record?id="+r.ID.String()))
		assert.Contains(t, page, want)
	}
}
