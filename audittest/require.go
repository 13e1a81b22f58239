package audittest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// RequireRecord returns the one record that meets all conditions. It ends the test tb if
// no record or more than one meets them. The message lists everything that was recorded,
// and how the closest records differ.
//
//	r := recorder.RequireRecord(t, audittest.Action("article.update"),
//		audittest.Target("article", "1001"), audittest.Changed("title"))
func (r *Recorder) RequireRecord(tb testing.TB, conditions ...Matcher) *record.Record {
	tb.Helper()
	records := r.Records()
	found := matching(records, conditions)
	if len(found) == 1 {
		return found[0]
	}
	var list string
	if len(found) == 0 {
		list = listWithDifferences(records, conditions)
	} else {
		list = listRecords(records)
	}
	tb.Fatalf("audittest: want one record%s, got %d.%s", inWords(conditions), len(found), list)
	return nil
}

// RequireNoRecord ends the test tb if a record meets all conditions. Without conditions,
// every record does. The message lists everything that was recorded.
//
// To rule out several actions, call it once for each: no record meets both conditions.
func (r *Recorder) RequireNoRecord(tb testing.TB, conditions ...Matcher) {
	tb.Helper()
	records := r.Records()
	if found := matching(records, conditions); len(found) > 0 {
		tb.Fatalf("audittest: want no record%s, got %d.%s", inWords(conditions), len(found), listRecords(records))
	}
}

// matching returns the records that meet all conditions.
func matching(records []*record.Record, conditions []Matcher) []*record.Record {
	var found []*record.Record
	for _, r := range records {
		if len(differences(r, conditions)) == 0 {
			found = append(found, r)
		}
	}
	return found
}

// differences returns what r has in place of each condition that it does not meet.
func differences(r *record.Record, conditions []Matcher) []string {
	var out []string
	for _, m := range conditions {
		if got, ok := m.check(r); !ok {
			out = append(out, got)
		}
	}
	return out
}

// inWords returns e.g. ` with action article.update and outcome success`.
func inWords(conditions []Matcher) string {
	if len(conditions) == 0 {
		return ""
	}
	words := make([]string, len(conditions))
	for i, m := range conditions {
		words[i] = m.String()
	}
	last := len(words) - 1
	if last == 0 {
		return " with " + words[0]
	}
	return " with " + strings.Join(words[:last], ", ") + " and " + words[last]
}

// listRecords returns the records, one a line, for a failure message.
func listRecords(records []*record.Record) string { return listWithDifferences(records, nil) }

// listWithDifferences is listRecords with the differences of the closest records, unless
// no record meets any condition.
func listWithDifferences(records []*record.Record, conditions []Matcher) string {
	if len(records) == 0 {
		return " Nothing was recorded. A scope records its signals when it ends."
	}
	fewest := len(conditions)
	for _, r := range records {
		fewest = min(fewest, len(differences(r, conditions)))
	}
	var b strings.Builder
	b.WriteString(" Recorded:")
	for i, r := range records {
		fmt.Fprintf(&b, "\n%4d. %s", i+1, summary(r))
		if d := differences(r, conditions); len(d) == fewest && len(d) < len(conditions) {
			fmt.Fprintf(&b, "\n      differs: %s", strings.Join(d, ", "))
		}
	}
	return b.String()
}

// summary returns e.g. article.update success, by user "42", on article "1001",
// changed ["title"], reason "typo".
func summary(r *record.Record) string {
	var b strings.Builder
	b.WriteString(r.Action)
	if r.Kind == audit.KindSignal {
		b.WriteString(" (signal)")
	}
	fmt.Fprintf(&b, " %s, by %s", r.Outcome, actorText(r.Actor))
	if r.Target.Type != "" {
		fmt.Fprintf(&b, ", on %s", targetText(r.Target))
	}
	if len(r.Changes) > 0 {
		fmt.Fprintf(&b, ", changed %q", changedFields(r))
	}
	if r.Reason != "" {
		fmt.Fprintf(&b, ", reason %q", r.Reason)
	}
	if r.Failure != "" {
		fmt.Fprintf(&b, ", failure %q", r.Failure)
	}
	return b.String()
}
