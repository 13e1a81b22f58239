package audittest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opendeed/audit"
	"github.com/opendeed/audit/record"
)

// RequireOne returns the one record with the action, and ends the test tb if there
// is none or more than one. Its message lists everything that was recorded.
func (r *Recorder) RequireOne(tb testing.TB, action string) *record.Record {
	tb.Helper()
	records := r.Records()
	found := withActions(records, action)
	if len(found) != 1 {
		tb.Fatalf("audittest: want one record with the action %s, got %d.%s", action, len(found), listed(records))
		return nil
	}
	return found[0]
}

// RequireNone ends the test tb if there is a record with one of the actions or,
// without actions, any record. Its message lists everything that was recorded.
func (r *Recorder) RequireNone(tb testing.TB, actions ...string) {
	tb.Helper()
	records := r.Records()
	switch {
	case len(actions) == 0 && len(records) > 0:
		tb.Fatalf("audittest: want no record, got %d.%s", len(records), listed(records))
	case len(withActions(records, actions...)) > 0:
		tb.Fatalf("audittest: want no record with the action %s, got %d.%s",
			strings.Join(actions, " or "), len(withActions(records, actions...)), listed(records))
	}
}

// withActions returns the records with one of the actions, which are normalized as
// those of events are: otherwise a slip of the pen would make RequireNone pass.
func withActions(records []*record.Record, actions ...string) []*record.Record {
	wanted := make([]string, len(actions))
	for i, action := range actions {
		wanted[i] = audit.NormalizeAction(action)
	}
	return slices.DeleteFunc(slices.Clone(records), func(r *record.Record) bool { return !slices.Contains(wanted, r.Action) })
}

// listed returns the records, each on a line, for a failed test's message.
func listed(records []*record.Record) string {
	if len(records) == 0 {
		return " Nothing was recorded. Signals of a scope are recorded when it ends."
	}
	var b strings.Builder
	b.WriteString(" Recorded:")
	for i, r := range records {
		fmt.Fprintf(&b, "\n%4d. %s", i+1, summary(r))
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
	fmt.Fprintf(&b, " %s, by %s", r.Outcome, r.Actor.Type)
	if r.Actor.ID != "" {
		fmt.Fprintf(&b, " %q", r.Actor.ID)
	}
	if r.Target.Type != "" {
		fmt.Fprintf(&b, ", on %s %q", r.Target.Type, r.Target.ID)
	}
	if len(r.Changes) > 0 {
		fields := make([]string, len(r.Changes))
		for i, c := range r.Changes {
			fields[i] = c.Field
		}
		fmt.Fprintf(&b, ", changed %q", fields)
	}
	if r.Reason != "" {
		fmt.Fprintf(&b, ", reason %q", r.Reason)
	}
	return b.String()
}
